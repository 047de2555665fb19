"""Rule: a proxy in front refused requests by its own rules."""

import polars as pl

from forensic.complaints import answered, answers, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return answers(frames, "load_balancer", ["access_forbidden", "rate_limited"])


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "load_balancer", "path": "/shop"}
    return line | columns


RULE = Rule(
    id="lb-denied",
    title="The load balancer refused requests by its own rules",
    level="medium",
    description="A rule, a policy or a limit of the proxy in front ended the request: "
    "no server behind it was asked.",
    falsepositives=["Rules that are meant to keep these clients out"],
    references=[
        "https://docs.haproxy.org/2.6/configuration.html#8.5",
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage",
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["server", "status", "why"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} refused {} with {} ({}){}",
            "server",
            plural(pl.col("count"), "request"),
            "status",
            "why",
            said("path", "client_ip"),
        ),
        ask_for=["rules of that proxy: what they refuse, and how many it lets in"],
    ),
    positives=[
        Example(
            title="a rule of HAProxy",
            events=[_line(status=403, format="haproxy", reason="PR--")],
            requests=[answered("access_forbidden")],
        ),
        Example(
            title="a limit of Envoy",
            events=[_line(status=429, format="envoy", reason="RL")],
            requests=[answered("rate_limited")],
        ),
    ],
    negatives=[
        Example(
            title="the server behind it refused",
            events=[_line(status=403, upstream_status=403)],
            requests=[answered("access_forbidden", hop="web_server")],
        ),
    ],
)
