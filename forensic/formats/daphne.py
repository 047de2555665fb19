"""Daphne's access log: `192.0.2.1:51234 - - [06/Feb/2025:14:32:07] "GET /p" 200 2`.

Like a common access line, but the client has its port, the stamp no zone, and the
request no version. Of a WebSocket each step is a line, `WSCONNECT /p` and no status;
`WSREJECT /p` is what Daphne answers 403 for.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, prefix, target
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
_CLIENT = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]+):[0-9]{1,5}|None|-"
_REQUEST = (
    r'^"(?P<method>[A-Z]+) (?P<target>.*)" (?P<status>[1-5][0-9]{2}|-)'
    r" (?P<bytes_sent>[0-9]+|-)$"
)
_REFUSED = "no line of Daphne's access log"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Daphne's access lines."""
    head = prefix(lines, rf"(?P<client>{_CLIENT}) - - \[(?P<stamp>{_STAMP})\] ")
    request = head["rest"].str.extract_groups(_REQUEST).struct.unnest()
    local_time = clf_stamp(pl.col("stamp"))
    known = pl.col("method").is_not_null()
    step = pl.col("method").str.starts_with("WS")
    rejected = pl.col("method") == "WSREJECT"
    return pl.concat([head, request], how="horizontal").select(
        local_time=local_time,
        client_ip=pl.col("client").str.extract(r"^(.*):[0-9]+$"),
        method=pl.when(rejected).then(pl.lit("GET")).when(~step).then("method"),
        status=pl.when(rejected)
        .then(pl.lit(403, pl.Int16))
        .otherwise(pl.col("status").cast(pl.Int16, strict=False)),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        message=pl.when(step).then(pl.concat_str("method", "target", separator=" ")),
        flags=pl.when(known & local_time.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit(_REFUSED)),
        **target(pl.col("target")),
    )


FORMAT = Format(
    name="daphne",
    title="Daphne access log",
    hop="app_server",
    reference="django/daphne: daphne/access.py",
    head=rf'^(?:{_CLIENT}) - - \[{_STAMP}\] "',
    parse=parse,
)
