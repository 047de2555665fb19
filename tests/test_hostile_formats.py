"""Every format, its fixtures bent and broken: all is accounted for, in its place."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.goldens import fixtures
from tests.test_events import case_of, check_ledger
from tests.test_hostile_bytes import check_read_back

LOGS = [path for path in fixtures() if path.suffix != ".format"]
ODD = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'{"a":1}',
    b"\x1b[31m",
    b"%s",
    b"-1",
    b" ",
    b"\0\0",
    b'"',
]
ODD += [b"\\", b"\r", b"\n", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff", b"A" * 300]

#: What becomes of a line that is cut at a place; another line, and the dice, beside it.
BENDS: list[Callable[[bytes, int, bytes, random.Random], bytes]] = [
    lambda line, at, _other, _dice: line[:at],
    lambda line, _at, other, _dice: line + other,  # a line end is lost
    lambda line, at, other, _dice: line[:at] + other[at:],
    lambda line, at, _other, dice: line[:at] + dice.choice(ODD) + line[at:],
    lambda line, at, _other, dice: line[:at] + dice.choice(ODD) + line[at:],
    lambda line, at, _other, dice: line[:at] + dice.randbytes(9) + line[at:],
    lambda line, at, _other, _dice: line[:at] + b"A" * 70_000 + line[at:],
    lambda line, _at, _other, _dice: line.replace(b"0", b"9" * 20, 1),
    lambda line, _at, _other, _dice: b"\xef\xbb\xbf" + line + b"\r",
    lambda line, _at, _other, _dice: line + b"\n\n",
]


def bent(data: bytes, dice: random.Random) -> bytes:
    """The data with a few of its lines bent."""
    lines = data.split(b"\n")
    for _ in range(dice.randint(1, 5)):
        which = dice.randrange(len(lines))
        line, other = lines[which], dice.choice(lines)
        bend = dice.choice(BENDS)
        lines[which] = bend(line, dice.randrange(len(line) + 1), other, dice)
    return b"\n".join(lines)


@pytest.mark.parametrize("seed", [1, 2])
def test_bent_lines_are_accounted_for(seed: int, tmp_path: Path) -> None:
    """T09, T10, T17, T18, T23: lines and bytes tile, spans and hashes read back.

    What stands in a file unbent is read as before: damage costs its own lines.
    """
    dice = random.Random(seed)
    archive = tmp_path / "export"
    whole = {}
    for path in dice.sample(LOGS, 14):
        place = archive / path.parent.name / f"{path.stem}.log"
        place.parent.mkdir(parents=True, exist_ok=True)
        data = bent(path.read_bytes(), dice)
        place.write_bytes(data)
        whole[place.relative_to(archive).as_posix()] = data
    case = case_of(archive, tmp_path / "x.case")
    check_ledger(case)
    rows = case.table("sources").collect().to_dicts()
    for row in rows:
        data = whole[row["source"]]
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        assert row["verdict"] in {"complete", "unsupported"}, row
        assert (row["stream_size"], row["lines"]) == (len(data), lines), row
    for source, line, offset in (
        case.events().select("source", "line", "offset").collect().rows()
    ):
        assert line == whole[source][:offset].count(b"\n") + 1
    check_read_back(case, archive, paths=False)
    known = [row for row in rows if row["format"]]
    assert all(row["events"] for row in known)
    # A record of many lines is lost as a whole.
    lost = sum(row["unparsed_lines"] for row in known)
    assert lost < 0.6 * sum(row["lines"] for row in known)
