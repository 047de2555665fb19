"""What `docker logs -t` and `kubectl logs` print: a stamp, or the pod, before a line.

`2025-02-06T05:32:07.123456789Z text`, `[pod/web-1/nginx] text`, or both. The stamp is
the runtime's, in UTC and to the nanosecond, which tells it from a program's own.
"""

import polars as pl

from forensic.columns import moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_POD = r"\[pod/[a-z0-9.-]+/[a-z0-9.-]+\] "
_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{7,9}Z"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    head = prefix(
        lines,
        r"(?:\[pod/(?P<pod>[a-z0-9.-]+)/(?P<container>[a-z0-9.-]+)\] "
        rf"(?:(?P<inner>{_STAMP})(?: |$))?"
        rf"|(?P<stamp>{_STAMP})(?: |$))",
    )
    stamps = moments(head.select(pl.coalesce("inner", "stamp")).to_series())
    # The runtime's own files have the stream behind the stamp: another format.
    cri = pl.col("rest").str.contains(r"^(?:stdout|stderr) [FP](?: |$)")
    known = ~cri.fill_null(value=True)
    return head.select(
        envelope_local=pl.when(known).then(stamps["local_time"]),
        envelope_offset=pl.when(known).then(stamps["utc_offset"]),
        hostname=pl.when(known).then("pod"),
        process=pl.when(known).then("container"),
        message=without_colour(head["rest"]),
        refused=pl.when(~known).then(pl.lit("no line of a container")),
    )


FORMAT = Format(
    name="container_logs",
    title="docker logs -t, kubectl logs",
    hop=None,
    reference="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/",
    head=rf"^(?:{_POD}|{_STAMP}(?: |$))",
    parse=parse,
    envelope=True,
    payload=False,
    paths=r"(?i)docker|kubectl|pod",
)
