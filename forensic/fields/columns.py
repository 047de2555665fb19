"""Text columns ▶ typed columns: the pieces that several formats share.

All functions are vectorised, keep the number and order of rows, and turn what they
cannot read into null.
"""

import re
from collections.abc import Callable, Sequence

import polars as pl

from forensic.matching import any_matches
from forensic.zones import ABBREVIATIONS

__all__ = [
    "by_value",
    "clf_stamp",
    "dash_to_null",
    "go_seconds",
    "groups",
    "http_status",
    "iso_stamp",
    "json_extra",
    "keyed",
    "keys_apart",
    "moments",
    "offset_seconds",
    "prefix",
    "quoted_value",
    "request_line",
    "seconds",
    "stamped",
    "target",
    "without_colour",
    "without_port",
    "zone_between",
]

#: Zones differ by quarters of an hour, and lie within so much of UTC (s).
_QUARTER, _FURTHEST = 900, 14 * 3600


def dash_to_null(column: pl.Expr) -> pl.Expr:
    """The column with a lone `-`, the usual mark for absent, as null."""
    return pl.when(column != "-").then(column)


def http_status(column: pl.Expr) -> pl.Expr:
    """The status code of a text or number; null for what is none."""
    status = column.cast(pl.Int16, strict=False)
    return pl.when(status.is_between(100, 599)).then(status)


def offset_seconds(column: pl.Expr) -> pl.Expr:
    """Seconds east of UTC (Int32) of `+0900`, `+09:00` or `Z`.

    Null for what is none of them or lies beyond ±14:00 (ISO 8601 forbids nothing
    there, but no zone has ever been further).
    """
    digits = column.str.replace(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int32, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int32, strict=False)
    size = hours * 3600 + minutes * 60
    valid = (digits.str.len_bytes() == 5) & (size <= 14 * 3600) & (minutes < 60)
    return (
        pl.when(column.is_in(["Z", "z"]))
        .then(pl.lit(0, pl.Int32))
        .when(valid & digits.str.starts_with("+"))
        .then(size)
        .when(valid & digits.str.starts_with("-"))
        .then(-size)
        .cast(pl.Int32)
    )


def zone_between(local: pl.Expr, utc: pl.Expr, slack: int) -> pl.Expr:
    """Seconds east of UTC (Int32) that two stamps of one moment tell.

    Null where no zone brings them within `slack` seconds.
    """
    apart = (local - utc).dt.total_seconds()
    steps = (apart + _QUARTER // 2) // _QUARTER * _QUARTER
    near = ((apart - steps).abs() <= slack) & (steps.abs() <= _FURTHEST)
    return pl.when(near).then(steps.cast(pl.Int32))


def _fraction(column: pl.Expr, place: int) -> pl.Expr:
    """Microseconds of the `.123` or `,123456789` at a place; 0 where there is none."""
    return (
        column.str.slice(place)
        .str.extract(r"^[.,](\d{1,9})", 1)
        .str.pad_end(6, "0")
        .str.slice(0, 6)
        .cast(pl.Int64, strict=False)
        .fill_null(0)
    )


def _moment(column: pl.Expr, date: pl.Expr, clock: int) -> pl.Expr:
    """The date and the `14:32:07[.123456]` at a place; null for 24:00 and a leap."""
    hour, minute, second = (
        column.str.slice(clock + at, 2).cast(pl.Int64, strict=False) for at in (0, 3, 6)
    )
    inside = hour.is_between(0, 23) & minute.is_between(0, 59)
    seconds = hour * 3600 + minute * 60 + second
    micros = seconds * 1_000_000 + _fraction(column, clock + 8)
    moment = date.cast(pl.Datetime("us")) + pl.duration(microseconds=micros)
    return pl.when(inside & second.is_between(0, 59)).then(moment)


def clf_stamp(column: pl.Expr) -> pl.Expr:
    """Naive local time of `06/Feb/2025:14:32:07[.123456]…`.

    24:00 or a 31 April give null; what follows the fraction (a zone) is left to
    `offset_seconds`.
    """
    date = column.str.slice(0, 11).str.to_date("%d/%b/%Y", strict=False, cache=True)
    return _moment(column, date, 12)


def iso_stamp(column: pl.Expr) -> pl.Expr:
    """Naive local time of `2025-02-06T14:32:07[.,]123456…`.

    `T`, space or `t` between date and time; any fraction up to nanoseconds (cut to
    microseconds); what follows the fraction (a zone) is left to `offset_seconds`.
    """
    date = column.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False, cache=True)
    return _moment(column, date, 11)


