"""A sample of what `python -m tests.sweep` does at length."""

import random

import pytest

from tests.sweep import TRIALS, Ground, sweep


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("sweep"), random.Random(7))


@pytest.mark.parametrize("name", TRIALS)
def test_what_is_hurt_is_told_or_made_good(name: str, ground: Ground) -> None:
    tally = sweep(ground, name, 1)
    if tally.skipped:
        pytest.skip(tally.skipped)
    assert tally.tried
    assert not tally.broken
