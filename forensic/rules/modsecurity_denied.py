"""Rule: a firewall inside the web server refused requests."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, reasons
from forensic.rule import Example, Frames, Rule, counting, plural

_AUDITS = ["modsec_audit", "modsec_json"]
_COUNTED = counting(
    partial(reasons, hop="web_server", names=["modsecurity_denied", "naxsi_denied"]),
    by=["rule", "status"],
    tops=["path", "client_ip"],
    summary=pl.format(
        "Rule {} refused {} with {}: path {}; client {}",
        pl.col("rule").fill_null("unknown"),
        plural(pl.col("count"), "request"),
        pl.col("status").cast(pl.String).fill_null("an unknown status"),
        "path_list",
        "client_ip_list",
    ),
    ask_for=["the firewall's audit log of that time: which rules matched, and what"],
)


def _query(frames: Frames) -> pl.LazyFrame:
    """The findings; an audit log that is there is not asked for."""
    found = _COUNTED(frames)
    audits = frames.telling.filter(pl.col("format").is_in(_AUDITS)).head(1)
    if not audits.collect(engine="streaming").height:
        return found
    return found.with_columns(ask_for=pl.lit([], pl.List(pl.String)))


RULE = Rule(
    id="modsecurity-denied",
    title="A firewall inside the web server refused requests",
    level="medium",
    description="ModSecurity, Coraza or NAXSI answered, inside the web server; "
    "neither the application nor a WAF further out did.",
    falsepositives=["It did its work: attacks are refused rightly"],
    references=["https://github.com/owasp-modsecurity/ModSecurity/wiki"],
    tags=["modsecurity"],
    hop="web_server",
    needs=["web_server"],
    query=_query,
    positives=[
        by_error_log("modsecurity_denied"),
    ],
    negatives=[
        by_error_log("modsecurity_warning"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "modsecurity_denied"}]
        ),
    ],
)
