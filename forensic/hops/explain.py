"""Decided requests ▶ the request table: evidence, what is missing, one sentence."""

import polars as pl

from forensic.hops.facts import Facts
from forensic.hops.products import PLATFORMS
from forensic.hops.products.browser import served_by_web
from forensic.hops.quoted import cut
from forensic.hops.responses import TIERS
from forensic.hops.table import WAF_PASSED, sure_of
from forensic.schema import REQUEST

__all__ = ["HEALTH", "NAMES", "explain"]

#: What each hop is called in a sentence.
NAMES = {
    "client": "the browser",
    "cdn": "the CDN",
    "waf": "the WAF",
    "load_balancer": "the load balancer",
    "web_server": "the web server",
    "app_server": "the application server",
    "application": "the application",
    "unknown": "an unknown hop",
}
#: Tiers of which there may be two in a row ▶ their hop.
_HOPS = {"inner_web": "web_server", "outer_balancer": "load_balancer"}
HEALTH = r"(?i)^(?:ELB-HealthChecker|GoogleHC|kube-probe|Amazon-Route53-Health)"


def _evidence(requests: pl.DataFrame) -> pl.DataFrame:
    """`root` and `evidence`: the lines that show it, outermost hop first."""
    places: list[tuple[str, str, pl.Expr]] = []
    for tier in TIERS:
        hop = _HOPS.get(tier, tier)
        places.append((f"{tier}_", f"{tier}_row", pl.lit(hop)))
        if tier == "inner_web":
            places.append(("note_", "own_note", pl.lit("web_server")))
            places.append(("scored_", "scored_note", pl.lit("web_server")))
    places += [("arrival_", "arrival", pl.col("arrival_hop"))]
    places += [("trace_", "trace", pl.col("trace_hop"))]
    places += [("thrown_", "thrown", pl.col("trace_hop"))]
    places += [("incident_", "incident_note", pl.col("incident_hop"))]
    lines = [
        requests.filter(pl.col(known).is_not_null()).select(
            "root",
            order=pl.lit(order),
            line=pl.struct(
                hop=hop.cast(pl.String),
                source=pl.col(f"{prefix}source"),
                line=pl.col(f"{prefix}line"),
                offset=pl.col(f"{prefix}offset"),
            ),
        )
        for order, (prefix, known, hop) in enumerate(places)
    ]
    return (
        pl.concat(lines)
        .sort("root", "order")
        .group_by("root", maintain_order=True)
        .agg(evidence=pl.col("line"))
    )


def _missing(facts: Facts) -> pl.Expr:
    """The hops whose record should be there and is not."""
    by = pl.col("answered_by")
    scope = pl.col("web_server_client_scope").cast(pl.String)
    health = pl.col("user_agent").str.contains(HEALTH).fill_null(value=False)
    proxied = scope.is_in(["private", "shared"]).fill_null(value=False) & ~health
    inside = by.is_in(["web_server", "app_server", "application"])
    unbalanced = pl.col("load_balancer_row").is_null()
    nothing = unbalanced & pl.col("cdn_row").is_null()
    # Of a load balancer's target, nobody knows which of them it was.
    inside |= (by == "unknown") & (~unbalanced | served_by_web())
    app = pl.col("application_row").is_null() & pl.col("app_server_row").is_null()
    # What the application has itself need not have come through a web server.
    no_web = pl.col("web_server_row").is_null() & inside & app
    app &= pl.col("trace").is_null() & pl.col("arrival").is_null()
    # What the web server sent is its own, or what stands behind it made it.
    either = sure_of(pl.col("web_status") == pl.col("status")) | served_by_web()
    app &= (by == "application") | ((by == "unknown") & (~unbalanced | either))
    edge = pl.col("load_balancer_format").is_in(PLATFORMS).fill_null(value=False)
    through = pl.col("load_balancer_row").is_not_null() & ~edge
    through |= facts.has("web_server") | served_by_web()
    balancer = nothing & (proxied | ((by == "waf") & facts.has("load_balancer")))
    balancer |= unbalanced & (((by == "unknown") & ~either) | (by == "load_balancer"))
    # CloudFront logs what its WAF ends as an error of its own.
    perhaps = by.is_in(["cdn", "unknown"]) & (pl.col("cdn_reason") == "Error")
    # So does a load balancer of which only a browser tells.
    saved = pl.col("client_row").is_not_null() & ~served_by_web()
    perhaps |= (by == "unknown") & unbalanced & saved
    perhaps &= (pl.col("status") == 403) & ~pl.col("waf_known")
    # Cloudflare's record is its WAF's, too; so is Google's of Cloud Armor.
    unwritten = pl.col("waf_row").is_null() & pl.col("cdn_action").is_null()
    unwritten |= WAF_PASSED  # by another web ACL than the one that ended it
    unwritten |= pl.col("waf_row").is_not_null() & pl.col("waf_rule").is_null()
    armor = pl.col("load_balancer_format") == "gcp_load_balancer"
    unwritten &= ~armor.fill_null(value=False)
    wanted = {
        "waf": ((by == "waf") & unwritten) | perhaps,
        "load_balancer": balancer,
        "web_server": no_web & through,
        "application": app,
    }
    pieces = [
        pl.when(condition.fill_null(value=False)).then(pl.lit(hop))
        for hop, condition in wanted.items()
    ]
    return pl.concat_list(pieces).list.drop_nulls()


