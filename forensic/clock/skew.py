"""How far each clock is ahead of the reference, and where it steps.

The reference is the outermost log that shares requests with others: clocks of the
provider's load balancer before a server's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from forensic.clock.pairs import Relation
from forensic.clock.trains import Floats, median

__all__ = ["Run", "skews"]

Mask = npt.NDArray[np.bool_]
#: A step is at least this wide, and much wider than the noise around it.
_LEAST = 2.0
_SIDE = 4


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds ahead of the reference, from one place of a node onwards."""

    place: int
    value: float
    width: float  # half of the interval


def skews(
    relations: Sequence[Relation], ranks: Mapping[int, int], coarse: Mapping[int, bool]
) -> dict[int, list[Run]]:
    """Node ▶ its runs of skew, for every node that a chain of requests reaches.

    `ranks`: how fit a node is as the reference (the lowest is); `coarse`: its stamps
    are whole seconds, cut off.
    """
    known: dict[int, list[Run]] = {}
    usable = [r for r in relations if r.count >= 3 and r.rows.height >= 3]
    usable.sort(key=lambda r: (_apart(r), r.left, r.right))
    nodes = sorted({n for r in usable for n in (r.left, r.right)})
    while True:
        reached = _strongest(usable, known)
        if reached is not None:
            relation, node = reached
            known[node] = _runs(relation, node, known, coarse)
            continue
        fresh = [n for n in nodes if n not in known]
        if not fresh:
            return known
        reference = min(fresh, key=lambda n: (ranks[n], n))
        known[reference] = [Run(0, 0.0, 0.0)]


def _apart(relation: Relation) -> float:
    """How far apart the stamps of the two are."""
    return abs(median(relation.rows["residual"].to_numpy()))


def _strongest(
    usable: Sequence[Relation], known: Mapping[int, list[Run]]
) -> tuple[Relation, int] | None:
    """Relation of most requests that leads from a known node to a new one.

    One that compares starts with ends comes after all others. Of as many requests the
    first is taken: where two servers are asked for the same page in turn, each line
    stands nearest to that of its own.
    """
    leading = [
        (r, r.right if r.left in known else r.left)
        for r in usable
        if (r.left in known) != (r.right in known)
    ]
    if not leading:
        return None
    return max(
        leading,
        key=lambda item: (not item[0].blurred, item[0].count),
    )


def _runs(
    relation: Relation,
    node: int,
    known: Mapping[int, list[Run]],
    coarse: Mapping[int, bool],
) -> list[Run]:
    """Find the new node's skew from its pairs with a known one."""
    is_left = relation.left == node
    other = relation.right if is_left else relation.left
    mine, theirs = ("left", "right") if is_left else ("right", "left")
    rows = relation.rows.sort(mine, theirs)
    # Whole seconds were cut off, half a second in the mean.
    bias = 0.5 * coarse[node] - 0.5 * coarse[other]
    values = rows["residual"].to_numpy() * (1 if is_left else -1) + bias
    base = _at(known[other], rows[theirs].to_numpy())
    values = values + base
    places = rows[mine].to_numpy()
    keep = _plausible(values)
    values, places = values[keep], places[keep]
    width = (
        0.5 * coarse[node] + 0.5 * coarse[other] + max(r.width for r in known[other])
    )
    edges = [0, *_cuts(values), len(values)]
    return [
        Run(
            0 if start == 0 else int(places[start]),
            round(median(values[start:stop]), 3),
            round(width + _spread(values[start:stop]), 3),
        )
        for start, stop in pairwise(edges)
    ]


def _at(runs: Sequence[Run], places: Floats) -> Floats:
    """Known node's skew at each of its places."""
    starts = np.array([r.place for r in runs])
    values = np.array([r.value for r in runs])
    at: Floats = values[np.searchsorted(starts, places, side="right") - 1]
    return at


def _spread(values: Floats) -> float:
    """How uncertain the median is: the noise, less the more pairs there are."""
    noise = median(np.abs(values - median(values))) * 1.4826
    return float(2 * noise / max(len(values), 1) ** 0.5)


def _smooth(values: Floats) -> Floats:
    """Take the running median of five: wrong pairs vanish, steps stay."""
    padded = np.pad(values, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5)
    middles: Floats = np.partition(windows, 2, axis=1)[:, 2]
    return middles


def _plausible(values: Floats) -> Mask:
    """Values near the running median, as a mask: the rest are wrong pairs."""
    long = len(values) >= 5
    middle = _smooth(_smooth(values)) if long else np.full(1, median(values))
    near: Mask = np.abs(values - middle) <= 3.0
    return near


def _cuts(values: Floats, offset: int = 0) -> list[int]:
    """Where the level changes abruptly, found again in each part."""
    n = len(values)
    if n < 2 * _SIDE:
        return []
    smooth = _smooth(values)
    counts = np.arange(1, n)
    sums = smooth.cumsum()
    left = sums[:-1] / counts
    right = (sums[-1] - sums[:-1]) / (n - counts)
    gain = counts * (n - counts) * (left - right) ** 2
    gain[: _SIDE - 1] = 0
    gain[n - _SIDE :] = 0
    cut = _refined(values, int(gain.argmax()) + 1)
    before, after = values[max(0, cut - 25) : cut], values[cut : cut + 25]
    if min(len(before), len(after)) < _SIDE:
        return []
    step = abs(median(after) - median(before))
    noise = max(_noise(before), _noise(after))
    whole = abs(median(values[cut:]) - median(values[:cut]))
    if step < max(_LEAST, 5 * noise) or step < 0.6 * whole:
        return []
    first = _cuts(values[:cut], offset)
    return [*first, offset + cut, *_cuts(values[cut:], offset + cut)]


def _noise(values: Floats) -> float:
    return median(np.abs(values - median(values)))


def _refined(values: Floats, cut: int) -> int:
    """Cut moved by a few pairs to where the two levels part best."""
    low, high = max(1, cut - 5), min(len(values) - 1, cut + 5)
    before = median(values[max(0, cut - 25) : cut])
    after = median(values[cut : cut + 25])

    def errors(at: int) -> float:
        wrong = np.abs(values[low - 1 : at] - before).sum()
        return float(wrong + np.abs(values[at : high + 1] - after).sum())

    return min(range(low, high + 1), key=lambda at: (errors(at), at))
