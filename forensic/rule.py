"""Rule and Finding: the contracts of one question and one answer.

A module of `forensic.rules` holds one value, `RULE`. Its examples are literal rows
(columns of the table they belong to) that the shared test runs: each positive set
must give at least one finding row, each negative set none.

The functions below are what rules share: `gather` counts matching events and picks
the evidence without ever holding the matches, `report` gives the columns of a finding.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from forensic.counted import plural
from forensic.crowd import counted, grouped
from forensic.frames import Frames
from forensic.schema import EVENT, HOPS
from forensic.telling import batches, held

__all__ = [
    "EVIDENCE",
    "FINDING",
    "Example",
    "Frames",
    "Rule",
    "asked_at",
    "counting",
    "each",
    "gather",
    "glob_regex",
    "hop_words",
    "leading",
    "plural",
    "report",
    "request_places",
    "tally",
]

#: Where a row of evidence stands; `findings` reads its bytes back.
EVIDENCE = ["source", "line", "offset", "length", "time"]
#: Columns of what `Rule.query` returns.
FINDING = [
    "summary",
    "count",
    "first_seen",
    "last_seen",
    "level",
    "confidence",
    "evidence",
    "ask_for",
]
#: Servers behind a proxy that are told apart, and of which column.
_FEW, _SERVER = 4, "upstream"
#: Findings that one rule may give; rules group coarsely enough to stay below.
_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Literal rows of the tables, and whether the rule must find something."""

    title: str
    events: Sequence[Mapping[str, Any]] = ()
    requests: Sequence[Mapping[str, Any]] = ()
    sources: Sequence[Mapping[str, Any]] = ()
    clocks: Sequence[Mapping[str, Any]] = ()
    gaps: Sequence[Mapping[str, Any]] = ()
    question: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question asked of the frames; field names are Sigma's where Sigma has one.

    `query` returns a small frame, one row a finding, sorted, with the columns
    `summary` (one sentence), `count`, `first_seen`, `last_seen`, `level` (may be
    null: the rule's own), `confidence`, `evidence` (list of structs `source`,
    `line`, `offset`, `length`, `time`; at most 20, the most telling first) and
    `ask_for` (list of strings). No row means that there is nothing to report.
    """

    id: str
    title: str
    level: str
    description: str
    falsepositives: Sequence[str]
    references: Sequence[str]
    tags: Sequence[str] = ()
    #: The hop that the finding speaks of; None where it spans several.
    hop: str | None = None
    #: Formats or hops without whose events the rule cannot run; the report says so.
    needs: Sequence[str] = ()
    #: Texts of which some event's `extra` must hold one, or there is nothing to find.
    signs: Sequence[str] = ()
    query: Callable[[Frames], pl.LazyFrame]
    positives: Sequence[Example]
    negatives: Sequence[Example]


def asked_at(question: Mapping[str, Any]) -> datetime | None:
    """Moment that the user asked about, in UTC; None where none was given."""
    moment = question.get("at")
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return None
    return moment.astimezone(UTC)


def glob_regex(glob: str) -> str:
    """Regular expression of a path glob, in which only `*` and `?` are special."""
    wild = {"*": ".*", "?": "."}
    return f"^{''.join(wild.get(c) or re.escape(c) for c in glob)}$"


def request_places(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of `requests` with the place of their outermost evidence, for `gather`.

    That table does not repeat the length of its evidence: `findings` looks it up.
    """
    first = pl.col("evidence").list.first()
    names = ["source", "line", "offset"]
    places = [first.struct.field(name).alias(name) for name in names]
    return rows.with_columns(*places, length=pl.lit(None, pl.Int64)).drop("evidence")


def _order(question: Mapping[str, Any]) -> pl.Expr:
    """Order of rows by how telling they are: near the question, or early.

    Rows without time keep their order in the file.
    """
    micros = pl.col("time").dt.epoch("us")
    moment = asked_at(question)
    if moment is not None:
        micros = (micros - round(moment.timestamp() * 1_000_000)).abs()
    return pl.coalesce(micros, pl.col("offset")).alias("_order")


