"""Whatever the bytes of a log: nothing is lost, bent or put in the wrong place."""

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forensic.archive import spans_reader
from forensic.case import Case
from forensic.events.unit import Segment, parse_block
from forensic.format import Format
from forensic.formats import load
from tests.test_events import ACCESS, case_of, check_ledger

LINES = [ACCESS % (n % 250, n % 60, n, n) for n in range(300)]
LOG = b"".join(LINES)
WAF = {
    "timestamp": 1738819927000,
    "formatVersion": 1,
    "webaclId": "arn:aws:wafv2:ap-northeast-1:123456789012:regional/webacl/front/0a",
    "terminatingRuleId": "Default_Action",
    "terminatingRuleType": "REGULAR",
    "action": "ALLOW",
    "httpSourceName": "ALB",
    "httpRequest": {
        "clientIp": "203.0.113.7",
        "uri": "/app",
        "args": "",
        "httpMethod": "GET",
    },
}


def waf(args: str = "") -> bytes:
    """One record of the WAF, with a query of any length."""
    request = {**WAF["httpRequest"], "args": args}  # type: ignore[dict-item]
    return json.dumps({**WAF, "httpRequest": request}).encode() + b"\n"


def check_read_back(case: Case, archive: Path, *, paths: bool = True) -> None:
    """Every span stands in the evidence, with the hash that was told of it.

    And an event's path in its span, where nothing was decoded.
    """
    read_span = spans_reader([archive])
    left = case.table("unparsed").collect()
    for row in left.iter_rows(named=True):
        data = read_span(row["source"], row["offset"], row["length"])
        assert hashlib.sha256(data).hexdigest() == row["sha256"], row
    for source, offset, length, path in (
        case.events().select("source", "offset", "length", "path").collect().rows()
    ):
        data = read_span(source, offset, length)
        assert len(data) == length
        assert not paths or path is None or path.encode() in data, (source, offset)


def one(tmp_path: Path, data: bytes, **options: object) -> tuple[Case, dict[str, Any]]:
    """The case of one log with these bytes, and the row of its source."""
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "access.log").write_bytes(data)
    case = case_of(archive, tmp_path / "x.case", **options)
    check_ledger(case)
    check_read_back(case, archive)
    return case, case.table("sources").collect().row(0, named=True)


#: What it is, its bytes, lines, events, verdict, words of the detail
WRITTEN = [
    ("CR alone", LOG.replace(b"\n", b"\r"), 300, 300, "complete", "end in CR"),
    ("CR LF", LOG.replace(b"\n", b"\r\n"), 300, 300, "complete", ""),
    ("all line ends", LOG + LOG.replace(b"\n", b"\r\n"), 600, 600, "complete", ""),
    ("no last line end", LOG[:-1], 300, 300, "complete", ""),
    ("blank lines", LOG.replace(b"\n", b"\n\r\n\n"), 900, 300, "complete", ""),
    ("little-endian", LOG.decode().encode("utf-16-le"), 300, 300, "complete", "mark"),
    ("big-endian", LOG.decode().encode("utf-16-be"), 300, 300, "complete", "mark"),
    ("marked", LOG.decode().encode("utf-16"), 300, 300, "complete", ""),
    ("UTF-32", LOG.decode().encode("utf-32"), 301, 0, "unsupported", "utf-32-le"),
    ("marks inside", b"\xef\xbb\xbf".join(LINES), 300, 300, "complete", ""),
    ("zeros first", b"\0" * 90_000 + LOG, 300, 300, "complete", "90,000 zeros before"),
    ("zeros inside", LOG + b"\0" * 999 + LOG, 600, 600, "complete", ""),
    ("a hole near the beginning", LINES[0] + b"\0" * 90_000 + LOG, 301, 301,
     "complete", ""),
    ("zeros alone", b"\0" * 70_000, 1, 0, "unsupported", "no format claims"),
    ("binary behind zeros", b"\0" * 999 + bytes(range(20)) * 9, 10, 0, "unsupported",
     "binary data"),
    ("a long line first", b"x" * 300_000 + b"\n" + LOG, 301, 300, "complete", ""),
    ("a long record first", waf("a" * 300_000) + waf() * 9, 10, 10, "complete", ""),
    ("strange ends", LOG.replace(b"GET /", b"GET /\xe2\x80\xa8\xc2\x85\v\f"), 300, 300,
     "complete", ""),
    ("line ends alone", b"\n" * 99, 99, 0, "unsupported", "no format claims"),
    ("one byte", b"x", 1, 0, "unsupported", "no format claims"),
    ("nothing", b"", 0, 0, "complete", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "lines", "events", "verdict", "words"),
    [row[1:] for row in WRITTEN],
    ids=[row[0] for row in WRITTEN],
)
def test_a_log_is_read_however_it_is_written(
    data: bytes, lines: int, events: int, verdict: str, words: str, tmp_path: Path
) -> None:
    """T10, T19, T20, T22: line ends, encodings, holes and odd beginnings."""
    case, row = one(tmp_path, data)
    found = case.events().collect()
    assert (row["lines"], row["events"], row["verdict"]) == (lines, events, verdict)
    assert words in (row["detail"] or "")
    assert bool(words) is (row["detail"] is not None)
    if events >= 300:
        assert set(found["client_ip"].to_list()) <= {f"192.0.2.{n}" for n in range(250)}
        assert found["line"].n_unique() == events
        assert found["extra"].is_null().all()


