"""The rhythm of one frequent request (a health check) in two logs ▶ the step between.

At the right step far more requests of the smaller log have a twin in the other than at
any wrong one, where they have some by chance. A strictly regular train fits everywhere;
only its pauses, or both of its ends, tell the step.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.clock.sample import REPEATS

__all__ = ["Fit", "Floats", "fit", "median", "twins"]

Floats = npt.NDArray[np.float64]
#: Two sightings of one request lie this close once offset and skew are taken off.
_WIDTH = 3.0
#: The widest skew that is sought, in seconds: more looks like another step.
_SKEW = 440
#: Requests that are compared; enough for a fingerprint.
_LONGEST = 1_500
#: Requests over which one shift is taken to hold: a clock may leap between blocks.
_BLOCK = 24
_FINALISTS = 8
#: Moments on either side with which one is compared.
_NEAREST = 32
#: A shift is told where any other one fits so much less well: by this share of its
#: twins, and by more than they vary by chance.
_LESS, _BEYOND = 0.25, 3.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How well two trains fit at one step."""

    step: int
    shift: float  # the rest of the difference: skew
    hits: int  # requests with a twin at that shift
    blocks: int  # requests with a twin, the shift sought anew in each block
    covered: int  # requests that lie within the other log at that step


def median(values: Floats) -> float:
    """Middle value (numpy's own median imports half of numpy first)."""
    ordered = np.sort(values)
    n = len(ordered)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def fit(left: Floats, right: Floats, steps: Sequence[int]) -> Fit | None:
    """Step (left minus right) at which the trains fit; None if none stands out."""
    swap = len(left) > len(right)
    small, large = (right, left) if swap else (left, right)
    inner, outer = np.sort(small)[-_LONGEST:], np.sort(large)
    fits = sorted(_fits(inner, outer, steps), key=lambda f: (-_share(f), f.step))
    finals = [_by_blocks(f, inner, outer) for f in fits[:_FINALISTS]]
    found = _clear(finals, lambda f: f.hits) or _clear(finals, lambda f: f.blocks)
    found = found or _by_holes(fits, inner, outer) or _by_ends(fits, small, outer)
    if found is None or not swap:
        return found
    return Fit(-found.step, -found.shift, found.hits, found.blocks, found.covered)


def _share(found: Fit) -> float:
    return found.hits / found.covered


def _fits(inner: Floats, outer: Floats, steps: Sequence[int]) -> Iterator[Fit]:
    for step in steps:
        moved = _covered(inner - step, outer)
        if len(moved) >= 8:
            hits, shift = _best_shift(moved, outer)
            yield Fit(step, shift, hits, 0, len(moved))


def _covered(moved: Floats, outer: Floats) -> Floats:
    inside = (moved > outer[0] - _SKEW) & (moved < outer[-1] + _SKEW)
    covered: Floats = moved[inside]
    return covered


def _by_blocks(found: Fit, inner: Floats, outer: Floats) -> Fit:
    moved = _covered(inner - found.step, outer)
    starts = range(0, len(moved), _BLOCK)
    blocks = sum(_best_shift(moved[i : i + _BLOCK], outer)[0] for i in starts)
    return Fit(found.step, found.shift, found.hits, blocks, found.covered)


def _clear(fits: Sequence[Fit], score: Callable[[Fit], int]) -> Fit | None:
    """Fit that lies beyond chance, if only one does so by far."""
    if not fits:
        return None
    shares = [score(f) / f.covered for f in fits]
    best = max(range(len(fits)), key=lambda i: (shares[i] * fits[i].covered, -i))
    rest = shares[:best] + shares[best + 1 :]
    usual = median(np.array(rest)) if rest else 0.3

    def beyond(found: Fit) -> float:
        noise = (found.covered * usual * (1 - min(usual, 1.0)) + 1) ** 0.5
        return float((score(found) - found.covered * usual) / noise)

    ranked = sorted(fits, key=lambda f: (-beyond(f), abs(f.step), f.step))
    second = max(beyond(ranked[1]), 0.0) if len(ranked) > 1 else 0.0
    enough = score(ranked[0]) >= 0.35 * ranked[0].covered
    clear = beyond(ranked[0]) >= max(5.0, 1.7 * second)
    return ranked[0] if enough and clear else None


def _by_holes(fits: Sequence[Fit], inner: Floats, outer: Floats) -> Fit | None:
    """Fit of regular trains whose pauses fall on each other at one step alone."""
    lonely = sorted(
        (_lonely(f, inner, outer), abs(f.step), f.step, f)
        for f in fits
        if f.covered >= 0.5 * len(inner)
    )
    if len(lonely) < 2:
        return None
    (best, _, _, found), second = lonely[0], lonely[1][0]
    clear = best <= 0.05 * found.covered and second >= max(4 * best, best + 12)
    return found if clear else None


