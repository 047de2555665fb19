"""Rule: the web server buffers bodies on disk."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting

RULE = Rule(
    id="web-buffered",
    title="The web server buffered bodies on disk",
    level="informational",
    description="A request or an answer was larger than its buffers in memory. It "
    "costs time and disk, and is no error.",
    falsepositives=["Large uploads and downloads do this as a rule"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_max_temp_file_size"
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["buffered"]),
        by=["server"],
        tops=["path"],
        summary=pl.format("{} buffered {} on disk{}", "server", "count", said("path")),
    ),
    positives=[by_error_log("buffered")],
    negatives=[
        by_error_log("other"),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "buffered"}]),
    ],
)
