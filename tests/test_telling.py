"""Telling events: what is held in memory, and that no rule needs what is left out."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from forensic import telling
from forensic.rule import Example, Rule
from forensic.schema import EVENT
from tests.test_rules import RULES, frames


def _found(rule: Rule, example: Example, **tables: Any) -> list[dict[str, Any]]:
    seen = replace(frames(example), **tables)
    return rule.query(seen).collect(engine="streaming").to_dicts()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_rule_finds_the_same_among_all_events(rule: Rule) -> None:
    for example in [*rule.positives, *rule.negatives]:
        every = frames(example).events
        assert _found(rule, example) == _found(rule, example, told=every)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_rule_finds_the_same_where_nothing_can_be_held(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [_found(rule, example) for example in rule.positives]
    monkeypatch.setattr(telling, "_MOST_ROWS", -1)
    assert [_found(rule, example) for example in rule.positives] == wanted


def test_few_rows_are_held_as_they_are() -> None:
    rows = pl.LazyFrame({"a": range(50_000)})
    held = telling.held(rows.filter(pl.col("a") % 7 == 0))
    assert held is not None
    assert held.collect().get_column("a").sort().to_list() == list(range(0, 50_000, 7))


def test_no_rows_keep_their_columns() -> None:
    held = telling.held(pl.LazyFrame(schema=EVENT))
    assert held is not None
    assert held.collect_schema() == pl.Schema(EVENT)


def test_too_many_rows_stay_where_they_are() -> None:
    assert telling.held(pl.LazyFrame({"a": range(250_001)})) is None


def test_large_rows_stay_where_they_are() -> None:
    texts = pl.LazyFrame({"a": range(2100)}).select(
        text=pl.lit("x" * (1 << 16)) + pl.col("a").cast(pl.String)
    )
    assert telling.held(texts) is None


def test_what_is_held_keeps_no_text_of_other_rows() -> None:
    texts = [f"{number:06} {'x' * 90}" for number in range(200_000)]
    rows = pl.LazyFrame({"offset": range(200_000), "message": texts})
    held = telling.held(rows.filter(pl.col("offset") % 1000 == 0))
    assert held is not None
    found = held.collect()["message"]
    assert sorted(found) == texts[::1000]
    views = found.to_arrow(compat_level=pl.CompatLevel.newest())
    assert sum(buffer.size for buffer in views.buffers() if buffer) < 100_000
