"""Rows that were picked of many keep no text of the others."""

import polars as pl
import pytest

from forensic.clock import sample
from forensic.clock.marks import MARKS
from forensic.slim import slim


def _held(rows: pl.DataFrame) -> int:
    """The bytes that its texts keep in memory, its own and others'."""
    found: dict[int, int] = {}
    for column in rows.to_arrow(compat_level=pl.CompatLevel.newest()).columns:
        for chunk in column.chunks:
            found |= {b.address: b.size for b in chunk.buffers() if b is not None}
    return sum(found.values())


def test_picked_rows_have_their_own_texts_only() -> None:
    texts = pl.Series([f"{number:06} {'x' * 90}" for number in range(50_000)])
    rows = pl.DataFrame(
        {"n": range(50_000), "text": texts, "words": texts.str.split(" ")}
    )
    few = rows.filter(pl.col("n") % 1000 == 0)
    found = slim(few)
    assert found.equals(few)
    assert _held(found) < 30_000 < _held(few)


def test_rows_without_texts_are_the_same() -> None:
    rows = pl.DataFrame({"n": [1, 2]})
    assert slim(rows).equals(rows)


def test_a_sample_keeps_no_text_of_rows_that_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sample, "SAMPLE", 50)
    monkeypatch.setattr(sample, "_HELD", 500)
    found = sample.Sample()
    for part in range(40):
        source = [f"{'x' * 100}/access.log.{n}" for n in range(1000)]
        ranks = pl.Series(range(1000), dtype=pl.UInt64) * 7919 % 1009
        row = dict.fromkeys(MARKS, None) | {"part": part, "local": 1, "wanted": True}
        rows = pl.select(
            *(pl.lit(value, MARKS.get(name)).alias(name) for name, value in row.items())
        )
        rows = rows.join(pl.DataFrame({"source": source, "rank": ranks}), how="cross")
        rows = rows.drop("source", "rank").rename(
            {"source_right": "source", "rank_right": "rank"}
        )
        found.add(rows.select(*MARKS, pl.col("part").cast(pl.Int32)))
    kept = pl.concat(found._parts)  # noqa: SLF001 (what it holds meanwhile)
    assert 0 < kept.height < 1000
    assert _held(kept) < 1000 * kept.height
