r"""Access log whose fields carry labels: LTSV, or `key=value` pairs.

`time:06/Feb/2025:14:32:07 +0900\thost:192.0.2.1\treq:GET / HTTP/1.1\tstatus:200` is
LTSV; nginx, Apache and many frameworks write it. The labels are the site's own
(`access_keys`). The stamp may stand before them without one, as Splunk's add-on for
Tomcat has it.
"""

import re

import polars as pl

from forensic.fields.access_keys import access_columns
from forensic.fields.json_text import unique
from forensic.format import Format

__all__ = ["FORMAT"]

#: Pairs in another order than LTSV's recommended one, quoted or not; a list of tries
#: has spaces, and so has nginx's stamp.
_PAIR = re.compile(
    r'[ ,;|]*([A-Za-z_@$][A-Za-z0-9_.@-]{0,63})=(?:"((?:[^"\\]|\\.)*)"'
    r"|(\[[^\]]*\])|([^\s\",;|]*(?:, [0-9\[-][^\s\"=,;|]*)*"
    r"(?<=\d\d:\d\d:\d\d) [+-]\d{4}|[^\s\",;|]*(?:, [0-9\[-][^\s\"=,;|]*)*))"
)
_STAMP = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
_LEADS = re.compile(rf"({_STAMP}),? ")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}\Z|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\Z")
_CLIENTS = {"remote_addr", "remote_ip", "client_ip", "client", "ip"}


def _labels(line: str) -> list[tuple[str, str]] | None:
    """Labels and values of LTSV, whose `host` is the client; None for what is none."""
    fields = [field.partition(":") for field in line.split("\t") if field]
    if len(fields) < 3 or not all(colon for _, colon, _ in fields):
        return None
    found = [(label.strip(), value) for label, _, value in fields]
    if any(label in _CLIENTS for label, _ in found):
        return found
    return [
        ("remote_addr" if label == "host" and _ADDRESS.match(value) else label, value)
        for label, value in found
    ]


def _pairs(line: str) -> list[tuple[str, str]] | None:
    """Keys and values of `key=value` pairs; None where anything else stands there."""
    found: list[tuple[str, str]] = []
    text = line.rstrip(" ,;|")
    place = 0
    if leads := _LEADS.match(text):
        found.append(("time_local", leads[1]))
        place = leads.end()
    while pair := _PAIR.match(text, place):
        key, quoted, bracketed, bare = pair.groups()
        value = next(v for v in (quoted, bracketed, bare) if v is not None)
        found.append((key, value))
        place = pair.end()
    return found if place == len(text) else None


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of labelled access lines."""
    return access_columns([_record(line) for line in lines])


def _record(line: str) -> tuple[dict[str, str] | None, dict[str, list[str]]]:
    found = _labels(line) if "\t" in line else _pairs(line)
    duplicates: dict[str, list[str]] = {}
    return None if found is None else unique(found, duplicates), duplicates


_LABEL = r"[A-Za-z_@$][A-Za-z0-9_.@-]{0,63}"

FORMAT = Format(
    name="access_labelled",
    title="access log with labels (LTSV, key=value)",
    hop="web_server",
    reference="http://ltsv.org/",
    head=rf"^(?:{_LABEL}:[^\t]*\t|(?:{_STAMP},? )?{_LABEL}=)",
    parse=parse,
    stamps_end=True,
    paths=r"(?i)access|ltsv|nginx",
)
