"""WAF records as AWS writes them ▶ columns, without decoding each record.

The ACL part of a record repeats from request to request: it is decoded once for each
distinct text. The request part has a fixed shape: regular expressions hold the whole
of it against that shape, then it is cut at its keys. A quote that is not escaped is
always a JSON delimiter, so that nothing a client wrote can look like a key; a record
of any other shape is refused here and read by `tolerant`.
"""

from typing import Any

import polars as pl

from forensic.formats.aws_waf.verdict import judge
from forensic.json_text import NotJsonError, compact, load
from forensic.schema import ParsedColumns

__all__ = ["rows"]

_START = '{"timestamp":'
_STAMP = len(_START)
_LATEST = 4102444800000  # 2100-01-01 in milliseconds
_PLAIN = r'[^"\\\x00-\x1f]*'
#: A header's name in lower case, in Title-Case, or none of those that are looked for.
_NAME = (
    r'(?:[^HhUuRrXx"\\\x00-\x1f][^"\\\x00-\x1f]*|[hurx][^"A-Z\\\x00-\x1f]*'
    r'|[HURX][^"A-Z\\\x00-\x1f-]*(?:-[^"a-z\\\x00-\x1f-][^"A-Z\\\x00-\x1f-]*)*)'
)
_HEADER = rf'\{{"name":"{_NAME}","value":"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*"\}}'
_HEADERS = rf"^(?:{_HEADER}(?:,{_HEADER})*)?$"
_LATER = rf',"fragment":"{_PLAIN}","scheme":"{_PLAIN}","host":"{_PLAIN}'
_REQUEST = (
    rf'^{_PLAIN}","args":"{_PLAIN}","httpVersion":"{_PLAIN}","httpMethod":"{_PLAIN}"'
    rf',"requestId":"{_PLAIN}(?:"{_LATER})?$'
)
#: Where the strings of the request part stand when it is cut at its quotes.
_PLACES = {
    "path": 0,
    "query": 4,
    "http_version": 8,
    "method": 12,
    "request_id": 16,
    "fragment": 20,
    "scheme": 24,
    "host": 28,
}
_PICKED = {
    "user_agent": ("user-agent", "User-Agent"),
    "referrer": ("referer", "Referer"),
    "forwarded_for": ("x-forwarded-for", "X-Forwarded-For"),
    "host_header": ("host", "Host"),
}
_SIZE = r"(?:0|[1-9][0-9]{0,14})"
_SIZES = rf',"requestBodySize":{_SIZE},"requestBodySizeInspectedByWAF":{_SIZE}'
_JA3 = r',"ja3Fingerprint":"[0-9a-f]+"'
_JA4 = r',"ja4Fingerprint":"[0-9a-z_]+"'
#: Values that differ from client to client: kept as text, so that the rest repeats.
_OWN = rf"^(?:{_SIZES})?(?:{_JA3})?(?:{_JA4})?\}}$"
_OWN_START = r',"(?:requestBodySize|ja[34]Fingerprint)":'
#: Keys that the request part gives to `extra`.
_REQUEST_KEYS = {"country", "fragment", "timestamp"}
_VERDICT = [
    "action",
    "rule",
    "rule_group",
    "rule_type",
    "status",
    "reason",
    "labels",
    "extra",
]
_VERDICTS = {name: ParsedColumns[name] for name in _VERDICT}


def rows(lines: pl.Series) -> pl.DataFrame:
    """The columns of each record; `refused` where it has not AWS's own shape."""
    frame = _owned(_headed(_request(_cut(lines))))
    verdicts, places = _verdicts(frame)
    frame = frame.hstack(verdicts.select(pl.all().gather(places)))
    known = pl.col("shaped") & pl.lit(places.is_not_null())
    columns = frame.select(
        known.alias("known"),
        *(pl.col(name) for name in _VERDICT if name != "extra"),
        *(pl.col(name) for name in _PICKED if name != "host_header"),
        *(_there(name) for name in ("client_ip", "method", "scheme", "path", "query")),
        local_time=pl.from_epoch("timestamp", "ms").cast(pl.Datetime("us")),
        utc_offset=pl.lit(0, pl.Int32),
        host=pl.coalesce(_there("host"), "host_header").str.replace(r":\d*$", ""),
        http_version=_there("http_version").str.strip_prefix("HTTP/"),
        trace_id=pl.col("request_id").str.extract(
            r"^(?:Root=)?(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})$"
        ),
        request_id=_there("request_id"),
        extra=_extra(),
        refused=pl.when(~known).then(pl.lit("not in AWS's own shape")),
    )
    if columns["known"].all():
        return columns.drop("known")
    refused = columns["refused"]
    kept = columns.drop("refused").select(pl.when("known").then(pl.all()))
    return kept.drop("known").with_columns(refused)


def _there(name: str) -> pl.Expr:
    """The text of a column; null where it says that there is none."""
    column = pl.col(name)
    return pl.when(~column.is_in(["", "-", "null"])).then(column)


def _extra() -> pl.Expr:
    """The JSON object of what a record holds beyond the columns."""
    country, fragment = _there("country"), _there("fragment")
    pieces = [
        pl.concat_str(pl.lit(',"country":"'), country, pl.lit('"')),
        pl.concat_str(pl.lit(',"fragment":"'), fragment, pl.lit('"')),
        pl.col("own"),
        pl.col("extra"),
    ]
    body = pl.concat_str(pieces, ignore_nulls=True).str.strip_prefix(",")
    return pl.format("{{{}}}", pl.when(body != "").then(body))