@pytest.mark.parametrize("first", [b"x" * 70_000, b"x" * 200_000, b"\0" * 200_000])
def test_a_log_is_known_behind_a_line_of_over_a_block(
    first: bytes, tmp_path: Path
) -> None:
    """T21: a first line that no block holds, in an archive where others stand before.

    The offsets are those of the evidence.
    """
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "a.log").write_bytes(LOG[: len(LINES[0])])
    (archive / "b.log").write_bytes(first + b"\n" + LOG)
    (archive / "c.log").write_bytes(first)
    case = case_of(archive, tmp_path / "x.case", block=1 << 16)
    check_ledger(case)
    check_read_back(case, archive)
    rows = case.table("sources").select("source", "lines", "events", "verdict")
    assert rows.collect().rows() == [
        ("a.log", 1, 1, "complete"),
        ("b.log", 301, 300, "complete"),
        ("c.log", 1, 0, "unsupported"),
    ]
    lines = case.events().filter(pl.col("source") == "b.log").collect()["line"]
    assert lines.to_list() == list(range(2, 302))


def test_packed_logs_give_what_plain_ones_give(tmp_path: Path) -> None:
    """T15: parse(gzip(x)) is parse(x), for every way to write x."""
    found = []
    for kind, pack in (("plain", bytes), ("packed", gzip.compress)):
        archive = tmp_path / kind
        archive.mkdir()
        for name, data, *_ in WRITTEN:
            (archive / f"{name}.log").write_bytes(pack(data))
        case = case_of(archive, tmp_path / f"{kind}.case")
        check_ledger(case)
        ledger = case.table("sources").drop("size", "mtime", "sha256", "codec")
        found.append([case.events().collect(), ledger.collect()])
    assert found[0][0].equals(found[1][0])
    assert found[0][1].equals(found[1][1])


#: A JSON number ▶ the status that it is, where it is one.
NUMBERS = {
    "9" * 5000: None,
    "9223372036854775807": None,
    "9223372036854775808": None,
    "18446744073709551616": None,
    "4611686018427387904": None,
    "-9223372036854775809": None,
    "-0": None,
    "-1": None,
    "1.5": None,
    "1e308": None,
    "1e400": None,
    "1e3": None,
    "NaN": None,
    "Infinity": None,
    "0x10": None,
    "0403": None,
    "true": None,
    "null": None,
    "{}": None,
    "[403]": None,
    "": None,
    '"403"': 403,
    "403": 403,
}


def test_numbers_are_exact_or_absent(tmp_path: Path) -> None:
    """T26: no number is rounded, wrapped or taken for another, as stamp or status."""
    stamp = "1738819927000"
    form = '{"time":%s,"level":"info","message":"%s","status":%s}\n'
    rows = [(stamp, "before", "200")] * 30
    rows += [(stamp, f"status {n}", text) for n, text in enumerate(NUMBERS)]
    rows += [(text, f"stamp {n}", "200") for n, text in enumerate(NUMBERS)]
    case, row = one(tmp_path, "".join(form % each for each in rows).encode())
    assert row["events"] + row["unparsed_lines"] == row["lines"] == len(rows)
    found = {one["message"]: one for one in case.events().collect().to_dicts()}
    for number, (text, status) in enumerate(NUMBERS.items()):
        event = found.get(f"status {number}")
        if event:
            assert event["status"] == status, text
            assert event["time"] is not None, text
        event = found.get(f"stamp {number}")
        if event:
            assert event["local_time"] is None, text
            assert event["flags"] == ["bad_time"] or text == "null", text
    assert {f"status {n}" for n, s in enumerate(NUMBERS.values()) if s} <= found.keys()


