"""Lines ▶ event columns: formats in turn, envelopes opened, row by row aligned."""

import functools
from collections.abc import Sequence

import polars as pl

from forensic.fields.rowwise import patched
from forensic.format import Format, parsed
from forensic.formats import all_formats, load
from forensic.matching import matches

__all__ = ["parse_rows"]

#: Envelope in envelope in envelope: a CloudWatch export of docker JSON of syslog.
_DEPTH = 3
#: So many refused lines are usual in a block.
_FEW = 2000


@functools.cache
def _rest(chosen: tuple[str, ...], payload: bool) -> tuple[Format, ...]:
    """Formats that the sniffer did not choose but that may claim a rare line."""
    return tuple(
        fmt
        for fmt in all_formats()
        if fmt.name not in chosen
        and not fmt.last_resort
        and (fmt.payload or not payload)
    )


@functools.cache
def _gate(formats: tuple[Format, ...]) -> str:
    """One expression for the heads of all formats: most lines match none."""
    return "|".join(f"(?:{fmt.head})" for fmt in formats) or "$^"


def _claiming(formats: tuple[Format, ...], lines: pl.Series) -> list[Format]:
    """The formats whose head any of the lines may match."""
    lines = lines.unique()  # what system programs say, they say again and again
    if len(lines) > _FEW:
        lines = lines.filter(lines.str.contains(_gate(formats)))
    if lines.is_empty():
        return []
    return [fmt for fmt in formats if matches(lines, fmt.head).any()]


def parse_rows(
    text: pl.Series,
    formats: Sequence[str],
    payloads: Sequence[str],
    *,
    depth: int = 0,
) -> pl.DataFrame:
    """One row a line: parsed columns, `format`, and `refused` where none parses it.

    The formats are tried in order, each on what the ones before refused; then every
    other format on lines that match its head. `refused` keeps the first reason; the
    other columns of such a row mean nothing.
    """
    chosen = tuple(formats)
    first = None
    if chosen:
        first = _parsed(load(chosen[0]), text, payloads, depth)
        refused = first["refused"]
        if refused.null_count() == len(first):
            return first
        rows = refused.is_not_null().arg_true().alias("row")
        reasons = refused.gather(rows)
        left = text.gather(rows)
    else:
        left = text
        rows = pl.Series("row", range(len(text)), dtype=pl.UInt32)
        reasons = pl.repeat("no format claims it", len(rows), eager=True)
    pieces: list[pl.DataFrame] = []
    for key in chosen[1:]:
        taken = _try(load(key), left, rows, payloads, depth)
        rows, left, reasons = _remaining(taken, rows, left, reasons, pieces)
    for fmt in _claiming(_rest(chosen, depth > 0), left):
        taken = _try(fmt, left, rows, payloads, depth)
        rows, left, reasons = _remaining(taken, rows, left, reasons, pieces)
    if first is not None:
        for piece in pieces:
            first = patched(first, piece["row"], piece)
        return first
    pieces.append(pl.DataFrame({"row": rows, "refused": reasons}))
    return pl.concat(pieces, how="diagonal").sort("row")