def _cut(lines: pl.Series) -> pl.DataFrame:
    """The records cut at the keys that stand around their variable parts."""
    frame = lines.cast(pl.Binary).to_frame("rest")
    for name, key in [
        ("acl", '"httpRequest":{"clientIp":"'),
        ("client_ip", '","country":"'),
        ("country", '","headers":['),
        ("headers", '],"uri":"'),
        ("request", '"}'),
    ]:
        at = pl.col("rest").cast(pl.String).str.find(key, literal=True)
        rest = pl.col("rest")
        frame = frame.with_columns(at.alias("at")).with_columns(
            rest.bin.slice(0, pl.col("at")).cast(pl.String).alias(name),
            rest.bin.slice(pl.col("at") + len(key)).alias("rest"),
        )
    return frame.with_columns(pl.col("rest").cast(pl.String).alias("tail"))


def _request(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of the request, and whether all parts have the expected shape."""
    acl = pl.col("acl")
    frame = frame.select(
        "client_ip",
        "country",
        "headers",
        "request",
        "tail",
        timestamp=acl.str.slice(_STAMP, 13).cast(pl.Int64, strict=False),
        acl=acl.str.slice(_STAMP + 14),
        starts=acl.str.starts_with(_START) & (acl.str.slice(_STAMP + 13, 1) == ","),
        part=pl.col("request").str.split_exact('"', max(_PLACES.values())),
    )
    part = pl.col("part").struct
    shaped = [
        "starts",
        pl.col("timestamp").is_between(10**12, _LATEST - 1),
        pl.col("client_ip").str.contains(r"^[0-9A-Za-z.:]*$"),
        pl.col("country").str.contains(r"^[A-Z-]*$"),
        pl.col("headers").str.contains(_HEADERS),
        pl.col("request").str.contains(_REQUEST),
    ]
    return frame.select(
        "timestamp",
        "acl",
        "tail",
        "client_ip",
        "country",
        "headers",
        *(part.field(f"field_{place}").alias(name) for name, place in _PLACES.items()),
        shaped=pl.all_horizontal(shaped).fill_null(value=False),
    )


def _headed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with columns for the headers that have one."""
    named = pl.col("host") != ""
    headers = pl.col("headers")
    found = {
        name: _header(
            headers
            if name != "host_header"
            else pl.when(~named.fill_null(value=False)).then(headers),
            *names,
        )
        for name, names in _PICKED.items()
    }
    frame = frame.with_columns(**found)
    again = pl.col("forwarded_for").str.contains('(?i)"name":"x-forwarded-for"')
    values = {
        name: pl.col(name).str.splitn('"', 2).struct.field("field_0") for name in found
    }
    frame = frame.with_columns(again.alias("again"), **values)
    escaped = [pl.col(name).str.contains("\\", literal=True) for name in found]
    odd = pl.any_horizontal(*escaped, "again").fill_null(value=False)
    return frame.with_columns(shaped=pl.col("shaped") & ~odd)


def _header(headers: pl.Expr, small: str, large: str) -> pl.Expr:
    """What follows the opening quote of a header's value; null without the header."""
    first = _behind(headers, small)
    return pl.coalesce(first, _behind(pl.when(first.is_null()).then(headers), large))


def _behind(headers: pl.Expr, name: str) -> pl.Expr:
    key = f'{{"name":"{name}","value":"'
    at = headers.str.find(key, literal=True) + len(key)
    return (
        pl.when(at.is_not_null())
        .then(headers.cast(pl.Binary).bin.slice(at))
        .cast(pl.String)
    )


def _owned(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the last values of `tail` as JSON text of their own, as `own`.

    They are cut off where nothing else follows; elsewhere they stay in the tail.
    """
    tail = pl.col("tail").cast(pl.Binary)
    frame = frame.with_columns(at=pl.col("tail").str.find(_OWN_START))
    own = tail.bin.slice(pl.col("at")).cast(pl.String)
    frame = frame.with_columns(own=pl.when(pl.col("at").is_not_null()).then(own))
    alone = pl.col("own").str.contains(_OWN).fill_null(value=False)
    rest = pl.concat_str(tail.bin.slice(0, pl.col("at")).cast(pl.String), pl.lit("}"))
    return frame.with_columns(
        own=pl.when(alone).then(pl.col("own").str.strip_suffix("}")),
        tail=pl.when(alone).then(rest).otherwise("tail"),
    )


def _verdicts(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The verdicts of the distinct ACL parts, and each record's row in them."""
    texts = frame.select(
        acl=pl.when("shaped").then("acl"),
        tail=pl.when("shaped").then("tail"),
    )
    distinct = texts.unique().drop_nulls()
    judged: list[dict[str, Any]] = []
    numbers: list[int | None] = []
    for acl, tail in distinct.iter_rows():
        verdict = _verdict(acl, tail)
        numbers.append(len(judged) if verdict else None)
        judged += [verdict] if verdict else []
    known = distinct.with_columns(pl.Series("place", numbers, dtype=pl.UInt32))
    places = texts.join(known, on=["acl", "tail"], how="left", maintain_order="left")
    return pl.DataFrame(judged, schema=_VERDICTS), places["place"]


def _verdict(acl: str, tail: str) -> dict[str, Any] | None:
    """The columns that the ACL part decides; None where it needs a closer look."""
    try:
        record, duplicates = load(f'{{{acl}"httpRequest":{{"":""}}{tail}')
    except NotJsonError:
        return None
    if duplicates or not isinstance(record, dict) or _REQUEST_KEYS & record.keys():
        return None
    verdict = judge(record)._asdict()
    extra = compact(verdict["extra"])
    return verdict | {"extra": "," + extra[1:-1] if extra else None}
