"""What the path of a source says: its series, its place in it, its dates, its host."""

import datetime as dt
import functools
import re
from dataclasses import dataclass

__all__ = ["NamedDate", "folder", "named_date", "rotation", "series"]

#: 20250206, 2025-02-06, 2025_02_06, 20250206T0535Z, 2025-02-06-14, 20250206-1430…
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d{2})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:[T_-]?([01]\d|2[0-3])[:h-]?([0-5]\d)?[:m-]?([0-5]\d)?)?(Z)?(?!\d)"
)
_FOLDERS = re.compile(r"/(?:19|20)\d{2}/\d{2}/\d{2}(?:/\d{2})?(?:/\d{2})?(?=/)")
_CODEC = re.compile(r"\.(?:gz|zst|zstd|bz2|xz)$")
_NUMBER = re.compile(r"\.(\d{1,4})$")


@dataclass(frozen=True, slots=True)
class NamedDate:
    """A date in a file name, and whether the file ends there or is about that day."""

    date: dt.date
    rotated: bool  # `access.log-20250206`: cut that day; else `2025-02-06.log`


def _stem(source: str) -> str:
    return _CODEC.sub("", _CODEC.sub("", source))


def folder(source: str) -> str:
    """Folder that holds the source; empty at the root."""
    return source.rpartition("/")[0]


@functools.lru_cache(maxsize=1 << 16)
def series(source: str) -> str:
    """Name that all files of one log share: no dates, no rotation, no codec.

    An object key (`…_20250206T0535Z_192.0.2.1_x1.log.gz`) is cut at its date, since
    what follows differs from object to object.
    """
    path = _FOLDERS.sub("/#", _stem(source))
    base, _, name = path.rpartition("/")
    name = _NUMBER.sub("", name)
    found = _DATE.search(name)
    if found and found.group(8):
        name = name[: found.start()] + "#"
    name = re.sub(r"[-._]#$", "", _DATE.sub("#", name))
    return f"{base}/{name}" if base else name


@functools.lru_cache(maxsize=1 << 16)
def rotation(source: str) -> tuple[int, str, int]:
    """Key that sorts the files of one series from the oldest to the newest."""
    stem = _stem(source)
    number = _NUMBER.search(stem)
    count = int(number.group(1)) if number else 0
    dates = "".join(re.findall(r"\d", "".join(_FOLDERS.findall(stem))))
    found = _DATE.search(stem.rpartition("/")[2])
    if found:
        dates += "".join(g or "" for g in found.group(1, 3, 4, 5, 6, 7))
    return (0 if dates else 1, dates, -count)


def named_date(source: str) -> NamedDate | None:
    """Date that the file's own name states; None where it states none."""
    name = _NUMBER.sub("", _stem(source).rpartition("/")[2])
    found = _DATE.search(name)
    if not found:
        return None
    try:
        date = dt.date(*(int(found.group(i)) for i in (1, 3, 4)))
    except ValueError:
        return None
    rotated = found.end() == len(name) and found.start() > 0
    return NamedDate(date, rotated=rotated)
