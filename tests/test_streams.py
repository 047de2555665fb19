"""Streams: what a codec gives back, cut or damaged anywhere."""

import base64
import bz2
import gzip
import hashlib
import lzma
import os
import quopri
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from forensic.archive.budget import Budget
from forensic.archive.streams import Stream, file_stream

TEXT = b"".join(b"line %d of the log, and some more of it\n" % n for n in range(400))
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def stream_of(folder: Path, data: bytes) -> Stream:
    path = folder / "evidence"
    path.write_bytes(data)
    return file_stream(os.open(path, os.O_RDONLY), len(data))


def drained(stream: Stream) -> bytes:
    found = b""
    while piece := stream.read(1000):
        found += piece
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_whole_stream(codec: str, tmp_path: Path) -> None:
    packed = CODECS[codec](TEXT)
    stream = stream_of(tmp_path, packed)
    assert codec == stream.codec
    assert TEXT == drained(stream)
    assert stream.problem is None
    assert hashlib.sha256(packed).hexdigest() == stream.sha256
    assert len(packed) == stream.stored
    stream.close()


@pytest.mark.parametrize("codec", CODECS)
def test_many_members_are_one_stream(codec: str, tmp_path: Path) -> None:
    pack = CODECS[codec]
    packed = b"".join(pack(TEXT[i : i + 997]) for i in range(0, len(TEXT), 997))
    stream = stream_of(tmp_path, packed + pack(b""))
    assert TEXT == drained(stream)
    assert stream.problem is None
    stream.close()


def test_frames_of_zstd_that_hold_nothing_are_passed_over(tmp_path: Path) -> None:
    empty = b"\x53\x2a\x4d\x18\x04\0\0\0size"
    packed = zstd.compress(TEXT)
    stream = stream_of(tmp_path, empty + packed + empty + packed + empty)
    assert stream.codec == "zstd"
    assert TEXT + TEXT == drained(stream)
    assert stream.problem is None
    stream.close()


@pytest.mark.parametrize("codec", CODECS)
def test_cut_anywhere_keeps_the_good_prefix(codec: str, tmp_path: Path) -> None:
    packed = CODECS[codec](TEXT)
    for end in range(8, len(packed)):
        stream = stream_of(tmp_path, packed[:end])
        found = drained(stream)
        assert TEXT.startswith(found)
        assert stream.problem is not None, end
        assert stream.problem[0] == "truncated"
        assert hashlib.sha256(packed[:end]).hexdigest() == stream.sha256
        stream.close()


@pytest.mark.parametrize("codec", ["gzip", "xz", "bzip2"])
def test_flipped_checksum_is_told(codec: str, tmp_path: Path) -> None:
    packed = bytearray(CODECS[codec](TEXT))
    packed[-6] ^= 0xFF
    stream = stream_of(tmp_path, bytes(packed))
    found = drained(stream)
    assert TEXT.startswith(found)
    assert codec != "gzip" or len(found) >= len(TEXT) - 1
    assert stream.problem is not None
    stream.close()


