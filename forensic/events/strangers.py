"""Files that are no text, known by their first bytes, and what to do with them."""

__all__ = ["stranger"]

_UNPACK = "which is not opened here: unpack it and analyze that"
_DECRYPT = "which is not opened here: decrypt it and analyze that"
#: First bytes ▶ what it is, and whether it may hold logs that nobody reads now.
_KNOWN: list[tuple[bytes, str, bool]] = [
    (b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive, {_UNPACK}", True),
    (b"Rar!\x1a\x07", f"a RAR archive, {_UNPACK}", True),
    (b"MSCF\0\0\0\0", f"a cabinet archive, {_UNPACK}", True),
    (b"\x04\x22\x4d\x18", f"packed by lz4, {_UNPACK}", True),
    (b"\x5d\0\0", f"packed by LZMA, {_UNPACK}", True),
    (b"Salted__", f"encrypted by openssl, {_DECRYPT}", True),
    (b"age-encryption.org/", f"encrypted by age, {_DECRYPT}", True),
    (b"-----BEGIN PGP MESSAGE", f"encrypted by PGP, {_DECRYPT}", True),
    (b"\x1f\x9d", f"packed by compress, {_UNPACK}", True),
    (b"\xff\x06\x00\x00sNaPpY", f"packed by snappy, {_UNPACK}", True),
    (b"\x1f\x8b", f"packed twice by gzip, {_UNPACK}", True),
    (b"BZh9", f"packed twice, by bzip2 inside, {_UNPACK}", True),
    (b"\x28\xb5\x2f\xfd", f"packed twice, by zstd inside, {_UNPACK}", True),
    (b"\xfd7zXZ\0", f"packed twice, by xz inside, {_UNPACK}", True),
    (b"LPKSHHRH", "systemd's binary journal: journalctl --file FILE -o json", True),
    (
        b"ElfFile\0",
        "an event log of Windows in its binary form: export it as text",
        True,
    ),
    (b"PAR1", "Parquet, a table and no log text: export it as JSON lines", True),
    (b"Obj\x01", "Avro, a table and no log text: export it as JSON lines", True),
    (b"SQLite format 3\0", "a database of SQLite", False),
    (b"\xd4\xc3\xb2\xa1", "a capture of packets", False),
    (b"\x0a\x0d\x0d\x0a", "a capture of packets", False),
    (b"\x7fELF", "a program", False),
    (b"\x89PNG", "a picture", False),
    (b"\xff\xd8\xff", "a picture", False),
    (b"%PDF-", "a PDF document", False),
]


def stranger(head: bytes) -> tuple[str, str] | None:
    """The (verdict, sentence) of a file that no format claims and that begins so."""
    for first, sentence, may_hold_logs in _KNOWN:
        if head.startswith(first):
            return ("unreadable" if may_hold_logs else "unsupported", sentence)
    return None
