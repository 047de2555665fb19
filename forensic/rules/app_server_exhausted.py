"""Rule: the application server ran out of workers, threads or memory."""

from functools import partial

import polars as pl

from forensic.complaints import reasons, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="app-server-exhausted",
    title="The application server ran out of workers, threads or memory",
    level="high",
    description="php-fpm's max_children, a thread pool's limit or a script's memory: "
    "requests wait or fail, whatever they ask for.",
    falsepositives=["A pool that is small on purpose"],
    references=[
        "https://www.php.net/manual/en/install.fpm.configuration.php",
        "https://tomcat.apache.org/tomcat-10.1-doc/config/executor.html",
    ],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=counting(
        partial(
            reasons,
            hop="app_server",
            names=["workers_exhausted", "threads_exhausted", "memory_limit"],
        ),
        by=["why"],
        tops=["message"],
        summary=pl.format(
            "The application server ran into a limit {} ({}){}",
            plural(pl.col("count"), "time"),
            "why",
            said("message"),
        ),
        ask_for=["size of the pool, and how many requests came in those minutes"],
    ),
    positives=[
        Example(
            title="php-fpm's children",
            events=[{"hop": "app_server", "reason": "workers_exhausted"}],
        ),
        Example(
            title="a heap",
            events=[{"hop": "app_server", "reason": "memory_limit", "message": "x"}],
        ),
    ],
    negatives=[
        Example(
            title="the web server's workers",
            events=[{"hop": "web_server", "reason": "workers_exhausted"}],
        ),
        Example(title="start", events=[{"hop": "app_server", "reason": "lifecycle"}]),
    ],
)