def gather(
    frames: Frames,
    rows: pl.LazyFrame,
    by: Sequence[str] = (),
    *,
    tops: Sequence[str] = (),
    most: int = 5,
) -> pl.LazyFrame:
    """One row a group of events: count, first_seen, last_seen and its evidence.

    `tops` are columns of which the most frequent values are named, see `leading`.

    Those that are too many to be held are read once more, see `crowd`.
    """
    keys = list(by) or ["_all"]
    needed = list(dict.fromkeys([*by, *tops, *EVIDENCE]))
    narrow = rows.select(needed)
    found = held(narrow, part=4)
    if found is not None and not found.collect().height:
        return _none(narrow.collect_schema(), by, tops)
    keyed = (narrow if found is None else found).with_columns(
        _order(frames.question), _all=pl.lit(1, pl.Int8)
    )
    rest = batches(keyed) if found is None else [keyed.collect()]
    groups, values = grouped(rest, keys, tops, EVIDENCE, most)
    numbers = {column: values[column].lazy() for column in tops}
    return _named(groups.lazy(), keys, numbers).drop("_all", strict=False)


def _none(schema: pl.Schema, by: Sequence[str], tops: Sequence[str]) -> pl.LazyFrame:
    """What `gather` gives of no rows; most rules find none."""
    dtypes: dict[str, pl.DataType] = {name: schema[name] for name in by}
    dtypes |= {"count": pl.Int64(), "first_seen": schema["time"]}
    dtypes["last_seen"] = schema["time"]
    place = pl.Struct({name: schema[name] for name in EVIDENCE})
    dtypes["evidence"] = pl.List(place)
    for column in tops:
        dtypes |= {f"{column}_list": pl.String(), f"{column}_count": pl.Int64()}
    return pl.LazyFrame(schema=dtypes)


def tally(
    rows: pl.LazyFrame, by: Sequence[str], *, tops: Sequence[str] = ()
) -> pl.LazyFrame:
    """One row a group of rows with `first` and `last` that are no events.

    What is said of whole sources or of gaps has no line as its evidence.
    """
    keys = list(by)
    groups = rows.group_by(keys).agg(
        count=pl.len().cast(pl.Int64),
        first_seen=pl.col("first").min(),
        last_seen=pl.col("last").max(),
    )
    place = pl.List(pl.Struct({name: EVENT[name] for name in EVIDENCE}))
    empty = groups.with_columns(evidence=pl.lit([], place))
    return _named(empty, keys, {column: counted(rows, keys, column) for column in tops})


def _named(
    groups: pl.LazyFrame, keys: list[str], numbers: Mapping[str, pl.LazyFrame]
) -> pl.LazyFrame:
    """Join the most frequent values of some columns, of which `counted` has numbers."""
    for column, values in numbers.items():
        told = _led(values, keys, column, 3)
        groups = groups.join(told, on=keys, how="left", nulls_equal=True)
    listed = [pl.col(f"{column}_list").fill_null("not logged") for column in numbers]
    numbered = [pl.col(f"{column}_count").fill_null(0) for column in numbers]
    return groups.with_columns(*listed, *numbered)


def leading(
    rows: pl.LazyFrame, by: Sequence[str], column: str, *, most: int = 3
) -> pl.LazyFrame:
    """One row a group: `by`, the text `{column}_list` and the number `{column}_count`.

    The text names the most frequent values: `/a (9), /b (3) and 4 more`.
    """
    return _led(counted(rows, by, column), by, column, most)


def _led(
    values: pl.LazyFrame, keys: Sequence[str], column: str, most: int
) -> pl.LazyFrame:
    """The most frequent values in words, by their numbers (`counted`)."""
    value = pl.col(column).cast(pl.String)
    short = pl.when(value.str.len_chars() > 80).then(
        pl.concat_str(value.str.slice(0, 77), pl.lit("..."))
    )
    named = pl.format("{} ({})", pl.coalesce(short, value), pl.col("_n"))
    best = named.top_k_by(["_n", column], most, reverse=[False, True])
    more = pl.when(pl.len() > most).then(pl.format(" and {} more", pl.len() - most))
    text = pl.concat_str(best.implode().list.join(", "), more, ignore_nulls=True)
    return values.group_by(list(keys)).agg(
        text.alias(f"{column}_list"),
        pl.len().cast(pl.Int64).alias(f"{column}_count"),
    )


