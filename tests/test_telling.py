"""Telling events: what is held in memory, and that no rule needs what is left out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forensic import telling
from forensic.parquet import write_frames
from forensic.pipeline import Request, analyze
from forensic.rule import Example, Rule
from forensic.schema import EVENT
from tests.test_rules import RULES, frames

T = datetime(2025, 2, 6, 5, 32, tzinfo=UTC)


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


def test_many_rows_are_kept_in_a_file(tmp_path: Path) -> None:
    rows = pl.LazyFrame({"a": range(300_000)})
    file = tmp_path / "spill" / "telling.parquet"
    few = telling.kept(rows.head(9), file)
    assert few.collect().height == 9
    assert not file.parent.exists()
    many = telling.kept(rows, file)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert many.collect()["a"].sort().to_list() == list(range(300_000))
    assert many.collect_schema() == rows.collect_schema()


def test_findings_are_the_same_where_telling_events_are_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(__file__).parent.parent / "fixtures/cases/waf_403_admin/archive"
    found, files = [], []

    def written(frames: Any, schema: Any, sink: Any) -> None:
        files.append(sink.name)
        write_frames(frames, schema, sink)

    monkeypatch.setattr("forensic.telling.write_frames", written)
    for most in (1000, 0):
        monkeypatch.setattr(telling, "_MOST_ROWS", most)
        request = Request(archives=(archive,), case=tmp_path / str(most), jobs=0)
        case = analyze(request, lambda _what, _bytes: None)
        found.append(case.path("findings.json").read_bytes())
        assert len(files) == (most == 0)
        assert not case.path(".spill").exists()
    assert found[0] == found[1]


def test_a_record_of_the_waf_that_was_delivered_twice_counts_once() -> None:
    """The ids tell it; another rule, another moment, or no id is another record."""
    common = {"hop": "waf", "action": "BLOCK", "rule": "r", "time": T}
    common |= {"request_id": "1-67a44957-0123456789abcdef01234567", "path": "/a"}
    rows = [
        common,
        common | {"source": "b"},
        common | {"rule": "other"},
        common | {"time": T + timedelta(seconds=1)},
        common | {"request_id": None},
        common | {"request_id": None, "source": "b"},
        common | {"hop": "web_server", "status": 403},
        common | {"hop": "web_server", "status": 403, "source": "b"},
    ]
    made = [{"source": "a", "offset": n} | row for n, row in enumerate(rows)]
    events = pl.from_dicts(made, schema=EVENT).lazy()
    found = telling.once(telling.telling(events)).collect().sort("offset")
    assert found["offset"].to_list() == [0, 2, 3, 4, 5, 6, 7]
    assert "_delivery" not in found.columns
