"""docker compose's joined output: `web-1  | text`.

Lines of several services, without stamps of their own unless asked for.
"""

import polars as pl

from forensic.columns import json_extra, moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_SERVICE = r"[a-z0-9][a-z0-9_.-]*[_-][0-9]{1,3}"
_COLOUR = r"(?:\x1b\[[0-9;]*[A-Za-z])*"
_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2}) "
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of compose lines; `message` is the payload."""
    head = prefix(
        lines,
        rf"{_COLOUR}(?P<service>{_SERVICE}){_COLOUR} *{_COLOUR}\|{_COLOUR}(?: |$)"
        rf"{_COLOUR}(?P<stamp>{_STAMP})?",
    )
    stamps = moments(head["stamp"].str.strip_chars(" "))
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        message=without_colour(head["rest"]),
        extra=json_extra(service=pl.col("service")),
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit("no compose line")),
    )


FORMAT = Format(
    name="docker_compose",
    title="docker compose log",
    hop=None,
    reference="https://docs.docker.com/reference/cli/docker/compose/logs/",
    head=rf"^{_COLOUR}{_SERVICE}{_COLOUR} *{_COLOUR}\|{_COLOUR}(?: |$)",
    parse=parse,
    envelope=True,
    payload=False,
    paths=r"(?i)compose",
)
