"""Rule: the application server ended or noted requests that took too long."""

from functools import partial

import polars as pl

from forensic.complaints import reasons, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="app-server-slow",
    title="The application server logs requests that took too long",
    level="medium",
    description="php-fpm's slow log and time limits, Tomcat's stuck threads: the line, "
    "or the trace below it, says where the time went.",
    falsepositives=["Reports and exports that are meant to take long"],
    references=[
        "https://www.php.net/manual/en/install.fpm.configuration.php",
        "https://tomcat.apache.org/tomcat-10.1-doc/config/valve.html#Stuck_Thread_Detection_Valve",
    ],
    tags=["app", "latency"],
    hop="app_server",
    needs=["app_server"],
    query=counting(
        partial(
            reasons,
            hop="app_server",
            names=["request_terminated", "slow_request", "stuck_thread", "time_limit"],
        ),
        by=["why"],
        tops=["message"],
        summary=pl.format(
            "{} of the application server ({}){}",
            plural(pl.col("count"), "line"),
            "why",
            said("message"),
        ),
        level=pl.when(pl.col("why").is_in(["request terminated", "time limit"]))
        .then(pl.lit("high"))
        .otherwise(pl.lit("medium")),
        ask_for=["what these requests waited for: database, network, locks"],
    ),
    positives=[
        Example(
            title="ended by php-fpm",
            events=[{"hop": "app_server", "reason": "request_terminated"}],
        ),
        Example(
            title="stuck in Tomcat",
            events=[{"hop": "app_server", "reason": "stuck_thread", "message": "x"}],
        ),
    ],
    negatives=[
        Example(title="start", events=[{"hop": "app_server", "reason": "lifecycle"}]),
    ],
)
