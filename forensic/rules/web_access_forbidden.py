"""Rule: the web server refused with 403 by its own rules."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

_OF_SERVER = ["configuration of that location, .htaccess files included"]
_OF_BUCKET = ["policy of the bucket, and the origin access of what stands before it"]

RULE = Rule(
    id="web-access-forbidden",
    title="The web server itself refused with 403",
    level="medium",
    description="An allow, deny or Require rule, a link that it may not follow, or a"
    " folder without an index file: the answer was 403 and the "
    "application was not asked.",
    falsepositives=["A location that is closed on purpose"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_access_module.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_authz_core.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=[
                "access_forbidden_by_rule",
                "directory_index_forbidden",
                "index_forbidden",
                "symlink_forbidden",
            ],
            causes=["access_forbidden"],
        ),
        by=["server", "why"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} answered {} with 403 ({}){}",
            "server",
            plural(pl.col("count"), "request"),
            "why",
            said("path", "client_ip", "message"),
        ),
        ask_for=pl.when(pl.col("server") == "S3")
        .then(pl.lit(_OF_BUCKET))
        .otherwise(pl.lit(_OF_SERVER)),
    ),
    positives=[
        by_error_log("access_forbidden_by_rule"),
        by_error_log("directory_index_forbidden"),
        by_own_record("access_forbidden"),
    ],
    negatives=[
        by_error_log("file_not_found"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "access_forbidden_by_rule"}],
        ),
    ],
)
