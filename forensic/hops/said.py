"""A product's own words for its answers ▶ lines of the decision table."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from forensic.hops.table import Line, sure_of

__all__ = ["Said", "made_by", "spoken"]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a product writes about an answer, and what follows from it."""

    #: Found in the record's `reason`.
    pattern: str
    #: The cause that it proves.
    cause: str
    #: What it says, in plain words.
    because: str
    #: The statuses that it goes with; any error where it names none.
    statuses: tuple[int, ...] = ()
    #: Who answered, where that is not the hop that writes it.
    by: str = ""
    sure: str = "certain"


def made_by(hop: str, product: str) -> pl.Expr:
    """Whether the request has a record of that product."""
    return sure_of(pl.col(f"{hop}_format").str.starts_with(product))


def spoken(
    hop: str, product: str, words: Sequence[Said], *, when: pl.Expr | None = None
) -> list[Line]:
    """One line a word, in their order; `when` holds for all of them."""
    status = pl.col(f"{hop}_status")
    reason = pl.col(f"{hop}_reason")
    base = made_by(hop, product) & (when if when is not None else pl.lit(value=True))
    return [
        Line(
            when=base
            & reason.str.contains(word.pattern)
            & (
                status.is_in(list(word.statuses))
                if word.statuses
                else (status >= 400) | (status == 0)
            ),
            by=word.by or hop,
            cause=word.cause,
            sure=word.sure,
            because=pl.format("{} ({})", pl.lit(word.because), reason),
            record=(hop, product),
        )
        for word in words
    ]
