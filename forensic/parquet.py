"""Tables as Parquet: cheap to write, plain to read, and damage shows.

Every reader sees the dtypes of the schema. How a column is coded follows from its name
and from what it holds; most columns of an event hold nothing or one value.
"""

import base64
from collections.abc import Iterable, Mapping
from io import RawIOBase
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["arrow", "parquet_bytes", "write_frames", "write_table"]

#: Few distinct values: worth a dictionary. The rest is cheaper without.
_FEW_VALUES = [
    "source time_basis format hop hostname level logger process client_ip",
    "client_scope method scheme host http_version upstream user_agent referrer user",
    "action rule rule_group rule_type reason",
]
_DICTIONARY = set(" ".join(_FEW_VALUES).split())
#: They grow from row to row, or lie near each other.
_DELTA = set("line offset length".split())
#: Numbers of which only the low bytes differ.
_SPLIT = set(
    "time local_time start_time envelope_time envelope_local pid "
    "bytes_sent bytes_received".split()
)
#: Long columns of texts: zstd takes half as long again for a fifth of the file.
_QUICK = set("message path query client_ip".split())
#: What readers skip row groups by. Least and greatest texts cost a fifth of writing.
_STATISTICS = set("source line offset time start_time format status duration".split())
#: Rows that the writer takes at once, and rows of a page: few starts for a column.
_BATCH, _PAGE = 1 << 14, 1 << 16
#: Rows of a row group of what comes in parts.
_GROUP = 1 << 16
#: Texts one behind the other, as any program knows them.
_COPIED = pl.CompatLevel.oldest()


def write_table(table: pa.Table, sink: str | BinaryIO) -> None:
    """Write an Arrow table as Parquet: page checksums, a row group a million rows.

    Page checksums make a flipped bit an error instead of another value; measured:
    40 % of corrupted files without them read back silently different.
    """
    data = pa.table({name: _told_once(table[name]) for name in table.column_names})
    codecs = {_leaf(field): _codec(field.name, table) for field in table.schema}
    # A column told once is no dictionary to readers: they get the plain schema.
    with _writer(sink, data.schema, codecs, _plain(table.schema)) as writer:
        writer.write_table(data)


def write_frames(
    frames: Iterable[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    sink: BinaryIO | RawIOBase,
) -> None:
    """Write frames of one schema as one Parquet table, some rows in memory at a time.

    The same rows give the same bytes, whatever parts they come in.
    """
    empty = _copied(pl.DataFrame(schema=schema))
    codecs = {_leaf(field): _codec(field.name) for field in empty.schema}
    with _writer(sink, empty.schema, codecs, empty.schema) as writer:
        held = empty
        for frame in frames:
            held = pa.concat_tables([held, _copied(frame)])
            while len(held) > _GROUP:
                writer.write_table(held.slice(0, _GROUP).combine_chunks())
                held = held.slice(_GROUP)
        writer.write_table(held.combine_chunks())


def _copied(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table of its own: its texts are no slices of a window's."""
    return frame.to_arrow(compat_level=_COPIED)


def _writer(
    sink: str | BinaryIO | RawIOBase,
    schema: pa.Schema,
    codecs: dict[str, str],
    shown: pa.Schema,
) -> pq.ParquetWriter:
    """A writer of tables of the schema, which readers see as that which is shown."""
    writer = pq.ParquetWriter(
        sink,
        schema,
        compression=codecs,
        compression_level={name: 1 for name, c in codecs.items() if c == "zstd"},
        use_dictionary=[field.name for field in schema if _has_dictionary(field)],
        column_encoding=_encodings(schema) or None,
        write_statistics=[name for name in schema.names if name in _STATISTICS],
        write_page_checksum=True,
        write_batch_size=_BATCH,
        max_rows_per_page=_PAGE,
        store_schema=False,
    )
    told = base64.b64encode(shown.serialize().to_pybytes())
    writer.add_key_value_metadata({"ARROW:schema": told})
    return writer


def arrow(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table that `write_table` takes; its texts stay in place."""
    nested = [
        name
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Enum | pl.Categorical | pl.List)
    ]
    # Parquet's writer takes views of texts, but none inside of lists or dictionaries.
    copied = frame.select(nested).to_arrow(compat_level=_COPIED)
    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    for name in nested:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, copied.schema.field(name), copied[name])
    return table


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file in memory."""
    sink = pa.BufferOutputStream()
    write_table(arrow(frame), sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema that readers get: texts are texts, however they lie in memory."""
    fields = [
        field.with_type(pa.large_string())
        if pa.types.is_string_view(field.type)
        else field
        for field in schema
    ]
    return pa.schema(fields, metadata=schema.metadata)


def _told_once(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column of one value as a dictionary: its rows need no look again."""
    if not pa.types.is_string_view(column.type) or column.num_chunks != 1:
        return column
    chunk = column.chunk(0)
    if column.null_count or not len(chunk):
        return column
    # The same length, prefix and place (or text, where it is short): the same text.
    words = np.frombuffer(chunk.buffers()[1], np.uint64).reshape(-1, 2)
    views = words[chunk.offset : chunk.offset + len(chunk)]
    if not (views[-1] == views[0]).all() or not (views == views[0]).all():
        return column
    # Not by pa.array: given Python's or numpy's values, it imports pandas if it can.
    value = pl.Series([chunk[0].as_py()]).to_arrow(compat_level=_COPIED)
    everywhere = pa.py_buffer(bytes(len(chunk)))
    indices = pa.Array.from_buffers(pa.int8(), len(chunk), [None, everywhere])
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, value)])


def _leaf(field: pa.Field) -> str:
    """The name under which Parquet's writer knows a column's values."""
    return f"{field.name}.list.element" if _is_list(field) else str(field.name)


def _is_list(field: pa.Field) -> bool:
    return bool(pa.types.is_large_list(field.type) or pa.types.is_list(field.type))


def _has_dictionary(field: pa.Field) -> bool:
    return bool(pa.types.is_dictionary(field.type)) or field.name in _DICTIONARY


def _codec(name: str, table: pa.Table | None = None) -> str:
    if table is not None and table[name].null_count == len(table):
        return "none"
    return "snappy" if name in _QUICK else "zstd"


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """The encodings of columns of numbers, by name."""
    fixed = [field.name for field in schema if _is_number(field.type)]
    split = {name: "BYTE_STREAM_SPLIT" for name in fixed if name in _SPLIT}
    return split | {n: "DELTA_BINARY_PACKED" for n in fixed if n in _DELTA}


def _is_number(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_integer(dtype) or pa.types.is_timestamp(dtype))
