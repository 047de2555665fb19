r"""docker's json-file driver: `{"log":"text\n","stream":"stderr","time":"…Z"}`.

One record a line of output: a text without a line end was cut at 16 KiB, and goes on
in the next record.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from forensic.columns import moments
from forensic.format import Format, Pieces
from forensic.json_text import NotJsonError, compact, load

__all__ = ["FORMAT"]

_SCHEMA = {
    name: pl.String() for name in ("time", "message", "extra", "flag", "refused")
}
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


def _row(line: str) -> dict[str, Any]:
    try:
        record, duplicates = load(line)
    except NotJsonError as error:
        return {"refused": str(error)}
    text = record.get("log") if isinstance(record, dict) else None
    if not isinstance(text, str) or not isinstance(record.get("time"), str):
        return {"refused": "JSON, but no docker record"}
    extra = {key: value for key, value in record.items() if key not in {"log", "time"}}
    return {
        "time": record["time"],
        "message": text.rstrip("\r\n"),
        "extra": compact(extra | ({"duplicates": duplicates} if duplicates else {})),
        "flag": "duplicate_key" if duplicates else None,
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of docker records; `message` is the payload."""
    rows = pl.DataFrame([_row(line) for line in lines.to_list()], schema=_SCHEMA)
    stamps = moments(rows["time"])
    bad = rows["time"].is_not_null() & stamps["local_time"].is_null()
    flags = pl.concat_list(
        pl.col("flag"), pl.when(bad).then(pl.lit("bad_time"))
    ).list.drop_nulls()
    return rows.select(
        "message",
        "extra",
        "refused",
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        flags=pl.when(flags.list.len() > 0).then(flags),
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
    payload=False,
    json=True,
    paths=r"-json\.log|/containers/",
)
