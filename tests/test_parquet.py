"""Whatever a column holds and however it is coded, every reader sees the same."""

import io
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forensic.parquet import arrow, parquet_bytes, write_frames, write_table
from forensic.schema import EVENT

_LONG = "a text that is too long to stand in a view itself"


def _value(name: str, dtype: pl.DataType, row: int) -> object:
    """A value for that row: many different ones in each column."""
    if isinstance(dtype, pl.Enum):
        return dtype.categories[row % len(dtype.categories)]
    if isinstance(dtype, pl.List):
        return [] if row % 3 else [name, f"label {row}", ""]
    if isinstance(dtype, pl.String):
        return f"{_LONG} {row}" if row % 2 else f"{row % 7}"
    if isinstance(dtype, pl.Datetime):
        return 1_738_819_927_000_001 + row * 999
    return row * 31 % 97


def _frame(rows: int, nulls: int) -> pl.DataFrame:
    """Events of which every `nulls`th value is null (0: none, 1: all)."""
    columns = [
        pl.Series(
            name,
            [
                None
                if nulls and not (row + place) % nulls
                else _value(name, dtype, row)
                for row in range(rows)
            ],
            dtype=pl.Int64() if isinstance(dtype, pl.Datetime) else dtype,
            strict=False,
        ).cast(dtype)
        for place, (name, dtype) in enumerate(EVENT.items())
    ]
    return pl.DataFrame(columns)


def _told_once(rows: int) -> pl.DataFrame:
    """Events whose every column says one thing."""
    return _frame(2, 0)[[1] * rows].with_columns(
        pl.lit(_LONG).alias(name) for name in ("source", "message")
    )


_FRAMES = {
    "no rows": _frame(0, 0),
    "one row": _frame(1, 0),
    "no nulls": _frame(500, 0),
    "some nulls": _frame(500, 3),
    "all null": _frame(500, 1),
    "told once": _told_once(500),
    "sliced": _told_once(500)[100:300],
    "chunks": pl.concat([_told_once(40), _frame(40, 2)], rechunk=False),
    "more than a page": _told_once(70_000),
}


@pytest.mark.parametrize("name", _FRAMES)
def test_every_reader_sees_the_frame(name: str, tmp_path: Path) -> None:
    frame, path = _FRAMES[name], tmp_path / "table.parquet"
    path.write_bytes(parquet_bytes(frame))

    back = pl.read_parquet(path)
    assert back.schema == frame.schema
    assert back.equals(frame)

    # What is written as if no column were coded in a way of its own:
    simple = tmp_path / "simple.parquet"
    pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), simple)
    table = pq.read_table(path, page_checksum_verification=True)
    assert table.schema == pq.read_table(simple).schema
    assert pl.DataFrame(pl.from_arrow(table)).equals(frame)

    assert _described(path) == _described(simple)
    query = f"select count(*) from (from '{path}' except all from '{simple}')"  # noqa: S608 (own names)
    assert duckdb.sql(query).fetchall() == [(0,)]  # type: ignore[union-attr]


def _described(path: Path) -> list[tuple[object, ...]]:
    """Columns and their types, and the rows, as DuckDB sees them."""
    connection = duckdb.connect()
    count = connection.execute("select count(*) from read_parquet(?)", [str(path)])
    found: list[tuple[object, ...]] = count.fetchall()
    described = connection.execute(f"describe from '{path}'")
    return [*found, *described.fetchall()]


def test_texts_of_one_value_are_one_dictionary_and_no_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "table.parquet")
    write_table(arrow(_told_once(70_000)), path)
    group = pq.read_metadata(path).row_group(0)
    columns = {
        group.column(i).path_in_schema: group.column(i) for i in range(len(EVENT))
    }
    assert columns["message"].total_uncompressed_size < 500
    assert columns["source"].statistics.min == _LONG


def test_texts_of_equal_length_and_beginning_are_told_apart(tmp_path: Path) -> None:
    words = ["same beginning, end one", "same beginning, end two"] * 50
    frame = pl.DataFrame({"message": [words[0], *words, words[0]], "path": "x"})
    path = tmp_path / "table.parquet"
    path.write_bytes(parquet_bytes(frame))
    assert pl.read_parquet(path).equals(frame)


def test_a_flipped_bit_in_any_page_is_an_error() -> None:
    whole = parquet_bytes(_frame(500, 3))
    meta = pq.read_metadata(pa.BufferReader(whole)).row_group(0)
    for index in range(meta.num_columns):
        column = meta.column(index)
        if column.total_compressed_size < 100:
            continue  # a page's head is most of it
        broken = bytearray(whole)
        start = column.dictionary_page_offset or column.data_page_offset
        broken[start + column.total_compressed_size - 1] ^= 1
        with pytest.raises(OSError, match=r"CRC|checksum"):
            pq.read_table(pa.BufferReader(broken), page_checksum_verification=True)


@pytest.mark.parametrize("size", [7, 1000, 70_000, 200_000])
def test_rows_that_come_in_parts_are_one_table(size: int) -> None:
    frame = pl.concat([_frame(70_000, 3), _told_once(70_000)])
    sink = io.BytesIO()
    parts = frame.iter_slices(size) if size > 100 else [frame.head(0), frame]
    write_frames(parts, frame.schema, sink)
    meta = pq.read_metadata(pa.BufferReader(sink.getvalue()))
    assert [meta.row_group(n).num_rows for n in range(3)] == [65536, 65536, 8928]
    table = pq.read_table(
        pa.BufferReader(sink.getvalue()), page_checksum_verification=True
    )
    assert pl.DataFrame(pl.from_arrow(table)).equals(frame)
    whole = io.BytesIO()
    write_frames([frame], frame.schema, whole)
    assert sink.getvalue() == whole.getvalue()


def test_a_table_without_rows_has_its_columns() -> None:
    sink = io.BytesIO()
    write_frames([], EVENT, sink)
    assert pl.read_parquet(sink.getvalue()).schema == pl.Schema(EVENT)
