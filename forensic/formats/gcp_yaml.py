"""Entries of Google Cloud's logging as YAML, which `gcloud logging read` prints.

Each entry stands below `---`. What is inside is what its JSON would be: the entry is
put together as such, and read by the formats that know it.
"""

import re
from dataclasses import replace

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_text import compact
from forensic.fields.yaml_text import yaml_object
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^---\s*(?:\n|$)"


def _row(text: str) -> dict[str, str | None]:
    try:
        entry = yaml_object(text)
        record = compact(entry)
    except (ValueError, TypeError) as error:  # TypeError: half a character
        return {"refused": f"YAML: {error}"}
    if not {"insertId", "logName", "timestamp"} & entry.keys():
        return {"refused": "YAML, but no entry of Google's logging"}
    stamp = entry.get("timestamp")
    return {"message": record, "stamp": stamp if isinstance(stamp, str) else None}


_SCHEMA = dict.fromkeys(("message", "stamp", "refused"), pl.String())


def parse(lines: pl.Series) -> pl.DataFrame:
    """The entry as JSON in `message`, and its stamp."""
    begins = lines.str.contains(_HEAD)
    other = {"refused": "it does not begin with `---`"}
    rows = [
        _row(text) if mine else other
        for text, mine in zip(lines.to_list(), begins, strict=True)
    ]
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    stamps = moments(frame["stamp"])
    return frame.select(
        "message",
        "refused",
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
    )


def _announced(lines: pl.Series) -> pl.DataFrame:
    """The same, in a file that is known for what it is: `---` alone begins an entry."""
    alone = pl.lit(lines.str.contains(r"^---\s*$"))
    return parse(lines).with_columns(refused=pl.when(~alone).then("refused"))


def templates(head: bytes) -> list[str]:
    """One for a file whose first entry names its log: manifests begin so, too."""
    first = head.lstrip(b"-\r\n").split(b"\n---", 1)[0]
    named = re.search(rb"^logName: ['\"]?\w+/", first, re.MULTILINE)
    return ["gcloud"] if head.startswith(b"---") and named else []


def from_template(_: str) -> Format:
    """The format of a file that `templates` knows."""
    return replace(FORMAT, parse=_announced)


FORMAT = Format(
    name="gcp_yaml",
    title="Google Cloud log entries as YAML",
    hop=None,
    reference="https://cloud.google.com/sdk/gcloud/reference/logging/read",
    head=_HEAD,
    parse=parse,
    multiline=True,
    whole=True,
    envelope=True,
    payload=False,
    templates=templates,
    paths=r"(?i)gcloud|gcp|gke|stackdriver|\.ya?ml$",
)
