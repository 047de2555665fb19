"""Records of answers that went well ▶ which of them did not, and whose fault it was.

A proxy logs the status that it sent first; that the rest never came is another word. A
call of gRPC that fails has the status 200, and its failure behind the answer.
"""

from typing import Any

import polars as pl

from forensic.hops.explain import NAMES
from forensic.hops.moment import instant

__all__ = ["COLUMNS", "alone", "as_verdict", "cut_short", "own", "suspect", "told"]

#: Lines that are shown of those that are alike.
_SHOWN = 3

_SERVER = "its server broke off within the answer"
_BROKEN = "its server's answer broke off, or broke the protocol"
_SLOW = "its server sent no more of the answer in time"
_CLIENT = "the client left before all of the answer had come"
#: What a proxy itself answers to a call of gRPC, in place of a status of its own.
_CALLS = {
    "its connection to the server failed": (r"UF", "target_connection_error"),
    "no healthy server was there": (r"UH|LH", "no_target"),
    "it has no route for it": (r"NR", "no_route"),
    "its cluster is unknown": (r"NC", "no_target"),
    "its circuit breaker was open": (r"UO", "rate_limited"),
    "a limit on the rate of requests was met": (r"RL|RLSE", "rate_limited"),
    "its authorization service denied it": (r"UAEX", "auth_failed"),
}
#: Product, pattern of its word (`reason`) ▶ the cause, and what it says.
_WORDS = [
    ("haproxy", r"^SD", "target_connection_error", _SERVER),
    ("haproxy", r"^sD", "target_timeout", _SLOW),
    ("haproxy", r"^[Cc]D", "client_closed", _CLIENT),
    ("envoy", r"(?:^|,)U[CR](?:,|$)", "target_connection_error", _SERVER),
    ("envoy", r"(?:^|,)UPE(?:,|$)", "bad_gateway", _BROKEN),
    ("envoy", r"(?:^|,)(?:UT|SI|DT|UMSDR)(?:,|$)", "target_timeout", _SLOW),
    ("envoy", r"(?:^|,)DC(?:,|$)", "client_closed", _CLIENT),
    *(
        ("envoy", rf"(?:^|,)(?:{flags})(?:,|$)", cause, words)
        for words, (flags, cause) in _CALLS.items()
    ),
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


def suspect() -> pl.Expr:
    """Whether a record that tells of success is one of these."""
    fits = pl.lit(value=False)
    for product, pattern, *_ in _WORDS:
        word = pl.col("reason").str.contains(pattern)
        fits |= pl.col("format").str.starts_with(product) & word
    return (fits & (pl.col("status") < 400)).fill_null(value=False)


def own(words: str) -> bool:
    """Whether the proxy that says so gave the answer itself."""
    return words in _CALLS


def told(hop: str, words: str, reason: str) -> str:
    """The sentence about such an answer, in the words of that hop."""
    name = NAMES.get(hop, hop)
    what = "The answer broke off"
    if own(words):
        what = "The call failed within that status, as those of gRPC do"
    return f" {what}: the record of {name} says that {words} ({reason})."


def as_verdict(broken: pl.DataFrame, said: str, why: str) -> dict[str, Any]:
    """What is to be said of an answer that broke off; nothing where none did."""
    if not broken.height:
        return {}
    row = broken.row(0, named=True)
    more = told(row["hop"], row["cut_words"], row["reason"])
    mine = own(row["cut_words"])
    return ({"answered_by": row["hop"]} if mine else {}) | {
        "cause": row["cut"],
        "confidence": "strong" if mine else "weak",
        "sentence": said + more + why,
    }


def alone(events: pl.LazyFrame, clocks: pl.DataFrame) -> dict[str, Any] | None:
    """The verdict on an archive whose failures all have a status that is none.

    None where no record tells of one.
    """
    places = ["source", "line", "offset", "length"]
    rows = cut_short(
        events.filter(suspect())
        .select(
            *places,
            *COLUMNS,
            *("path", "status"),
            hop=pl.col("hop").cast(pl.String),
            time=instant(clocks),
        )
        .collect(engine="streaming")
        .sort("time", "source", "offset", nulls_last=True)
    )
    # Clients leave at any moment, and that is no failure of a server's.
    rows = rows.filter(pl.col("cut") != "client_closed")
    if not rows.height:
        return None
    most = rows["cut_words"].mode().sort()[0]
    rows = rows.filter(pl.col("cut_words") == most)
    first = rows.row(0, named=True)
    said = (
        "No response logged has a status of 400 or above. But"
        f" {rows.height} did not go well, the first of them {first['status']} for"
        f" {first['path'] or 'a path that is not logged'}."
    )
    lines = rows.head(_SHOWN).select("hop", *places, "time").to_dicts()
    return {
        "answered_by": "unknown",
        "candidates": [first["hop"]],
        "rule": None,
        **as_verdict(rows, said, ""),
        "evidence": [line | {"role": "record of the response"} for line in lines],
        "missing": [],
        "count": rows.height,
        "ask_for": [],
    }
