"""Records of answers that went well ▶ which of them broke off, and whose fault it was.

A proxy logs the status that it sent first; that the rest never came is another word.
"""

import polars as pl

from forensic.hops.explain import NAMES

__all__ = ["COLUMNS", "cut_short", "told"]

_SERVER = "its server broke off within the answer"
_BROKEN = "its server's answer broke off, or broke the protocol"
_SLOW = "its server sent no more of the answer in time"
_CLIENT = "the client left before all of the answer had come"
#: Product, pattern of its word (`reason`) ▶ the cause, and what it says.
_WORDS = [
    ("haproxy", r"^SD", "target_connection_error", _SERVER),
    ("haproxy", r"^sD", "target_timeout", _SLOW),
    ("haproxy", r"^[Cc]D", "client_closed", _CLIENT),
    ("envoy", r"(?:^|,)U[CR](?:,|$)", "target_connection_error", _SERVER),
    ("envoy", r"(?:^|,)UPE(?:,|$)", "bad_gateway", _BROKEN),
    ("envoy", r"(?:^|,)(?:UT|SI|DT|UMSDR)(?:,|$)", "target_timeout", _SLOW),
    ("envoy", r"(?:^|,)DC(?:,|$)", "client_closed", _CLIENT),
]
#: What it needs to know of each record.
COLUMNS = ["format", "reason"]


def cut_short(records: pl.DataFrame) -> pl.DataFrame:
    """The records (`COLUMNS`) of answers that broke off, with `cut` and `cut_words`."""
    cut = words = pl.lit(None, pl.String)
    for product, pattern, cause, said in reversed(_WORDS):
        fits = pl.col("format").str.starts_with(product)
        fits &= pl.col("reason").str.contains(pattern)
        cut = pl.when(fits).then(pl.lit(cause)).otherwise(cut)
        words = pl.when(fits).then(pl.lit(said)).otherwise(words)
    return records.with_columns(cut=cut, cut_words=words).drop_nulls("cut")


def told(hop: str, words: str, reason: str) -> str:
    """The sentence about the answer that broke off, in the words of that hop."""
    name = NAMES.get(hop, hop)
    return f" The answer broke off: the record of {name} says that {words} ({reason})."
