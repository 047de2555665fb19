"""What `docker inspect` prints of a container: how it ended, and when."""

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "id": "Id",
    "name": "Name",
    "status": "State.Status",
    "killed": "State.OOMKilled",
    "code": "State.ExitCode",
    "ended": "State.FinishedAt",
}
#: What stands there for a container that never ended.
_NEVER = "0001-01-01"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of containers."""
    rows = json_fields(lines, _KEYS, set(), {"id", "killed", "status"})
    ended = ~pl.col("ended").str.starts_with(_NEVER)
    stamps = moments(rows.select(pl.when(ended).then("ended")).to_series())
    memory = pl.col("killed").cast(pl.String).str.to_lowercase() == "true"
    name = pl.coalesce(pl.col("name").str.strip_chars_start("/"), "id")
    why = pl.when(memory).then(pl.lit("OOMKilled")).otherwise(pl.lit("ended"))
    said = pl.format("container {} {}: exit code {}", name, why, "code")
    short = pl.when(pl.col("killed").is_null()).then(
        pl.lit("JSON, but no container of Docker's")
    )
    return rows.select(
        "flags",
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.lit("docker"),
        reason=pl.when(memory).then(pl.lit("OOMKilled")).otherwise("status"),
        message=pl.when(ended)
        .then(said)
        .otherwise(pl.format("container {} {}", name, "status")),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="docker_inspect",
    title="docker inspect",
    hop="host",
    reference="https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container",
    head=r'^\s*\{[\s\S]*"OOMKilled"\s*:',
    parse=parse,
    json=True,
    payload=False,
    paths=r"(?i)inspect|docker",
)
