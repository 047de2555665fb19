"""The archive: every file has an entry, nothing is followed, nothing written."""

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forensic.archive import entries, open_source, spans_reader
from forensic.errors import UsageError

LOG = b'192.0.2.1 - - [06/Feb/2025:14:32:07 +0900] "GET / HTTP/1.1" 200 1 "-" "-"\n'


def listing(*archives: Path) -> dict[str, tuple[bytes | None, str | None]]:
    """Source ▶ content and problem."""
    found = {}
    for entry in entries(archives):
        content = entry.stream.read(1 << 20) if entry.stream else None
        if entry.container:
            content = None
        found[entry.source] = (content, entry.problem[0] if entry.problem else None)
    return found


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "a-b").write_bytes(b"2")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"1")
    (tmp_path / "empty").write_bytes(b"")
    assert ["a-b", "a/b", "empty"] == list(listing(tmp_path))


@pytest.mark.parametrize("end", [".gz", ".zip"])
def test_a_file_that_was_read_takes_no_memory(end: str, tmp_path: Path) -> None:
    data = os.urandom(3_000) * 3
    for number in range(100):
        path = tmp_path / f"{number}.log{end}"
        if end == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr("a.log", data)
        else:
            path.write_bytes(gzip.compress(data))
    for entry in entries([tmp_path]):  # what is loaded once is no file's
        assert entry.stream is None or entry.stream.sha256
    tracemalloc.start()
    kept = []
    for entry in entries([tmp_path]):
        assert entry.stream is not None
        while entry.stream.read(1 << 16):
            pass
        assert entry.stream.sha256
        kept.append(entry)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < len(kept) * 10_000


def test_links_pipes_and_locked_files_are_listed_and_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    root = tmp_path / "export"
    root.mkdir()
    (root / "link").symlink_to(secret)
    (root / "folder-link").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    found = listing(root)
    assert {"folder-link", "link", "loop", "pipe"} == set(found)
    assert all(value == (None, "unsupported") for value in found.values())


def test_a_name_as_bytes_tells_nothing_of_where_the_archive_stood(
    tmp_path: Path,
) -> None:
    for folder in (b"here", b"th\xffre"):
        root = tmp_path / os.fsdecode(folder)
        log = root / "logs" / os.fsdecode(b"a\xff.log")
        log.parent.mkdir(parents=True)
        log.write_bytes(b"x\n")
        for archive, raw in (
            (root, b"logs/a\xff.log"),
            (log.parent, b"a\xff.log"),
            (log, b"a\xff.log"),
        ):
            assert [entry.raw_name for entry in entries([archive])] == [raw]


def test_names_that_are_globs_urls_or_no_text(tmp_path: Path) -> None:
    names = [
        b"a[1].log",
        b"a1.log",
        b"b*",
        b"{x,y}",
        b"-n",
        b"\xff\xfe.log",
        b"a\nb",
        b"~",
        b"%0A",
    ]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"I am " + name)
    found = listing(tmp_path)
    assert len(names) == len(found)
    for name in names:
        assert b"I am " + name == found[name.decode("utf-8", "backslashreplace")][0]


