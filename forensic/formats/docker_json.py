r"""docker's json-file driver: `{"log":"text\n","stream":"stderr","time":"…Z"}`.

One record a line of output: a text without a line end was cut at 16 KiB, and goes on
in the next record.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_rows
from forensic.fields.json_text import NotJsonError, compact, load
from forensic.format import Format, Pieces

__all__ = ["FORMAT"]

#: As long as the text of a piece; no shorter record is one.
_PIECE = 16 << 10
_ENDED = r'"log"\s*:\s*"(?:[^"\\]|\\.)*\\n"'


def _goes_on(lines: pl.Series) -> pl.Series:
    found = lines.str.len_bytes() > _PIECE
    if found.any():
        rows = found.arg_true()
        found = found.scatter(rows, ~lines.gather(rows).str.contains(_ENDED))
    return found


def _joined(lines: Sequence[bytes]) -> bytes | None:
    """The first record with all texts."""
    texts, streams = [], set()
    try:
        found = [load(line.decode("utf-8", "backslashreplace")) for line in lines]
    except NotJsonError:
        return None
    for record, duplicates in found:
        text = record.get("log") if isinstance(record, dict) else None
        if not isinstance(text, str) or duplicates:
            return None
        texts.append(text)
        streams.add(str(record.get("stream")))
    whole = compact(found[0][0] | {"log": "".join(texts)})
    return whole.encode() if whole and len(streams) == 1 else None


def _read(record: Any) -> dict[str, Any] | str:
    text = record.get("log") if isinstance(record, dict) else None
    if not isinstance(text, str) or not isinstance(record.get("time"), str):
        return "JSON, but no docker record"
    return {
        "time": record["time"],
        "message": text.rstrip("\r\n"),
        "extra": {k: v for k, v in record.items() if k not in {"log", "time"}},
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of docker records; `message` is the payload."""
    rows = json_rows(lines, _read, dict.fromkeys(("time", "message"), pl.String()))
    stamps = moments(rows["time"])
    bad = rows["time"].is_not_null() & stamps["local_time"].is_null()
    twice = pl.col("flags").fill_null(pl.lit([], pl.List(pl.String)))
    flags = (
        pl.when(bad).then(twice.list.concat(pl.lit(["bad_time"]))).otherwise("flags")
    )
    return rows.select(
        "message",
        "extra",
        "refused",
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        flags=flags,
    )


FORMAT = Format(
    name="docker_json",
    title="docker json-file",
    hop=None,
    reference="https://docs.docker.com/engine/logging/drivers/json-file/",
    head=r'^\s*\{[\s\S]*"log"\s*:[\s\S]*"time"\s*:|^\s*\{[\s\S]*"time"\s*:[\s\S]*"log"\s*:',
    parse=parse,
    envelope=True,
    pieces=Pieces(goes_on=_goes_on, joined=_joined),
    json=True,
    paths=r"-json\.log|/containers/",
)
