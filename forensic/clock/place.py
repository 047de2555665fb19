"""Zones that stand in the archive's configuration files, and whose they are."""

import re
from collections.abc import Mapping

from forensic.clock.names import folder
from forensic.zones import ABBREVIATIONS

__all__ = ["host_root", "host_zones"]

_LINK = re.compile(r"zoneinfo/(?:posix/|right/)?([A-Za-z_+-]+(?:/[A-Za-z0-9_+-]+)*)")
_NAME = re.compile(
    r"^\s*([A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}|UTC|GMT)\s*$", re.MULTILINE
)
_STATUS = re.compile(r"Time ?zone[:=]\s*([A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*)")
_ASSIGNED = re.compile(r"^\s*ZONE=\"?([A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*)", re.MULTILINE)
#: TZif files end with a POSIX rule such as `JST-9`: a fixed offset if it is no longer.
_RULE = re.compile(r"\n<?([+-]?\w+)>?([+-]?\d{1,2})(?::(\d{2}))?\n$")
_SYSTEM = re.compile(r"(?:^|/)(?=(?:var|etc|opt|srv|home|usr|sos_commands)/)")
#: What `date` prints, in the forms of C, of English locales and of `-R`; with seconds,
#: else it may be any line.
_DATE = re.compile(
    r"^\w{3},? +(?:\w{3} +\d{1,2}|\d{1,2} +\w{3} +\d{4},?) +\d\d:\d\d:\d\d(?: [AP]M)?"
    r" ([A-Z]{3,4}|[+-]\d\d(?:\d\d)?)(?: \d{4})?\s*$"
)
#: Zones whose clocks are never put forward: of the others it tells that day's alone.
_STEADY = set(
    "UTC JST KST MSK HKT AWST PKT WIB WITA WIT SAST EAT CAT +0530 +0545 +0630 +07 +0700"
    " +08 +0800 +09 +0900".split()
)


def host_root(source: str) -> str:
    """Part of a path that stands for the machine's `/`; empty for the root."""
    found = _SYSTEM.search(source)
    if found:
        return source[: found.start()]
    return folder(source).split("/", 1)[0]


def _zone(path: str, content: bytes) -> str | None:
    text = content.decode("utf-8", "replace")
    name = path.rpartition("/")[2]
    if name == "localtime":
        link = _LINK.search(text)
        if link:
            return link.group(1)
        rule = _RULE.search(content[-40:].decode("latin-1"))
        return _fixed(rule) if content[:4] == b"TZif" and rule else None
    if name == "timezone":
        found = _NAME.search(text)
    elif path.endswith("sysconfig/clock"):
        found = _ASSIGNED.search(text)
    elif "timedatectl" in name:
        found = _STATUS.search(text)
    elif name in {"date", "date.txt"}:
        return _of_date(text, sos="sos_commands/" in path)
    else:
        return None
    return found.group(1) if found else None


def _of_date(text: str, *, sos: bool) -> str | None:
    """The zone in which `date` was printed, where that is its zone all the year.

    Who calls it by hand may ask for UTC (`date -u`); sos keeps that apart.
    """
    found = _DATE.match(text)
    name = found.group(1) if found else ""
    if name not in _STEADY or (name == "UTC" and not sos):
        return None
    if name in ABBREVIATIONS:
        seconds = ABBREVIATIONS[name]
        return "UTC" if not seconds else f"+{seconds // 3600:02d}:00"
    return f"{name[:3]}:{name[3:] or '00'}"


def _fixed(rule: re.Match[str]) -> str:
    """`+09:00` for `JST-9`: POSIX counts westwards."""
    hours, minutes = int(rule.group(2)), rule.group(3) or "00"
    return f"{'-' if hours > 0 else '+'}{abs(hours):02d}:{minutes}"


def host_zones(configuration: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    """Machine root ▶ (zone, the file that names it), for every machine that says so."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(configuration):
        zone = _zone(path, configuration[path])
        if zone is not None:
            found.setdefault(host_root(path), (zone, path))
    return found
