"""Goldens of the format fixtures: `python -m tests.goldens [NAME]` writes them anew.

A golden holds what a fixture's lines become before any clock is applied: one event a
line, only the columns that are not null. Read the difference before committing it.
"""

import sys
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from forensic.events.unit import Parsed, Segment, parse_block
from forensic.sniff import sniff

FIXTURES = Path(__file__).parent.parent / "fixtures" / "formats"


def fixtures() -> list[Path]:
    """Every fixture: all files of a format's folder but the goldens."""
    found = FIXTURES.glob("*/*")
    return sorted(path for path in found if not path.name.endswith(".events.ndjson"))


def golden_of(fixture: Path) -> Path:
    """Where the golden of a fixture stands."""
    return fixture.with_name(f"{fixture.name.split('.')[0]}.events.ndjson")


def parsed(fixture: Path) -> Parsed:
    """The fixture's events, unparsed lines and ledger, as the sniffer would have it."""
    data = fixture.read_bytes()
    name = f"{fixture.parent.name}/{fixture.name}"
    sniffed = sniff(data, name, templates(fixture))
    formats = sniffed.formats if sniffed else (fixture.parent.name,)
    segment = Segment(
        source=name,
        start=0,
        end=len(data),
        first_line=1,
        base=0,
        formats=formats,
        payloads=sniffed.payloads if sniffed else (),
        framing=sniffed.framing if sniffed else "lines",
    )
    return parse_block(memoryview(data), [segment])


def templates(fixture: Path) -> list[str]:
    """Keys of formats that the fixture's folder brings along (`NAME.format`)."""
    beside = fixture.with_suffix(".format")
    if fixture.suffix == ".format" or not beside.exists():
        return []
    return [f"{fixture.parent.name}:{beside.read_text('utf-8').rstrip()}"]


def rendered(events: pl.DataFrame) -> bytes:
    """The events as golden lines."""
    lines = []
    for row in events.drop("source", "stamps_end").iter_rows(named=True):
        kept = {name: _plain(value) for name, value in row.items() if value is not None}
        lines.append(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))
    return b"".join(lines)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def main() -> None:
    """Write each golden, or those of the formats named, that is not as it should be."""
    names = set(sys.argv[1:])
    for fixture in fixtures():
        unasked = names and fixture.parent.name not in names
        if unasked or fixture.suffix == ".format":
            continue
        golden, now = golden_of(fixture), rendered(parsed(fixture).events)
        if not golden.exists() or golden.read_bytes() != now:
            golden.write_bytes(now)
            sys.stdout.write(f"written: {golden.relative_to(FIXTURES)}\n")


if __name__ == "__main__":
    main()
