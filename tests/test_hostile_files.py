"""Whatever files an archive holds: each is listed, read or told why not."""

import contextlib
import gzip
import io
import os
import shutil
import socket
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forensic import pipeline
from forensic.archive import hash_archives, input_hash
from forensic.archive.budget import Budget
from tests.test_events import ACCESS, case_of, check_ledger
from tests.test_hostile_bytes import check_read_back

LOG = b"".join(ACCESS % (n, n, n, n) for n in range(3))


def read(
    archive: Path, folder: Path, **options: object
) -> dict[str, tuple[str, int, str]]:
    """Source ▶ verdict, events and detail; the ledger and all spans hold."""
    case = case_of(archive, folder, **options)
    check_ledger(case)
    check_read_back(case, archive)
    sources = case.table("sources").collect()
    # What `verify` and the next run hold against it.
    hashed = sources.select("source", "sha256").rows()
    assert input_hash(hashed) == hash_archives([archive])
    rows = sources.select("source", "verdict", "events", "detail").rows()
    return {name: (verdict, count, told or "") for name, verdict, count, told in rows}


def zip_of(*members: tuple[str, bytes]) -> bytes:
    """A zip with these members, whatever their names."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return sink.getvalue()


def with_header(data: bytes, *changes: tuple[int, int, int]) -> bytes:
    """The zip with 16-bit fields of its first member's two headers changed."""
    changed = bytearray(data)
    for here, there, value in changes:
        struct.pack_into("<H", changed, changed.index(b"PK\3\4") + here, value)
        struct.pack_into("<H", changed, changed.index(b"PK\1\2") + there, value)
    return bytes(changed)


