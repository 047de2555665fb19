"""Rule: a web server whose clients are all private stands behind a proxy."""

import polars as pl

from forensic.rule import Example, Frames, Rule, asked_at, gather, plural, report
from forensic.wish import ask

#: Share of the requests, health checks aside, that must come from private addresses.
_NEARLY_ALL = 0.95
_INNER = ["private", "shared", "link_local"]

_client = pl.col("client_ip")
_RANGES = (
    pl.when(_client.str.starts_with("10."))
    .then(pl.lit("10.0.0.0/8"))
    .when(_client.str.starts_with("172."))
    .then(pl.lit("172.16.0.0/12"))
    .when(_client.str.starts_with("192.168."))
    .then(pl.lit("192.168.0.0/16"))
    .when(_client.str.starts_with("100."))
    .then(pl.lit("100.64.0.0/10"))
    .when(_client.str.starts_with("169.254."))
    .then(pl.lit("169.254.0.0/16"))
    .otherwise(pl.lit("fc00::/7 or fe80::/10"))
)


def _query(frames: Frames) -> pl.LazyFrame:
    requests = (
        frames.of("web_server")
        .filter(pl.col("status").is_not_null(), pl.col("client_scope").is_not_null())
        .with_columns(
            range=_RANGES,
            inner=pl.col("client_scope").is_in(_INNER),
            check=pl.col("user_agent")
            .str.contains("HealthCheck")
            .fill_null(value=False),
        )
    )
    visitors = ~pl.col("check")
    totals = requests.group_by("hop").agg(
        visitors=visitors.sum(),
        inner_visitors=(visitors & pl.col("inner")).sum(),
        checks=pl.col("check").sum(),
        forwarded=(visitors & pl.col("forwarded_for").is_not_null()).sum(),
    )
    share = pl.col("inner_visitors") / pl.max_horizontal("visitors", 1)
    behind = (share >= _NEARLY_ALL) | (pl.col("visitors") == 0)
    proxied = totals.filter(behind).collect(engine="streaming")
    inside = requests.filter("inner") if proxied.height else requests.clear()
    groups = gather(frames, inside, ["hop"], tops=["client_ip", "range"])
    found = groups.join(proxied.lazy(), on="hop")
    return _describe(found, share, _wishes(frames))


def _wishes(frames: Frames) -> list[str]:
    """What to ask for: the logs in front that the archive does not hold."""
    moment, formats = asked_at(frames.question), frames.formats
    front = [hop for hop in ("load_balancer", "waf") if not frames.holds(hop)]
    return [ask(hop, moment, moment, formats) for hop in front]


def _describe(groups: pl.LazyFrame, share: pl.Expr, wishes: list[str]) -> pl.LazyFrame:
    checks = pl.when(pl.col("checks") > 0).then(
        pl.format(
            "; among them {} of a load balancer",
            plural(pl.col("checks"), "health check"),
        )
    )
    known = pl.col("forwarded") > 0
    return report(
        groups,
        summary=pl.format(
            "{}% of {} come from private addresses, {} in all ({}; {}){}: a "
            "load balancer or proxy stands in front of the web server. {}",
            (share * 100).floor().cast(pl.Int64),
            plural(pl.col("inner_visitors") + pl.col("checks"), "request"),
            "client_ip_count",
            "client_ip_list",
            "range_list",
            checks.otherwise(pl.lit("")),
            pl.when(known)
            .then(
                pl.format(
                    "X-Forwarded-For is logged of {}.",
                    plural(pl.col("forwarded"), "request"),
                )
            )
            .otherwise(
                pl.lit("The real client is not in this log: no X-Forwarded-For.")
            ),
        ),
        confidence=pl.when(pl.col("checks") > 0)
        .then(pl.lit("certain"))
        .otherwise(pl.lit("strong")),
        level=pl.when(known).then(pl.lit("low")).otherwise(pl.lit("medium")),
        ask_for=wishes,
    )


def _requests(client: str, scope: str, **columns: str) -> dict[str, object]:
    row: dict[str, object] = {"hop": "web_server", "format": "nginx_access"}
    request = {"method": "GET", "path": "/api/ping", "status": 200}
    return row | request | {"client_ip": client, "client_scope": scope} | columns


RULE = Rule(
    id="private-clients",
    title="Every client of the web server is private",
    level="medium",
    description="The web server sees only private peers, so somebody else speaks to "
    "the users: an error that users see may have been made there.",
    falsepositives=[
        "An intranet service whose users really have private addresses",
        "Requests of monitoring or of neighbouring services only",
    ],
    references=["https://www.rfc-editor.org/rfc/rfc1918"],
    tags=["topology"],
    hop="web_server",
    needs=["web_server"],
    query=_query,
    positives=[
        Example(
            title="only load balancer nodes",
            events=[
                _requests("10.1.1.210", "private"),
                _requests("10.1.2.7", "private"),
                _requests("10.1.2.7", "private", user_agent="ELB-HealthChecker/2.0"),
            ],
        ),
        Example(
            title="only health checks",
            events=[
                _requests("10.1.2.7", "private", user_agent="ELB-HealthChecker/2.0"),
                _requests("10.1.3.9", "private", user_agent="ELB-HealthChecker/2.0"),
            ],
        ),
    ],
    negatives=[
        Example(
            title="public clients",
            events=[
                _requests("203.0.113.9", "public"),
                _requests("10.1.2.7", "private", user_agent="ELB-HealthChecker/2.0"),
            ],
        ),
        Example(title="local only", events=[_requests("127.0.0.1", "loopback")]),
    ],
)
