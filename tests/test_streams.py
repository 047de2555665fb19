"""Streams: what a codec gives back, cut or damaged anywhere."""

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from forensic.streams import Stream, file_stream

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


def test_peek_and_skip_leave_the_bytes_as_they_are(tmp_path: Path) -> None:
    for data in (TEXT, CODECS["gzip"](TEXT)):
        stream = stream_of(tmp_path, data)
        assert TEXT[:512] == stream.peek()
        stream.skip_to(1234)
        assert TEXT[1234:1300] == stream.read(66)
        stream.close()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_of_windows_is_read_as_utf_8(encoding: str, tmp_path: Path) -> None:
    text = "GET /管理 \U0001f600\r\n" * 5_000
    stored = ("\ufeff" + text).encode(encoding)
    stream = stream_of(tmp_path, stored)
    assert stream.codec == "utf-16"
    assert drained(stream) == text.encode()
    assert stream.problem is None
    cut = stream_of(tmp_path, stored[:-1])
    assert drained(cut) == text.encode()[:-1]
    assert cut.problem is not None