@pytest.mark.parametrize(
    "odd",
    [
        rb'"\ud800"',
        rb'"\udc00x"',
        rb'"\u0000"',
        b'"\x01\x1f"',
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',  # a surrogate in UTF-8
        b'"\xc0\xaf"',  # an overlong slash
        b'"\xf0\x9f\x98"',  # cut in a character
        '"\u2028\u0085\v"'.encode(),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize("framing", [b"\n", b""])
def test_a_strange_text_costs_no_neighbour(
    odd: bytes, framing: bytes, tmp_path: Path
) -> None:
    """T17, T18, T25, T28: what a record holds bends no other, and stays readable."""
    good = b'{"time":1738819927000,"level":"info","message":"m"}\n'
    hurt = good.replace(b'"m"', odd).removesuffix(b"\n") + framing
    data = good * 9 + hurt + good * 9
    case, _ = one(tmp_path, data)
    found = case.events().collect()
    assert (found["message"] == "m").sum() in ({18} if framing else {17, 18})
    assert set(found["level"].to_list()) == {"info"}


def test_a_key_that_comes_late_is_not_lost(tmp_path: Path) -> None:
    """T29: no schema is taken from the first records; a type may change."""
    early = b'{"time":1738819927000,"level":"info","message":"m","a":1}\n' * 900
    late = (
        b'{"time":1738819927000,"level":"info","message":"m","a":"x","z":[{"q":1}]}\n'
    )
    case, row = one(tmp_path, b"\xef\xbb\xbf" + early + late)
    assert (row["lines"], row["events"]) == (901, 901)
    extra = case.events().collect()["extra"]
    assert [json.loads(extra[0]), json.loads(extra[-1])] == [
        {"a": 1},
        {"a": "x", "z": [{"q": 1}]},
    ]


@pytest.mark.parametrize("base", [(1 << 31) - 9, 1 << 31, 1 << 32, (1 << 32) + 1])
def test_offsets_beyond_32_bits_are_exact(base: int, tmp_path: Path) -> None:
    """T22: of a record far into a file, as it is parsed and as it is read back."""
    path = tmp_path / "access.log"
    with path.open("wb") as log:
        log.truncate(base)
        log.seek(base)
        log.write(LOG)
    segment = Segment(
        source="access.log",
        start=0,
        end=len(LOG),
        first_line=base,
        base=base,
        formats=("nginx_access",),
    )
    events = parse_block(memoryview(LOG), [segment]).events
    assert events["offset"][0] == base
    assert events["line"][-1] == base + 299
    read_span = spans_reader([path])
    for offset, length, number in events.select("offset", "length", "path").rows()[
        ::50
    ]:
        assert read_span("access.log", offset, length) == LINES[int(number[1:])]


def test_a_bug_of_a_format_costs_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T50: a format that always breaks claims nothing, and nothing else is lost."""

    def broken(_lines: pl.Series) -> pl.DataFrame:
        message = "a bug"
        raise ArithmeticError(message)

    whole = load

    def loaded(key: str) -> Format:
        return (
            dataclasses.replace(whole(key), parse=broken)
            if key == "caddy"
            else whole(key)
        )

    monkeypatch.setattr("forensic.sniff.load", loaded)
    archive = tmp_path / "export"
    archive.mkdir()
    line = b'{"level":"info","ts":1e34,"logger":"http.log.access","msg":"handled"}\n'
    (archive / "access.log").write_bytes(LOG)
    (archive / "caddy.log").write_bytes(line * 9)
    case = case_of(archive, tmp_path / "x.case")
    check_ledger(case)
    counts = case.events().collect()["source"].value_counts()
    assert dict(counts.rows())["access.log"] == 300


def test_logs_put_together_give_what_they_give_apart(tmp_path: Path) -> None:
    """T15: parse(a + b) is parse(a) and parse(b); files of noise add no event."""
    half = len(LINES) // 2
    halves = [b"".join(LINES[:half]), b"".join(LINES[half:])]
    for name, parts in (("together", [LOG]), ("apart", halves)):
        (tmp_path / name).mkdir()
        for number, part in enumerate(parts):
            (tmp_path / name / f"access.log.{number}").write_bytes(part)
    (tmp_path / "apart" / "noise.bin").write_bytes(bytes(range(256)) * 99)
    (tmp_path / "apart" / "notes.txt").write_bytes(b"nothing to see here\n" * 9)
    found = [
        case_of(tmp_path / name, tmp_path / f"{name}.case").events().collect()
        for name in ("together", "apart")
    ]
    places = ["source", "line", "offset"]
    assert found[0].drop(places).equals(found[1].drop(places))


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    """T06: of the stored bytes, and of what they unpack to."""
    packed = gzip.compress(LOG)
    _, row = one(tmp_path, packed)
    assert row["sha256"] == hashlib.sha256(packed).hexdigest()
    assert row["stream_sha256"] == hashlib.sha256(LOG).hexdigest()
    assert (row["size"], row["stream_size"]) == (len(packed), len(LOG))
