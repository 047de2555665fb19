"""What hops write of trouble ▶ rows for rules, whatever product wrote them.

Formats give the same class (`reason`) to what means the same, so that one rule serves
nginx, Apache and all others; a product that names the cause in its record of a request
is judged by the decision table, and that verdict stands in `requests`.
"""

from collections.abc import Sequence

import polars as pl

from forensic.answers import recorded
from forensic.rule import Example, Frames

__all__ = [
    "amid",
    "answered",
    "answers",
    "balancer_record",
    "by_error_log",
    "by_own_record",
    "complaints",
    "reasons",
    "said",
]

#: How a server is called, by the beginning of its formats' names.
_SERVERS = {
    "nginx": "nginx",
    "apache": "Apache",
    "caddy": "Caddy",
    "iis": "IIS",
    "lighttpd": "lighttpd",
    "litespeed": "LiteSpeed",
    "haproxy": "HAProxy",
    "envoy": "Envoy",
    "traefik": "Traefik",
    "s3_access": "S3",
}
_OTHERS = {"load_balancer": "The load balancer"}
#: What a finding says of whom and what, in this order.
_TOLD = {
    "path": "path",
    "client_ip": "client",
    "host": "host",
    "referrer": "linked from",
    "message": "it says",
}


def reasons(frames: Frames, hop: str, names: Sequence[str]) -> pl.LazyFrame:
    """Events of a hop with such a `reason`, in words as `why`."""
    known = frames.telling.filter(hop=hop).filter(pl.col("reason").is_in(names))
    return known.with_columns(why=pl.col("reason").str.replace_all("_", " "))


def complaints(
    frames: Frames, names: Sequence[str], *, causes: Sequence[str] = ()
) -> pl.LazyFrame:
    """What web servers wrote of these classes: `why` in words, and the `server`.

    An access log that says itself why its server answered so (IIS) counts by `causes`.
    """
    lines = reasons(frames, "web_server", names)
    if causes:
        told = answers(frames, "web_server", causes).filter(
            pl.col("reason").is_not_null()
        )
        lines = pl.concat([lines, told.select(lines.collect_schema().names())])
    return lines.with_columns(server=_server())


def answers(frames: Frames, hop: str, causes: Sequence[str]) -> pl.LazyFrame:
    """Records of requests that this hop answered itself for one of these causes.

    Weak guesses are left out. `why` is the record's own word.
    """
    places = (
        frames.requests.filter(
            pl.col("answered_by").cast(pl.String) == hop,
            pl.col("cause").is_in(causes),
            pl.col("confidence").cast(pl.String).is_in(["certain", "strong"]),
        )
        .select(pl.col("evidence").explode())
        .unnest("evidence")
        .select("source", "offset")
    )
    records = frames.telling.filter(
        pl.col("hop") == hop, pl.col("status").is_not_null(), recorded()
    )
    found = records.join(places.unique(), on=["source", "offset"], how="semi")
    why = pl.coalesce("reason", pl.format("status {}", "status"))
    return found.with_columns(why=why, server=_server())


def amid() -> pl.Expr:
    """The `server` as it is called within a sentence."""
    return pl.col("server").str.replace("^The ", "the ")


def answered(cause: str, hop: str = "load_balancer") -> dict[str, object]:
    """The row of `requests` for an example whose first event is the hop's record."""
    told = {"answered_by": hop, "cause": cause, "confidence": "certain"}
    return told | {"evidence": [{"source": "a.log", "offset": 100}]}


def balancer_record(**columns: object) -> dict[str, object]:
    """An event of an example: a load balancer's record of a request."""
    record: dict[str, object] = {"hop": "load_balancer", "status": 200}
    return record | {"path": "/shop"} | columns


def by_error_log(reason: str) -> Example:
    """An example: a line of this class in a web server's error log."""
    line = {"hop": "web_server", "reason": reason, "path": "/report"}
    return Example(title=reason.replace("_", " "), events=[line])


def by_own_record(cause: str) -> Example:
    """An example: a web server's record of a request says itself why it failed."""
    record = {"hop": "web_server", "format": "iis", "status": 502, "reason": "502.3"}
    return Example(
        title="told by the access log",
        events=[record | {"path": "/report"}],
        requests=[answered(cause, hop="web_server")],
    )


def _server() -> pl.Expr:
    """The product's name by its format; `The web server` where it is another."""
    product = pl.col("format").str.extract(f"^({'|'.join(_SERVERS)})")
    named = product.replace_strict(_SERVERS, default=None, return_dtype=pl.String)
    hop = pl.col("hop").cast(pl.String)
    other = hop.replace_strict(
        _OTHERS, default="The web server", return_dtype=pl.String
    )
    return pl.coalesce(named, other)


def said(*columns: str) -> pl.Expr:
    """`: path /a (3); client 192.0.2.1 (3)`, of what the lines hold of these `tops`.

    Their message is told only where no line has a path.
    """
    known = {name: pl.col(f"{name}_count") > 0 for name in columns}
    if {"message", "path"} <= known.keys():
        known["message"] &= ~known["path"]
    parts = [
        pl.when(known[name]).then(pl.format("{} {}", pl.lit(word), f"{name}_list"))
        for name, word in _TOLD.items()
        if name in known
    ]
    text = pl.concat_list(parts).list.drop_nulls().list.join("; ")
    return pl.when(text != "").then(pl.format(": {}", text)).otherwise(pl.lit(""))
