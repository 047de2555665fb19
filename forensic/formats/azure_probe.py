"""Azure Front Door's health probes: JSON with `properties`, a record a probe.

It logs those that failed. They are its own requests, no client's: path, status and
address stay in the message, and no hop is said to answer.
"""

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "time timeStamp timestamp",
    "category": "category",
    "result": "properties.result",
    "status": "properties.httpStatusCode",
    "url": "properties.probeURL",
    "origin": "properties.originName",
    "upstream": "properties.originIP",
    "pop": "properties.POP",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of probes."""
    rows = json_fields(lines, _KEYS, {"category", "properties"}, _KEYS.keys())
    stamps = moments(rows["stamp"])
    probe = pl.col("category").str.contains("(?i)HealthProbeLog$")
    fine = pl.col("result") == "Success"
    said = pl.format(
        "probe of {} ({}): {}, status {}",
        pl.coalesce("origin", "upstream", pl.lit("an origin")),
        pl.coalesce("url", pl.lit("no URL")),
        "result",
        pl.coalesce("status", pl.lit("none")),
    )
    short = pl.when(~(probe & pl.col("result").is_not_null())).then(
        pl.lit("JSON, but no health probe of Front Door")
    )
    return rows.select(
        *("extra", "flags"),
        process=pl.lit("frontdoor"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.when(~fine).then(pl.lit("warning")),
        reason=pl.when(fine)
        .then(pl.lit("probe_succeeded"))
        .otherwise(pl.lit("probe_failed")),
        message=said,
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="azure_probe",
    title="Azure Front Door health probes",
    hop="host",
    reference="https://learn.microsoft.com/azure/frontdoor/monitor-front-door#health-probe-log",
    head=r'^\s*\{[\s\S]*HealthProbeLog"',
    parse=parse,
    json=True,
    paths=r"(?i)probe",
)
