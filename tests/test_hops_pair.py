"""One-to-one pairing: nobody is paired twice, and the nearest find each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensic.hops.pair import pair, perhaps, spread

Moments = list[tuple[int, int]]
MOMENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=40)


def _side(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    keys = np.array([key for key, _ in moments], dtype=np.uint64)
    return keys, np.array([time for _, time in moments], dtype=np.int64)


@given(MOMENTS, MOMENTS, st.integers(-20, 0), st.integers(0, 20))
def test_pairs_are_one_to_one_and_allowed(
    outer: Moments, inner: Moments, low: int, high: int
) -> None:
    left, right = pair(_side(outer), _side(inner), (low, high))
    assert (
        len(set(left.tolist())) == left.size == right.size == len(set(right.tolist()))
    )
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        assert outer[a][0] == inner[b][0]
        assert low <= inner[b][1] - outer[a][1] <= high


@given(MOMENTS, MOMENTS)
def test_nothing_that_could_pair_is_left(outer: Moments, inner: Moments) -> None:
    left, right = pair(_side(outer), _side(inner), (-5, 5))
    rest = [outer[n] for n in range(len(outer)) if n not in set(left.tolist())]
    alone = [inner[n] for n in range(len(inner)) if n not in set(right.tolist())]
    for key, time in rest:
        assert not any(k == key and abs(t - time) <= 5 for k, t in alone)


@given(MOMENTS, MOMENTS)
def test_what_has_no_partner_anywhere_may_be_left_out(
    outer: Moments, inner: Moments
) -> None:
    spaced = [
        [(key << 61 | key << 3, time) for key, time in side] for side in (outer, inner)
    ]
    (keys, times), (others, moments) = map(_side, spaced)
    some, rest = perhaps(keys, others), perhaps(others, keys)
    assert set(np.flatnonzero(np.isin(keys, others))) <= set(some.tolist())
    left, right = pair(
        (keys[some], times[some]), (others[rest], moments[rest]), (-9, 9)
    )
    wanted = pair((keys, times), (others, moments), (-9, 9))
    assert [some[left].tolist(), rest[right].tolist()] == [w.tolist() for w in wanted]


def test_the_nearest_find_each_other() -> None:
    left, right = pair(
        _side([(1, 100), (1, 110)]), _side([(1, 109), (1, 99)]), (-50, 50)
    )
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_whole_seconds_are_spread_in_file_order(count: int) -> None:
    keys = np.zeros(count, dtype=np.uint64)
    times = np.full(count, 5_000_000, dtype=np.int64)
    moved = spread(keys, times, np.ones(count, dtype=np.bool_))
    assert (np.diff(moved) > 0).all()
    assert 5_000_000 <= moved.min() <= moved.max() < 6_000_000
    assert (
        spread(keys, times, np.zeros(count, dtype=np.bool_)).tolist() == times.tolist()
    )
