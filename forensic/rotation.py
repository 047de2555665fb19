"""Names of files ▶ the log that they are rotations of, and the rotations not there."""

import polars as pl

__all__ = ["lacking", "log_of"]

#: A rotated file is the same log: `access.log.2.gz` tells of `access.log`.
_DATED = r"[.-]\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{2,10})?"
_PACKED = r"(?:\.(?:gz|zst|bz2|xz))?$"
_ROTATION = rf"(?:{_DATED}|[.-]\d{{1,10}})?{_PACKED}"
#: Likewise; but `app-2` may be another host's.
_SURELY = rf"(?:{_DATED}|\.\d{{1,10}})?{_PACKED}"
#: Numbers as logrotate and Python's handlers give them: each file's grows by one when
#: the next is written, and none is left out. `app-2` may be a host, `a.2026` a year.
_NUMBERED = r"\.(\d{1,3})(?:\.(?:gz|zst|bz2|xz))?$"
#: A log that was rotated and its file in use.
_ANY = rf"(?:\.\d{{1,3}})?{_PACKED}"


def log_of(source: pl.Expr, *, surely: bool = False) -> pl.Expr:
    """The name of the log that a file is a rotation of; its own, where it is none.

    `surely` leaves apart what may be the logs of several hosts.
    """
    return source.str.replace(_SURELY if surely else _ROTATION, "")


def lacking(sources: pl.DataFrame) -> pl.DataFrame:
    """The rotations that are not there although an older and a newer one are.

    Takes `source, hop, first_time, last_time` of files. Returns, by older file, `hop`,
    `newer`, `older` (files), `names` (of those that lie between; whether compressed,
    nobody knows), `start`, `end`: the last moment that the older one holds, and the
    first of the newer. Files that tell no time bound nothing.
    """
    number = pl.col("source").str.extract(_NUMBERED, 1).cast(pl.Int64).fill_null(0)
    files = (
        sources.drop_nulls(["first_time", "last_time"])
        .select(
            "source",
            "hop",
            "first_time",
            "last_time",
            log=pl.col("source").str.replace(_ANY, ""),
            number=number,
        )
        # Of a file and its compressed copy the one tells what the other does.
        .sort("log", "number", "source")
        .unique(["log", "number"], keep="first", maintain_order=True)
    )
    pairs = files.with_columns(
        older=pl.col("source").shift(-1).over("log"),
        until=pl.col("last_time").shift(-1).over("log"),
        oldest=pl.col("number").shift(-1).over("log"),
    )
    between = pl.int_ranges(pl.col("number") + 1, pl.col("oldest"))
    names = between.list.eval(pl.element().cast(pl.String))
    return (
        pairs.filter(
            pl.col("oldest") > pl.col("number") + 1,
            # Some write numbers that grow; of those no older one is missing.
            pl.col("until") <= pl.col("first_time"),
        )
        .with_columns(names=names)
        .explode("names")
        .with_columns(names=pl.concat_str("log", pl.lit("."), "names"))
        .group_by("hop", "older", newer="source", start="until", end="first_time")
        .agg(pl.col("names").sort())
        .select("hop", "newer", "older", "names", "start", "end")
        .sort("older")
    )