def request_line(column: pl.Expr) -> dict[str, pl.Expr]:
    """`method`, `target` and `http_version` of an HTTP request line.

    A target may hold raw spaces (seen in the field): the method is what stands
    before the first, the protocol what stands after the last space. What is no
    request line (empty, TLS bytes) gives three nulls.
    """
    shape = r"^([A-Za-z][A-Za-z_-]*) (.*?)(?: HTTP/(\d(?:\.\d)?))?$"
    groups = column.str.extract_groups(shape)
    return {
        "method": groups.struct.field("1"),
        "target": groups.struct.field("2"),
        "http_version": groups.struct.field("3"),
    }


def target(column: pl.Expr) -> dict[str, pl.Expr]:
    """`scheme`, `host`, `path` and `query` of a request target.

    An absolute target (`GET http://host:443/path?x`) keeps the port out of `host`;
    path and query are split at the first `?` and left as they were logged.
    """
    absolute = column.str.extract_groups(r"^([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)$")
    scheme = absolute.struct.field("1")
    rest = pl.coalesce(absolute.struct.field("3"), column)
    path = rest.str.extract(r"^([^?]*)", 1)
    host = absolute.struct.field("2").str.replace(r"^[^@]*@", "")
    return {
        "scheme": scheme.str.to_lowercase(),
        "host": host.str.replace(r":\d*$", ""),
        "path": pl.when(scheme.is_not_null() & (path == ""))
        .then(pl.lit("/"))
        .otherwise(path),
        "query": rest.str.extract(r"^[^?]*\?(.*)$", 1),
    }


