"""The evidence itself around one line: raw bytes, where they stand, what was parsed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from forensic import archive, findings
from forensic.case import Case
from forensic.errors import EvidenceMismatch, NothingFound, UsageError
from forensic.reports.digest import Row, rows

__all__ = [
    "Line",
    "Record",
    "archives_of",
    "configuration",
    "lines_around",
    "quoted",
    "records_at",
]

#: A line longer than this is read up to here; its record's hash is of all of it.
_LONGEST = 16 << 20
_CHUNK = 1 << 20
#: So many files of a name are told where none was meant exactly.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One physical line: its number, its first byte's offset, its bytes."""

    number: int
    offset: int
    data: bytes

    @property
    def text(self) -> str:
        r"""The line without its end; bytes that are no UTF-8 as `\xhh`."""
        return self.data.rstrip(b"\r\n").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An event or an unparsed line: its span, its bytes' hash, its filled columns."""

    line: int
    offset: int
    length: int
    sha256: str
    parsed: bool
    columns: Row


def archives_of(case: Case, given: Sequence[Path]) -> list[Path]:
    """Where the evidence of a case is: as given now, or as `analyze` was given it."""
    arguments = case.read_json("case.json").get("arguments") or {}
    found = list(given) or [Path(name) for name in arguments.get("archives") or []]
    if not found:
        message = f"{case.folder} does not say where its evidence is: use --archive"
        raise UsageError(message)
    for path in found:
        if not path.exists():
            message = (
                f"{path}: no such file or folder"
                if given
                else f"the evidence is not at {path} any more: use --archive"
            )
            raise UsageError(message)
    return found


def configuration(case: Case) -> dict[str, bytes]:
    """The evidence's configuration of nginx; empty where that cannot be read."""
    try:
        archives = archives_of(case, [])
    except UsageError:
        return {}
    return findings.configuration(case, archive.spans_reader(archives))


def quoted(case: Case, verdict: Row) -> Row:
    """The verdict with the text of its evidence, where the evidence can be read."""
    try:
        archives = archives_of(case, [])
    except UsageError:
        return verdict
    spans = sorted(
        verdict.get("evidence") or [], key=lambda p: (p["source"], p["offset"])
    )
    read = archive.spans_reader(archives)
    texts = {}
    for proof in spans:
        if proof.get("length"):
            data = read(proof["source"], proof["offset"], min(proof["length"], _CHUNK))
            text = data.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            texts[proof["source"], proof["offset"]] = text
    evidence = [
        {**proof, "text": texts.get((proof["source"], proof["offset"]))}
        for proof in verdict.get("evidence") or []
    ]
    return {**verdict, "evidence": evidence}


def records_at(
    case: Case, archives: Sequence[Path], place: tuple[str, int]
) -> list[Record]:
    """The events that cover a line, or the unparsed line; both may be absent."""
    source, line = place
    mine = pl.col("source") == source
    covers = (pl.col("line") <= line) & (line < pl.col("line") + pl.col("lines"))
    events = rows(case.events().filter(mine & covers).sort("offset"))
    odd = case.table("unparsed").filter(mine & (pl.col("line") == line))
    found = [(row, True) for row in events] or [(r, False) for r in rows(odd)]
    return [_record(row, archives, parsed=parsed) for row, parsed in found]


def _record(row: Row, archives: Sequence[Path], *, parsed: bool) -> Record:
    digest = hashlib.sha256()
    entry = archive.open_source(archives, row["source"])
    if entry.stream is None:
        message = f"{row['source']} cannot be opened: {(entry.problem or ('', ''))[1]}"
        raise UsageError(message)
    try:
        left = row["length"]
        offset = row["offset"]
        while left > 0:
            data = archive.read_range(entry, offset, min(left, _CHUNK))
            if not data:
                break
            digest.update(data)
            offset += len(data)
            left -= len(data)
    finally:
        entry.stream.close()
    if left:
        message = (
            f"{row['source']} ends {left} bytes before its line {row['line']} does"
        )
        raise EvidenceMismatch(message)
    return Record(
        line=row["line"],
        offset=row["offset"],
        length=row["length"],
        sha256=digest.hexdigest(),
        parsed=parsed,
        columns={name: value for name, value in row.items() if _filled(value)},
    )


def _filled(value: Any) -> bool:
    return value is not None and value != []


def lines_around(
    case: Case, archives: Sequence[Path], place: tuple[str, int], context: int
) -> list[Line]:
    """The line and its neighbours, as they stand in the (decompressed) file."""
    source, line = place
    _require(case, source)
    first = max(1, line - context)
    number, offset = _anchor(case, source, first)
    entry = archive.open_source(archives, source)
    if entry.stream is None:
        message = f"{source} cannot be opened: {(entry.problem or ('', ''))[1]}"
        raise UsageError(message)
    try:
        found = _read(entry, number, offset, (first, line + context))
    finally:
        entry.stream.close()
    if not any(one.number == line for one in found):
        message = f"{source} has no line {line}"
        raise NothingFound(message)
    return found


def _require(case: Case, source: str) -> None:
    """Raise UsageError where the archive has no such file, and name those meant."""
    names = case.table("sources").select("source").collect()["source"].sort()
    if source in names:
        return
    near = [name for name in names if f"/{name}".endswith(f"/{source}")]
    meant = f": {' or '.join(near[:_NAMED])}?" if near else ""
    message = f"no file {source} in the archive{meant}"
    raise UsageError(message)


def _anchor(case: Case, source: str, line: int) -> tuple[int, int]:
    """The last known (line, offset) at or before a line; the file's start otherwise."""
    known = [
        table.filter((pl.col("source") == source) & (pl.col("line") <= line))
        .select("line", "offset")
        .sort("line", "offset", descending=[True, False])
        .head(1)
        for table in (case.events(), case.table("unparsed"))
    ]
    found = [(row["line"], row["offset"]) for table in known for row in rows(table)]
    return max(found, key=lambda pair: pair[0], default=(1, 0))


def _read(
    entry: archive.Entry, number: int, offset: int, wanted: tuple[int, int]
) -> list[Line]:
    """Lines `wanted[0]` to `wanted[1]`, reading from a known line on."""
    lines: list[Line] = []
    rest = b""
    ended = False
    while number <= wanted[1] and not (ended and not rest):
        if not ended and b"\n" not in rest and len(rest) < _LONGEST:
            chunk = archive.read_range(entry, offset + len(rest), _CHUNK)
            ended = not chunk
            rest += chunk
            continue
        data, newline, rest = rest.partition(b"\n")
        data += newline
        if number >= wanted[0]:
            lines.append(Line(number=number, offset=offset, data=data))
        number += 1
        offset += len(data)
    return lines
