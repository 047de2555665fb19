"""The same request in two logs ▶ how far apart their stamps are.

A difference of stamps is an offset in steps of 15 minutes plus a residual (skew). The
right step gathers the pairs of one request in one narrow cluster; wrong pairs scatter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

__all__ = ["STEP", "Change", "Relation", "relations"]

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
#: Requests over which one shift is taken to hold.
_BLOCK = 24


@dataclass(frozen=True, slots=True)
class Change:
    """The step is another one from here on: a clock changed its zone."""

    before: int  # steps, in the order of the left rows
    after: int
    left: tuple[int, int]  # the last place before and the first one after
    right: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Relation:
    """Stamps of `left` minus stamps of `right`, from requests that both logged."""

    left: int
    right: int
    step: int
    count: int
    against: int
    #: Columns left, right (places), residual (seconds), of the pairs at that step.
    rows: pl.DataFrame
    change: Change | None = None
    #: It rests on the rhythm of a frequent request, not on rare ones.
    train: bool = False


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

    `rows`: node (Int64), written (its stamps are UTC already), key, status, place (in
    the order of lines), seconds (Float64, when it ended), length (how long it took),
    starts (its stamps may be of the start).
    """
    found = []
    parts = {int(str(node)): part for (node,), part in rows.group_by("node")}
    for left, right in _chosen_nodes(rows):
        relation = _compared(left, right, parts[left], parts[right])
        if relation is not None:
            found.append(relation)
    return found


def _compared(
    left: int, right: int, one: pl.DataFrame, two: pl.DataFrame
) -> Relation | None:
    counts = one.group_by("key").len("a").join(two.group_by("key").len("b"), on="key")
    if counts.is_empty():
        return None
    size = pl.col("a").cast(pl.Int64) * pl.col("b")
    counts = counts.with_columns(size.alias("size")).sort("size", "key")
    few = (pl.col("size") <= _RARE) & (pl.col("size").cum_sum() <= _PAIRS)
    pairs = _all_pairs(one, two, counts.filter(few))
    clusters = _clusters(pairs)
    change = _change(pairs, clusters)
    best = _densest(pairs, clusters, changed=change is not None)
    train = best is None
    if best is None:
        frequent = counts.filter(pl.col("size") > _RARE)["key"].to_list()
        best = _by_trains(one, two, frequent)
    if best is None:
        return None
    near = best.pairs.filter(pl.col("step") == best.step).sort("left", "right")
    return Relation(
        left, right, best.step, best.count, best.against, near, change, train
    )


def _all_pairs(
    one: pl.DataFrame, two: pl.DataFrame, keys: pl.DataFrame
) -> pl.DataFrame:
    """Every pair of rows of the same key, with its step, residual and weight."""
    columns = ["key", "place", "seconds", "status", "length", "starts"]
    left = one.select(columns).join(keys.select("key", "a", "b"), on="key")
    both = left.join(two.select(columns), on="key", suffix="_r")
    same = (pl.col("status") == pl.col("status_r")).fill_null(value=True)
    gap = _moment("", "_r") - _moment("_r", "")
    step = (gap / STEP).round().cast(pl.Int64) * STEP
    return (
        both.filter(same & (gap.abs() <= _REACH))
        .select(
            "key",
            pl.col("place").alias("left"),
            pl.col("place_r").alias("right"),
            step.alias("step"),
            (gap - step).alias("residual"),
            (1.0 / pl.max_horizontal("a", "b")).alias("weight"),
        )
        .sort("step", "residual", "left", "right", "key")
    )


def _moment(side: str, other: str) -> pl.Expr:
    """Compare starts where both sides know the start, and else the ends."""
    length, theirs = pl.col(f"length{side}"), pl.col(f"length{other}")
    from_start = length.is_not_null() & (
        theirs.is_not_null() | pl.col(f"starts{other}")
    )
    seconds = pl.col(f"seconds{side}")
    return pl.when(from_start).then(seconds - length).otherwise(seconds)


