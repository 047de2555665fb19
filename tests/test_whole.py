"""Records of several lines: each is one event, wherever a block is cut."""

from pathlib import Path

from forensic.case import Case
from forensic.events import ParseOptions, parse
from forensic.events.unit import Segment, parse_block
from tests.goldens import FIXTURES

SLOW = (FIXTURES / "mysql_slow" / "slow.log").read_bytes()


def segment(data: bytes) -> Segment:
    return Segment(
        source="slow.log",
        start=0,
        end=len(data),
        first_line=1,
        base=0,
        formats=("mysql_slow",),
        framing="whole",
    )


def test_a_record_ends_before_header_and_blank_lines() -> None:
    found = parse_block(memoryview(SLOW), [segment(SLOW)])
    assert found.events.select("line", "lines").rows() == [(5, 8), (14, 6), (20, 2)]
    ledger = found.ledger.row(0, named=True)
    assert (ledger["header_lines"], ledger["blank_lines"]) == (5, 1)
    assert ledger["continuation_lines"] == 13
    assert ledger["unparsed_lines"] == 0


def test_lines_above_the_first_record_and_refused_records_are_unparsed() -> None:
    data = b"lost\n# User@Host: nobody\n# Query_time: 1\n" + SLOW
    found = parse_block(memoryview(data), [segment(data)])
    assert found.unparsed["line"].to_list() == [1, 2, 3]
    assert found.unparsed["reason"].to_list() == [
        "no record begins here or above",
        "no slow query record",
        "no slow query record",
    ]
    assert len(found.events) == 3


def test_blocks_cut_anywhere_give_the_same_events(tmp_path: Path) -> None:
    evidence = tmp_path / "slow.log"
    evidence.write_bytes(SLOW * 40)
    tables = []
    for block in (1 << 20, 1 << 11):
        case = Case(tmp_path / f"{block}.case")
        with case.locked():
            parse([evidence], case, ParseOptions(jobs=0, block=block))
        tables.append(case.events().collect())
    assert len(tables[0]) == 120
    assert tables[0].equals(tables[1])
    assert tables[0]["offset"].is_sorted()
