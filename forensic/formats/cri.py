"""Container runtime lines: `2025-02-06T05:32:07.123456789Z stderr F text`.

What the kubelet, containerd and `docker logs --timestamps` write; `P` marks a part
of a long line, which the following lines continue.
"""

import polars as pl

from forensic.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of container lines; `message` is the payload."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) (?P<stream>stdout|stderr) (?P<tag>[FP]"
        rf"(?::[A-Z]+)*)(?: |$)",
    )
    stamps = moments(head["stamp"])
    parsed = pl.col("rest").is_not_null()
    partial = pl.col("tag").str.starts_with("P")
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        message="rest",
        extra=json_extra(
            stream=pl.col("stream"), partial=pl.when(partial).then(pl.lit(value=True))
        ),
        flags=pl.when(parsed & stamps["local_time"].is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~parsed).then(pl.lit("no container line")),
    )


FORMAT = Format(
    name="cri",
    title="container runtime log",
    hop=None,
    reference="Kubernetes CRI logging format",
    head=rf"^{_STAMP} (?:stdout|stderr) [FP]",
    parse=parse,
    envelope=True,
    payload=False,
    paths=r"/(?:pods|containers)/",
)
