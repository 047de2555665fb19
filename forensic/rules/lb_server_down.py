"""Rule: a proxy in front took servers out."""

from functools import partial

import polars as pl

from forensic.complaints import reasons, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="lb-server-down",
    title="The load balancer marked servers as down",
    level="high",
    description="Its health checks failed: requests go to the servers that are left, "
    "or to nobody. The line says how the check failed.",
    falsepositives=["A deployment that takes its servers out one by one"],
    references=["https://docs.haproxy.org/2.6/configuration.html#5.2-check"],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        partial(
            reasons, hop="load_balancer", names=["server_down", "no_live_upstreams"]
        ),
        by=["why", "upstream"],
        tops=["message"],
        summary=pl.format(
            "{} was marked as down {} ({}){}",
            pl.col("upstream").fill_null("A group of servers"),
            plural(pl.col("count"), "time"),
            "why",
            said("message"),
        ),
        ask_for=["log of that server, and of its host, for the minute before"],
    ),
    positives=[
        Example(
            title="a server",
            events=[
                {
                    "hop": "load_balancer",
                    "reason": "server_down",
                    "upstream": "app/web2",
                    "message": "Server app/web2 is DOWN",
                }
            ],
        ),
        Example(
            title="the last one",
            events=[{"hop": "load_balancer", "reason": "no_live_upstreams"}],
        ),
    ],
    negatives=[
        Example(
            title="up again",
            events=[{"hop": "load_balancer", "reason": "server_up"}],
        ),
    ],
)
