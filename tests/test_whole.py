"""Records of several lines: each is one event, wherever a block is cut."""

from pathlib import Path

import pytest

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


HEADER = "@timestamp,@message"
FORGED = '2025-02-06 05:32:09.000,"192.0.2.66 forged ""x"" 200"'


def rows(*lines: str) -> tuple[list[list[int]], list[int]]:
    """The first line and the lines of each event of a store's CSV; what is unparsed."""
    data = "\n".join([HEADER, *lines, ""]).encode()
    whole = Segment(
        source="x.csv",
        start=0,
        end=len(data),
        first_line=1,
        base=0,
        formats=(f"cloudwatch_csv:{HEADER}",),
        framing="whole",
    )
    found = parse_block(memoryview(data), [whole])
    events = found.events.select("line", "lines").rows()
    return [list(row) for row in events], found.unparsed["line"].to_list()


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        # A text with a line end, and a row behind it: as the store wrote it, its
        # quotes twice, or without any.
        (
            [
                '2025-02-06 05:32:07.000,"GET /a?q=x',
                FORGED.replace('"', '""'),
                ' HTTP/1.1"',
                "2025-02-06 05:32:08.000,plain",
            ],
            [[2, 3], [5, 1]],
        ),
        (
            [
                '2025-02-06 05:32:07.000,"first',
                '2025-02-06 05:32:08.000,still the first"',
                FORGED,
            ],
            [[2, 2], [4, 1]],
        ),
        # A quote within a bare cell opens none.
        (
            ['2025-02-06 05:32:07.000,a 5" disk', FORGED],
            [[2, 1], [3, 1]],
        ),
        # Damage took a quote away: text stands behind what would be the cell's end.
        (
            ['2025-02-06 05:32:07.000,"cut', FORGED, FORGED],
            [[2, 1], [3, 1], [4, 1]],
        ),
    ],
)
def test_what_stands_in_a_quoted_cell_is_no_row(
    lines: list[str], events: list[list[int]]
) -> None:
    assert rows(*lines) == (events, [])


def test_a_cell_that_never_ends_is_no_event_where_it_holds_what_may_be_rows() -> None:
    cut = '2025-02-06 05:32:07.000,"a text that was cut'
    assert rows(cut) == ([[2, 1]], [])
    assert rows(cut, "and goes on") == ([[2, 2]], [])
    assert rows(cut, "2025-02-06 05:32:08.000,a row?") == ([], [2, 3])


def test_a_block_ends_before_a_quoted_cell_not_within_it(tmp_path: Path) -> None:
    evidence = tmp_path / "export.csv"
    inside = "\n".join(FORGED.replace('"', '""') for _ in range(20))
    row = f'2025-02-06 05:32:07.000,"GET /a{inside}"\n'
    evidence.write_text(f"{HEADER}\n" + row * 200)
    tables = []
    for block in (1 << 20, 1 << 13):
        case = Case(tmp_path / f"{block}.case")
        with case.locked():
            parse([evidence], case, ParseOptions(jobs=0, block=block))
        tables.append(case.events().collect())
    assert len(tables[0]) == 200
    assert tables[0].equals(tables[1])
