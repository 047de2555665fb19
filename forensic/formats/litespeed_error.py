"""LiteSpeed's error log: `2025-02-06 14:32:07.774649 [NOTICE] [812] [client…] text`.

The part of the client reads `address:port`, then how it is connected and, behind `#`,
the virtual host. Local time without a zone.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix, without_port
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"
_LEVEL = r"(?:EMERG|ALERT|CRIT|ERROR|WARN|NOTICE|INFO|DEBUG|TRACE)"
#: The class of a message ▶ words that are certain of it.
_REASONS = {
    "file_not_found": r"File not found \[",
    "access_forbidden_by_rule": r"[Aa]ccess to .* is denied|is blocked by|\[ACL\]",
    "modsecurity_denied": r"\[MODSEC\].*(?:deny|denied)|mod_security: Access denied",
    "auth_password_mismatch": r"failed to authenticate|Failed Login Attempt",
    "connect_refused": r"Connection refused",
    "upstream_timed_out": r"[Rr]equest timed? ?out|connection timed out",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of LiteSpeed's error lines."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) \[(?P<level>{_LEVEL})\] \[(?P<pid>[0-9]+)\] "
        r"(?:\[(?:T[0-9]+)\] )?(?:\[(?P<address>(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]+)"
        r"(?P<link>[:-][^\]#\n]*)?(?:#(?P<vhost>[^\]\n]*))?\] )?",
    )
    stamps = moments(head["stamp"])
    known = pl.col("rest").is_not_null()
    reason = pl.coalesce(
        pl.when(pl.col("rest").str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )
    return head.select(
        local_time=stamps["local_time"],
        level=pl.col("level").str.to_lowercase(),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        client_ip=without_port(pl.col("address")),
        message="rest",
        reason=reason,
        extra=json_extra(vhost=pl.col("vhost"), link=pl.col("link")),
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no line of LiteSpeed")),
    )


FORMAT = Format(
    name="litespeed_error",
    title="LiteSpeed error log",
    hop="web_server",
    reference="https://docs.litespeedtech.com/lsws/logs/",
    head=rf"^{_STAMP} \[{_LEVEL}\] \[[0-9]+\] ",
    parse=parse,
    multiline=True,
    paths=r"(?i)litespeed|lsws",
)
