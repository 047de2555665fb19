"""Rule: clients that are sent to the same address again and again."""

import polars as pl

from forensic.hops.loops import MANY, REDIRECTS, WITHIN
from forensic.rule import Example, Frames, Rule, gather, hop_words, plural, report

_KEYS = ["hop", "client_ip", "client_scope", "host", "path"]


def _query(frames: Frames) -> pl.LazyFrame:
    """The redirects of those who were sent round, by hop and path."""
    sent = (
        frames.of("cdn", "load_balancer", "web_server")
        .filter(
            pl.col("status").is_in(REDIRECTS),
            pl.col("path").is_not_null(),
            pl.col("time").is_not_null(),
        )
        .with_columns(slot=pl.col("time").dt.truncate(WITHIN))
    )
    # Of what a proxy asks for many clients, the user agent tells them apart.
    keys = [*_KEYS, "user_agent", "query", "slot"]
    rounds = sent.group_by(keys).agg(n=pl.len()).filter(pl.col("n") >= MANY)
    found = rounds.select(keys).collect(engine="streaming").lazy()
    loops = sent.join(found, on=keys, how="semi", nulls_equal=True)
    return report(
        gather(frames, loops, ["hop", "path"], tops=["client_ip", "status", "host"]),
        summary=pl.format(
            "{} at the {} sent {} to {} again and again, {} times or more within ten"
            " seconds: status {}; host {}; client {}",
            plural(pl.col("count"), "redirect"),
            hop_words(),
            plural(pl.col("client_ip_count"), "client"),
            "path",
            pl.lit(MANY),
            "status_list",
            "host_list",
            "client_ip_list",
        ),
        ask_for=[
            "where these redirects lead (the Location header, `curl -v`)",
            "what decides on them: the scheme behind TLS, the host name, a cookie",
        ],
    )


def _lines(count: int, **columns: object) -> list[dict[str, object]]:
    line = {
        "hop": "web_server",
        "client_ip": "203.0.113.9",
        "path": "/account",
        "status": 301,
        "time": "2025-02-06T05:32:07+00:00",
    }
    return [line | columns for _ in range(count)]


RULE = Rule(
    id="redirect-loop",
    title="Redirects that lead back to themselves",
    level="high",
    description='Users see "too many redirects" although no log has an error: the same '
    "client is sent to the same address until it gives up.",
    falsepositives=["A monitor or a script that asks often and follows no redirect"],
    references=[
        "https://developer.mozilla.org/docs/Web/HTTP/Guides/Redirections#redirection_loops"
    ],
    tags=["configuration"],
    needs=["cdn|load_balancer|web_server"],
    query=_query,
    positives=[Example(title="twenty", events=_lines(20))],
    negatives=[
        Example(title="a few", events=_lines(5)),
        Example(title="answers", events=_lines(20, status=200)),
    ],
)
