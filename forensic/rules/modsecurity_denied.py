"""Rule: ModSecurity inside the web server refused requests."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["modsecurity_denied"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["rule", "status"], tops=["path", "client_ip"]),
        summary=pl.format(
            "ModSecurity rule {} refused {} with {}: path {}; client {}",
            pl.col("rule").fill_null("unknown"),
            plural(pl.col("count"), "request"),
            pl.col("status").cast(pl.String).fill_null("an unknown status"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["ModSecurity's audit log of that time"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="modsecurity-denied",
    title="ModSecurity refused requests",
    level="medium",
    description="A firewall that runs inside the web server answered; neither the "
    "application nor a WAF further out did.",
    falsepositives=["It did its work: attacks are refused rightly"],
    references=["https://github.com/owasp-modsecurity/ModSecurity/wiki"],
    tags=["modsecurity"],
    hop="web_server",
    needs=["web_server"],
    query=_query,
    positives=[
        Example(title="modsecurity denied", events=[_line("modsecurity_denied")]),
    ],
    negatives=[
        Example(title="modsecurity warning", events=[_line("modsecurity_warning")]),
        Example(
            title="another hop", events=[_line("modsecurity_denied") | {"hop": "cdn"}]
        ),
    ],
)
