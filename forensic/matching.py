"""Whether texts match an expression: many are asked at once, few one by one.

polars compiles an expression anew for every look, which costs as much as thousands of
looks with one that is compiled already; it never takes longer than a text is long.
"""

import functools
import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["all_match", "any_matches", "matcher", "matches"]

#: Texts that are looked at one by one, and how many steps that may take: an
#: expression may begin anew at each character, and crafted texts make it do so.
_FEW = 2000
_STEPS = 1 << 31


def matches(texts: pl.Series, pattern: str) -> pl.Series:
    """Whether each text (String, never null) matches a pattern that begins with `^`."""
    return pl.Series(matcher(texts)(pattern))


def matcher(texts: pl.Series) -> Callable[[str], npt.NDArray[np.bool_]]:
    """`matches` for texts of which many patterns are asked."""
    few = _if_few(texts)
    if few is None:
        return lambda pattern: texts.str.contains(pattern).to_numpy()

    def look(pattern: str) -> npt.NDArray[np.bool_]:
        match = _compiled(pattern).match
        return np.array([match(text) is not None for text in few], np.bool_)

    return look


def any_matches(texts: pl.Series, pattern: str) -> bool:
    """Whether any text matches a pattern that begins with `^`; nulls do not.

    True also where there are too many texts to find that out first.
    """
    few = _if_few(texts.drop_nulls())
    if few is None:
        return True
    match = _compiled(pattern).match
    return any(match(text) for text in few)


def all_match(texts: Sequence[str], pattern: str) -> bool:
    """Whether each of some texts matches a pattern that begins with `^`."""
    if not _are_few(texts):
        return bool(pl.Series(texts, dtype=pl.String).str.contains(pattern).all())
    match = _compiled(pattern).match
    return all(match(text) for text in texts)


def _if_few(texts: pl.Series) -> list[str] | None:
    """The texts, if they are few and short enough for a look at each."""
    if len(texts) > _FEW:
        return None
    every: list[str] = texts.to_list()
    return every if _are_few(every) else None


def _are_few(texts: Sequence[str]) -> bool:
    longest = max(map(len, texts), default=0)
    return len(texts) <= _FEW and len(texts) * longest**2 <= _STEPS


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
