r"""Connections that Istio's ztunnel carried between the pods of a node (ambient mesh).

`STAMP\tinfo\taccess\tconnection complete\tsrc.addr=192.0.2.7:4711 … error="…"`. It
knows connections and no requests; what it refused, or could not open, has an error.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}Z"
_KEPT = "src.workload src.namespace dst.service dst.workload dst.namespace direction"
_DENIED = r"policy rejection|401 Unauthorized|(?i:\bdenied\b)"


def _key(name: str, shape: str = r"[^\s\"]+") -> pl.Expr:
    """The value of a key, with quotes or without."""
    return pl.col("rest").str.extract(rf'(?:^|[\s\t]){name}="?({shape})')


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of connections."""
    rows = prefix(
        lines,
        rf"(?P<stamp>{_STAMP})\t(?P<level>[a-z]+)\taccess\t"
        r"(?P<what>connection (?:complete|opened|failed))(?:\t|$)",
    )
    stamps = moments(rows["stamp"])
    failure = _key("error", r'[^"]+')
    name = pl.coalesce(
        _key(r"dst\.service"), _key(r"dst\.workload"), _key(r"dst\.addr")
    )
    sender = pl.coalesce(_key(r"src\.workload"), _key(r"src\.addr"))
    known = pl.col("stamp").is_not_null()
    kept = {
        key.replace(".", "_"): _key(key.replace(".", r"\.")) for key in _KEPT.split()
    }
    return rows.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level="level",
        process=pl.when(known).then(pl.lit("ztunnel")),
        client_ip=_key(r"src\.addr").str.replace(r":\d+$", "").str.strip_chars("[]"),
        upstream=pl.coalesce(_key(r"dst\.hbone_addr"), _key(r"dst\.addr")),
        reason=pl.when(failure.str.contains(_DENIED))
        .then(pl.lit("mesh_denied"))
        .when(failure.is_not_null())
        .then(pl.lit("mesh_failed")),
        message=pl.when(known).then(
            pl.format("{} ▶ {}: {}", sender, name, pl.coalesce(failure, "what"))
        ),
        extra=json_extra(**kept),
        refused=pl.when(~known.fill_null(value=False)).then(
            pl.lit("no connection of ztunnel's")
        ),
    )


FORMAT = Format(
    name="ztunnel",
    title="connections of Istio's ztunnel (ambient mesh)",
    hop="host",
    reference="https://istio.io/latest/docs/ambient/usage/verify-mtls-enabled/",
    head=rf"^{_STAMP}\t[a-z]+\taccess\tconnection ",
    parse=parse,
    narrow=True,
    sure=True,
    paths=r"(?i)ztunnel|istio",
)
