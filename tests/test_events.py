"""Events: every line has its place, whatever the bytes and the block borders."""

import errno
import gzip
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic import pipeline
from forensic.archive import spans_reader
from forensic.case import Case
from forensic.errors import OutputError
from forensic.events import ParseOptions, feed, parse, rows, tasks
from forensic.events.feed import Feeder
from forensic.events.unit import Parsed, Segment, parse_block
from forensic.schema import EVENT, SOURCE, UNPARSED
from forensic.workers import Failed, Workers
from tests.goldens import fixtures

LOGS = [path for path in fixtures() if path.suffix != ".format"]
KINDS = ["events", "continuation", "blank", "header", "unparsed"]
ACCESS = (
    b'192.0.2.%d - - [06/Feb/2025:14:32:%02d +0900] "GET /%d HTTP/1.1" 200 %d "-" "x"\n'
)
PYTHON = (
    b"2025-02-06 14:32:%02d,123 ERROR app boom %d\n"
    b"Traceback (most recent call last):\n\n"
    b'  File "/app/x.py", line %d, in f\n'
    b"ValueError: x\n"
)


def case_of(archive: Path, folder: Path, **options: object) -> Case:
    case = Case(folder)
    with case.locked():
        parse([archive], case, ParseOptions(jobs=0, **options))  # type: ignore[arg-type]
    return case


def check_ledger(case: Case) -> None:
    """The five kinds add up, in lines and in bytes; spans do not overlap."""
    sources = case.table("sources").collect()
    for row in sources.iter_rows(named=True):
        assert row["lines"] == sum(row[f"{kind}_lines"] for kind in KINDS), row
        assert row["stream_size"] == sum(row[f"{kind}_bytes"] for kind in KINDS), row
    spans = pl.concat(
        [
            case.events().select("source", "offset", "length").collect(),
            case.table("unparsed").select("source", "offset", "length").collect(),
        ]
    ).sort("source", "offset")
    after = spans.with_columns(end=pl.col("offset") + pl.col("length")).with_columns(
        before=pl.col("end").shift(1).over("source").fill_null(0)
    )
    assert after.filter(pl.col("offset") < pl.col("before")).is_empty()


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(
        st.one_of(
            st.sampled_from(
                [
                    ACCESS % (1, 7, 1, 5),
                    PYTHON % (1, 2, 3),
                    b"\n",
                    b"\r\n",
                    b"  \n",
                    b"\xff\xfe\n",
                    b'{"a":1}{"b":2}\n',
                    b'[{"a":1}',
                    b'{"events":[{"a":1},\n',
                    b"\xef\xbb\xbf",
                    b"2025/02/06 14:32:07 [error] 1#1: *2 x\n",
                ]
            ),
            st.binary(max_size=40),
        ),
        max_size=30,
    ),
    formats=st.sampled_from(
        [
            ("nginx_access",),
            ("python_logging", "nginx_access"),
            ("aws_waf",),
            ("syslog",),
        ]
    ),
)
def test_any_bytes_are_accounted_for(
    pieces: list[bytes], formats: tuple[str, ...]
) -> None:
    data = b"".join(pieces)
    for framing in ("lines", "json"):
        segment = Segment(
            source="x",
            start=0,
            end=len(data),
            first_line=1,
            base=0,
            formats=formats,
            framing=framing,
        )
        found = parse_block(memoryview(data), [segment])
        row = found.ledger.row(0, named=True) if len(found.ledger) else {}
        lines = data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))
        assert lines == row.get("lines", 0)
        assert lines == sum(row.get(f"{kind}_lines", 0) for kind in KINDS)
        assert len(data) == sum(row.get(f"{kind}_bytes", 0) for kind in KINDS)
        spans = found.events.select("offset", "length").rows()
        spans += found.unparsed.select("offset", "length").rows()
        end = 0
        for offset, length in sorted(spans):
            assert offset >= end
            end = offset + length
        assert end <= len(data)