def _remaining(
    taken: pl.DataFrame | None,
    rows: pl.Series,
    left: pl.Series,
    reasons: pl.Series,
    pieces: list[pl.DataFrame],
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """What is left after a format took its rows, which join the pieces."""
    if taken is None:
        return rows, left, reasons
    pieces.append(taken)
    keep = ~rows.is_in(taken["row"].implode())
    return rows.filter(keep), left.filter(keep), reasons.filter(keep)


def _try(
    fmt: Format, left: pl.Series, rows: pl.Series, payloads: Sequence[str], depth: int
) -> pl.DataFrame | None:
    """The rows that a format parses among those that match its head."""
    if not len(rows):
        return None
    heads = matches(left, fmt.head)
    if not heads.any():
        return None
    mine = rows.filter(heads)
    piece = _parsed(fmt, left.filter(heads), payloads, depth)
    piece = piece.filter(piece["refused"].is_null())
    if not len(piece):
        return None
    return piece.with_columns(mine.gather(piece["row"]).alias("row"))


def _parsed(
    fmt: Format, text: pl.Series, payloads: Sequence[str], depth: int
) -> pl.DataFrame:
    """The rows as one format reads them, refused ones among them."""
    rows = parsed(fmt, text).with_row_index("row")
    named = [
        pl.lit(fmt.name).alias("format"),
        pl.lit(fmt.stamps_end).alias("stamps_end"),
    ]
    if "hop" not in rows.columns:
        named.append(pl.lit(fmt.hop, pl.String).alias("hop"))
    elif fmt.hop:
        named.append(pl.col("hop").cast(pl.String).fill_null(fmt.hop))
    else:
        named.append(pl.col("hop").cast(pl.String))
    rows = rows.with_columns(named)
    if fmt.envelope and depth < _DEPTH and len(rows):
        rows = _opened(rows, payloads, depth)
    return rows


def _opened(outer: pl.DataFrame, payloads: Sequence[str], depth: int) -> pl.DataFrame:
    """Envelope rows, with the payload's columns where a format parses the payload.

    The payload's own values win; what it does not say (host, process, pid) stays as
    the envelope says it. `message` is the payload's, because the line's prefix is in
    columns then.
    """
    refused = outer["refused"]
    text = outer["message"]
    if refused.null_count() < len(outer):
        text = pl.select(pl.when(refused.is_null()).then(text)).to_series()
    inner = parse_rows(text.fill_null(""), payloads, (), depth=depth + 1)
    bad = inner["refused"].is_not_null().arg_true()
    if len(bad) == len(inner):
        return outer
    inner = inner.drop("row", "refused")
    if not len(bad):
        return _over(outer, inner)
    if len(bad) * 2 < len(inner):
        return patched(_over(outer, inner), bad, outer[bad])
    good = pl.int_range(len(inner), dtype=pl.UInt32, eager=True)
    good = good.filter(~good.is_in(bad.implode()))
    return patched(outer, good, _over(outer[good], inner[good]))


def _over(outer: pl.DataFrame, inner: pl.DataFrame) -> pl.DataFrame:
    """Envelope rows with the columns of their payloads."""
    if "local_time" in inner.columns and "utc_offset" not in inner.columns:
        inner = inner.with_columns(pl.lit(None, pl.Int32).alias("utc_offset"))
    if "message" not in inner.columns:
        inner = inner.with_columns(pl.lit(None, pl.String).alias("message"))
    return outer.with_columns(
        _merged(name, inner, outer) if name in outer.columns else inner[name]
        for name in inner.columns
    )


def _merged(column: str, inner: pl.DataFrame, outer: pl.DataFrame) -> pl.Series:
    """One column of payload and envelope: the payload's where it says something."""
    value, fallback = inner[column], outer[column]
    if column in {"message", "stamps_end", "format"}:
        return value
    if column == "utc_offset":
        # A zone belongs to its stamp: never the envelope's with the payload's.
        stamps = inner.get_column("local_time", default=value)
        return _filled(value, stamps.is_null(), fallback)
    if column == "extra":
        return _joined_objects(fallback, value)
    if column == "hop":
        # nginx and gunicorn write the same access lines: the program decides.
        servers = ["web_server", "app_server", "application", "load_balancer"]
        alike = value.is_in(servers[:2]).fill_null(value=False)
        alike &= inner["format"].str.ends_with("_access")
        if alike.any():
            stays = fallback.is_in(servers) & alike
            value = _filled(value, stays.fill_null(value=False), fallback)
    return _filled(value, value.is_null(), fallback)


def _filled(value: pl.Series, missing: pl.Series, fallback: pl.Series) -> pl.Series:
    """The column with the other's values where its own are missing."""
    rows = missing.arg_true()
    if not len(rows):
        return value
    others = fallback.gather(rows).to_frame()
    return patched(value.to_frame(), rows, others).to_series()


def _joined_objects(outer: pl.Series, inner: pl.Series) -> pl.Series:
    """Two columns of JSON objects as one; the first one's keys stand first."""
    if inner.null_count() == len(inner):
        return outer
    if outer.null_count() == len(outer):
        return inner
    both = outer.is_not_null() & inner.is_not_null() & (inner != "{}") & (outer != "{}")
    filled = inner.zip_with(inner.is_not_null(), outer)
    if not both.any():
        return filled
    joined = outer.str.head(-1) + "," + inner.str.slice(1)
    return joined.zip_with(both.fill_null(value=False), filled)