def _lonely(found: Fit, inner: Floats, outer: Floats) -> int:
    """Requests of both logs without a twin, where the logs overlap."""
    moved = _covered(inner - found.step, outer) - found.shift
    first, last = np.searchsorted(outer, [moved[0] - 1, moved[-1] + 1])
    return int(last - first) + len(moved) - 2 * found.hits


def _by_ends(fits: Sequence[Fit], inner: Floats, outer: Floats) -> Fit | None:
    """Fit of regular trains that begin and end together, with as many requests.

    Not where both may have been cut: by midnight, by round minutes, or by the sample.
    """
    few = len(inner) < 0.98 * len(outer) or len(inner) < 20 or len(outer) >= REPEATS
    if few or any(_may_be_cut(train) for train in (np.sort(inner), outer)):
        return None
    edges = (inner.min() - outer[0], inner.max() - outer[-1])
    good = [f for f in fits if all(abs(e - f.step) <= _SKEW for e in edges)]
    return good[0] if len(good) == 1 else None


def _may_be_cut(train: Floats) -> bool:
    """Whether a train ends at its midnight, or at both ends at round minutes."""
    reach = 2 * (train[-1] - train[0]) / len(train) + 1
    start, end = train[0], train[-1]
    midnight = min(start % 86400, -end % 86400) <= reach
    return bool(midnight or max(start % 300, -end % 300) <= reach)


def _best_shift(moved: Floats, outer: Floats) -> tuple[int, float]:
    """How many of the moments have a twin at the best skew, and that skew."""
    values, sizes = _heaps(moved, outer)
    if not len(values):
        return 0, 0.0
    start = int(sizes.argmax())
    size = int(sizes[start])
    middle = median(values[start : start + size])
    return min(size, len(moved)), middle


def _heaps(moved: Floats, outer: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Every skew of two moments, in order, and how many lie within _WIDTH above it.

    Of many moments the nearest ones are looked at.
    """
    first = np.searchsorted(outer, moved - _SKEW)
    last = np.searchsorted(outer, moved + _SKEW)
    near = np.searchsorted(outer, moved)
    before = min(int((near - first).max(initial=0)), _NEAREST)
    after = min(int((last - near).max(initial=0)), _NEAREST)
    gaps = [np.empty(0)]
    for reach in range(-before, after):
        valid = (first <= near + reach) & (near + reach < last)
        gaps.append(moved[valid] - outer[near[valid] + reach])
    values = np.sort(np.concatenate(gaps))
    ends = np.searchsorted(values, values + _WIDTH, side="right")
    return values, ends - np.arange(len(values))


def twins(left: pl.DataFrame, right: pl.DataFrame, found: Fit) -> pl.DataFrame:
    """Each row of `left` with the row of `right` next to it: places and residual.

    None where the requests come so often, or so regularly, that they fit anywhere:
    pages that two logs have without sharing one request look so.
    """
    outer = np.sort(right["seconds"].to_numpy())
    ordered = left.sort("seconds", "place")
    ordered = ordered.with_columns(pl.col("seconds") - found.step)
    told = _told(ordered["seconds"].to_numpy(), outer)
    blocks = [ordered.clear().with_columns(pl.lit(0.0).alias("shift"))]
    for start in range(0, ordered.height, _BLOCK):
        block = ordered.slice(start, _BLOCK)
        moments = block["seconds"].to_numpy()
        if told or _told(moments, outer):
            shift = _block_shift(moments, outer, found.shift)
            blocks.append(block.with_columns(pl.lit(shift).alias("shift")))
    mine = pl.concat(blocks).select(
        pl.col("place").alias("left"),
        (pl.col("seconds") - pl.col("shift")).alias("at"),
        "shift",
    )
    theirs = right.select(pl.col("place").alias("right"), pl.col("seconds").alias("at"))
    theirs = theirs.sort("at", "right").with_columns(pl.col("at").alias("other"))
    both = mine.sort("at", "left").join_asof(
        theirs, on="at", strategy="nearest", tolerance=_WIDTH / 2
    )
    residual = pl.col("at") + pl.col("shift") - pl.col("other")
    return both.drop_nulls("other").select("left", "right", residual.alias("residual"))


def _told(moved: Floats, outer: Floats) -> bool:
    """Whether one shift fits far better than every other."""
    values, sizes = _heaps(moved, outer)
    if not len(values):
        return False
    best = int(sizes.argmax())
    others = sizes[np.abs(values - values[best]) > _WIDTH]
    size = float(sizes[best])
    least = max(_LESS * size, _BEYOND * size**0.5)
    return bool(size - others.max(initial=0) >= least)


def _block_shift(moved: Floats, outer: Floats, usual: float) -> float:
    """Shift of a block: the usual one, unless another fits much better."""
    first = np.searchsorted(outer, moved - usual - _WIDTH / 2)
    last = np.searchsorted(outer, moved - usual + _WIDTH / 2)
    hits, own = _best_shift(moved, outer)
    return usual if int((last > first).sum()) >= 0.7 * hits else own
