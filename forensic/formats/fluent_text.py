"""Records as Fluentd and Fluent Bit print them to a file or to standard output.

Fluentd: `2025-02-06T14:32:07+09:00<tab>tag<tab>{"message":"…"}` in a file, with spaces
and `tag: ` on standard output. Fluent Bit: `tag: [1738819927.250000000, {"log":"…"}]`
in a file, `[0] tag: [[1738819927.250000000, {}], {"log"=>"…"}]` on standard output,
where nothing is escaped. A record of several fields is a parser's: they stay together.
"""

import re
from typing import Any

import polars as pl

from forensic.fields.columns import moments, prefix
from forensic.fields.exported import line_or_record
from forensic.fields.json_fields import json_row
from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_FILE = rf"{_DATE}T{_CLOCK}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})"
_SHOWN = rf"{_DATE} [0-9:]{{8}}\.[0-9]{{9}} [+-][0-9]{{4}}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_./-]*"
_COUNT = r"[0-9]{10}\.[0-9]{9}"
_HEAD = (
    rf"(?:{_FILE}\t{_TAG}\t|{_SHOWN} {_TAG}: "
    rf"|(?:\[[0-9]{{1,9}}\] )?{_TAG}: \[\[?{_COUNT}, (?:\{{\}}\], )?)\{{"
)
#: The text in a record that msgpack prints; what follows it is another field.
_PRINTED = re.compile(
    r'"(?:log|message|MESSAGE)"=>"(.*?)"(?:, "[^"=]{1,60}"=>.*)?\}\]?', re.DOTALL
)
_TEXTS = ("log", "message", "MESSAGE")
#: What the shipper knows of the line: a container's runtime, and its orchestrator.
_BESIDE = (
    *("stream", "time", "source", "container_id", "container_name", "file"),
    *("logtag", "_p", "kubernetes", "docker"),
)
_SCHEMA = dict.fromkeys(("message", "extra", "refused"), pl.String()) | {
    "flags": pl.List(pl.String)
}


def _row(record: str, tag: str) -> dict[str, Any]:
    if printed := _PRINTED.search(record):
        return {"message": printed[1].rstrip("\r\n"), "extra": compact({"tag": tag})}

    def read(found: dict[str, Any]) -> dict[str, Any] | str:
        text = next((found[key] for key in _TEXTS if key in found), None)
        fields = {k: v for k, v in found.items() if k not in (*_TEXTS, *_BESIDE)}
        line = line_or_record(text, fields, None, None)
        return {"message": line, "extra": {"tag": tag}} if line else "no text"

    record = record.rstrip()
    return json_row(record[:-1] if record.endswith("}]") else record, read)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of such records; `message` is the payload."""
    head = prefix(
        lines,
        rf"(?:(?P<file>{_FILE})\t(?P<tag>{_TAG})\t"
        rf"|(?P<shown>{_SHOWN}) (?P<named>{_TAG}): "
        rf"|(?:\[[0-9]{{1,9}}\] )?(?P<bit>{_TAG}): \[\[?(?P<count>{_COUNT}), "
        r"(?:\{\}\], )?)",
    )
    tags = head.select(pl.coalesce("tag", "named", "bit")).to_series()
    rows = [
        {"refused": "no record of Fluentd's"}
        if record is None or not record.startswith("{")
        else _row(record, tag)
        for record, tag in zip(head["rest"].to_list(), tags.to_list(), strict=True)
    ]
    stamps = moments(head.select(pl.coalesce("file", "shown")).to_series())
    micros = head["count"].str.replace(".", "", literal=True).cast(pl.Int64) // 1000
    counted = pl.lit(micros.cast(pl.Datetime("us")))
    return pl.DataFrame(rows, schema=_SCHEMA).select(
        *("message", "extra", "flags", "refused"),
        envelope_local=pl.coalesce(pl.lit(stamps["local_time"]), counted),
        envelope_offset=pl.when(counted.is_not_null())
        .then(pl.lit(0, pl.Int32))
        .otherwise(pl.lit(stamps["utc_offset"])),
    )


FORMAT = Format(
    name="fluent_text",
    title="records of Fluentd and Fluent Bit as text",
    hop=None,
    reference="https://docs.fluentd.org/output/file, https://docs.fluentbit.io/manual/pipeline/outputs/file",
    head=rf"^{_HEAD}",
    parse=parse,
    multiline=True,
    whole=True,
    envelope=True,
    narrow=True,
    payload=False,
    paths=r"(?i)fluent|td-agent",
)