def tar_of(members: dict[str, bytes], mode: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
        link = tarfile.TarInfo("evil")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return sink.getvalue()


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_tar_and_what_is_in_it(mode: str, tmp_path: Path) -> None:
    inner = tar_of({"z": LOG}, "w:")
    members = {
        "b/x.log": LOG,
        "../up": b"up",
        "a.log.gz": gzip.compress(LOG),
        "in.tar": inner,
        "long.log": LOG * 900,
    }
    path = tmp_path / "export.tar"
    path.write_bytes(tar_of(members, mode))
    before = sorted(tmp_path.rglob("*"))
    found = listing(path)
    assert found["export.tar!/b/x.log"][0] == LOG
    assert found["export.tar!/../up"][0] == b"up"
    assert found["export.tar!/a.log.gz"][0] == LOG
    assert found["export.tar!/in.tar!/z"][0] == LOG
    assert found["export.tar!/evil"] == (None, "unsupported")
    assert before == sorted(tmp_path.rglob("*"))
    read_span = spans_reader([path])
    assert read_span("export.tar!/long.log", 60_000, 900) == (LOG * 900)[60_000:60_900]
    assert read_span("export.tar!/in.tar!/z", 12, 9) == LOG[12:21]
    assert read_span("export.tar!/a.log.gz", 0, 9) == LOG[:9]


def test_zip(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.log", LOG)
        archive.writestr("a.log.gz", gzip.compress(LOG))
    found = listing(path)
    assert ["export.zip!/a.log.gz", "export.zip!/b.log", "export.zip"] == list(found)
    assert found["export.zip!/a.log.gz"][0] == LOG


def test_damaged_containers_end_early_and_say_so(tmp_path: Path) -> None:
    whole = tar_of({f"{n}.log": LOG * 50 for n in range(9)}, "w:gz")
    for cut in (len(whole) // 2, len(whole) - 9):
        path = tmp_path / "export.tgz"
        path.write_bytes(whole[:cut])
        problems = [
            e.stream.problem for e in entries([path]) if e.stream and e.container
        ]
        assert problems
        assert problems[0] is not None


def test_a_folder_may_end_as_a_container_is_marked(tmp_path: Path) -> None:
    root = tmp_path / "export"
    (root / "in.tar!").mkdir(parents=True)
    (root / "in.tar!" / "x.log").write_bytes(b"in the folder")
    (root / "in.tar").write_bytes(tar_of({"y.log": b"in the tar"}, "w:"))
    (tmp_path / "secret").write_bytes(b"secret")
    read_span = spans_reader([root])
    assert read_span("in.tar!/x.log", 0, 99) == b"in the folder"
    assert read_span("in.tar!/y.log", 0, 99) == b"in the tar"
    for outside in ("../secret", "in.tar!/../../secret"):
        with pytest.raises(UsageError):
            read_span(outside, 0, 99)


def test_names_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    root = tmp_path / "export"
    (root / "in.tar!").mkdir(parents=True)
    (root / "in.tar!" / "y.log").write_bytes(b"in the folder")
    twice = tar_of({"y.log": b"in the tar"}, "w:")
    (root / "in.tar").write_bytes(twice)
    for name in (b"\\xff", b"\xff", b"\\xff#2", b"\\xff#3"):
        (root / os.fsdecode(name)).write_bytes(b"I am " + name)
    found = listing(root)
    assert len(found) == 8  # these, the tar, its link and its member
    read_span = spans_reader([root])
    for source, (content, problem) in found.items():
        if content is not None and not problem:
            assert read_span(source, 0, 99) == content, source


def damaged(header: bytes, size: bytes) -> bytes:
    """A tar header with another size, and a checksum that fits."""
    changed = bytearray(header)
    changed[124:136], changed[148:156] = size, b" " * 8
    changed[148:156] = b"%06o\0 " % sum(changed)
    return bytes(changed)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("left", "hurt"),
    [
        (4, lambda tar: tar[: 4 * 1024]),  # cut between two members
        (4, lambda tar: tar[: 4 * 1024 + 100]),
        (4, lambda tar: tar[: 4 * 1024] + b"?" + tar[4 * 1024 + 1 :]),
        (9, lambda tar: tar[: 9 * 1024]),  # the end mark is missing
        (9, lambda tar: tar + tar),
        (3, lambda tar: tar[: 3 * 1024]
            + damaged(tar[3 * 1024 : 3 * 1024 + 512], b"\xff" * 10 + b"\xf8\0")
            + tar[3 * 1024 + 512 :]),  # minus 2048 bytes: back to where it was
    ],
)  # fmt: skip
def test_a_tar_does_not_lose_members_in_silence(
    left: int, hurt: Callable[[bytes], bytes], packed: bool, tmp_path: Path
) -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for number in range(9):
            item = tarfile.TarInfo(f"{number}.log")
            item.size = 512
            tar.addfile(item, io.BytesIO(b"x" * 512))
    data = hurt(sink.getvalue())
    path = tmp_path / "export.tar"
    path.write_bytes(gzip.compress(data) if packed else data)
    *inner, whole = entries([path])
    assert len(inner) == left
    assert whole.stream
    assert whole.stream.problem
    assert whole.stream.problem[0] == "truncated"


def test_members_of_a_zip_that_share_their_bytes_are_read_once(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", LOG * 99)
        archive.writestr("b.log", LOG)
    raw = sink.getvalue()
    index, end = raw.index(b"PK\x01\x02"), raw.index(b"PK\x05\x06")
    entry = raw[index : raw.index(b"PK\x01\x02", index + 1)]
    index_of = entry * 500 + raw[index:end]
    ending = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 502, 502, len(index_of), index, 0)
    (tmp_path / "bomb.zip").write_bytes(raw[:index] + index_of + ending)
    read = [content for content, wrong in listing(tmp_path).values() if not wrong]
    assert [99 * len(LOG), len(LOG)] == sorted(map(len, filter(None, read)))[::-1]


def test_a_zip_may_not_say_how_much_memory_it_takes(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.log", LOG)
        archive.writestr("b.log", LOG)
    raw = sink.getvalue()
    assert raw.count(b"\x05\0\x5d") == 2  # the length and the first of the settings
    place = raw.index(b"\x05\0\x5d") + 3
    wide = raw[:place] + b"\xff\xff\xff\xff" + raw[place + 4 :]
    (tmp_path / "wide.zip").write_bytes(wide)
    found = listing(tmp_path)
    assert found["wide.zip!/a.log"] == (None, "over_budget")
    assert found["wide.zip!/b.log"][0] == LOG


def test_several_archives_and_a_missing_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.log").write_bytes(name.encode())
    both = [tmp_path / "one", tmp_path / "two"]
    assert ["one/x.log", "two/x.log"] == list(listing(*both))
    assert open_source(both, "two/x.log").source == "two/x.log"
    with pytest.raises(UsageError):
        list(entries([tmp_path / "none"]))
    with pytest.raises(UsageError):
        open_source(both, "two/y.log")