def by_value(
    column: pl.Series, convert: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """The columns that `convert` makes of each row's value.

    `convert` sees each distinct value once and answers row by row: logs repeat
    their stamps, hosts and programs, so that costly work is done seldom.
    """
    if column.is_empty():
        return convert(column)
    changes = column.slice(1).ne_missing(column.head(-1))
    starts = pl.concat([pl.Series([True]), changes])
    values = column.filter(starts)
    distinct = values.unique()
    places = pl.DataFrame({"value": distinct}).with_row_index("place")
    found = pl.DataFrame({"value": values}).join(
        places, on="value", how="left", nulls_equal=True, maintain_order="left"
    )
    rows = found["place"].gather(starts.cum_sum() - 1)
    return convert(distinct).select(pl.all().gather(rows))


def prefix(column: pl.Series, pattern: str) -> pl.DataFrame:
    """The named groups of `pattern` at the start of each text, and the `rest`.

    All are null where the pattern does not match. The pattern has no group without
    a name and must not reach for the end of the text (`.*`): without it, and where
    each byte leaves one way only, captures cost a tenth.
    """
    whole = f"^(?P<prefix>{pattern})"
    if not any_matches(column, whole):
        names = [*re.findall(r"\(\?P<([a-z_]+)>", pattern), "rest"]
        nothing = pl.repeat(None, len(column), dtype=pl.String, eager=True)
        return pl.DataFrame([nothing.alias(name) for name in names])
    groups = column.str.extract_groups(whole).struct.unnest()
    length = groups["prefix"].str.len_chars()
    rest = pl.DataFrame({"text": column, "length": length}).select(
        pl.when(pl.col("length").is_not_null()).then(
            pl.col("text").str.slice(pl.col("length"))
        )
    )
    return groups.drop("prefix").with_columns(rest.to_series().alias("rest"))


def groups(lines: pl.Series, pattern: str, names: Sequence[str]) -> pl.DataFrame:
    """What the groups of a pattern found in each line, a column a group."""
    frame = lines.str.extract_groups(pattern).struct.unnest()
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def json_extra(**values: pl.Expr) -> pl.Expr:
    """The JSON object of each row's values that are not null; null where all are."""
    named = pl.struct(value.alias(name) for name, value in values.items())
    return named.map_batches(_json_objects, return_dtype=pl.String)


def _json_objects(rows: pl.Series) -> pl.Series:
    frame = rows.struct.unnest()
    parts = [
        pl.when(pl.col(name).is_not_null()).then(
            pl.struct(name)
            .struct.json_encode()
            .str.strip_prefix("{")
            .str.strip_suffix("}")
        )
        for name in frame.columns
        if frame[name].null_count() < len(frame)  # most rows have none: cost nothing
    ]
    if not parts:
        return pl.repeat(None, len(frame), dtype=pl.String, eager=True)
    body = pl.concat_str(parts, separator=",", ignore_nulls=True)
    whole = pl.concat_str(pl.lit("{"), body, pl.lit("}"))
    return frame.select(pl.when(body != "").then(whole)).to_series()


def _zones(texts: pl.Series) -> pl.DataFrame:
    text = pl.col("text").str.strip_chars(" ")
    whole = pl.when(text.str.len_bytes() == 3).then(text + "00").otherwise(text)
    named = text.replace_strict(ABBREVIATIONS, default=None, return_dtype=pl.Int32)
    utc = pl.when(text == "UTC+0000").then(pl.lit(0, pl.Int32))
    return pl.DataFrame({"text": texts}).select(
        utc_offset=pl.coalesce(named, utc, offset_seconds(whole)),
        zone=pl.when(text.str.contains("^[A-Z]{2,5}$") & (text != "Z")).then(text),
    )


def moments(stamps: pl.Series) -> pl.DataFrame:
    """`local_time`, `utc_offset` and `zone` of `2025-02-06T14:32:07[.,136][ ]+09:00`.

    What `iso_stamp` reads, with any of the usual zones behind it, for logs whose
    seconds repeat: a named zone of several offsets (CST) has only its name.
    """
    seconds = by_value(
        stamps.str.slice(0, 19),
        lambda texts: pl.DataFrame({"text": texts}).select(
            local_time=iso_stamp(pl.col("text"))
        ),
    )
    tail = stamps.str.slice(19)
    if not tail.str.len_bytes().max():
        nothing = [pl.lit(None, pl.Int32), pl.lit(None, pl.String)]
        return seconds.with_columns(utc_offset=nothing[0], zone=nothing[1])
    split = prefix(tail, r"(?:[.,](?P<fraction>[0-9]{1,9}))?")
    fraction = pl.col("fraction").str.pad_end(6, "0").str.slice(0, 6)
    micros = pl.duration(microseconds=fraction.cast(pl.Int64).fill_null(0))
    return pl.concat(
        [seconds, split, by_value(split["rest"], _zones)], how="horizontal"
    ).select(pl.col("local_time") + micros, "utc_offset", "zone")


#: A quoted value, as `key=value` pairs have it, and one in which a key may seem to be.
_QUOTED = re.compile(r'="(?:[^"\\]|\\.)*"')
_KEY_INSIDE = r'="(?:[^"\\]|\\.)*[ >][^ "=]+='


def stamped(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `local_time` and `utc_offset` in place of their text `stamp`."""
    read = moments(rows["stamp"]).drop("zone")
    return rows.drop("stamp").with_columns(read)


def keys_apart(lines: pl.Series) -> pl.Series:
    r"""Lines of `key="value"` pairs in which a value holds no `key=`: it is `key\=`.

    What a client sent stands in quotes, and may look like a pair of the log's own.
    """
    odd = lines.str.contains(_KEY_INSIDE) | lines.str.contains(r"\=", literal=True)
    rows = odd.arg_true()
    if not len(rows):
        return lines
    apart = [
        _QUOTED.sub(lambda value: '="' + value[0][2:].replace("=", r"\="), line)
        for line in lines.gather(rows).to_list()
    ]
    return lines.clone().scatter(rows, pl.Series(apart, dtype=pl.String))


def quoted_value(column: pl.Expr) -> pl.Expr:
    """What stood between the quotes of such a line before `keys_apart`."""
    return column.str.replace_all(r"\=", "=", literal=True)


def keyed(name: str, absent: list[str]) -> pl.Expr:
    """The value of `name=value` or `name="value"` in the column `line`.

    Of a line that went through `keys_apart`; null for the marks of absence.
    """
    shape = rf'(?:^|[ >]){name}=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))'
    groups = pl.col("line").str.extract_groups(shape).struct
    quoted = quoted_value(groups.field("1")).str.replace_all(r"\\(.)", "$1")
    found = pl.coalesce(quoted, groups.field("2"))
    return pl.when(~found.is_in(absent)).then(found)


def without_colour(texts: pl.Series) -> pl.Series:
    """The texts without terminal colours and cursor codes."""
    if not texts.str.contains("\x1b", literal=True).any():
        return texts
    return texts.str.replace_all(r"\x1b\[[0-?]*[ -/]*[@-~]", "")


def without_port(column: pl.Expr) -> pl.Expr:
    """The address of `192.0.2.1:80`, `[2001:db8::1]:80`, or an address alone."""
    bare = column.str.replace(r"^\[([^\]]*)\](?::[0-9]+)?$", "${1}")
    return bare.str.replace(r"^([^:]*):[0-9]+$", "${1}")


def seconds(column: pl.Expr, a_second: float) -> pl.Expr:
    """Seconds of a count, as text or number, of which so many make a second.

    Rounded to the nanosecond: of a column of one row polars divides, of a longer one
    it multiplies by the reciprocal, and the last bit would tell which.
    """
    return (column.cast(pl.Float64, strict=False) / a_second).round(9)


#: What Go calls the parts of a duration, in seconds.
_GO = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def go_seconds(text: pl.Expr) -> pl.Expr:
    """Seconds of Go's `1m2.5s`, `12.3ms` or `505.3µs`."""
    plain = text.str.replace("[µμ]s", "us")
    found = [
        plain.str.extract(rf"([0-9.]+){unit}(?:[0-9]|$)").cast(pl.Float64, strict=False)
        * factor
        for unit, factor in _GO.items()
    ]
    return pl.when(text.is_not_null()).then(pl.sum_horizontal(found))
