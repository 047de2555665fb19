"""The same request in two logs ▶ how far apart their stamps are.

A difference of stamps is an offset in steps of 15 minutes plus a residual (skew). The
right step gathers the pairs of one request in one narrow cluster; wrong pairs scatter.
"""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.clock.trains import fit, twins

__all__ = ["MOST_SKEW", "STEP", "Change", "Relation", "relations"]

Floats = npt.NDArray[np.float64]

STEP = 900
#: What is further off (seconds) is an offset that is not the clock's, rather.
MOST_SKEW = STEP / 2
#: Two sightings of one request lie this close once offset and skew are taken off.
_WIDTH = 3.0
#: Requests over which one residual is taken to hold, and the share of the best one's
#: twins with which the usual residual holds there too.
_BLOCK, _AS_USUAL = 24, 0.6
#: Keys that would give more wrong pairs than this are left to their rhythm.
_RARE = 100
_PAIRS = 200_000
_REACH = 26 * 3600
_NODES = 24
#: Rare requests that need no rhythm beside them.
_ENOUGH = 5
#: Frequent requests that are tried as trains.
_TRAINS = 4


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
    #: One side stamps starts and the other ends, and neither says how long it took.
    blurred: bool = False


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
        one, two = parts[left], parts[right]
        relation = _compared(left, right, one, two)
        if relation is not None:
            found.append(replace(relation, blurred=_blurred(one, two)))
    return found


def _blurred(one: pl.DataFrame, two: pl.DataFrame) -> bool:
    """Whether starts are compared with ends: slow requests look like a skew then."""
    untimed = one["length"].is_null().all() and two["length"].is_null().all()
    return bool(untimed and one["starts"].all() != two["starts"].all())


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
    fixed = one["written"][0] and two["written"][0]
    change = None if fixed else _change(pairs, clusters)
    best = _densest(clusters, changed=change is not None)
    by_pairs = None
    if best is not None:
        near = _sighted_twice(pairs.filter(pl.col("step") == best.step), best)
        rival = clusters[1] if len(clusters) > 1 else None
        against = rival.pairs if rival and rival.weight > 0.5 else 0
        by_pairs = Relation(left, right, best.step, best.pairs, against, near, change)
        if best.pairs >= _ENOUGH or change is not None:
            return by_pairs
    frequent = counts.filter(pl.col("size") > _RARE)["key"].to_list()
    return _both(by_pairs, _by_trains(left, right, one, two, frequent))


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
class _Cluster:
    """The narrowest heap of pairs at one step."""

    step: int
    weight: float
    pairs: int  # rows of either log that have a twin in it
    low: float  # residuals
    high: float


def _clusters(pairs: pl.DataFrame) -> list[_Cluster]:
    """Densest cluster of every step, the heaviest first."""
    found = []
    for (step,), part in pairs.group_by("step"):
        values = part["residual"].to_numpy()
        totals = np.concatenate([[0.0], part["weight"].to_numpy().cumsum()])
        ends = np.searchsorted(values, values + _WIDTH, side="right")
        sums = totals[ends] - totals[: len(values)]
        # Of as heavy ones the nearest: each try of an upstream leaves an error line,
        # and only the last stands where the answer does.
        off = np.where(sums >= sums.max() - 1e-9, np.abs(values), np.inf)
        start = int(off.argmin())
        stop = int(ends[start])
        heap = part[start:stop]
        twins_in = min(heap["left"].n_unique(), heap["right"].n_unique())
        low, high = float(values[start]), float(values[stop - 1])
        found.append(_Cluster(int(str(step)), float(sums[start]), twins_in, low, high))
    return sorted(found, key=lambda c: (-c.weight, -c.pairs, abs(c.step), c.step))


def _sighted_twice(pairs: pl.DataFrame, usual: _Cluster) -> pl.DataFrame:
    """The pairs of a step that can be two sightings of one request.

    They lie close together wherever one looks: by the usual residual, or, where a clock
    leapt or drifted, by another that fits far better there. The rest are requests that
    only look alike: the same page asked for again.
    """
    centre = (usual.low + usual.high) / 2
    residuals, weights = pairs["residual"].to_numpy(), pairs["weight"].to_numpy()
    block = ((pairs["left"].rank("dense") - 1) // _BLOCK).to_numpy()
    order = np.argsort(block, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    lows = [_window(residuals[rows], weights[rows], centre) for rows in blocks]
    near = np.zeros(pairs.height, np.bool_)
    for number, rows in enumerate(blocks):
        # Where a clock leaps, a block holds what fits its neighbour too.
        for low in lows[max(number - 1, 0) : number + 2]:
            near[rows] |= (residuals[rows] >= low) & (residuals[rows] <= low + _WIDTH)
    return pairs.filter(pl.Series(near)).sort("left", "right")


def _window(values: Floats, weights: Floats, usual: float) -> float:
    """The residual above which, within _WIDTH, the pairs of a block lie.

    `values` are their residuals, in order, and `weights` what each counts.
    """
    totals = np.concatenate([[0.0], weights.cumsum()])
    sums = totals[np.searchsorted(values, values + _WIDTH, side="right")] - totals[:-1]
    near = np.abs(values + _WIDTH / 2 - usual) <= _WIDTH
    best = int(sums.argmax())
    if near.any() and sums[near].max() >= _AS_USUAL * sums[best]:
        best = int(np.where(near, sums, -1).argmax())
    return float(values[best])


def _densest(clusters: list[_Cluster], *, changed: bool) -> _Cluster | None:
    """Heaviest cluster; None where none stands out."""
    if not clusters or clusters[0].weight < 0.9:
        return None
    top = clusters[0]
    rival = clusters[1].weight if len(clusters) > 1 else 0.0
    doubtful = top.weight < 1.5 * rival or (top.weight < 2.5 and rival > 0.5)
    return None if doubtful and not changed else top


def _change(pairs: pl.DataFrame, clusters: list[_Cluster]) -> Change | None:
    """Find where the heaviest step gives way to the second for good."""
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
    smaller = min(cut, len(first) - cut)
    if errors[cut] > min(0.05 * len(first), 0.25 * smaller) or smaller < 4:
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


def _both(rare: Relation | None, train: Relation | None) -> Relation | None:
    """The rhythm of frequent requests with the few rare ones, which agree or not."""
    if rare is None or train is None:
        return rare or train
    if rare.step != train.step:
        return replace(train, against=rare.count)
    return replace(train, count=train.count + rare.count)


def _by_trains(
    left: int, right: int, one: pl.DataFrame, two: pl.DataFrame, keys: list[int]
) -> Relation | None:
    """Relation that the first frequent request with a clear rhythm gives."""
    for key in keys[:_TRAINS]:
        mine, theirs = (
            one.filter(pl.col("key") == key),
            two.filter(pl.col("key") == key),
        )
        seconds = (mine["seconds"].to_numpy(), theirs["seconds"].to_numpy())
        found = fit(*seconds, range(-_REACH, _REACH + 1, STEP))
        if found is not None:
            rows = twins(mine, theirs, found)
            count = max(found.hits, found.blocks)
            return Relation(left, right, found.step, count, 0, rows, train=True)
    return None
