"""Requests that ModSecurity's core rules refused by a sum ▶ the rules that added to it.

The rule that ends such a request (949110) only compares the score: what to change is
among those that matched before. Each has a line with the request's id, or stands in
the record of an audit log.
"""

import polars as pl

__all__ = ["COLUMNS", "scored"]

#: Rules that refuse by a sum; `_AROUND` are those that begin, sum up and report.
_SUMS = ["949110", "949111", "959100", "959101"]
_AROUND = r"^(?:9[04]9|901|959|980)[0-9]{3}$"
_KINDS = ["firewall", "weighed"]
#: So many rules are named.
_MOST = 3
_MESSAGE = r'\[msg "([^"]+)"\]'
#: What `scored` adds: the rules and their words, and the place of a line with one.
COLUMNS = ["scored", "scored_source", "scored_line", "scored_offset"]


def scored(notes: pl.DataFrame) -> pl.DataFrame:
    """The notes; beside those of a sum, what was added up.

    `rules` are the ids that an audit record lists.
    """
    parts = notes.filter(
        pl.col("kind").is_in(_KINDS) & pl.col("request_id").is_not_null()
    )
    message = pl.col("message").str.extract(_MESSAGE)
    place = ["request_id", "source", "line", "offset"]
    told = parts.filter(pl.col("kind") == "weighed").select(
        *place,
        "rule",
        said=pl.concat_str("rule", message, separator=" ", ignore_nulls=True),
    )
    listed = parts.select(
        *place, rule=pl.col("rules").str.split(" "), said=pl.lit(None, pl.String)
    ).explode("rule")
    rules = (
        pl.concat([told, listed])
        .filter(pl.col("rule").is_not_null() & ~pl.col("rule").str.contains(_AROUND))
        .unique(["request_id", "rule"], keep="first", maintain_order=True)
    )
    spoken = pl.col("said").is_not_null()
    each = pl.coalesce("said", "rule")
    more = pl.when(pl.len() > _MOST).then(pl.format(" and {} more", pl.len() - _MOST))
    sums = rules.group_by("request_id", maintain_order=True).agg(
        scored=each.head(_MOST).str.join(", ").first() + more.fill_null("").first(),
        **{
            f"scored_{name}": pl.col(name).filter(spoken).first()
            for name in ("source", "line", "offset")
        },
    )
    found = notes.join(sums, on="request_id", how="left", maintain_order="left")
    ended = (pl.col("kind") == "firewall") & pl.col("rule").is_in(_SUMS)
    return found.with_columns(pl.when(ended).then(name).alias(name) for name in COLUMNS)