@pytest.mark.parametrize("view", [1 << 20, 100_000, 1000])
def test_all_that_comes_before_a_damage_is_read(view: int, tmp_path: Path) -> None:
    text = TEXT * 20
    packed = bytearray(CODECS["gzip"](text))
    packed[len(packed) // 2] ^= 0xFF
    stream = stream_of(tmp_path, bytes(packed))
    found, buffer = b"", memoryview(bytearray(view))
    while count := stream.readinto(buffer):
        found += buffer[:count]
    good = _good(bytes(packed))
    assert found.startswith(good[:-1])
    assert stream.problem is not None
    stream.close()


def _good(packed: bytes) -> bytes:
    """What zlib makes of the bytes before it finds the damage."""
    decoder, found = zlib.decompressobj(31), b""
    for byte in packed:
        try:
            found += decoder.decompress(bytes([byte]))
        except zlib.error:
            break
    return found


def test_padding_is_no_damage_and_garbage_is(tmp_path: Path) -> None:
    packed = CODECS["gzip"](TEXT)
    for tail, damaged in [(b"\0" * 512, False), (b"garbage", True)]:
        stream = stream_of(tmp_path, packed + tail)
        assert TEXT == drained(stream)
        assert damaged == (stream.problem is not None)
        stream.close()


def test_bomb_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    packed = CODECS["gzip"](b"\0" * (64 << 20))
    stream = stream_of(tmp_path, packed)
    view = memoryview(bytearray(1 << 16))
    total = 0
    while count := stream.readinto(view):
        assert count <= len(view)
        total += count
    assert total == 64 << 20
    stream.close()


def test_a_decoder_takes_bounded_memory(tmp_path: Path) -> None:
    """T33: a dictionary of xz may be 4 GiB, whatever the file's size."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 300 << 20}]
    stream = stream_of(tmp_path, lzma.compress(TEXT, filters=filters))
    assert not stream.read(100)
    assert stream.problem
    assert stream.problem[0] == "over_budget"
    assert "takes over 256 MiB" in stream.problem[1]
    stream.close()


def test_peek_and_skip_leave_the_bytes_as_they_are(tmp_path: Path) -> None:
    for data in (TEXT, CODECS["gzip"](TEXT)):
        stream = stream_of(tmp_path, data)
        assert TEXT[:512] == stream.peek()
        stream.skip_to(1234)
        assert TEXT[1234:1300] == stream.read(66)
        stream.close()


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("pack", [bytes, CODECS["gzip"]])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_of_windows_is_read_as_utf_8(
    encoding: str, pack: Callable[[bytes], bytes], mark: str, tmp_path: Path
) -> None:
    """T19: UTF-16 with a byte order mark and without, packed and cut."""
    text = "GET /app/管理 \U0001f600\r\n" * 5_000
    stored = (mark + text).encode(encoding)
    stream = stream_of(tmp_path, pack(stored))
    assert stream.writing
    assert stream.writing.name == ("utf-16" if mark else encoding)
    assert drained(stream) == text.encode()
    assert stream.problem is None
    cut = stream_of(tmp_path, pack(stored[:-1]))
    assert drained(cut) == text.encode()[:-1]
    assert cut.problem is not None


def test_a_mail_is_read_as_its_text(tmp_path: Path) -> None:
    line = b'203.0.113.9 - - "GET /?a=b&c=\xe7\xae\xa1 HTTP/1.1" 403 '
    line += b"x" * 90 + b"\n"
    head = b"From: ops@example.com\nSubject: 403\n%s: quoted-printable\n\n"
    head %= b"Content-Transfer-Encoding"
    stored = head + quopri.encodestring(line * 9_000)
    stream = stream_of(tmp_path, stored)
    assert stream.writing
    assert stream.writing.name == "quoted-printable"
    assert drained(stream) == head + line * 9_000
    assert stream.problem is None
    cut = stream_of(tmp_path, stored[: stored.rindex(b"=E7") + 2])
    assert drained(cut).endswith(b"c=")
    assert cut.problem is not None
    assert (
        stream_of(tmp_path, head.replace(b"quoted-printable", b"8bit")).writing is None
    )


def test_a_mail_is_read_as_the_text_of_its_base64_parts(tmp_path: Path) -> None:
    """What is no text, and what does not decode, stays as it is written."""
    log = b'203.0.113.9 - - "GET / HTTP/1.1" 403\r\n' * 3_000 + b"cut"
    coded = base64.encodebytes(log).replace(b"\n", b"\r\n")
    image = base64.encodebytes(bytes(range(200)))
    top = b'Subject: 403\r\nContent-Type: multipart/mixed;\r\n boundary="a b"\r\n\r\n'
    how = b"Content-Transfer-Encoding: base64\r\n\r\n"
    mine = b"--a b\r\nContent-Type: application/octet-stream;\r\n name=a.log\r\n" + how
    other = b"--a b\r\nContent-Type: image/png\r\n" + how
    bad = b"--a b\r\nContent-Type: text/plain\r\n" + how + b"a line, as it is\n"
    end = b"--a b--\r\nbelow\r\n"
    stream = stream_of(tmp_path, top + mine + coded + other + image + bad + end)
    assert stream.writing
    assert stream.writing.name == "mail"
    assert drained(stream) == top + mine + log + b"\n" + other + image + bad + end
    assert stream.problem is None
    alone = b"From: a@example.com\nSubject: x\n" + how.replace(b"\r", b"")
    assert drained(stream_of(tmp_path, alone + coded)) == alone + log
    cut = stream_of(tmp_path, alone + coded[:-3])
    assert (alone + log).startswith(drained(cut))
    assert cut.problem is not None


def test_what_only_looks_like_it_is_no_text_of_windows(tmp_path: Path) -> None:
    """T19: zeros alone do not make UTF-16."""
    for data in (
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" * 40,
        bytes(range(256)) * 9,
        b"\0" * 4096,
        b"".join(b"%c\0\0\0" % n for n in range(32, 127)),  # UTF-32
        b"".join(b"%c\0" % (n % 256) for n in range(4096)),  # numbers of two bytes
        b"a\0b\0c\0",  # too short to tell
        TEXT,
    ):
        stream = stream_of(tmp_path, data)
        assert stream.writing is None
        assert drained(stream) == data


@pytest.mark.parametrize("pack", [bytes, CODECS["gzip"]])
def test_lines_that_end_in_cr_alone_are_lines(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """T20: CR alone; every byte stays in its place."""
    stream = stream_of(tmp_path, pack(TEXT.replace(b"\n", b"\r")))
    assert drained(stream) == TEXT
    assert stream.descriptor is None  # its places are not those of the file
    mixed = TEXT[:99] + b"\r" + TEXT[99:]
    assert drained(stream_of(tmp_path, pack(mixed))) == mixed


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_bomb_of_good_lines_ends_with_the_budget(codec: str, tmp_path: Path) -> None:
    """T33: what was unpacked until then is kept; a stored byte allows 200 more."""
    lines = b"192.0.2.1 - - all is well\n" * 40_000
    packed = CODECS[codec](lines)
    path = tmp_path / "bomb"
    path.write_bytes(packed)
    for free, whole in ((100_000, False), (len(lines), True)):
        stream = file_stream(os.open(path, os.O_RDONLY), len(packed), Budget(free))
        found = drained(stream)
        assert lines.startswith(found)
        assert (len(found) == len(lines)) is whole
        assert len(found) >= free
        assert (stream.problem is None) is whole
        if stream.problem:
            assert stream.problem[0] == "over_budget"
            assert "unpacking stopped" in stream.problem[1]
        assert stream.sha256 == hashlib.sha256(packed).hexdigest()
        stream.close()
    budget = Budget(0)
    budget.allow(len(packed))
    assert budget.left == 200 * len(packed)
