"""What `docker logs -t`, `kubectl logs` and stern print: a stamp, or the pod, in front.

`2025-02-06T05:32:07.123456789Z text`, `[pod/web-1/nginx] text`, or both. The stamp is
the runtime's, to the nanosecond, which tells it from a program's own; in UTC but for
stern, which writes `web-7d9f4c-x2x9k nginx text`: a pod is known by the random end of
its name, which Kubernetes makes of characters that spell no word, or by such a stamp
behind it and its container.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_POD = r"\[pod/[a-z0-9.-]+/[a-z0-9.-]+\] "
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_OWNED = rf"[a-z0-9][a-z0-9.-]*-{_RANDOM}{{5}}"
_STERN = (
    rf"{_COLOUR}(?:[a-z0-9-]+{_COLOUR} {_COLOUR})?{_OWNED}{_COLOUR}"
    rf" {_COLOUR}[a-z0-9-]+{_COLOUR} "
)
_ZONED = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}[+-][0-9:]{5}"
_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{7,9}Z"
_NAMED = (
    rf"{_COLOUR}[a-z0-9][a-z0-9.-]*{_COLOUR} {_COLOUR}[a-z0-9-]+{_COLOUR} "
    rf"{_COLOUR}(?:{_STAMP}|{_ZONED})(?: |$)"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    head = prefix(
        without_colour(lines),
        r"(?:\[pod/(?P<pod>[a-z0-9.-]+)/(?P<container>[a-z0-9.-]+)\] "
        rf"(?:(?P<inner>{_STAMP})(?: |$))?"
        rf"|(?:[a-z0-9-]+ )?(?P<owned>{_OWNED}) (?P<part>[a-z0-9-]+) "
        rf"(?:(?P<local>{_STAMP}|{_ZONED})(?: |$))?"
        r"|(?P<named>[a-z0-9][a-z0-9.-]*) (?P<piece>[a-z0-9-]+) "
        rf"(?P<behind>{_STAMP}|{_ZONED})(?: |$)"
        rf"|(?P<stamp>{_STAMP})(?: |$))",
    )
    written = pl.coalesce("inner", "local", "behind", "stamp")
    stamps = moments(head.select(written).to_series())
    # The runtime's own files have the stream behind the stamp: another format.
    cri = pl.col("rest").str.contains(r"^(?:stdout|stderr) [FP](?: |$)")
    known = ~cri.fill_null(value=True)
    return head.select(
        envelope_local=pl.when(known).then(stamps["local_time"]),
        envelope_offset=pl.when(known).then(stamps["utc_offset"]),
        hostname=pl.when(known).then(pl.coalesce("pod", "owned", "named")),
        process=pl.when(known).then(pl.coalesce("container", "part", "piece")),
        message="rest",
        refused=pl.when(~known).then(pl.lit("no line of a container")),
    )


FORMAT = Format(
    name="container_logs",
    title="docker logs -t, kubectl logs, stern",
    hop=None,
    reference="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_logs/",
    head=rf"^(?:{_POD}|{_STAMP}(?: |$)|{_STERN}|{_NAMED})",
    parse=parse,
    envelope=True,
    payload=False,
    header=rf"^{_COLOUR}[+-] {_COLOUR}[a-z0-9. -]+.* › ",
    paths=r"(?i)docker|kubectl|pod|stern",
)
