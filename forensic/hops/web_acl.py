"""A WAF's answer ▶ which web ACL gave it, where there may be several.

One may stand at the CDN and another at the load balancer. What the CDN's ends comes to
no load balancer: its log is not what is missing.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.hops.verdict import with_why

__all__ = ["web_acl"]

_NAMED = (
    r'"webaclId":"arn:aws[^":]*:wafv2:[^"]*:(global|regional)/webacl/([^/"]{1,128})/'
)
_FOLDER = r"(?:^|/)WAFLogs/([^/]+/[^/]+)/[0-9]{4}/"


def web_acl(
    events: pl.LazyFrame, sources: pl.DataFrame, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """The sentence with the web ACL's name, and what is missing, if that is another."""
    lines = [line for line in verdict["evidence"] if line["hop"] == "waf"]
    if verdict["answered_by"] != "waf" or not lines:
        return {}
    here = pl.col("source") == lines[0]["source"]
    named = pl.col("extra").str.extract_groups(_NAMED)
    rows = events.filter(here, pl.col("offset") == lines[0]["offset"]).select(
        scope=named.struct.field("1"), name=named.struct.field("2")
    )
    found = rows.drop_nulls().head(1).collect(engine="streaming")
    if not found.height:
        return {}
    scope, name = found.row(0)
    several = sources["source"].str.extract(_FOLDER).drop_nulls().n_unique() > 1
    if scope == "global":
        told = f" It is web ACL {name}, which stands at CloudFront."
    elif several:
        told = f" It is web ACL {name}."
    else:
        return {}
    more = {"sentence": with_why(verdict, told)}
    if scope != "global":
        return more
    known = any(line["hop"] == "cdn" for line in verdict["evidence"])
    cdn = [] if known else ["cdn"]
    return more | {
        key: [*cdn, *(hop for hop in verdict[key] if hop != "load_balancer")]
        for key in ("missing", "wanted")
        if "load_balancer" in verdict[key]
    }
