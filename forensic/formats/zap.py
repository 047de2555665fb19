r"""zap's console encoder (Go): `STAMP\tLEVEL\tlogger\tfile.go:12\ttext\t{"key": …}`.

Fields are parted by tabs; logger, place and keys may be absent. Controllers of
Kubernetes and many Go services write so. Its stamp is ISO 8601, or seconds since 1970.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix, target
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_ISO = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)
_EPOCH = r"1\.[0-9]{1,18}e\+09"
_LEVEL = r"DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL"
_LEVELS = rf"{_LEVEL}|{_LEVEL.lower()}"
_LINE = (
    rf"(?:(?P<iso>{_ISO})|(?P<epoch>{_EPOCH}))\t(?P<level>{_LEVELS})\t"
    r"(?:(?P<logger>[A-Za-z_][A-Za-z0-9_./-]*)\t)?"
    r"(?:(?P<caller>[A-Za-z0-9_./@-]+\.go:[0-9]+)\t)?"
    r"(?P<message>[^\t]*)(?:\t(?P<keys>\{.*))?"
)


def _key(names: str, shape: str) -> pl.Expr:
    """The value of a key of the record: one within a text has its quotes escaped."""
    return pl.col("keys").str.extract(rf'[{{,] ?"(?:{names})": ?"?({shape})')


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the encoder's lines."""
    head = prefix(lines, _LINE)
    stamps = moments(head["iso"])
    counted = (pl.col("epoch").cast(pl.Float64, strict=False) * 1e6).round()
    epoch = pl.from_epoch(counted.cast(pl.Int64, strict=False), "us")
    known = pl.col("rest").is_not_null()
    url = target(_key("path|uri|url|request_uri", r"(?:/|https?://)[^\"]*"))
    spoken = http_messages(head["message"])
    keyed = {
        "method": _key("method|http_method", r"[A-Z]{3,16}\b"),
        "status": _key("status|status_code|code", r"[1-5][0-9]{2}\b").cast(
            pl.Int16, strict=False
        ),
        "client_ip": _key("client_ip|remote_ip|ip|remote_addr", r"[0-9A-Fa-f.:]{3,45}"),
        **url,
    }
    return head.select(
        "logger",
        local_time=pl.coalesce(pl.lit(stamps["local_time"]), epoch),
        utc_offset=pl.coalesce(
            pl.lit(stamps["utc_offset"]),
            pl.when(epoch.is_not_null()).then(pl.lit(0, pl.Int32)),
        ),
        level=pl.col("level").str.to_lowercase(),
        message=pl.when(known).then(
            pl.concat_str("message", "keys", separator=" ", ignore_nulls=True)
        ),
        **{
            name: pl.coalesce(value, pl.lit(spoken[name]))
            for name, value in keyed.items()
        },
        extra=json_extra(caller=pl.col("caller")),
        refused=pl.when(~known).then(pl.lit("no line of zap")),
    )


FORMAT = Format(
    name="zap",
    title="zap's console lines",
    hop="application",
    reference="https://pkg.go.dev/go.uber.org/zap/zapcore#NewConsoleEncoder",
    head=rf"^(?:{_ISO}|{_EPOCH})\t(?:{_LEVELS})\t",
    parse=parse,
    multiline=True,
    narrow=True,
)
