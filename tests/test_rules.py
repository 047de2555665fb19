"""Laws of all rules: their examples, their metadata, their evidence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic import formats
from forensic.complaints import answered
from forensic.findings import promising
from forensic.rule import FINDING, Example, Frames, Rule
from forensic.rules import all_rules, attack_reached
from forensic.schema import (
    CLOCK,
    CONFIDENCE,
    EVENT,
    GAP,
    HOPS,
    LEVELS,
    REQUEST,
    SOURCE,
)

RULES = all_rules()
CASES = [
    pytest.param(rule, example, wanted, id=f"{rule.id}: {example.title}")
    for rule in RULES
    for wanted, examples in ((True, rule.positives), (False, rule.negatives))
    for example in examples
]


def _value(value: Any, dtype: pl.DataType) -> Any:
    is_moment = isinstance(dtype, pl.Datetime) and isinstance(value, str)
    return datetime.fromisoformat(value) if is_moment else value


def _table(
    rows: Sequence[Mapping[str, Any]], schema: Mapping[str, pl.DataType]
) -> pl.LazyFrame:
    """Rows with the columns of a table; a place for those that name none."""
    filled = []
    for number, row in enumerate(rows, start=1):
        place = {"source": "a.log", "line": number, "offset": number * 100}
        known = {k: v for k, v in (place | {"length": 100}).items() if k in schema}
        unknown = row.keys() - schema.keys()
        assert not unknown, f"columns that no table has: {unknown}"
        merged = known | dict(row)
        filled.append({k: _value(v, schema[k]) for k, v in merged.items()})
    return pl.LazyFrame(filled, schema=dict(schema))


def frames(example: Example) -> Frames:
    return Frames(
        events=_table(example.events, EVENT),
        requests=_table(example.requests, REQUEST),
        sources=_table(example.sources, SOURCE),
        clocks=_table(example.clocks, CLOCK),
        gaps=_table(example.gaps, GAP),
        question=example.question,
    )


def test_ids_are_unique_and_readable() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(i == i.lower() and " " not in i and "_" not in i for i in ids)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_metadata_is_complete(rule: Rule) -> None:
    known = {f.name for f in formats.all_formats()} | set(HOPS)
    assert rule.level in LEVELS
    assert rule.title
    assert rule.description.endswith(".")
    assert rule.falsepositives
    assert rule.references
    assert rule.positives
    assert rule.negatives
    assert rule.hop is None or rule.hop in HOPS
    wanted = {name for need in rule.needs for name in need.split("|")}
    assert wanted <= known, f"no format or hop of that name: {wanted - known}"


@pytest.mark.parametrize(("rule", "example", "wanted"), CASES)
def test_examples(rule: Rule, example: Example, wanted: bool) -> None:
    found = rule.query(frames(example)).collect(engine="streaming")
    assert found.columns == FINDING
    assert bool(len(found)) is wanted
    places = {
        (row.get("source", "a.log"), row.get("line", number))
        for number, row in enumerate(example.events, start=1)
    }
    for row in found.iter_rows(named=True):
        assert row["summary"]
        assert row["count"] > 0
        assert row["level"] is None or row["level"] in LEVELS
        assert row["confidence"] in CONFIDENCE
        assert row["ask_for"] is not None
        evidence = row["evidence"] or []
        assert len(evidence) <= 20
        assert {(e["source"], e["line"]) for e in evidence} <= places
        assert bool(evidence) or not example.events


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_record_of_no_hop_breaks_no_rule(rule: Rule) -> None:
    saved = {"source": "saved.har", "format": "har", "hop": None, "status": 200}
    example = rule.positives[0]
    beside = frames(replace(example, events=[*example.events, saved]))
    assert bool(len(rule.query(beside).collect(engine="streaming")))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_rule_is_left_out_only_where_it_finds_nothing(rule: Rule) -> None:
    for example in rule.positives:
        assert promising([rule], frames(example)) == [rule]
    bare = [dict(row) | {"extra": "{}"} for row in rule.positives[0].events]
    unsigned = frames(replace(rule.positives[0], events=bare))
    assert bool(promising([rule], unsigned)) is not bool(rule.signs)
    if rule.signs:
        assert rule.query(unsigned).collect(engine="streaming").is_empty()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_nothing_gives_nothing(rule: Rule) -> None:
    empty = rule.query(frames(Example(title="nothing"))).collect(engine="streaming")
    assert empty.columns == FINDING
    assert empty.is_empty()


def _without_one_value(example: Example) -> list[Example]:
    """Repeat the example, each time with one column null in every event."""
    columns = sorted({name for row in example.events for name in row})
    return [
        replace(example, events=[dict(row) | {name: None} for row in example.events])
        for name in columns
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_absent_values_never_break_the_sentence(rule: Rule) -> None:
    poorer = [e for example in rule.positives for e in _without_one_value(example)]
    for example in poorer:
        found = rule.query(frames(example)).collect(engine="streaming")
        for name in ("summary", "count", "confidence", "ask_for"):
            assert not found.get_column(name).has_nulls()


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_what_an_attack_is_known_by_stands_in_what_was_sent(
    data: st.DataObject,
) -> None:
    pattern = data.draw(st.sampled_from(sorted(attack_reached.FAMILIES.values())))
    plain = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    codes: dict[str, list[str]] = {}
    for code, character in attack_reached.DECODED.items():
        codes.setdefault(character, []).append(code)
    sent = "".join(
        data.draw(st.sampled_from([c, *codes.get(c, []), c.upper()])) for c in plain
    )
    query = pl.LazyFrame([_row_of(sent)], schema=dict(EVENT))
    kept = attack_reached.suspects(query).collect()
    assert len(kept) == 1


def _row_of(query: str) -> dict[str, Any]:
    row = dict.fromkeys(EVENT, None)
    return row | {"hop": "web_server", "status": 200, "path": "/", "query": query}


def test_no_wish_is_told_of_a_log_that_is_there() -> None:
    rule = next(rule for rule in RULES if rule.id == "upstream-closed")
    closed = rule.positives[0].events
    boot = {"hop": "app_server", "reason": "worker_boot"}

    def wishes(*events: Mapping[str, Any]) -> list[str]:
        found = rule.query(frames(Example(title="", events=[*closed, *events])))
        asked: list[str] = found.collect()["ask_for"].to_list()[0]
        return asked

    assert [wish.split()[3].strip(",") for wish in wishes()] == [
        "application",
        "kernel",
    ]
    assert [wish.split()[3].strip(",") for wish in wishes(boot)] == ["kernel"]


def test_rotations_of_a_log_without_a_year_are_told_once() -> None:
    rule = next(rule for rule in RULES if rule.id == "year-inferred")
    clock = dict(rule.positives[0].clocks[0]) | {"confidence": "weak"}
    clocks = [clock | {"source": name} for name in ("syslog", "syslog.1.gz")]
    found = rule.query(frames(Example(title="", clocks=clocks))).collect()
    assert found["level"].to_list() == ["low"]
    assert found["ask_for"].to_list() == [[]]
    assert found["summary"][0].startswith("syslog and its rotations (2 files) write")


def test_what_is_absent_is_no_grave_error_by_itself() -> None:
    rule = next(rule for rule in RULES if rule.id == "missing-upstream-error")
    [never, *_] = rule.positives
    far = [dict(row) for row in never.events]
    far[0]["time"], far[1]["time"] = (f"2025-02-06T05:{m}:00+00:00" for m in (20, 45))
    waf = {"hop": "waf", "path": "/app/x", "status": 403}
    known = [*never.events, dict(never.events[0]) | waf]
    levels = [
        rule.query(frames(replace(never, events=events))).collect()["level"].to_list()
        for events in (never.events, far, known)
    ]
    assert levels == [["medium"], ["low"], ["informational"]]


def test_what_apache_wrote_is_told_of_apache() -> None:
    rule = next(rule for rule in RULES if rule.id == "web-login-refused")
    [event, *_] = rule.positives[0].events

    def found(name: str) -> str:
        rows = Example(title="", events=[dict(event) | {"format": name}])
        told: str = rule.query(frames(rows)).collect()["summary"].item()
        return told.split(maxsplit=1)[0]

    servers = [found(f"{name}_error") for name in ("nginx", "apache", "other")]
    assert servers == ["nginx", "Apache", "The"]


@pytest.mark.parametrize(("servers", "findings"), [(3, 3), (12, 1)])
def test_a_fleet_of_servers_is_named_in_one_finding(
    servers: int, findings: int
) -> None:
    rule = next(rule for rule in RULES if rule.id == "upstream-refused")
    refused = rule.positives[0].events[0]
    lines = [
        dict(refused) | {"upstream": f"192.0.2.{number}:8080"}
        for number in range(servers)
    ]
    found = rule.query(frames(Example(title="", events=lines))).collect()
    assert found["count"].to_list() == [servers // findings] * findings
    if findings == 1:
        assert "192.0.2.0:8080 (1)" in found["summary"][0]
        assert f"and {servers - 3} more" in found["summary"][0]


def _summaries(rule_id: str, example: Example) -> list[str]:
    rule = next(rule for rule in RULES if rule.id == rule_id)
    return rule.query(frames(example)).collect()["summary"].to_list()


def test_of_one_file_and_of_several_is_spoken_as_people_do() -> None:
    cut = {"verdict": "truncated", "detail": "cut"}
    files = [cut | {"source": f"access.log.{n}.gz"} for n in range(3)]
    for count, words in ((1, "1 file of the archive ends"), (3, "3 files of the")):
        [told] = _summaries(
            "unreadable-source", Example(title="", sources=files[:count])
        )
        assert told.startswith(words)


def test_a_pool_that_is_used_up_is_told_once() -> None:
    own = "HikariPool-1 - Connection is not available, request timed out after 30000ms"
    wrapped = f"java.sql.SQLTransientConnectionException: {own}"
    line = {"hop": "application", "level": "error"}
    rows = [line | {"message": text} for text in (own, wrapped)]
    [told] = _summaries("app-dependency-failed", Example(title="", events=rows))
    assert told.startswith("2 errors with Connection is not available")


def test_an_audit_log_that_is_there_is_not_asked_for() -> None:
    rule = next(rule for rule in RULES if rule.id == "modsecurity-denied")
    denied = dict(rule.positives[0].events[0])
    for form, wishes in (("nginx_error", 1), ("modsec_audit", 0)):
        lines = [denied | {"format": form}]
        found = rule.query(frames(Example(title="", events=lines))).collect()
        assert found["ask_for"].list.len().to_list() == [wishes]


def test_of_a_bucket_no_configuration_of_a_server_is_asked_for() -> None:
    rule = next(rule for rule in RULES if rule.id == "web-access-forbidden")
    told = [answered("access_forbidden", hop="web_server")]
    for name, wish in (("s3_access", "policy of the bucket"), ("iis", "configuration")):
        line = {"hop": "web_server", "format": name, "status": 403, "path": "/a"}
        lines = [line | {"reason": "AccessDenied"}]
        rows = frames(Example(title="", events=lines, requests=told))
        [found] = rule.query(rows).collect().to_dicts()
        assert found["ask_for"][0].startswith(wish)
