"""Responses of one status ▶ those by which a client was sent round in a circle."""

import polars as pl

__all__ = ["MANY", "REDIRECTS", "WITHIN", "loop"]

REDIRECTS = [301, 302, 303, 307, 308]
#: Browsers give up after about twenty; so many within so short a time nobody clicks.
MANY, WITHIN = 8, "10s"
_KEYS = ["hop", "client_ip", "path", "_slot"]


def loop(responses: pl.DataFrame) -> pl.DataFrame:
    """The redirects of the longest circle, by time; none where nobody was sent round.

    Needs `hop`, `client_ip`, `path`, `status` and `time`.
    """
    sent = responses.filter(
        pl.col("status").is_in(REDIRECTS),
        pl.col("path").is_not_null(),
        pl.col("time").is_not_null(),
    ).with_columns(_slot=pl.col("time").dt.truncate(WITHIN))
    rounds = (
        sent.group_by(_KEYS)
        .agg(n=pl.len())
        .filter(pl.col("n") >= MANY)
        .sort("n", "_slot", *_KEYS[:3], descending=[True, *[False] * 4])
        .head(1)
    )
    found = sent.join(rounds, on=_KEYS, how="semi", nulls_equal=True)
    return found.drop("_slot").sort("time", maintain_order=True)
