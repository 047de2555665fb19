"""WAF events ▶ rules that stop ordinary users, ranked, with both sides of the evidence.

A rule is judged for each path: what speaks for ordinary users, what speaks for an
attack, and what would pass if the rule only counted there.
"""

import polars as pl

from forensic.counted import plural

__all__ = ["waf_false_positives"]

#: The result: one row a rule and path.
_SCHEMA: dict[str, pl.DataType] = {
    "rule": pl.String(),
    "rule_group": pl.String(),
    "path": pl.String(),
    "score": pl.Float64(),  # 0 attack … 1 ordinary users
    "verdict": pl.String(),  # likely, possible, unlikely
    "blocked": pl.Int64(),
    "clients": pl.Int64(),
    "reasons": pl.List(pl.String()),
    "counter_evidence": pl.List(pl.String()),
    "freed": pl.Int64(),  # blocked requests of clients that look ordinary
    "exposed": pl.Int64(),  # blocked requests of clients that look hostile
    "preview": pl.String(),
    "first_seen": pl.Datetime("us", "UTC"),
    "last_seen": pl.Datetime("us", "UTC"),
    "evidence": pl.List(
        pl.Struct({"source": pl.String(), "line": pl.Int64(), "offset": pl.Int64()})
    ),
}
_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE"]
#: How often rules of AWS stop what is legitimate; the rest is in between.
_OFTEN = (
    r"^(?:SizeRestrictions_BODY|AdminProtection|HostingProviderIPList|AnonymousIPList"
    r"|AWSManagedReconnaissanceList|CategoryHttpLibrary|SignalNonBrowserUserAgent"
    r"|NoUserAgent|CategoryMonitoring|CrossSiteScripting_(?:BODY|COOKIE)|GenericRFI)"
)
_SELDOM = (
    r"^(?:Log4JRCE|JavaDeserializationRCE|ExploitablePaths|PROPFIND|Host_localhost"
    r"|WordPressExploitable|ReactJSRCE)"
)
_SCANNER = (
    r"(?i)sqlmap|nikto|nmap|masscan|zgrab|nuclei|dirbuster|gobuster|wpscan|acunetix"
    r"|nessus|burp|feroxbuster|ffuf|python-requests|curl/|go-http-client|libwww"
)
_PAYLOAD = (
    r"(?i)union(?:\s|%20|\+)+select|/etc/passwd|\.\./|%2e%2e|<script|\$\{jndi:|;wget"
    r"|%27(?:%20|\+)or|' or |\.env$|/\.git|wp-login|phpmyadmin|cmd\.exe"
)
_MANY_PATHS = 15


def _blocks(telling: pl.LazyFrame) -> pl.LazyFrame:
    """Each request that the WAF ended."""
    stopped = pl.col("action").str.to_uppercase().is_in(_STOPPED)
    return telling.filter((pl.col("hop") == "waf") & stopped)


def _served(events: pl.LazyFrame, clients: pl.LazyFrame) -> pl.LazyFrame:
    """How each of these clients fared where it was not stopped: one row a client."""
    hop = pl.col("hop")
    stopped = pl.col("action").str.to_uppercase().is_in(_STOPPED).fill_null(value=False)
    forwarded = pl.col("forwarded_for").str.extract(r"^\s*([^,\s]+)", 1)
    inside = hop == "web_server"
    client = pl.when(inside).then(pl.coalesce(forwarded, "client_ip"))
    return (
        events.filter(hop.is_in(["waf", "load_balancer", "web_server"]))
        .select(
            client=client.otherwise(pl.col("client_ip")),
            allowed=(hop == "waf") & ~stopped,
            succeeded=((hop != "waf") & (pl.col("status") < 400)).fill_null(
                value=False
            ),
            failed=((hop != "waf") & (pl.col("status") == 404)).fill_null(value=False),
        )
        .join(clients, on="client", how="semi")
        .group_by("client")
        .agg(pl.col("allowed", "succeeded", "failed").sum())
    )


def _clients(events: pl.LazyFrame, blocks: pl.LazyFrame) -> pl.LazyFrame:
    """What each client that was stopped did: one row a client."""
    target = pl.concat_str(pl.col("path"), pl.col("query").fill_null(""), separator="?")
    stops = blocks.group_by(client="client_ip").agg(
        rules=pl.col("rule").n_unique(),
        paths=pl.col("path").n_unique(),
        scanner=pl.col("user_agent").str.contains(_SCANNER).any(),
        payload=target.str.contains(_PAYLOAD).any(),
    )
    served = _served(events, stops.select("client"))
    counts = [pl.col(c).fill_null(0) for c in ("allowed", "succeeded", "failed")]
    return stops.join(served, on="client", how="left").with_columns(counts)


def _hostile() -> pl.Expr:
    """Whether a client looks like an attacker or a scanner."""
    many = (pl.col("paths") >= _MANY_PATHS) | (pl.col("rules") >= 3)
    misses = (pl.col("failed") >= 10) & (pl.col("failed") > pl.col("succeeded"))
    quiet = (pl.col("allowed") == 0) & (pl.col("succeeded") == 0)
    flags = pl.col("payload") | misses | (many & quiet)
    return (flags | (pl.col("scanner") & quiet)).fill_null(value=False)


