"""SQL over the tables of a case, in polars or, with the extra, in DuckDB, locked."""

import importlib
import re
from typing import Any

import polars as pl

from forensic.case import Case
from forensic.errors import UsageError

__all__ = ["ENGINES", "TABLES", "run"]

ENGINES = ("polars", "duckdb")
TABLES = ("events", "requests", "sources", "clocks", "gaps", "unparsed", "findings")
#: They would read files that are no part of the case.
_READERS = re.compile(
    r"(?i)\bread_(?:csv|parquet|ipc|json|ndjson|avro|text|blob)\w*\s*\("
)
#: polars takes them without a word, and does nothing that lasts.
_CHANGES = re.compile(r"(?i)\s*(?:create|delete|drop|insert|truncate|update)\b")


def run(case: Case, query: str, engine: str) -> pl.DataFrame:
    """The result of one SELECT; in a total order where the query gives none."""
    if engine not in ENGINES:
        message = f"the engines are {' and '.join(ENGINES)}, not {engine!r}"
        raise UsageError(message)
    if _READERS.search(query):
        message = f"a query reads the tables of the case only: {', '.join(TABLES)}"
        raise UsageError(message)
    if _CHANGES.match(query):
        message = "the query is no SELECT"
        raise UsageError(message)
    frame = _polars(case, query) if engine == "polars" else _duckdb(case, query)
    if re.search(r"(?i)\border\s+by\b", query):
        return frame
    plain = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
    return frame.sort(plain, nulls_last=True) if plain else frame


def findings_table(case: Case) -> pl.DataFrame:
    """The findings as a table, without their evidence."""
    found = case.read_json("findings.json").get("findings") or []
    texts = ["id", "title", "level", "summary", "first_seen", "last_seen", "hop"]
    schema: dict[str, Any] = dict.fromkeys(texts, pl.String())
    schema |= {"confidence": pl.String(), "count": pl.Int64()}
    return pl.DataFrame([{n: f.get(n) for n in schema} for f in found], schema=schema)


def _polars(case: Case, query: str) -> pl.DataFrame:
    frames = {name: case.table(name) for name in TABLES[1:-1]}
    frames |= {"events": case.events(), "findings": findings_table(case).lazy()}
    try:
        with pl.SQLContext(frames=frames) as context:
            return context.execute(query).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        sentence = str(error).partition("\n")[0]
        message = f"the query cannot run: {sentence}"
        raise UsageError(message) from error


def _duckdb(case: Case, query: str) -> pl.DataFrame:
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError as error:
        message = "DuckDB is not installed: pip install 'forensic[duckdb]'"
        raise UsageError(message) from error
    files = sorted(case.folder.glob("*.parquet"))
    files += sorted(case.path("events").glob("*.parquet"))
    with duckdb.connect(":memory:") as link:
        link.register("findings", findings_table(case).to_arrow())
        quoted = [_quoted(str(path.resolve())) for path in files]
        for setting in (
            f"allowed_paths = [{', '.join(quoted)}]",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "TimeZone = 'UTC'",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            link.execute(f"SET {setting}")
        for name in TABLES[:-1]:
            _view(link, case, name)
        try:
            result = link.sql(query)
            table = result.to_arrow_table() if result is not None else None
        except duckdb.Error as error:
            message = f"the query cannot run: {error}"
            raise UsageError(message) from error
    if table is None:
        message = "the query is no SELECT"
        raise UsageError(message)
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _view(link: Any, case: Case, name: str) -> None:
    """Make one table known by its files, or as an empty one where it has none."""
    folder = case.path(name)
    files = sorted(folder.glob("*.parquet")) if name == "events" else []
    files = files or [path for path in [case.path(f"{name}.parquet")] if path.exists()]
    if files:
        paths = ", ".join(_quoted(str(path.resolve())) for path in files)
        link.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{paths}])")  # noqa: S608 (our own paths, quoted)
    else:
        empty = case.events() if name == "events" else case.table(name)
        link.register(name, empty.collect().to_arrow())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
