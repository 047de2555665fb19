"""What `docker events` prints: `stamp container oom ID (image=…, name=…)`.

Of a container that lacked memory Docker tells `oom`, and that it died behind it.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_THING = r"container|image|volume|network|daemon|plugin|service|node|secret|config"
_HEAD = rf"^{_STAMP} (?:{_THING}) [a-z_]+(?:: [a-z]+)? [^ ]+ \("


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of events."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) (?P<thing>{_THING}) (?P<did>[a-z_]+(?:: [a-z]+)?) "
        r"(?P<id>[^ ]+) ",
    )
    stamps = moments(head["stamp"])
    name = pl.col("rest").str.extract(r"[( ]name=([^,)]+)")
    code = pl.col("rest").str.extract(r"[( ]exitCode=([0-9]+)")
    ended = pl.when(code.is_not_null()).then(pl.format(", exit code {}", code))
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.when(pl.col("rest").is_not_null()).then(pl.lit("docker")),
        reason="did",
        message=pl.concat_str(
            pl.format("{} {} {}", "thing", "did", pl.coalesce(name, "id")),
            ended.fill_null(""),
        ),
        extra=json_extra(id=pl.col("id"), details=pl.col("rest")),
        refused=pl.when(
            ~pl.col("rest").str.starts_with("(").fill_null(value=False)
        ).then(pl.lit("no event of Docker's")),
    )


FORMAT = Format(
    name="docker_events",
    title="docker events",
    hop="host",
    reference="https://docs.docker.com/reference/cli/docker/system/events/",
    head=_HEAD,
    parse=parse,
    payload=False,
    narrow=True,
    paths=r"(?i)docker|events",
)