def _pairs(events: pl.LazyFrame, blocks: pl.LazyFrame) -> pl.DataFrame:
    """One row a rule and path, with counts of both sides."""
    clients = _clients(events, blocks).with_columns(hostile=_hostile())
    own = pl.col("referrer").str.extract(r"^https?://([^/:]+)", 1)
    ordinary = (pl.col("allowed") + pl.col("succeeded") > 0) & ~pl.col("hostile")
    place = pl.struct("source", "line", "offset")
    return (
        blocks.with_columns(client=pl.col("client_ip"))
        .join(clients, on="client", how="left")
        .with_columns(
            hostile=pl.col("hostile").fill_null(value=False),
            ordinary=ordinary.fill_null(value=False),
            inside=(own == pl.col("host")).fill_null(value=False),
        )
        .group_by("rule", "rule_group", "path")
        .agg(
            blocked=pl.len(),
            clients=pl.col("client").n_unique(),
            good=pl.col("client").filter("ordinary").n_unique(),
            bad=pl.col("client").filter("hostile").n_unique(),
            freed=(~pl.col("hostile")).sum(),
            exposed=pl.col("hostile").sum(),
            inside=pl.col("inside").sum(),
            scanners=pl.col("scanner").sum(),
            payloads=pl.col("payload").sum(),
            oversize=pl.col("extra").str.contains("oversizeFields").sum(),
            rate=(pl.col("rule_type") == "RATE_BASED").any(),
            first_seen=pl.col("time").min(),
            last_seen=pl.col("time").max(),
            evidence=place.sort_by("time", "source", "offset").head(5),
        )
        .collect(engine="streaming")
    )


def _score() -> pl.Expr:
    """From 0 (attack) to 1 (ordinary users)."""
    clients = pl.col("clients").clip(1)
    rule = pl.col("rule").fill_null("")
    prior = (
        pl.when(rule.str.contains(_OFTEN))
        .then(0.55)
        .when(rule.str.contains(_SELDOM))
        .then(0.15)
        .otherwise(0.35)
    )
    several = pl.when(pl.col("clients") >= 3).then(0.1).otherwise(0.0)
    own = pl.when(pl.col("inside") > 0).then(0.15).otherwise(0.0)
    score = (
        prior
        + 0.4 * pl.col("good") / clients
        - 0.6 * pl.col("bad") / clients
        + several
        + own
        - pl.when(pl.col("payloads") > 0).then(0.15).otherwise(0.0)
        - pl.when(pl.col("rate")).then(0.1).otherwise(0.0)
    )
    return score.clip(0.0, 1.0).round(3)


def _sentences(pairs: list[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    pieces = [pl.when(condition).then(text) for condition, text in pairs]
    return pl.concat_list(pieces).list.drop_nulls()


def _reasons() -> pl.Expr:
    rule = pl.col("rule").fill_null("")
    return _sentences(
        [
            (
                pl.col("good") > 0,
                pl.format(
                    "{} of {} stopped clients were served before or after",
                    "good",
                    "clients",
                ),
            ),
            (
                pl.col("clients") >= 3,
                pl.format("{} different clients met this rule on this path", "clients"),
            ),
            (
                pl.col("inside") > 0,
                _requests("inside", "came from a page of the own site"),
            ),
            (
                rule.str.contains(_OFTEN),
                pl.lit("this managed rule is known to stop what is legitimate"),
            ),
            (
                pl.col("oversize") > 0,
                _requests("oversize", "of more bytes than the WAF inspects"),
            ),
        ]
    )


def _requests(number: str, what: str) -> pl.Expr:
    """So many requests, and what is known of them."""
    return pl.format("{} {}", plural(pl.col(number), "request"), pl.lit(what))


def _counter() -> pl.Expr:
    rule = pl.col("rule").fill_null("")
    return _sentences(
        [
            (
                pl.col("bad") > 0,
                pl.format("{} of {} clients look hostile", "bad", "clients"),
            ),
            (
                pl.col("payloads") > 0,
                _requests("payloads", "of clients that sent attack strings"),
            ),
            (
                pl.col("scanners") > 0,
                _requests("scanners", "with the name of a scanner or a script"),
            ),
            (pl.col("clients") == 1, pl.lit("one client only")),
            (
                rule.str.contains(_SELDOM),
                pl.lit("this managed rule seldom stops what is legitimate"),
            ),
            (pl.col("rate"), pl.lit("a rate rule stops by volume, not by content")),
        ]
    )


def waf_false_positives(events: pl.LazyFrame, telling: pl.LazyFrame) -> pl.DataFrame:
    """Rules that may stop ordinary users, one row a rule and path, likeliest first.

    `telling` are those of the events among which refusals are, see there.

    `freed` and `exposed` are the rollback preview: the requests of ordinary and of
    hostile clients that would pass if the rule were set to COUNT for that path.
    """
    score = pl.col("score")
    return (
        _pairs(events, _blocks(telling))
        .with_columns(score=_score(), reasons=_reasons(), counter_evidence=_counter())
        .with_columns(
            verdict=pl.when(score >= 0.6)
            .then(pl.lit("likely"))
            .when(score >= 0.35)
            .then(pl.lit("possible"))
            .otherwise(pl.lit("unlikely")),
            preview=pl.format(
                "With {} set to COUNT on {}, {} request{} of ordinary clients would"
                " have passed, and {} of clients that look hostile.",
                pl.col("rule").fill_null("the default action"),
                pl.col("path").fill_null("(path redacted)"),
                "freed",
                pl.when(pl.col("freed") == 1).then(pl.lit("")).otherwise(pl.lit("s")),
                "exposed",
            ),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
        .sort(
            "score",
            "blocked",
            "rule",
            "path",
            descending=[True, True, False, False],
            nulls_last=True,
        )
    )