@dataclass(frozen=True, slots=True)
class _Best:
    step: int
    count: int
    against: int
    pairs: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The narrowest heap of pairs at one step."""

    step: int
    weight: float
    keys: int
    low: float  # residuals
    high: float


def _clusters(pairs: pl.DataFrame) -> list[_Cluster]:
    """The densest cluster of every step, the heaviest first."""
    found = []
    for (step,), part in pairs.group_by("step"):
        values = part["residual"].to_numpy()
        totals = np.concatenate([[0.0], part["weight"].to_numpy().cumsum()])
        ends = np.searchsorted(values, values + _WIDTH, side="right")
        sums = totals[ends] - totals[: len(values)]
        start = int(sums.argmax())
        stop = int(ends[start])
        keys = part["key"][start:stop].n_unique()
        low, high = float(values[start]), float(values[stop - 1])
        found.append(_Cluster(int(str(step)), float(sums[start]), keys, low, high))
    return sorted(found, key=lambda c: (-c.weight, -c.keys, abs(c.step), c.step))


def _densest(
    pairs: pl.DataFrame, clusters: list[_Cluster], *, changed: bool
) -> _Best | None:
    """The step whose pairs form the heaviest cluster; None where none stands out."""
    if not clusters or clusters[0].weight < 0.9:
        return None
    top = clusters[0]
    rival = clusters[1].weight if len(clusters) > 1 else 0.0
    doubtful = top.weight < 1.5 * rival or (top.weight < 2.5 and rival > 0.5)
    if doubtful and not changed:
        return None
    return _Best(top.step, max(top.keys, round(top.weight)), round(rival), pairs)


def _change(pairs: pl.DataFrame, clusters: list[_Cluster]) -> Change | None:
    """Where the heaviest step gives way to the second, if one simply follows the other."""
    if len(clusters) < 2 or clusters[1].weight < 4:
        return None
    inside = [
        (pl.col("step") == c.step) & pl.col("residual").is_between(c.low, c.high)
        for c in clusters[:2]
    ]
    rows = pairs.filter(inside[0] | inside[1]).sort("left", "right")
    first = (rows["step"] == clusters[0].step).to_numpy().astype(np.int64)
    # The place at which to cut so that the fewest pairs stand on the wrong side.
    seen = np.concatenate([[0], first.cumsum()])
    rest = np.concatenate([[0], (1 - first).cumsum()])
    wrong = rest + (seen[-1] - seen)  # the heaviest step stands before the cut
    swapped = seen + (rest[-1] - rest)
    forward = wrong.min() <= swapped.min()
    errors = wrong if forward else swapped
    cut = int(errors.argmin())
    if errors[cut] > 0.05 * len(first) or min(cut, len(first) - cut) < 4:
        return None
    order = (
        (clusters[0].step, clusters[1].step)
        if forward
        else (clusters[1].step, clusters[0].step)
    )
    good = rows.with_row_index("i").with_columns(pl.col("i") < cut)
    good = good.filter(
        pl.col("step") == pl.when("i").then(order[0]).otherwise(order[1])
    )
    before, after = good.filter("i"), good.filter(~pl.col("i"))
    sides = [
        (int(str(before[side].max())), int(str(after[side].min())))
        for side in ("left", "right")
    ]
    return Change(*order, sides[0], sides[1])


def _by_trains(one: pl.DataFrame, two: pl.DataFrame, keys: list[int]) -> _Best | None:
    """Frequent requests (a health check): the step at which the two trains fit.

    At the right step far more requests of the smaller log have a twin than at any
    other, where they have one by chance. A strictly regular train fits everywhere and
    says nothing.
    """
    for key in keys[:8]:
        left, right = one.filter(pl.col("key") == key), two.filter(pl.col("key") == key)
        fits = sorted(_fits(left, right), key=lambda f: (-f[0], -f[1], abs(f[2])))
        if not fits:
            continue
        share, hits, step, shift = fits[0]
        chance = fits[1][0] if len(fits) > 1 else 0.0
        expected = chance * hits / share if share else 0.0
        clear = hits - expected > 5 * (expected + 1) ** 0.5
        if hits >= 8 and share >= 0.35 and share - chance >= 0.15 and clear:
            return _Best(step, hits, 0, _twins(left, right, step, shift))
    return None


def _fits(
    left: pl.DataFrame, right: pl.DataFrame
) -> Iterator[tuple[float, int, int, float]]:
    """(share of twins, twins, step, shift) of every step at which the logs overlap."""
    swap = left.height > right.height
    small, large = (right, left) if swap else (left, right)
    inner = np.sort(small["seconds"].to_numpy())[-_TRAIN:]
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
    """Each row of `left` with the row of `right` next to it at that step.

    The shift is sought anew in each block of requests, because a clock may leap.
    """
    outer = np.sort(right["seconds"].to_numpy())
    ordered = left.sort("seconds", "place").with_columns(pl.col("seconds") - step)
    blocks = []
    for start in range(0, ordered.height, _BLOCK):
        block = ordered.slice(start, _BLOCK)
        moved = block["seconds"].to_numpy()
        _, hits, own = _best_shift(moved, outer)
        usual = _hits(moved - shift, outer)
        chosen = shift if usual >= 0.7 * hits else own
        blocks.append(block.with_columns(pl.lit(chosen).alias("shift")))
    moved_rows = pl.concat(blocks).select(
        "key",
        pl.col("place").alias("left"),
        (pl.col("seconds") - pl.col("shift")).alias("at"),
        "shift",
    )
    other = right.select(pl.col("place").alias("right"), pl.col("seconds").alias("at"))
    other = other.sort("at", "right").with_columns(pl.col("at").alias("other"))
    both = moved_rows.sort("at", "left").join_asof(
        other, on="at", strategy="nearest", tolerance=_WIDTH / 2
    )
    return both.drop_nulls("other").select(
        "key",
        "left",
        "right",
        pl.lit(step, pl.Int64).alias("step"),
        (pl.col("at") + pl.col("shift") - pl.col("other")).alias("residual"),
        pl.lit(1.0).alias("weight"),
    )


def _hits(moved: np.ndarray, outer: np.ndarray) -> int:
    """How many of the moments have a twin."""
    first = np.searchsorted(outer, moved - _WIDTH / 2)
    last = np.searchsorted(outer, moved + _WIDTH / 2)
    return int((last > first).sum())