def _sentence() -> pl.Expr:
    """Who answered what with which status, and how that is known."""
    who = pl.col("answered_by").replace_strict(NAMES, return_dtype=pl.String)
    status = pl.col("status").cast(pl.String).fill_null("an error")
    # Status 0 is what is logged where the client left before any answer.
    none = pl.col("status") == 0
    answered = pl.when(none).then(pl.lit(" gave ")).otherwise(pl.lit(" answered "))
    given = (
        pl.when(none)
        .then(pl.lit(" no answer"))
        .otherwise(pl.concat_str(pl.lit(" with "), status))
    )
    unnamed = pl.col("application_reason").is_in(["traceback", "refusal"])
    # Of what a firewall stopped some say no more than from where it came.
    unnamed = unnamed.fill_null(value=False) | (pl.col("answered_by") == "waf")
    unnamed &= pl.col("path").is_null()
    request = (
        pl.when(unnamed)
        .then(pl.lit("a request"))
        .when(pl.col("path").is_null())
        .then(pl.lit("an unreadable request"))
        .otherwise(
            pl.concat_str(
                pl.coalesce("method", pl.lit("a request for")),
                # A scanner's may have thousands of characters.
                cut(pl.col("path")),
                separator=" ",
            )
        )
    )
    rule = pl.when(pl.col("rule").is_not_null()).then(
        pl.format(" by rule {}", pl.col("rule"))
    )
    # "by rule …" says it already, and "unknown" says nothing.
    told = pl.col("rule").is_null() & (pl.col("cause") != "unknown")
    cause = pl.when(told).then(
        pl.format(" ({})", pl.col("cause").str.replace_all("_", " "))
    )
    doubt = pl.when(pl.col("ambiguous")).then(
        pl.lit("; an equal request stands so near that they may be exchanged")
    )
    text = pl.concat_str(
        who,
        answered,
        request,
        given,
        cause.fill_null(""),
        rule.fill_null(""),
        pl.lit(": "),
        pl.col("because"),
        doubt.fill_null(""),
        pl.lit("."),
    )
    return text.str.slice(0, 1).str.to_uppercase() + text.str.slice(1)


def explain(requests: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """The rows of `schema.REQUEST`, by time and first line of evidence."""
    # An error line that stands for an absent access line is named once.
    apart = (pl.col("note_offset") != pl.col("web_server_offset")) | (
        pl.col("note_source") != pl.col("web_server_source")
    )
    own_note = pl.when(apart.fill_null(value=True)).then("note")
    known = requests.with_columns(own_note=own_note)
    known = known.join(_evidence(known), on="root", how="left", maintain_order="left")
    text = known.with_columns(
        missing=_missing(facts),
        explanation=_sentence(),
        time=pl.from_epoch("time", time_unit="us").dt.replace_time_zone("UTC"),
    )
    columns = [
        (
            pl.col(name).list.eval(pl.element().cast(dtype.inner))
            if isinstance(dtype, pl.List)
            else pl.col(name).cast(dtype)
        ).alias(name)
        for name, dtype in REQUEST.items()
    ]
    first = pl.col("evidence").list.first().struct
    return (
        text.select(columns)
        .with_columns(_source=first.field("source"), _offset=first.field("offset"))
        .sort("time", "_source", "_offset", nulls_last=True)
        .drop("_source", "_offset")
    )
