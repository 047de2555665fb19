"""CloudFront standard access logs: tab separated, `#Fields:` above.

The owner may select and order the fields: the sniffer passes the line on as a template.
"""

import functools
import re

import polars as pl

from forensic.fields.columns import dash_to_null, iso_stamp, json_extra
from forensic.fields.percent import decoded
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_FIELDS = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
]
_REFERENCE = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html"
#: The oldest logs end behind cs-uri-query.
_FEWEST = "cs-uri-query"
_EXTRA = [
    "x-edge-location",
    "x-edge-result-type",
    "x-edge-response-result-type",
    "x-edge-detailed-result-type",
    "cs(Host)",
    "ssl-protocol",
    "ssl-cipher",
    "time-to-first-byte",
    "sc-content-type",
]
_TAKEN = {*_FIELDS} - {*_EXTRA} | {"timestamp"}
_HEADER = re.compile(rb"^#Fields:[ \t]*([^\r\n]+?)[ \t]*\r?$", re.MULTILINE)


def _text(name: str) -> pl.Expr:
    return dash_to_null(pl.col(name))


def templates(head: bytes) -> list[str]:
    """The fields that the file's own header lines name, where they are CloudFront's."""
    found = dict.fromkeys(_HEADER.findall(head))
    lines = [" ".join(line.decode("utf-8", "replace").split()) for line in found]
    return [line for line in lines if _own(set(line.split()))]


def _own(fields: set[str]) -> bool:
    """Whether CloudFront writes such fields: others have some that it has not."""
    stamped = {"date", "time"} < fields & {*_FIELDS}
    return stamped and (fields <= {*_FIELDS} or "x-edge-" in " ".join(fields))


def _rows(lines: pl.Series, fields: list[str]) -> pl.DataFrame:
    """A text column for every field that CloudFront knows; null where it is absent."""
    parts = lines.str.split_exact("\t", len(fields) - 1).struct.unnest()
    row = parts.rename(dict(zip(parts.columns, fields, strict=True)))
    absent = [name for name in _FIELDS if name not in fields]
    return row.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)


def _parse(lines: pl.Series, fields: list[str], fewest: str) -> pl.DataFrame:
    row = _rows(lines, fields)
    row = row.with_columns(
        decoded(row[name]).alias(name) for name in ("cs(User-Agent)", "cs(Referer)")
    )
    stamp = iso_stamp(pl.concat_str("date", "time", separator=" "))
    good = stamp.is_not_null() & pl.col(fewest).is_not_null()
    outcome = [
        _text(name) for name in ("x-edge-detailed-result-type", "x-edge-result-type")
    ]
    parsed = row.select(
        good.fill_null(value=False).alias("good"),
        local_time=stamp,
        utc_offset=pl.lit(0, pl.Int32),
        client_ip=_text("c-ip"),
        forwarded_for=_text("x-forwarded-for"),
        method=_text("cs-method"),
        scheme=_text("cs-protocol"),
        host=pl.coalesce(_text("x-host-header"), _text("cs(Host)")),
        path=_text("cs-uri-stem"),
        query=_text("cs-uri-query"),
        http_version=_text("cs-protocol-version").str.strip_prefix("HTTP/"),
        status=pl.col("sc-status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("sc-bytes").cast(pl.Int64, strict=False),
        bytes_received=pl.col("cs-bytes").cast(pl.Int64, strict=False),
        duration=pl.col("time-taken").cast(pl.Float64, strict=False),
        user_agent=_text("cs(User-Agent)"),
        referrer=_text("cs(Referer)"),
        request_id=_text("x-edge-request-id"),
        reason=pl.coalesce(outcome),
        extra=json_extra(
            **{name: _text(name) for name in [*_EXTRA, *fields] if name not in _TAKEN}
        ),
    )
    return parsed.select(
        pl.when("good").then(pl.exclude("good")),
        refused=pl.when(~pl.col("good")).then(
            pl.lit("no row of a CloudFront access log")
        ),
    )


_STAMPED = {"date": r"\d{4}-\d\d-\d\d", "time": r"\d\d:\d\d:\d\d"}


def from_template(template: str) -> Format:
    """The format of rows below a certain `#Fields:` line."""
    fields = list(dict.fromkeys(template.split()))
    cells = [_STAMPED.get(name, r"[^\t]*") for name in fields]
    return Format(
        name="cloudfront",
        title="CloudFront access log",
        hop="cdn",
        reference=_REFERENCE,
        head="^" + r"\t".join(cells) + "$",
        parse=functools.partial(_parse, fields=fields, fewest=fields[-1]),
        templates=templates,
        stamps_end=True,
        header=FORMAT.header,
        paths=FORMAT.paths,
    )


FORMAT = Format(
    name="cloudfront",
    title="CloudFront access log",
    hop="cdn",
    reference=_REFERENCE,
    head=r"^\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t[A-Z]{3}\d",
    parse=functools.partial(_parse, fields=_FIELDS, fewest=_FEWEST),
    templates=templates,
    stamps_end=True,
    header=r"^#(?:Version|Fields):",
    paths=r"(?i)cloudfront|[A-Z0-9]{12,14}\.\d{4}-\d\d-\d\d-\d\d\.",
)
