"""The same request in two logs ▶ how far apart their stamps are.

A difference of stamps is an offset in steps of 15 minutes plus a residual (skew). The
right step gathers the pairs of one request in one narrow cluster; wrong pairs scatter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

__all__ = ["STEP", "Relation", "relations"]

STEP = 900
#: Two sightings of one request lie this close once offset and skew are taken off.
_WIDTH = 3.0
#: Keys that would give more wrong pairs than this are left to `_by_trains`.
_RARE = 100
_PAIRS = 200_000
_REACH = 26 * 3600
_NODES = 24
#: Requests of one key that are compared as a train; enough for a fingerprint.
_TRAIN = 1_500


@dataclass(frozen=True, slots=True)
class Relation:
    """Stamps of `left` minus stamps of `right`, from requests that both logged."""

    left: int
    right: int
    step: int
    count: int
    against: int
    #: Columns left_line, right_line, residual (seconds), of the pairs at that step.
    rows: pl.DataFrame


def _chosen_nodes(rows: pl.DataFrame) -> list[tuple[int, int]]:
    """Pairs of nodes that are worth comparing: the largest ones, each with each."""
    sizes = (
        rows.group_by("node", "written")
        .len()
        .sort("len", "node", descending=[True, False])
    )
    known = sizes.filter("written")["node"].to_list()[: _NODES // 2]
    unknown = sizes.filter(~pl.col("written"))["node"].to_list()[:_NODES]
    both = combinations(sorted(known + unknown), 2)
    return list(both)


def relations(rows: pl.DataFrame) -> list[Relation]:
    """Every decided relation between two nodes.

    `rows`: node (Int64), written (its stamps are UTC already), key, status, line,
    seconds (Float64).
    """
    found = []
    parts = {node: part for (node,), part in rows.group_by("node")}
    for left, right in _chosen_nodes(rows):
        relation = _compared(int(left), int(right), parts[left], parts[right])
        if relation is not None:
            found.append(relation)
    return found


def _compared(
    left: int, right: int, one: pl.DataFrame, two: pl.DataFrame
) -> Relation | None:
    counts = one.group_by("key").len("a").join(two.group_by("key").len("b"), on="key")
    if counts.is_empty():
        return None
    counts = counts.with_columns(
        (pl.col("a").cast(pl.Int64) * pl.col("b")).alias("size")
    )
    counts = counts.sort("size", "key")
    rare = counts.filter(
        (pl.col("size") <= _RARE) & (pl.col("size").cum_sum() <= _PAIRS)
    )
    pairs = _all_pairs(one, two, rare)
    best = _densest(pairs)
    if best is None:
        frequent = counts.filter(pl.col("size") > _RARE)
        best = _by_trains(one, two, frequent["key"].to_list())
        if best is None:
            return None
        pairs = best.pairs
    near = pairs.filter(pl.col("step") == best.step).sort("left_line", "right_line")
    return Relation(left, right, best.step, best.count, best.against, near)


def _all_pairs(
    one: pl.DataFrame, two: pl.DataFrame, keys: pl.DataFrame
) -> pl.DataFrame:
    """Every pair of rows of the same key, with its step, residual and weight."""
    weight = 1.0 / pl.max_horizontal("a", "b")
    left = one.select("key", pl.col("line").alias("left_line"), "seconds", "status")
    right = two.select(
        "key",
        pl.col("line").alias("right_line"),
        pl.col("seconds").alias("other"),
        pl.col("status").alias("answer"),
    )
    both = left.join(keys, on="key").join(right, on="key")
    same = (pl.col("status") == pl.col("answer")).fill_null(value=True)
    gap = pl.col("seconds") - pl.col("other")
    step = (gap / STEP).round().cast(pl.Int64) * STEP
    return (
        both.filter(same & (gap.abs() <= _REACH))
        .select(
            "key",
            "left_line",
            "right_line",
            step.alias("step"),
            (gap - step).alias("residual"),
            weight.alias("weight"),
        )
        .sort("step", "residual", "left_line", "right_line", "key")
    )


@dataclass(frozen=True, slots=True)
class _Best:
    step: int
    count: int
    against: int
    pairs: pl.DataFrame


def _densest(pairs: pl.DataFrame) -> _Best | None:
    """The step whose pairs form the heaviest cluster; None where none stands out."""
    scores = []
    for (step,), part in pairs.group_by("step"):
        values = part["residual"].to_numpy()
        totals = np.concatenate([[0.0], part["weight"].to_numpy().cumsum()])
        ends = np.searchsorted(values, values + _WIDTH, side="right")
        sums = totals[ends] - totals[: len(values)]
        start = int(sums.argmax())
        keys = part["key"][start : int(ends[start])].n_unique()
        scores.append((float(sums[start]), keys, int(str(step))))
    if not scores:
        return None
    scores.sort(key=lambda s: (-s[0], -s[1], abs(s[2]), s[2]))
    weight, keys, step = scores[0]
    rival = scores[1][0] if len(scores) > 1 else 0.0
    if weight < 1.5 * rival or (weight < 2.5 and rival > 0.5):
        return None
    if weight < 0.9:
        return None
    return _Best(step, max(keys, round(weight)), round(rival), pairs)


def _by_trains(one: pl.DataFrame, two: pl.DataFrame, keys: list[int]) -> _Best | None:
    """Frequent requests (a health check): the step at which the two trains fit.

    At the right step nearly every request of the smaller log has its twin; at a wrong
    one only by chance. A strictly regular train fits everywhere and says nothing.
    """
    for key in keys[:8]:
        left, right = one.filter(pl.col("key") == key), two.filter(pl.col("key") == key)
        fits = sorted(_fits(left, right), key=lambda f: (-f[0], -f[1], abs(f[2])))
        if not fits:
            continue
        share, hits, step, shift = fits[0]
        rival = fits[1] if len(fits) > 1 else (0.0, 0, 0, 0.0)
        if hits >= 8 and share >= 0.6 and share - rival[0] >= 0.15:
            pairs = _twins(left, right, step, shift)
            missed = round(hits / share) - hits
            return _Best(step, hits, missed, pairs)
    return None


def _fits(
    left: pl.DataFrame, right: pl.DataFrame
) -> Iterator[tuple[float, int, int, float]]:
    """(share of twins, twins, step, shift) of every step at which the logs overlap."""
    swap = left.height > right.height
    small, large = (right, left) if swap else (left, right)
    inner = np.sort(small["seconds"].to_numpy())[:_TRAIN]
    outer = np.sort(large["seconds"].to_numpy())
    for step in range(-_REACH, _REACH + 1, STEP):
        moved = inner - step
        inside = (moved > outer[0] - 120) & (moved < outer[-1] + 120)
        if inside.sum() < 8:
            continue
        share, hits, shift = _best_shift(moved[inside], outer)
        sign = -1 if swap else 1
        yield share, hits, sign * step, sign * shift


def _best_shift(moved: np.ndarray, outer: np.ndarray) -> tuple[float, int, float]:
    """The skew within ±120 s at which most of the train has a twin."""
    gaps = []
    first = np.searchsorted(outer, moved - 120)
    last = np.searchsorted(outer, moved + 120)
    for reach in range(min(int((last - first).max()), 64)):
        valid = first + reach < last
        gaps.append(moved[valid] - outer[first[valid] + reach])
    values = np.sort(np.concatenate(gaps)) if gaps else np.array([])
    if not len(values):
        return 0.0, 0, 0.0
    ends = np.searchsorted(values, values + _WIDTH, side="right")
    sizes = ends - np.arange(len(values))
    start = int(sizes.argmax())
    hits = min(int(sizes[start]), len(moved))
    middle = float(np.median(values[start : int(ends[start])]))
    return hits / len(moved), hits, middle


def _twins(
    left: pl.DataFrame, right: pl.DataFrame, step: int, shift: float
) -> pl.DataFrame:
    """Each row of `left` with the nearest row of `right` at that step and shift."""
    moved = left.select(
        "key",
        pl.col("line").alias("left_line"),
        (pl.col("seconds") - step - shift).alias("at"),
    ).sort("at", "left_line")
    other = right.select(
        pl.col("line").alias("right_line"), pl.col("seconds").alias("at")
    )
    other = other.sort("at", "right_line").with_columns(pl.col("at").alias("other"))
    both = moved.join_asof(other, on="at", strategy="nearest", tolerance=_WIDTH)
    return both.drop_nulls("other").select(
        "key",
        "left_line",
        "right_line",
        pl.lit(step, pl.Int64).alias("step"),
        (pl.col("at") + shift - pl.col("other")).alias("residual"),
        pl.lit(1.0).alias("weight"),
    )
