"""The simulator's archives, read from their text: right, and never wrongly certain."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_SIMULATE = Path(__file__).resolve().parent.parent / "fixtures" / "simulate.py"


def _simulate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulate", _SIMULATE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulate"] = module
    spec.loader.exec_module(module)
    return module


def _right(pairs: list[Any], name: str) -> float:
    hits = [bool(row and row[name] == truth[name]) for truth, row in pairs]
    return float(sum(hits) / len(hits))


@pytest.mark.parametrize(
    ("seed", "variant", "by", "cause"),
    [
        (41, "all", 0.99, 0.97),
        (43, "no_balancer", 0.97, 0.95),
        (40, "no_syslog", 0.95, 0.85),
        (20, "nginx_only", 0.9, 0.75),
    ],
)
def test_answers(
    seed: int, variant: str, by: float, cause: float, tmp_path: Path
) -> None:
    simulate = _simulate()
    lead = simulate.VARIANTS[variant][1]
    world = simulate.build(seed, 2500, lead)
    pairs, _ = simulate.measured(world, variant, tmp_path)
    assert len(pairs) > 100
    assert _right(pairs, "answered_by") >= by
    assert _right(pairs, "cause") >= cause
    for truth, row in pairs:
        if row and row["confidence"] == "certain":
            found = (row["answered_by"], row["cause"])
            assert found == (truth["answered_by"], truth["cause"]), truth["scenario"]
            if truth["rule"]:
                assert row["rule"] == truth["rule"]


def test_a_seed_gives_the_same_archive_again(tmp_path: Path) -> None:
    simulate = _simulate()
    for name in ("one", "two"):
        arguments = ["write", str(tmp_path / name), "--seed", "3", "--requests", "300"]
        assert simulate.main(arguments) == 0
    files = sorted(p for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) > 5
    for path in files:
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert other.read_bytes() == path.read_bytes()
