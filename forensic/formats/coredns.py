"""CoreDNS: the queries it logs, and what its `errors` plugin says, mostly of a cluster.

`[INFO] 10.42.0.17:40212 - 999 "A IN db.example.com. udp 45 false 512" NOERROR …`.
Lines have no stamp; that is in the container's envelope. Names that do not exist are
asked for all the time, as a cluster's machines try several endings; that a name could
not be looked up is another matter.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format, headed

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9:]{4,5})"
_LEVEL = r"\[(?P<level>DEBUG|INFO|WARNING|ERROR|FATAL)\]"
_PEER = r"\[?[0-9A-Fa-f.:]+\]?:[0-9]+ - [0-9]+ \""
#: Behind it {combined} has a number more.
_QUERY = (
    r"^\[?(?P<client>[0-9A-Fa-f.:]+?)\]?:[0-9]+ - [0-9]+"
    r" \"(?P<type>[A-Z0-9]+) [A-Z0-9]+ (?P<name>\S*) (?P<proto>udp|tcp)\S* [^\"]*\""
    r" (?P<code>[A-Z0-9]+|-) \S+ \S+ (?P<took>[0-9.]+)s"
)
_FAILED = r"^plugin/errors: [0-9]+ (?P<name>\S+) (?P<type>[A-Z0-9]+): "
#: Codes that are no answer.
_NONE = ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of CoreDNS's lines."""
    head = prefix(lines, rf"(?:(?P<stamp>{_STAMP}) )?{_LEVEL} ")
    stamps = moments(head["stamp"])
    known = pl.col("rest").is_not_null()
    query = pl.col("rest").str.extract_groups(_QUERY).struct
    failed = pl.col("rest").str.extract_groups(_FAILED).struct
    code = query.field("code")
    name = pl.coalesce(query.field("name"), failed.field("name"))
    lost = code.is_in(_NONE) | failed.field("name").is_not_null()
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.col("level").str.to_lowercase(),
        process=pl.when(known).then(pl.lit("coredns")),
        client_ip=query.field("client"),
        duration=query.field("took").cast(pl.Float64, strict=False),
        message="rest",
        reason=pl.when(lost).then(pl.lit("lookup_failed")),
        extra=json_extra(
            name=name.str.strip_chars_end("."),
            type=pl.coalesce(query.field("type"), failed.field("type")),
            code=code,
        ),
        refused=pl.when(~known).then(pl.lit("no line of CoreDNS")),
    )


FORMAT = headed(
    Format(
        name="coredns",
        title="CoreDNS log",
        hop="host",
        reference="https://coredns.io/plugins/log",
        head=(
            rf"^(?:{_STAMP} )?\[(?:DEBUG|INFO|WARNING|ERROR|FATAL)\]"
            rf" (?:{_PEER}|plugin/[a-z0-9_]+: )"
        ),
        parse=parse,
        paths=r"(?i)coredns|kube-dns",
    )
)