@pytest.mark.parametrize(
    ("block", "lines"),
    [(1 << 16, 9999), (70_001, 9999), (1 << 18, 9999), (1 << 20, 97)],
)
def test_block_borders_change_nothing(
    block: int, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    rng = random.Random(7)
    access = b"".join(
        ACCESS % (rng.randrange(250), rng.randrange(60), n, n) for n in range(4000)
    )
    (archive / "access.log").write_bytes(access)
    (archive / "more.log.gz").write_bytes(gzip.compress(access[5:]))
    traces = b"".join(PYTHON % (n % 60, n, n) for n in range(2500))
    (archive / "app.log").write_bytes(traces + b"no line end")
    several = b"".join(
        ACCESS % (1, n % 60, n, n) + PYTHON % (n % 60, n, n) for n in range(2500)
    )
    (archive / "several.log").write_bytes(several)
    (archive / "shown.log").write_bytes(several.replace(b"\n", b"\x1b[0m\n\x1b[33m"))
    (archive / "cri.log").write_bytes(b"".join(cri(n % 5 * 9000) for n in range(40)))
    large = case_of(archive, tmp_path / "large.case")
    monkeypatch.setattr(feed, "_MOST_LINES", lines)
    small = case_of(archive, tmp_path / "small.case", block=block)
    check_ledger(small)
    assert small.events().collect().equals(large.events().collect())
    for name in ("sources", "unparsed", "clocks"):
        assert small.table(name).collect().equals(large.table(name).collect()), name
    events = large.events().collect()
    assert events.equals(events.sort("source", "offset"))
    assert events.schema == pl.Schema(EVENT)


def cri(size: int, mark: str = "é") -> bytes:
    """A JSON payload of some size as containerd writes it, cut at 16 KiB."""
    text = orjson.dumps({"level": "info", "msg": f"x{mark * (size // 2)}", "n": size})
    parts = [text[at : at + 16384] for at in range(0, len(text), 16384)]
    tags = [b"P"] * (len(parts) - 1) + [b"F"]
    stamp = b"2025-02-06T05:32:08.123456789Z stdout"
    return b"".join(
        b"%b %b %b\n" % (stamp, *piece) for piece in zip(tags, parts, strict=True)
    )


def docker(text: str, stream: str = "stdout") -> bytes:
    record = {"log": text, "stream": stream, "time": "2025-02-06T05:32:07.216456789Z"}
    return orjson.dumps(record) + b"\n"


def test_a_payload_that_a_container_runtime_cut_is_parsed_whole(
    tmp_path: Path,
) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "cri.log").write_bytes(cri(9) + cri(40_000) + cri(9))
    text = orjson.dumps({"level": "info", "msg": "y" * 40_000}).decode()
    pieces = [text[:16384], text[16384:32768], text[32768:] + "\n"]
    mixed = [docker(pieces[0]), docker("z\n", "stderr"), docker(pieces[1])]
    lines = [*map(docker, pieces), docker("short\n"), *mixed]
    (archive / "abc-json.log").write_bytes(b"".join(lines))
    case = case_of(archive, tmp_path / "x.case")
    check_ledger(case)
    found = case.events().collect()
    whole = found.filter(pl.col("source") == "cri.log")
    assert whole["lines"].to_list() == [1, 3, 1]
    assert whole["format"].to_list() == ["app_json"] * 3
    assert whole["flags"].null_count() == 3
    assert whole["message"].str.len_chars().to_list() == [5, 20_001, 5]
    record = found.filter(pl.col("source") == "abc-json.log")
    # What stands between pieces of another stream leaves them as they are.
    assert record["lines"].to_list() == [3, 1, 1, 1, 1]
    assert record["format"][0] == "app_json"


