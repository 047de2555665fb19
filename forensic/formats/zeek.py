"""Zeek's http.log: what a sensor on the wire saw of requests, as JSON or as rows.

Rows are parted by tabs below `#fields`. The stamp is that of the request, in seconds
since 1970 or ISO 8601. A sensor answers no request itself.
"""

import functools
import re

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_KEYS = {
    "stamp": "ts",
    "uid": "uid",
    "client_ip": "id.orig_h",
    "server": "id.resp_h",
    "port": "id.resp_p",
    "method": "method",
    "host": "host",
    "uri": "uri",
    "referrer": "referrer",
    "http_version": "version",
    "user_agent": "user_agent",
    "bytes_received": "request_body_len",
    "bytes_sent": "response_body_len",
    "status": "status_code",
    "user": "username",
    "proxied": "proxied",
}
_KEPT = {"server", "port", "proxied"}
_NONE = ["-", "(empty)", ""]
_PLAIN = "client_ip method host referrer http_version user_agent user".split()
_TITLE, _PATHS = "Zeek http.log", r"(?i)zeek|bro|(?:^|/)http[._]"
_HEADER = (
    r"^#(?:separator|set_separator|empty_field|unset_field|path|open|close|fields|types)"
    r"\b"
)
_FIELDS = re.compile(rb"^#fields\t(ts\tuid\t[^\r\n]+?)\r?$", re.MULTILINE)
_STAMP = r"1[0-9]{9}\.[0-9]{1,6}"


def _columns(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of records whose fields are texts; those of requests alone."""
    stamps = moments(rows["stamp"])
    counted = pl.col("stamp").str.contains(rf"^{_STAMP}$")
    micros = (pl.col("stamp").cast(pl.Float64, strict=False) * 1e6).round()
    epoch = pl.when(counted).then(
        pl.from_epoch(micros.cast(pl.Int64, strict=False), "us")
    )
    moment = pl.coalesce(epoch, pl.lit(stamps["local_time"]))
    url = target(pl.col("uri"))
    short = pl.when(pl.col("uid").is_null() | moment.is_null()).then(
        pl.lit("no record of Zeek's http.log")
    )
    forwarded = pl.col("proxied").str.extract(r"(?i)X-FORWARDED-FOR -> ([^\",\]]+)")
    return rows.select(
        *("extra", "flags"),
        *(pl.when(~pl.col(n).is_in(_NONE)).then(n).alias(n) for n in _PLAIN),
        local_time=moment,
        utc_offset=pl.when(epoch.is_not_null())
        .then(pl.lit(0, pl.Int32))
        .otherwise(pl.lit(stamps["utc_offset"])),
        forwarded_for=forwarded,
        path=pl.when(~pl.col("uri").is_in(_NONE)).then(url["path"]),
        query=url["query"],
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        request_id="uid",
        process=pl.lit("zeek"),
        refused=pl.coalesce("refused", short),
    )


def _rows(lines: pl.Series, fields: list[str]) -> pl.DataFrame:
    parts = lines.str.split_exact("\t", len(fields)).struct.unnest()
    parts.columns = [*fields, "too_many"]
    whole = parts[fields[-1]].is_not_null() & parts["too_many"].is_null()
    absent = pl.lit(None, pl.String)
    return _columns(
        parts.select(
            *(
                (pl.col(key) if key in fields else absent).alias(name)
                for name, key in _KEYS.items()
            ),
            extra=absent,
            flags=pl.lit(None, pl.List(pl.String)),
            refused=pl.when(~pl.lit(whole)).then(pl.lit("not a row of these fields")),
        )
    )


def templates(head: bytes) -> list[str]:
    """The `#fields` line at the front of an http.log."""
    found = [line.decode("utf-8", "replace") for line in _FIELDS.findall(head)]
    return [line for line in found if "trans_depth" in line and "status_code" in line]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of records in JSON."""
    marks = {"ts", "uid", "id.orig_h", "trans_depth"}
    return _columns(json_fields(lines, _KEYS, marks, _KEPT))


def from_template(template: str) -> Format:
    """The format of rows below a certain `#fields` line."""
    return Format(
        name="zeek",
        title=_TITLE,
        hop="host",
        reference="https://docs.zeek.org/en/master/logs/http.html",
        head=rf"^{_STAMP}\t",
        parse=functools.partial(_rows, fields=template.split("\t")),
        stamps_start=True,
        header=_HEADER,
        paths=_PATHS,
    )


FORMAT = Format(
    name="zeek",
    title=_TITLE,
    hop="host",
    reference="https://docs.zeek.org/en/master/logs/http.html",
    head=r'^\s*\{[\s\S]*"id\.orig_h"\s*:',
    parse=parse,
    templates=templates,
    json=True,
    usual=True,
    stamps_start=True,
    header=_HEADER,
    paths=_PATHS,
)
