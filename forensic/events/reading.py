"""What becomes known of a source while it is read, for the ledger of all bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from forensic.archive import Entry
from forensic.sniff import Sniffed

__all__ = ["Reading"]


@dataclass(slots=True)
class Reading:
    """What reading one source brought to light, besides its lines."""

    entry: Entry
    sniffed: Sniffed | None = None
    encoding: str = "utf-8"
    note: str | None = None  # what is odd about a file that is whole
    lines: int = 0
    size: int = 0
    stream_sha256: str = ""
    sha256: str = ""
    stored: int = 0
    problem: tuple[str, str] | None = None
    #: (line, offset, length, reason, sha256, first bytes) of what no worker saw
    unread: list[tuple[int, int, int, str, str, bytes]] = field(default_factory=list)
    unread_lines: int = 0
    #: the hash of the stream's bytes up to now
    content: Callable[[], str] = str
