"""Two lists of moments ▶ one-to-one pairs of them.

Existence within a tolerance is not a match: a moment that one partner has taken is
gone for the next. Nearest neighbours that choose each other are paired first, then
the rest again, until no pair is left. In a list sorted by key and time such mutual
neighbours stand next to each other, so each round is one pass over the arrays.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["pair", "perhaps", "spread"]

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_FAR = np.iinfo(np.int64).max
#: Each round pairs every local minimum of distance. Real logs need about ten rounds;
#: only distances that shrink one by one, for ever, need more.
_ROUNDS = 200
#: By so many of their first bits keys are compared before they are sorted.
_BITS = 20


def spread(keys: Keys, times: Ints, coarse: Flags) -> Ints:
    """The times, with whole-second ones spread over their second in file order.

    A stamp without a fraction says "some time in this second": several equal
    requests in one second then keep their order instead of tying.
    """
    if not coarse.any():
        return times
    order = np.lexsort((times, keys))
    key, time = keys[order], times[order]
    starts = np.ones(times.size, dtype=np.bool_)
    starts[1:] = (key[1:] != key[:-1]) | (time[1:] != time[:-1])
    group = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    size = np.diff(np.append(first, times.size))
    rank = np.arange(times.size) - first[group]
    shift = ((2 * rank + 1) * 1_000_000) // (2 * size[group])
    moved = np.empty_like(times)
    moved[order] = time + shift
    return np.where(coarse, moved, times)


def perhaps(keys: Keys, others: Keys) -> Ints:
    """Positions of the keys that may be among the others: they begin alike.

    Most have no partner there, and need not be sorted.
    """
    rest = np.uint64(64 - _BITS)
    known = np.zeros(1 << _BITS, np.bool_)
    known[others >> rest] = True
    return np.flatnonzero(known[keys >> rest])


def _minima(cost: Ints) -> Flags:
    """Which distances are smaller than those beside them; in a run, every other."""
    starts = np.ones(cost.size, dtype=np.bool_)
    starts[1:] = cost[1:] != cost[:-1]
    run = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    value = cost[first]
    before = np.append(_FAR, value[:-1])
    after = np.append(value[1:], _FAR)
    lowest = (value < before) & (value < after)
    even = (np.arange(cost.size) - first[run]) % 2 == 0
    chosen: Flags = lowest[run] & even & (cost < _FAR)
    return chosen


def pair(
    outer: tuple[Keys, Ints],
    inner: tuple[Keys, Ints],
    window: tuple[int, int],
) -> tuple[Ints, Ints]:
    """Positions in `outer` and in `inner` that belong together, each at most once.

    Both are (keys, times in µs). Only equal keys pair, and only where the inner
    time lies within `window` (µs, low and high) of the outer one.
    """
    keys = np.concatenate([outer[0], inner[0]])
    times = np.concatenate([outer[1], inner[1]])
    order = np.lexsort((times, keys))
    left: list[Ints] = []
    right: list[Ints] = []
    size = outer[0].size
    for _ in range(_ROUNDS):
        first, second = order[:-1], order[1:]
        forward = first < size
        opposite = forward != (second < size)
        distance = times[second] - times[first]
        delay = np.where(forward, distance, -distance)
        near = opposite & (keys[first] == keys[second])
        near &= (delay >= window[0]) & (delay <= window[1])
        chosen = _minima(np.where(near, distance, _FAR))
        if not chosen.any():
            break
        ahead = forward[chosen]
        left.append(np.where(ahead, first[chosen], second[chosen]))
        right.append(np.where(ahead, second[chosen], first[chosen]) - size)
        gone = np.zeros(order.size, dtype=np.bool_)
        gone[:-1] |= chosen
        gone[1:] |= chosen
        order = order[~gone]
    if not left:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(left), np.concatenate(right)
