"""Clocks ▶ `events.time`: pure, per block, vectorised; written stamps stay."""

import polars as pl

from forensic.clock.alone import alone
from forensic.clock.collect import own_stamp
from forensic.clock.options import is_named
from forensic.clock.turns import in_year, yearless
from forensic.formats import ending_formats
from forensic.schema import EVENT

__all__ = ["apply", "needs_clock"]

_BASIS = EVENT["time_basis"]


def needs_clock(frame: pl.DataFrame) -> bool:
    """Whether any row has a stamp whose zone or year is not written."""
    lacking = (
        (pl.col("time").is_null() & pl.col("local_time").is_not_null())
        | (pl.col("envelope_time").is_null() & pl.col("envelope_local").is_not_null())
        | yearless("local_time")
        | yearless("envelope_local")
    )
    return bool(frame.select(lacking.fill_null(value=False).any()).item())


def apply(frame: pl.DataFrame, clocks: pl.DataFrame) -> pl.DataFrame:
    """Events with time, start_time, envelope_time and time_basis filled in.

    Rows, their order and the columns stay; only stamps without zone or year change.
    """
    if frame.is_empty() or not needs_clock(frame):
        return frame
    settled = alone(frame, clocks)
    if settled is None:
        settled = _by_clock(frame, clocks)
    return _started(settled).select(frame.columns)


def _by_clock(frame: pl.DataFrame, clocks: pl.DataFrame) -> pl.DataFrame:
    """The frame with times, each row's by the clock of its line, host and program."""
    rows = frame.with_row_index("_row").with_columns(own_stamp().alias("_own"))
    rows = _looked_up(rows, clocks, "event")
    rows = _looked_up(rows, clocks, "envelope")
    rows = _resolved(rows, "envelope", "envelope_local", "envelope_offset")
    rows = _resolved(rows, "event", "local_time", "utc_offset")
    return _filled(rows).sort("_row")


def _looked_up(rows: pl.DataFrame, clocks: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Add the clock of each row: of its program, else of its host, else of the file."""
    names = ["utc_offset", "zone", "year", "basis"]
    sources = rows["source"].unique().implode()
    own = clocks.filter(
        (pl.col("stamp") == stamp)
        & pl.col("source").is_in(sources)
        & (pl.col("utc_offset").is_not_null() | pl.col("year").is_not_null())
    )
    found = pl.lit(None, pl.Int64).alias("_hit")
    rows = rows.with_columns(found)
    own = own.with_row_index("_clock").with_columns(pl.col("_clock").cast(pl.Int64))
    hosted, program = pl.col("hostname").is_not_null(), pl.col("process").is_not_null()
    levels = [
        (own.filter(hosted & program), ["source", "hostname", "process"]),
        (own.filter(~hosted & program), ["source", "process"]),
        (own.filter(hosted & ~program), ["source", "hostname"]),
        (own.filter(~hosted & ~program), ["source"]),
    ]
    for level, keys in levels:
        if level.height:
            rows = _joined(rows, level, keys)
    picked = own.select("_clock", *(pl.col(n).alias(f"_{stamp}_{n}") for n in names))
    rows = rows.join(picked, left_on="_hit", right_on="_clock", how="left")
    return rows.drop("_hit")


def _joined(rows: pl.DataFrame, level: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Fill `_hit` where a span of this level holds the row's line."""
    spans = level.select(
        *keys, pl.col("first_line").alias("line"), "last_line", "_clock"
    ).sort("line")
    joined = rows.sort("line").join_asof(
        spans, on="line", by=keys, strategy="backward", check_sortedness=False
    )
    inside = pl.col("last_line") >= pl.col("line")
    hit = pl.coalesce("_hit", pl.when(inside).then("_clock"))
    return joined.with_columns(hit.alias("_hit")).drop("last_line", "_clock")


def _resolved(rows: pl.DataFrame, stamp: str, local: str, offset: str) -> pl.DataFrame:
    """Add the full local stamp, its UTC moment and its basis for one of two stamps.

    A row without a stamp of its own is stamped by its envelope.
    """
    year, found = pl.col(f"_{stamp}_year"), pl.col(f"_{stamp}_utc_offset")
    zone, basis = pl.col(f"_{stamp}_zone"), pl.col(f"_{stamp}_basis")
    short = yearless(local)
    dated = pl.when(short).then(in_year(pl.col(local), year)).otherwise(local)
    rows = rows.with_columns(
        dated.alias(f"_{stamp}_local"),
        (short & year.is_not_null() & dated.is_null()).alias(f"_{stamp}_bad"),
    )
    full, written = pl.col(f"_{stamp}_local"), pl.col(offset)
    seconds = pl.coalesce(written, found)
    moment = (full - pl.duration(seconds=seconds)).dt.replace_time_zone("UTC")
    names = [n for n in rows[f"_{stamp}_zone"].unique().to_list() if is_named(n)]
    for name in sorted(names):
        by_rule = full.dt.replace_time_zone(
            name, ambiguous="earliest", non_existent="null"
        ).dt.convert_time_zone("UTC")
        applies = written.is_null() & (zone == name)
        moment = pl.when(applies).then(by_rule).otherwise(moment)
    lacking = written.is_null() | short
    source = (
        pl.when(lacking).then(basis.cast(_BASIS)).otherwise(pl.lit("written", _BASIS))
    )
    return rows.with_columns(
        moment.alias(f"_{stamp}_time"), source.alias(f"_{stamp}_source")
    )


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the resolved stamps where the events lack them."""
    own, missing = pl.col("_own"), pl.col("time").is_null()
    time = pl.when(own).then("_event_time").otherwise("_envelope_time")
    basis = pl.when(own).then("_event_source").otherwise("_envelope_source")
    bad = (
        pl.when(own)
        .then("_event_bad")
        .otherwise("_envelope_bad")
        .fill_null(value=False)
    )
    return rows.with_columns(
        pl.coalesce("time", time).alias("time"),
        pl.when(missing & time.is_not_null())
        .then(basis)
        .otherwise("time_basis")
        .alias("time_basis"),
        pl.coalesce("envelope_time", "_envelope_time").alias("envelope_time"),
        pl.when(bad)
        .then(
            pl.concat_list(
                pl.col("flags").fill_null(pl.lit([], pl.List(pl.String()))),
                pl.lit(["bad_time"]),
            )
        )
        .otherwise("flags")
        .alias("flags"),
        _shown("local_time", own).alias("local_time"),
        _shown("envelope_local", pl.lit(value=False)).alias("envelope_local"),
        missing.alias("_missing"),
    )


def _shown(column: str, own: pl.Expr) -> pl.Expr:
    """Stamp as written, with its year where that is known by now."""
    dated = pl.when(own).then("_event_local").otherwise("_envelope_local")
    bad = pl.when(own).then("_event_bad").otherwise("_envelope_bad")
    known = dated.is_not_null() | bad
    return pl.when(yearless(column) & known).then(dated).otherwise(column)


def _started(rows: pl.DataFrame) -> pl.DataFrame:
    """Add when a request began, for formats that stamp its end."""
    if rows["duration"].null_count() == len(rows):
        return rows
    length = pl.duration(microseconds=(pl.col("duration") * 1e6).round().cast(pl.Int64))
    wanted = (
        pl.col("_missing")
        & pl.col("start_time").is_null()
        & pl.col("duration").is_not_null()
        & pl.col("format").is_in(ending_formats())
    )
    began = pl.when(wanted).then(pl.col("time") - length).otherwise("start_time")
    return rows.with_columns(began.alias("start_time"))
