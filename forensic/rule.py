"""Rule and Finding: the contracts of one question and one answer.

A module of `forensic.rules` holds one value, `RULE`. Its examples are literal rows
(columns of the table they belong to) that the shared test runs: each positive set
must give at least one finding row, each negative set none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

__all__ = ["Example", "Frames", "Rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The tables of a case, as a rule sees them, and what the user asked."""

    events: pl.LazyFrame
    requests: pl.LazyFrame
    sources: pl.LazyFrame
    clocks: pl.LazyFrame
    gaps: pl.LazyFrame
    question: Mapping[str, Any] = field(default_factory=dict)


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
    query: Callable[[Frames], pl.LazyFrame]
    positives: Sequence[Example]
    negatives: Sequence[Example]
