"""What logs write in letters of a time: months; zones, as names or abbreviations."""

import polars as pl
from polars.exceptions import ComputeError

__all__ = ["ABBREVIATIONS", "MONTHS", "offsets_of"]

#: English month ▶ its number as ISO 8601 has it.
MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate(
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1
    )
}

#: Seconds east of UTC. The tz database gives each one offset only since 2019; CST, IST
#: and PST, which have several, are left out.
ABBREVIATIONS = {
    name: hours * 3600
    for hours, names in (
        (0, "UTC GMT WET"),
        (1, "CET MET BST WEST WAT"),
        (2, "CEST MEST EET CAT SAST"),
        (3, "EEST IDT EAT MSK"),
        (5, "PKT"),
        (7, "WIB"),
        (8, "AWST HKT WITA"),
        (9, "JST KST WIT"),
        (10, "AEST"),
        (11, "AEDT"),
        (12, "NZST"),
        (13, "NZDT"),
        (-3, "ADT"),
        (-4, "AST EDT"),
        (-5, "EST"),
        (-6, "MDT"),
        (-7, "MST PDT"),
        (-8, "AKDT"),
        (-9, "AKST"),
        (-10, "HST"),
    )
    for name in names.split()
}


def offsets_of(local: pl.Series, zones: pl.Series) -> pl.Series:
    """Seconds east of UTC that zones such as `Europe/Berlin` had at local times.

    Null for what is no zone's name, and in hours that a clock showed twice or never.
    """
    found = pl.repeat(None, len(local), dtype=pl.Int32, eager=True)
    for name in zones.drop_nulls().unique().sort():
        rows = (zones == name).arg_true()
        there = _offsets(local.gather(rows), name)
        if there is not None:
            found = found.scatter(rows, there)
    return found.alias("utc_offset")


def _offsets(local: pl.Series, name: str) -> pl.Series | None:
    """The offsets of one zone; None where there is none of that name."""
    try:
        there = local.dt.replace_time_zone(name, ambiguous="null", non_existent="null")
    except ComputeError:
        return None
    moment = there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return (local - moment).dt.total_seconds().cast(pl.Int32)
