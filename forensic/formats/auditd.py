"""The kernel's audit log: `type=SYSCALL msg=audit(1738819927.123:4711): pid=812 …`.

One event of the kernel is several lines with the same serial number. Values that
hold a space are in hexadecimal there, and stay so.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_NONE = ["?", "(null)", "(none)", "", "4294967295"]
_HEAD = (
    r"^(?:node=[^ ]+ )?type=[A-Z0-9_\[\]]+"
    r" msg=audit\([0-9]{9,10}\.[0-9]{1,3}:[0-9]+\):"
)


def _value(name: str) -> pl.Expr:
    """The field's value without its quotes; `?`, `(null)` and -1 mean none."""
    found = pl.col("rest").str.extract(rf"""[ '"]{name}=("[^"]*"|[^ '"]*)""")
    value = found.str.strip_chars('"')
    return pl.when(~value.is_in(_NONE)).then(value)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    head = prefix(
        lines,
        r"(?:node=(?P<node>[^ ]+) )?type=(?P<type>[A-Z0-9_\[\]]+)"
        r" msg=audit\((?P<seconds>[0-9]{9,10})\.(?P<part>[0-9]{1,3}):(?P<serial>[0-9]+)"
        r"\):",
    )
    millis = pl.col("part").str.pad_start(3, "0")
    epoch = pl.concat_str("seconds", millis).cast(pl.Int64, strict=False) * 1000
    known = pl.col("rest").is_not_null()
    address = _value("addr")
    denied = pl.col("type") == "AVC"
    denied &= pl.col("rest").str.contains(r"avc: +denied .*permissive=0")
    outcome = pl.coalesce(_value("res"), _value("success"))
    return head.select(
        local_time=epoch.cast(pl.Datetime("us")),
        utc_offset=pl.when(known).then(pl.lit(0, pl.Int32)),
        hostname="node",
        process=pl.coalesce(_value("comm"), _value("exe")),
        pid=_value("pid").cast(pl.Int64, strict=False),
        client_ip=pl.when(address.str.contains(r"^[0-9A-Fa-f.:]+$")).then(address),
        user=pl.coalesce(_value("acct"), _value("auid")),
        action=pl.col("type").str.to_lowercase(),
        reason=pl.when(denied).then(pl.lit("selinux_denied")),
        message=pl.col("rest").str.strip_chars(" "),
        extra=json_extra(
            serial=pl.col("serial"),
            result=outcome.replace({"yes": "success", "no": "failed"}),
            exe=_value("exe"),
            unit=_value("unit"),
        ),
        refused=pl.when(~known).then(pl.lit("no audit record")),
    )


FORMAT = Format(
    name="auditd",
    title="Linux audit log",
    hop="host",
    reference="https://github.com/linux-audit/audit-documentation/wiki",
    head=_HEAD,
    parse=parse,
    paths=r"(?i)audit",
)
