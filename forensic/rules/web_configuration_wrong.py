"""Rule: the web server's configuration is wrong."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-configuration-wrong",
    title="The web server cannot use its own configuration",
    level="high",
    description="A directive in a .htaccess file that is unknown or not allowed "
    "there, a file of passwords that is missing, a proxy module that is "
    "not loaded: every request there gets 500.",
    falsepositives=["A change that was taken back at once"],
    references=["https://httpd.apache.org/docs/2.4/howto/htaccess.html"],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["configuration_wrong"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} cannot use its configuration for {}{}",
            "server",
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "message"),
        ),
        ask_for=["that file as it was then, and who changed it"],
    ),
    positives=[by_error_log("configuration_wrong")],
    negatives=[
        by_error_log("signal"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "configuration_wrong"}],
        ),
    ],
)
