"""Rule: a script inside the web server failed."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-script-failed",
    title="A script that runs behind the web server failed",
    level="high",
    description="Its fatal error stands in the web server's own error log: PHP or "
    "Python ended it, and the client got 500 or a cut page.",
    falsepositives=["Errors that are logged after the page was sent"],
    references=[
        "https://www.php.net/manual/en/errorfunc.constants.php",
        "https://modwsgi.readthedocs.io/en/develop/user-guides/debugging-techniques.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["script_error"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "A script behind {} failed {}{}",
            amid(),
            plural(pl.col("count"), "time"),
            said("path", "client_ip", "message"),
        ),
        ask_for=["the script of that time, and its deployment"],
    ),
    positives=[by_error_log("script_error")],
    negatives=[
        by_error_log("script_message"),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "script_error"}]),
    ],
)