def test_every_format_stands_in_one_archive(tmp_path: Path) -> None:
    """Whatever lies beside what: no stage breaks, and events read back to the byte."""
    archive = tmp_path / "export"
    archive.mkdir()
    for path in LOGS:
        (archive / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    asked = pipeline.Request(archives=(archive,), case=tmp_path / "x.case", jobs=0)
    case = pipeline.analyze(asked, lambda _stage, _bytes: None)
    check_ledger(case)
    read = case.table("sources").filter(pl.col("events") > 0).collect()["source"]
    assert {name.split("-")[0] for name in read} == {p.parent.name for p in LOGS}
    hops = (
        case.table("requests").select(pl.col("evidence").explode()).unnest("evidence")
    )
    assert {"client", "waf", "application"} <= set(hops.collect()["hop"])
    read_span = spans_reader([archive])
    columns = ["source", "line", "lines", "offset", "length"]
    for source, line, lines, offset, length in (
        case.events().select(columns).collect().rows()
    ):
        data = (archive / source).read_bytes()
        assert data[offset : offset + length] == read_span(source, offset, length)
        assert line == data[:offset].count(b"\n") + 1
        span = data[offset : offset + length]
        assert lines == span.rstrip(b"\r\n").count(b"\n") + 1


def test_a_line_longer_than_a_block_costs_only_itself(tmp_path: Path) -> None:
    archive = tmp_path / "access.log"
    first, last = ACCESS % (1, 1, 1, 1), ACCESS % (2, 2, 2, 2)
    archive.write_bytes(first * 40 + b"x" * 300_000 + b"\n" + last)
    case = case_of(archive, tmp_path / "x.case", block=1 << 16)
    events = case.events().collect()
    assert 41 == len(events)
    assert 42 == events["line"][-1]
    left = case.table("unparsed").collect()
    assert [(41, 300_001)] == left.select("line", "length").rows()
    check_ledger(case)


def test_a_duration_that_nothing_can_have_is_none(tmp_path: Path) -> None:
    """One of 10^26 seconds was a bug of the stages behind."""
    archive = tmp_path / "access.log"
    line = (ACCESS % (1, 1, 1, 1)).rstrip(b"\n")
    numbers = [b"0.5", b"9" * 26, b"9" * 400, b"999999999"]
    archive.write_bytes(b"".join(b"%s rt=%s\n" % (line, n) for n in numbers))
    events = case_of(archive, tmp_path / "x.case").events().collect()
    assert events["duration"].to_list() == [0.5, None, None, 999_999_999]
    assert events["start_time"].null_count() == 2


def test_a_block_has_no_more_lines_than_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of two bytes take a hundred times their size while they are parsed."""
    monkeypatch.setattr(feed, "_MOST_LINES", 100)
    seen: list[int] = []

    def counted(block: memoryview, segments: Sequence[Segment]) -> Parsed:
        seen.append(bytes(block).count(b"\n"))
        return parse_block(block, segments)

    monkeypatch.setattr(tasks, "parse_block", counted)
    archive = tmp_path / "app.log"
    archive.write_bytes(PYTHON % (1, 1, 1) + b"a\n" * 950)
    case = case_of(archive, tmp_path / "x.case")
    check_ledger(case)
    assert max(seen) == 100
    assert sum(seen) == 955
    left = case.table("unparsed").collect()
    assert left["line"].to_list() == [*range(101, 956)]


def test_damaged_and_foreign_files_cost_no_other(tmp_path: Path) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    whole = gzip.compress(b"".join(ACCESS % (1, n % 60, n, n) for n in range(2000)))
    (archive / "cut.log.gz").write_bytes(whole[: len(whole) // 2])
    (archive / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0" * 99)
    (archive / "wide.log").write_bytes(
        "2025-02-06 14:32:07,123 INFO app x\n".encode("utf-32")
    )
    (archive / "good.log").write_bytes(ACCESS % (1, 1, 1, 1))
    (archive / "empty.log").write_bytes(b"")
    case = case_of(archive, tmp_path / "x.case")
    sources = case.table("sources").collect()
    verdicts = dict(sources.select("source", "verdict").rows())
    assert {
        "cut.log.gz": "truncated",
        "empty.log": "complete",
        "good.log": "complete",
        "picture.png": "unsupported",
        "wide.log": "unsupported",
    } == verdicts
    cut = case.events().filter(pl.col("source") == "cut.log.gz").collect()
    assert len(cut) > 500
    check_ledger(case)
    assert sources.schema == pl.Schema(SOURCE)
    assert case.table("unparsed").collect_schema() == pl.Schema(UNPARSED)


@pytest.mark.parametrize("change", ["grow", "shrink", "replace", "none"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_changes_while_it_is_read_is_told(
    packed: bool, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "export" / "access.log"
    path.parent.mkdir()
    data = b"".join(ACCESS % (1, n % 60, n, n) for n in range(4000))
    path.write_bytes(gzip.compress(data, 0) if packed else data)
    (tmp_path / "export" / "other.log").write_bytes(ACCESS % (1, 1, 1, 1))
    whole = Feeder._recognise  # noqa: SLF001 (a moment in the middle of reading)

    def meddling(self: Feeder, head: bytes, source: str) -> Any:
        if source == "access.log" and change != "none":
            with path.open("r+b") as log:
                log.seek(0, os.SEEK_END)
                actions: dict[str, Any] = {
                    "grow": lambda: log.write(ACCESS % (9, 9, 9, 9)),
                    "shrink": lambda: log.truncate(100_000),
                    "replace": lambda: [log.seek(200_000), log.write(b"x" * 900)],
                }
                actions[change]()
        return whole(self, head, source)

    monkeypatch.setattr(Feeder, "_recognise", meddling)
    case = case_of(path.parent, tmp_path / "x.case", block=1 << 17)
    check_ledger(case)
    verdicts = dict(case.table("sources").select("source", "verdict").collect().rows())
    told = "complete" if change == "none" else "changed"
    assert verdicts == {"access.log": told, "other.log": "complete"}


def test_a_year_that_python_has_not_costs_its_stamp_only(tmp_path: Path) -> None:
    archive = tmp_path / "app.log"
    years = [b"2025", b"0000", b"9999", b"2025"]
    archive.write_bytes(b"".join(b"%s-02-06 14:32:07,1 INFO a b\n" % y for y in years))
    events = case_of(archive, tmp_path / "x.case").events().collect()
    assert events["flags"].to_list() == [None, ["bad_time"], ["bad_time"], None]
    assert events["local_time"].is_null().to_list() == [False, True, True, False]


def test_lines_are_read_without_the_colours_they_were_shown_in(tmp_path: Path) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    plain = ACCESS % (1, 1, 1, 1) + PYTHON % (1, 1, 1)
    (archive / "a.log").write_bytes(plain)
    shown = plain.replace(b"GET", b"\x1b[01;31m\x1b[KGET\x1b[m\x1b[K")
    shown = b"".join(
        b"\x1b[32m%s\x1b[0m\n" % line for line in shown.rstrip(b"\n").split(b"\n")
    )
    (archive / "b.log").write_bytes(shown)
    case = case_of(archive, tmp_path / "x.case")
    events = case.events().drop("offset", "length").collect()
    first, second = (events.filter(source=name) for name in ("a.log", "b.log"))
    assert first.height > 1
    assert first.drop("source").equals(second.drop("source"))


def test_a_copied_file_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    data = ACCESS % (1, 1, 1, 1)
    (archive / "a.log").write_bytes(data)
    (archive / "b.log.gz").write_bytes(gzip.compress(data))
    case = case_of(archive, tmp_path / "x.case")
    twins = dict(
        case.table("sources").select("source", "duplicate_of").collect().rows()
    )
    assert {"a.log": None, "b.log.gz": "a.log"} == twins


def test_a_format_that_breaks_costs_its_segment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    good, bad = ACCESS % (1, 1, 1, 1), ACCESS % (2, 2, 99, 2)
    (archive / "a.log").write_bytes(good)
    (archive / "b.log").write_bytes(bad * 3)
    (archive / "c.log").write_bytes(good * 2)
    whole = rows.parse_rows

    def broken(text: pl.Series, *rest: Any, **more: Any) -> pl.DataFrame:
        if text.str.contains("/99 ").any():
            message = "a bug"
            raise ArithmeticError(message)
        return whole(text, *rest, **more)

    monkeypatch.setattr("forensic.events.kinds.parse_rows", broken)
    case = case_of(archive, tmp_path / "x.case")
    assert ["a.log", "c.log", "c.log"] == case.events().collect()["source"].to_list()
    verdicts = dict(case.table("sources").select("source", "verdict").collect().rows())
    assert {"a.log": "complete", "b.log": "unreadable", "c.log": "complete"} == verdicts
    assert 3 * len(bad) == case.table("unparsed").collect()["length"][0]
    check_ledger(case)


@pytest.mark.parametrize("task", ["parse_slot", "settle"])
def test_a_disk_that_is_full_is_no_fault_of_the_evidence(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "app.log"
    archive.write_bytes(b"".join(PYTHON % (n, n, n) for n in range(40)))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"forensic.events.{task}", full)
    with pytest.raises(OutputError, match=r"x\.case: No space left on device"):
        case_of(archive, tmp_path / "x.case")
    assert not (tmp_path / "x.case" / "events").exists()


#: Code that kills its process the first time, and every time: what a worker is sent
#: must be importable there, and the tests are not.
ONCE = """
import os, pathlib
marker = pathlib.Path({!r})
if not marker.exists():
    marker.touch()
    os._exit(9)
"""


def test_a_dead_worker_is_replaced_and_its_task_tried_once_more(tmp_path: Path) -> None:
    with Workers(2) as workers:
        workers.submit(1, exec, ONCE.format(str(tmp_path / "marker")))
        workers.submit(2, os._exit, 9)
        workers.submit(3, len, "four")
        found = dict(workers.results(wait=True))
    assert found[1] is None
    assert found[3] == 4
    assert isinstance(found[2], Failed)


def test_a_killed_run_leaves_its_parts_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    lines = b"".join(ACCESS % (1, n % 60, n, n) for n in range(4000))
    (archive / "access.log").write_bytes(lines)
    whole = case_of(archive, tmp_path / "whole.case", block=1 << 16)
    parsed: list[str] = []

    def counting(*arguments: Any) -> Any:
        if len(parsed) == 3:
            raise KeyboardInterrupt
        parsed.append(str(arguments[-1]))
        return tasks.parse_slot(*arguments)

    monkeypatch.setattr("forensic.events.parse_slot", counting)
    with pytest.raises(KeyboardInterrupt):
        case_of(archive, tmp_path / "x.case", block=1 << 16)
    assert not (tmp_path / "x.case" / "events").exists()
    first = [*parsed]
    parsed[:] = ["not", "yet"]

    def noting(*arguments: Any) -> Any:
        parsed.append(str(arguments[-1]))
        return tasks.parse_slot(*arguments)

    monkeypatch.setattr("forensic.events.parse_slot", noting)
    again = case_of(archive, tmp_path / "x.case", block=1 << 16)
    assert len(parsed) > 2
    assert not {*first} & {*parsed}
    assert whole.events().collect().equals(again.events().collect())
    assert not (tmp_path / "x.case" / ".parts").exists()