def tar_of(*items: tuple[str, bytes, bytes, str]) -> bytes:
    """A tar with these members: name, type, content, link."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, kind, data, link in items:
            item = tarfile.TarInfo(name)
            item.type, item.size, item.linkname = kind, len(data), link
            tar.addfile(item, io.BytesIO(data))
    return sink.getvalue()


def test_a_zip_of_hostile_members(tmp_path: Path, recwarn: object) -> None:
    """T34: names that lead out, twins, other cases; locked and unknown packing.

    Nothing is written outside the case.
    """
    assert recwarn is not None  # zipfile warns of names that come twice
    root = tmp_path / "export"
    root.mkdir()
    names = ["../x", "/abs", "C:\\x", "a\nb", "\x1b[2J", "Case", "case", "x/../../y"]
    members = [(f"{name}.log", LOG) for name in [*names, "twice", "twice"]]
    (root / "names.zip").write_bytes(zip_of(*members))
    two = zip_of(("a.log", LOG), ("b.log", LOG))
    (root / "locked.zip").write_bytes(with_header(two, (6, 8, 1)))
    (root / "method.zip").write_bytes(with_header(two, (8, 10, 97)))
    (root / "sum.zip").write_bytes(two.replace(b"192.0.2.0", b"192.0.2.9", 1))
    (root / "cut.zip").write_bytes(two[:-30])
    before = sorted(tmp_path.rglob("*"))
    found = read(root, tmp_path / "x.case")
    after = [p for p in tmp_path.rglob("*") if "x.case" not in p.parts]
    assert before == sorted(after)
    for name, _ in members:
        assert found[f"names.zip!/{name}"][:2] == ("complete", 3)
    assert found["names.zip!/twice.log#2"][:2] == ("complete", 3)
    for kind, events in (("locked", 0), ("method", 0), ("sum", 3)):
        assert found[f"{kind}.zip!/b.log"][:2] == ("complete", 3)
        assert found[f"{kind}.zip!/a.log"][:2] == ("unreadable", events)
    assert "locked with a password" in found["locked.zip!/a.log"][2]
    assert found["cut.zip"][0] == "truncated"
    assert found["cut.zip!/b.log"][:2] == found["cut.zip!/a.log"][:2] == ("complete", 3)


@pytest.mark.parametrize("packed", [False, True])
def test_a_tar_of_hostile_members(packed: bool, tmp_path: Path) -> None:
    """T34, T36, T37: names that lead out, links, devices, pipes, twins, odd types."""
    data = tar_of(
        *[(f"{n}.log", tarfile.REGTYPE, LOG, "") for n in ("a", "/b", "../c", "a")],
        ("hard.log", tarfile.LNKTYPE, b"", "a.log"),
        ("soft.log", tarfile.SYMTYPE, b"", "/etc/passwd"),
        ("device", tarfile.CHRTYPE, b"", ""),
        ("pipe", tarfile.FIFOTYPE, b"", ""),
        ("folder", tarfile.DIRTYPE, b"", ""),
        ("n" * 255 + "\n.log", tarfile.REGTYPE, LOG, ""),
    )
    root = tmp_path / "export"
    root.mkdir()
    (root / "t.tar").write_bytes(gzip.compress(data) if packed else data)
    found = read(root, tmp_path / "x.case")
    for name in ("a.log", "/b.log", "../c.log", "a.log#2", "n" * 255 + "\n.log"):
        assert found[f"t.tar!/{name}"][:2] == ("complete", 3), name
    for name in ("hard.log", "soft.log", "device", "pipe"):
        assert found[f"t.tar!/{name}"][:2] == ("unsupported", 0), name
    assert len(found) == 10  # the tar itself; a folder holds nothing of its own
    assert "/etc/passwd" in found["t.tar!/soft.log"][2]


def test_files_that_are_none_and_files_with_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T36, T37, T38: links in circles, pipes, sockets, devices, sparse files."""
    root = tmp_path / "export"
    root.mkdir()
    (root / "circle").symlink_to(".")
    (root / "gone").symlink_to("nowhere")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(root)  # a socket's name is short
        listener.bind("socket")
    if os.getuid() == 0:
        os.mknod(root / "zero", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with (root / "cut.log").open("wb") as log:
        log.truncate(40 << 20)
        log.seek(0, os.SEEK_END)
        log.write(LOG)
    with (root / "huge.log").open("wb") as log:
        log.write(LOG)
        log.truncate(1 << 40)
    found = read(root, tmp_path / "x.case")
    assert found["cut.log"][:2] == ("complete", 3)
    assert "41,943,040 zeros before the first line" in found["cut.log"][2]
    assert found["huge.log"] == (
        "over_budget",
        0,
        "1023 GiB of it are holes, which nobody wrote: not read",
    )
    others = {v[0] for name, v in found.items() if not name.endswith(".log")}
    assert others == {"unsupported"}


@pytest.mark.parametrize(
    ("head", "verdict", "words"),
    [
        (b"7z\xbc\xaf\x27\x1c", "unreadable", "7-Zip"),
        (b"Rar!\x1a\x07\x01\0", "unreadable", "RAR"),
        (b"\x04\x22\x4d\x18", "unreadable", "lz4"),
        (b"\x5d\0\0\x80", "unreadable", "LZMA"),
        (b"Salted__", "unreadable", "openssl"),
        (b"-----BEGIN PGP MESSAGE-----\n", "unreadable", "PGP"),
        (b"\x1f\x9d\x90", "unreadable", "compress"),
        (b"LPKSHHRH", "unreadable", "journalctl"),
        (b"ElfFile\0", "unreadable", "Windows"),
        (b"PAR1", "unreadable", "Parquet"),
        (b"\x7fELF", "unsupported", "a program"),
        (b"\x89PNG\r\n", "unsupported", "a picture"),
        (b"\0\1\2\3", "unsupported", "binary data"),
    ],
)
def test_what_is_no_text_says_what_it_is(
    head: bytes, verdict: str, words: str, tmp_path: Path
) -> None:
    """T41: a file that may hold logs and was not opened is no complete evidence."""
    root = tmp_path / "export"
    root.mkdir()
    (root / "x.log").write_bytes(head + bytes(range(256)) * 9)
    found = read(root, tmp_path / "x.case")
    assert found["x.log"][:2] == (verdict, 0)
    assert words in found["x.log"][2]


def test_what_is_packed_too_deep_is_told(tmp_path: Path) -> None:
    """T33, T41: packed twice, and a container inside two others."""
    root = tmp_path / "export"
    root.mkdir()
    tar = gzip.compress(tar_of(("a.log", tarfile.REGTYPE, LOG, "")))
    inner = zip_of(("t.tgz", tar))
    (root / "deep.zip").write_bytes(zip_of(("in.zip", inner)))
    (root / "twice.log.gz").write_bytes(gzip.compress(gzip.compress(LOG)))
    found = read(root, tmp_path / "x.case")
    assert found["deep.zip!/in.zip!/t.tgz"][:2] == ("unreadable", 0)
    assert found["twice.log.gz"][:2] == ("unreadable", 0)
    assert "packed twice" in found["twice.log.gz"][2]


def test_a_case_inside_the_evidence_hides_nothing(tmp_path: Path) -> None:
    """T04: a case of an earlier run is listed and not read; what lies beside it is."""
    root = tmp_path / "export"
    (root / "old.case" / "events").mkdir(parents=True)
    for name in ("case.json", "SHA256SUMS", "events/000000.parquet", "own.log"):
        (root / "old.case" / name).write_bytes(LOG)
    found = read(root, tmp_path / "x.case")
    assert found == {
        "old.case": ("unsupported", 0, "a case folder of this tool, no evidence"),
        "old.case/own.log": ("complete", 3, ""),
    }


def test_no_file_of_a_case_moves_a_cursor(tmp_path: Path) -> None:
    """T51: names and lines with controls, in what somebody may print as it is."""
    root = tmp_path / "export"
    root.mkdir()
    odd = "\x1b[2J\u009b31m\u202e\u2066\ufeff"
    stamp = "06/Feb/2025:14:32:07 +0900"
    line = f'192.0.2.1 - - [{stamp}] "GET /{odd} HTTP/1.1" 502 1 "-" "x"'
    (root / f"a{odd}.log").write_text(line)
    case = tmp_path / "x.case"
    request = pipeline.Request(archives=(root,), case=case, jobs=0)
    done = pipeline.analyze(request, lambda _stage, _bytes: None)
    for name in ("findings.json", "manifest.jsonl", "case.json", "report.md"):
        text = (case / name).read_text("utf-8").replace("\n", "")
        assert text.isprintable(), name
    assert done.read_json("findings.json")["verdict"]["evidence"][0]["text"] == line


def test_a_zip_of_many_members_and_wrong_sizes(tmp_path: Path) -> None:
    """T35: sizes that lie are told, members by the thousand take no time."""
    root = tmp_path / "export"
    root.mkdir()
    two = zip_of(("a.log", LOG), ("b.log", LOG))
    for name, size in (("less", 9), ("more", 60_000)):
        changed = with_header(two, (22, 24, size), (18, 20, size))
        (root / f"{name}.zip").write_bytes(changed)
    empty = zip_of(*[(f"{n}.log", b"") for n in range(1000)])
    (root / "many.zip").write_bytes(empty)
    begun = time.process_time()
    found = read(root, tmp_path / "x.case")
    assert time.process_time() - begun < 20
    assert found["less.zip!/a.log"][0] == found["more.zip!/a.log"][0] == "unreadable"
    assert found["less.zip!/b.log"][:2] == ("complete", 3)
    assert len([name for name in found if name.startswith("many.zip!/")]) == 1000


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("at", [36, 50, 90])
def test_a_zip_with_damaged_data_costs_its_member_only(
    kind: int, at: int, tmp_path: Path
) -> None:
    """T35: whatever a decoder says of it, also before the first byte."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", kind) as archive:
        for name in ("a", "b"):
            archive.writestr(f"{name}.log", LOG)
    damaged = bytearray(sink.getvalue())
    damaged[at : at + 9] = b"\xff" * 9
    root = tmp_path / "export"
    root.mkdir()
    (root / "x.zip").write_bytes(damaged)
    found = read(root, tmp_path / "x.case")
    # Of LZMA, its settings are damaged, too: they ask for any amount of memory.
    assert found["x.zip!/a.log"][0] in {"unreadable", "over_budget"}
    assert found["x.zip!/b.log"][:2] == ("complete", 3)


def test_members_that_no_index_names_are_read(tmp_path: Path) -> None:
    """T35: two zips in one file, a member taken out of the index, a program before."""
    root = tmp_path / "export"
    root.mkdir()
    one, two = zip_of(("a.log", LOG)), zip_of(("b.log", LOG))
    (root / "joined.zip").write_bytes(one + two)
    (root / "program.exe").write_bytes(b"MZ PK\3\4".ljust(500, b"\0") + one)
    both = zip_of(("a.log", LOG), ("b.log", LOG))
    first = both.index(b"PK\1\2")
    second, end = both.index(b"PK\1\2", first + 4), both.index(b"PK\5\6")
    counts = struct.pack("<HHII", 1, 1, end - second, first)
    index = both[second:end] + both[end : end + 8] + counts + both[end + 20 :]
    (root / "hidden.zip").write_bytes(both[:first] + index)
    found = read(root, tmp_path / "x.case")
    for name in ("joined.zip", "hidden.zip"):
        assert found[name][0] == "truncated"
        assert "its index does not name" in found[name][2]
        assert found[f"{name}!/a.log"][:2] == ("complete", 3)
        assert found[f"{name}!/b.log"][:2] == ("complete", 3)
    assert found["program.exe!/a.log"][:2] == ("complete", 3)
    assert found["program.exe"] == ("complete", 0, "")


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_that_no_index_names_costs_itself_only(
    kind: int, tmp_path: Path
) -> None:
    """T32: of other bytes nothing is invented, and what stands behind is read."""
    sink = io.BytesIO()
    logs = [
        b"".join(ACCESS % (n % 250, n % 60, n * 7919 + m, n) for n in range(800))
        for m in range(3)
    ]
    with zipfile.ZipFile(sink, "w", kind) as archive:
        for number, log in enumerate(logs):
            archive.writestr(f"{number}.log", log)
    whole = bytearray(sink.getvalue()[: sink.getvalue().index(b"PK\1\2")])
    root = tmp_path / "export"
    root.mkdir()
    for at in (400, 5000):
        damaged = whole.copy()
        damaged[at : at + 200] = bytes(200)
        (root / f"{at}.zip").write_bytes(damaged)
    found = read(root, tmp_path / "x.case")
    for at in (400, 5000):
        assert found[f"{at}.zip!/0.log"][0] == "unreadable"
        assert found[f"{at}.zip!/0.log"][1] <= 800
        assert found[f"{at}.zip!/1.log"][:2] == ("complete", 800)
        assert found[f"{at}.zip!/2.log"][:2] == ("complete", 800)


def test_a_zip_is_known_by_its_end(tmp_path: Path) -> None:
    """T35: its first bytes are damaged, or something stands before them."""
    root = tmp_path / "export"
    root.mkdir()
    both = zip_of(("a.log", LOG), ("b.log", LOG))
    (root / "hurt.zip").write_bytes(b"\0\0" + both[2:])
    (root / "saved.zip").write_bytes(b"HTTP/1.1 200 OK\r\n\r\n" + both)
    found = read(root, tmp_path / "x.case")
    assert found["hurt.zip!/a.log"][0] == "unreadable"
    assert found["hurt.zip!/b.log"][:2] == ("complete", 3)
    assert found["saved.zip!/a.log"][:2] == ("complete", 3)
    assert found["saved.zip"][0] == "truncated"
    assert "19 bytes stand before it" in found["saved.zip"][2]


def test_a_tar_without_its_mark_is_one(tmp_path: Path) -> None:
    """T35: tars had none before POSIX, and some programs still write such."""
    data = bytearray(tar_of(("a.log", tarfile.REGTYPE, LOG, "")))
    data[257:512] = bytes(255)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    root = tmp_path / "export"
    root.mkdir()
    (root / "old.tar").write_bytes(data)
    found = read(root, tmp_path / "x.case")
    assert found["old.tar!/a.log"][:2] == ("complete", 3)


def test_many_small_bombs_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T33: what each container may unpack, all of them together may."""
    monkeypatch.setattr(Budget, "RATIO", 1)
    monkeypatch.setattr(Budget.__init__, "__defaults__", (100_000,))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", LOG * 200)
    tar = gzip.compress(tar_of(("a.log", b"0", LOG * 200, "")))
    root = tmp_path / "export"
    root.mkdir()
    for number in range(9):
        (root / f"{number}.zip").write_bytes(sink.getvalue())
        (root / f"{number}.tgz").write_bytes(tar)
    (root / "nested.zip").write_bytes(zip_of(("z.zip", sink.getvalue())))
    (root / "z.log").write_bytes(LOG)
    found = read(root, tmp_path / "x.case")
    members = {name: row for name, row in found.items() if name.endswith("a.log")}
    verdicts = [verdict for verdict, _, _ in members.values()]
    assert {"complete", "over_budget"} <= {*verdicts}
    # Beside the budget, each file may be looked at.
    assert sum(row[1] for row in members.values()) * len(LOG) / 3 < 300_000
    assert found["z.log"][:2] == ("complete", 3)
    assert found["8.zip!/a.log"][0] == "over_budget"
    assert found["nested.zip!/z.zip!/a.log"][0] == "over_budget"


def test_the_order_of_a_folder_and_its_place_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T12: whatever order the disk lists files in, and wherever the folder stands."""
    here, there = tmp_path / "export", tmp_path / "else" / "where" / "export"
    for number in range(9):
        (here / f"d{number % 3}").mkdir(parents=True, exist_ok=True)
        (here / f"d{number % 3}" / f"{number}.log").write_bytes(LOG)
    shutil.copytree(here, there)
    listed = os.scandir

    @contextlib.contextmanager
    def backwards(path: Any) -> Iterator[Any]:
        with listed(path) as items:
            yield reversed([*items])

    cases = [case_of(here, tmp_path / "x.case")]
    monkeypatch.setattr("forensic.archive.os.scandir", backwards)
    cases.append(case_of(there, tmp_path / "y.case"))
    for name in ("events/000000", "unparsed", "clocks"):
        one, other = (case.path(f"{name}.parquet").read_bytes() for case in cases)
        assert one == other, name
    ledgers = [case.table("sources").drop("mtime").collect() for case in cases]
    assert ledgers[0].equals(ledgers[1])


def test_bombs_end_and_cost_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T33: in gzip, zip and tar; what was read until then is kept and can be shown."""
    # All of the files may unpack to 100 kB, and as much as they store.
    monkeypatch.setattr(Budget, "RATIO", 1)
    monkeypatch.setattr(Budget.__init__, "__defaults__", (100_000,))
    root = tmp_path / "export"
    root.mkdir()
    bomb = LOG * 4000
    (root / "b.log.gz").write_bytes(gzip.compress(bomb))
    (root / "c.tgz").write_bytes(gzip.compress(tar_of(("a.log", b"0", bomb, ""))))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", bomb)
        archive.writestr("b.log", LOG)
    (root / "d.zip").write_bytes(sink.getvalue())
    (root / "z.log").write_bytes(LOG)
    found = read(root, tmp_path / "x.case", block=1 << 16)
    assert found["z.log"][:2] == ("complete", 3)
    verdict, count, told = found["b.log.gz"]
    assert verdict == "over_budget"
    assert 1000 < count < 12_000
    assert told.startswith(
        "unpacking stopped: evidence may unpack to 4 GiB and 1 times"
    )
    assert found["c.tgz"][0] == "over_budget"
    assert found["d.zip!/a.log"][0] == "over_budget"


@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_tar_gives_all_that_is_there(packed: bool, tmp_path: Path) -> None:
    """T32: the last member is read to its last byte, however much is read at once."""
    data = tar_of(*[(f"{n}.log", b"0", LOG * 3000, "") for n in range(3)])
    cut = gzip.compress(data) if packed else data
    root = tmp_path / "export"
    root.mkdir()
    (root / "cut.tar").write_bytes(cut[: len(cut) // 2])
    found = [
        read(root, tmp_path / f"{block}.case", block=block)
        for block in (1 << 16, 1 << 24)
    ]
    assert found[0] == found[1]
    verdict, events, told = found[0]["cut.tar!/1.log"]
    assert verdict == "truncated"
    assert events > 3000
    assert "the tar ends within it" in told
    assert found[0]["cut.tar"][0] == "truncated"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_cut_zip_gives_all_that_is_there(
    kind: int, streamed: bool, tmp_path: Path
) -> None:
    """T32: its index stood at its end; members stand one behind the other."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return not streamed  # sizes then stand behind the members

        def tell(self) -> int:
            if streamed:
                raise OSError
            return super().tell()

    sink = Pipe()
    with zipfile.ZipFile(sink, "w", kind) as archive:
        for number in range(3):
            lines = b"".join(ACCESS % (n % 250, n % 60, number, n) for n in range(9000))
            archive.writestr(f"d/{number}.log", lines)
    data = sink.getvalue()
    root = tmp_path / "export"
    root.mkdir()
    (root / "cut.zip").write_bytes(data[: len(data) // 2])
    blocks = [1 << 16, 1 << 24]
    found = [read(root, tmp_path / f"{b}.case", block=b) for b in blocks]
    assert found[0] == found[1]
    assert found[0]["cut.zip"][0] == "truncated"
    if streamed and kind == zipfile.ZIP_STORED:
        assert found[0]["cut.zip!/d/0.log"][0] == "unreadable"
        return
    assert found[0]["cut.zip!/d/0.log"][:2] == ("complete", 9000)
    verdict, events, told = found[0]["cut.zip!/d/1.log"]
    assert verdict == "truncated"
    assert events > 3000
    assert "the zip ends within it" in told
