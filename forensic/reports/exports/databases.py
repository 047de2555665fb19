"""A case as one database file: every table under its own name."""

import importlib
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import polars as pl

from forensic.case import Case
from forensic.errors import UsageError
from forensic.reports.exports.batches import TABLES, Options, events, table
from forensic.schema import EVENT

__all__ = ["duckdb", "sqlite"]


def sqlite(case: Case, path: Path, options: Options) -> None:
    """Make an SQLite database; lists and structs are JSON, times ISO 8601 in UTC."""
    with closing(sqlite3.connect(path)) as link:
        _create(link, "events", pl.DataFrame(schema=EVENT))
        for frame in events(case, options):
            _insert(link, "events", frame)
        for name in TABLES:
            frame = table(case, name, options)
            _create(link, name, frame)
            _insert(link, name, frame)
        link.execute("CREATE INDEX events_by_time ON events (time)")
        link.commit()


def _create(link: sqlite3.Connection, name: str, frame: pl.DataFrame) -> None:
    columns = ", ".join(f'"{c}" {_affinity(d)}' for c, d in frame.schema.items())
    link.execute(f'CREATE TABLE "{name}" ({columns})')


def _affinity(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "INTEGER"
    return "REAL" if dtype.is_float() else "TEXT"


def _insert(link: sqlite3.Connection, name: str, frame: pl.DataFrame) -> None:
    plain = frame.with_columns(
        pl.col(column).map_elements(_json, return_dtype=pl.String)
        if dtype.is_nested()
        else pl.col(column).dt.to_string("iso:strict")
        if dtype.is_temporal()
        else pl.col(column)
        for column, dtype in frame.schema.items()
    )
    marks = ", ".join("?" * plain.width)
    link.executemany(f'INSERT INTO "{name}" VALUES ({marks})', plain.iter_rows())  # noqa: S608 (our own names)


def _json(value: pl.Series) -> str:
    return orjson.dumps(value.to_list()).decode()


def duckdb(case: Case, path: Path, options: Options) -> None:
    """Make a DuckDB database; types stay as they are."""
    try:
        engine = importlib.import_module("duckdb")
    except ImportError as error:
        message = "DuckDB is not installed: pip install 'forensic[duckdb]'"
        raise UsageError(message) from error
    with engine.connect(str(path)) as link:
        link.register("part", pl.DataFrame(schema=EVENT).to_arrow())
        link.execute("CREATE TABLE events AS SELECT * FROM part")
        for frame in events(case, options):
            link.register("part", _text_enums(frame).to_arrow())
            link.execute("INSERT INTO events SELECT * FROM part")
        for name in TABLES:
            link.register("part", _text_enums(table(case, name, options)).to_arrow())
            link.execute(f'CREATE TABLE "{name}" AS SELECT * FROM part')  # noqa: S608 (our own names)
        link.unregister("part")


def _text_enums(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with enumerations as plain text, which every client reads."""
    enums = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum)]
    return frame.with_columns(pl.col(enums).cast(pl.String))
