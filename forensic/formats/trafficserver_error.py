"""Apache Traffic Server's `error.log`: what it could not get from an origin.

`20250206.14h32m07s CONNECT: attempt fail [CONNECTION_ERROR] to 192.0.2.20:8001 for
host='www.example.com' connection_result=Connection refused [111] … url='http://…'`.
The URL is the one that it asked for, after its remap rules.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, target
from forensic.fields.messages import first_class, with_errno
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_STAMP = r"(\d{4})(\d\d)(\d\d)\.(\d\d)h(\d\d)m(\d\d)s"
#: The class of a message ▶ words of the source; `connect_failed` has an errno, too.
REASONS = {
    "upstream_disabled": r" marking down$",
    "connect_failed": r"\[CONNECTION_ERROR\]",
    "upstream_timed_out": r"\[(?:INACTIVE|ACTIVE)_TIMEOUT\]",
    "upstream_prematurely_closed": r"\[(?:BAD_INCOMING_RESPONSE|CONNECTION_CLOSED"
    r"|STATE_UNDEFINED)\]",
    "invalid_header": r"\[PARSE_ERROR\]",
    "resolve_failed": r"^DNS Error: ",
    "other": r"",
}
_URL = r"(?:url='|looking up |for ')([^' ]+)"
_SENT = r"^RESPONSE: sent (\S+) status (\d{3}) "


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of its error lines."""
    groups = lines.str.extract_groups(rf"^{_STAMP} (.*)$").struct
    names = ["year", "month", "day", "hour", "minute", "second", "message"]
    rows = groups.rename_fields(names).struct.unnest()
    message = pl.col("message")
    stamp = iso_stamp(pl.format("{}-{}-{} {}:{}:{}", *names[:6]))
    errno = message.str.extract(r"connection_result=[^\[]*\[(\d+)\]")
    asked = target(message.str.extract(_URL))
    return rows.select(
        "message",
        local_time=stamp,
        level=pl.when(message.is_not_null()).then(pl.lit("error")),
        reason=with_errno(first_class(message, REASONS), errno),
        client_ip=message.str.extract(_SENT),
        upstream=message.str.extract(r"(?:\] to |connecting to )(\S+) for host="),
        host=pl.coalesce(message.str.extract(r" host='([^']*)'"), asked["host"]),
        path=asked["path"],
        query=asked["query"],
        refused=pl.when(stamp.is_null()).then(pl.lit("no line of Traffic Server")),
    )


FORMAT = Format(
    name="trafficserver_error",
    title="Apache Traffic Server error log",
    hop="web_server",
    reference="https://docs.trafficserver.apache.org/en/latest/admin-guide/logging/",
    head=r"^\d{8}\.\d\dh\d\dm\d\ds ",
    parse=parse,
    multiline=True,
    paths=r"(?i)trafficserver|/ats/",
)