def each(rows: pl.LazyFrame, name: str, fields: Sequence[str]) -> pl.LazyFrame:
    """Rows once for each object of the list `name` in `extra`, its `fields` as text.

    A field hides the row's column of the same name.
    """
    kind = pl.List(pl.Struct(dict.fromkeys(fields, pl.String)))

    def decode(texts: pl.Series) -> pl.Series:
        # The same few lists come again and again.
        distinct = texts.unique().drop_nulls()
        objects = [_objects(text, fields) for text in distinct]
        known = pl.DataFrame(
            {"text": distinct, "_each": pl.Series(objects, dtype=kind)}
        )
        joined = texts.to_frame("text").join(
            known, on="text", how="left", maintain_order="left"
        )
        return joined.get_column("_each")

    listed = pl.col("extra").str.json_path_match(f"$.{name}")
    held = rows.filter(pl.col("extra").str.contains(f'"{name}"', literal=True))
    objects = listed.map_batches(decode, return_dtype=kind, is_elementwise=True)
    found = held.with_columns(_each=objects).explode("_each")
    rest = found.drop("extra", *fields, strict=False)
    return rest.filter(pl.col("_each").is_not_null()).unnest("_each")


def _objects(text: str, fields: Sequence[str]) -> list[dict[str, str | None]]:
    """Fields of the objects in a JSON list, as text."""
    found = orjson.loads(text)
    return [
        {f: None if item.get(f) is None else str(item[f]) for f in fields}
        for item in (found if isinstance(found, list) else [])
        if isinstance(item, dict)
    ]


def hop_words(column: str = "hop") -> pl.Expr:
    """Hop as a person calls it: `WAF`, `load balancer`."""
    words = {hop: hop.replace("_", " ") for hop in HOPS}
    words |= {"waf": "WAF", "cdn": "CDN"}
    return pl.col(column).cast(pl.String).replace(words)


def report(
    groups: pl.LazyFrame,
    *,
    summary: pl.Expr,
    confidence: str | pl.Expr = "strong",
    level: str | pl.Expr | None = None,
    ask_for: Sequence[str] | pl.Expr = (),
) -> pl.LazyFrame:
    """Rows of `gather` as findings, the most frequent first."""
    if not isinstance(ask_for, pl.Expr):
        ask_for = pl.lit(list(ask_for), pl.List(pl.String))
    return (
        groups.with_columns(
            summary=summary,
            confidence=_text(confidence),
            level=_text(level),
            ask_for=ask_for,
        )
        .select(FINDING)
        .sort("count", "summary", "first_seen", descending=[True, False, False])
        .head(_MOST_FINDINGS)
    )


def counting(
    rows: Callable[[Frames], pl.LazyFrame],
    *,
    summary: pl.Expr,
    by: Sequence[str] = (),
    tops: Sequence[str] = (),
    level: pl.Expr | None = None,
    ask_for: Sequence[str] | Mapping[str, str] | pl.Expr = (),
) -> Callable[[Frames], pl.LazyFrame]:
    """Make the query of a rule that counts certain events and shows them.

    Servers behind a proxy are told apart (`upstream` in `by`) where they are few; a
    whole fleet of them is named in one finding.

    `ask_for` may map hops (`a|b`) to a wish for their log, told where there is none.
    """

    def query(frames: Frames) -> pl.LazyFrame:
        found = rows(frames)
        groups = gather(frames, found, by, tops=tops)
        if _SERVER in by:
            told = groups.collect(engine="streaming")
            groups = told.lazy()
            if told[_SERVER].n_unique() > _FEW:
                keys = [key for key in by if key != _SERVER]
                groups = gather(frames, found, keys, tops=[*tops, _SERVER])
                groups = groups.with_columns(pl.col(f"{_SERVER}_list").alias(_SERVER))
        wishes = ask_for
        if isinstance(wishes, Mapping):
            wishes = [wish for hop, wish in wishes.items() if not frames.holds(hop)]
        return report(
            groups, summary=summary, confidence="certain", level=level, ask_for=wishes
        )

    return query


def _text(value: str | pl.Expr | None) -> pl.Expr:
    return value if isinstance(value, pl.Expr) else pl.lit(value, pl.String)
