"""What Linkerd's proxy writes beside its access log, in the sidecar of each pod.

`[   12.3s]  WARN ThreadId(01) outbound:proxy{addr=192.0.2.7:80}: module: text`. The
stamp is how long the proxy has run: when that was, only what carries the line says.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_LEVELS = "TRACE|DEBUG|INFO|WARN|ERROR"
_HEAD = rf"\[ {{0,8}}[0-9]{{1,12}}\.[0-9]{{1,9}}s\] +(?:{_LEVELS}) +ThreadId\([0-9]+\) "
_ADDRESS = r"((?:[0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9a-fA-F:]+\]):[0-9]{1,5}"
#: What it says of what it would not or could not pass on.
_DENIED = r"^(?:Request|Connection) denied|(?i:\bunauthorized\b)"
_FAILED = (
    r"^(?:HTTP/[0-9.]+ request failed|gRPC request failed|Request failed"
    r"|Failed to (?:proxy request|connect)|Unavailable; entering fail-?fast"
    r"|[^\n]{0,80}entering fail-?fast)"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the proxy's lines."""
    head = prefix(
        lines,
        rf"\[ {{0,8}}(?P<ran>[0-9]{{1,12}}\.[0-9]{{1,9}})s\] +(?P<level>{_LEVELS})"
        r" +ThreadId\([0-9]+\) ",
    )
    # Spans of what it was doing, with their fields; its module; what it says.
    module = r"(?:^|: )([a-z][a-z0-9_]*(?:::[a-z0-9_]+)*): "
    logger = pl.col("rest").str.extract(module, 1)
    parts = pl.col("rest").str.splitn(pl.format("{}: ", logger), 2)
    said = parts.struct.field("field_1").fill_null(pl.col("rest"))
    doing = pl.when(logger.is_not_null()).then(parts.struct.field("field_0"))
    rows = head.with_columns(logger=logger, said=said, spans=doing)
    spans, said = pl.col("spans"), pl.col("said")
    denied, failed = said.str.contains(_DENIED), said.str.contains(_FAILED)
    known = pl.col("level").is_not_null()
    to = spans.str.extract(rf"[{{ ]addr=({_ADDRESS})", 1)
    return rows.select(
        level=pl.col("level").str.to_lowercase().replace("warn", "warning"),
        logger="logger",
        process=pl.when(known).then(pl.lit("linkerd-proxy")),
        message=said,
        client_ip=spans.str.extract(rf"\b(?:client|peer)\.addr={_ADDRESS}", 1),
        upstream=to,
        reason=pl.when(denied)
        .then(pl.lit("mesh_denied"))
        .when(failed)
        .then(pl.lit("mesh_failed")),
        extra=json_extra(
            uptime=pl.col("ran"), port=spans.str.extract(r"\bserver\{port=([0-9]+)\}")
        ),
        refused=pl.when(~known.fill_null(value=False)).then(
            pl.lit("no line of Linkerd's proxy")
        ),
    )


FORMAT = Format(
    name="linkerd_proxy",
    title="Linkerd proxy's own log",
    hop="host",
    reference="https://linkerd.io/2/tasks/modifying-proxy-log-level/",
    head=rf"^{_HEAD}",
    parse=parse,
    narrow=True,
    sure=True,
    paths=r"(?i)linkerd",
)
