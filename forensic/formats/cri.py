"""Container runtime lines: `2025-02-06T05:32:07.123456789Z stderr F text`.

What the kubelet, containerd and `docker logs --timestamps` write; `P` marks a part
of a long line, which the following lines continue.
"""

from collections.abc import Sequence

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format, Pieces

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_PIECE = rf"^{_STAMP} (?:stdout|stderr) P(?::[A-Z]+)*(?: |$)"


def _goes_on(lines: pl.Series) -> pl.Series:
    return lines.str.contains(_PIECE)


def _joined(lines: Sequence[bytes]) -> bytes | None:
    """The payloads behind each other, with the first stamp and the last tag."""
    parts = [line.split(b" ", 3) for line in lines]
    whole = all(len(part) > 2 for part in parts)
    if not whole or len({part[1] for part in parts}) > 1:
        return None  # of two streams
    text = b"".join(b"".join(part[3:]) for part in parts)
    return b" ".join([*parts[0][:2], parts[-1][2], text])


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
    pieces=Pieces(goes_on=_goes_on, joined=_joined),
    paths=r"/(?:pods|containers)/",
)
