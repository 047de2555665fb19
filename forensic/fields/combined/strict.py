"""Combined lines of any shape ▶ columns, by regular expression."""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    offset_seconds,
    request_line,
    target,
)

__all__ = ["HEAD", "LINE", "REFUSED", "strict"]

_BRACKETS = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
#: A virtual host may stand in front; the peer may be a list of addresses.
_PEER = r'^(?:([^ "]+) )??([^ ,"\t]+(?:, ?[^ ,"\t]+)*) - (?:([^"]*?) )?'
LINE = (
    _PEER
    + _BRACKETS
    # Quotes are escaped inside the request; the second way is for logs where not.
    # Express's morgan has `-` for an answer that the client did not wait for.
    + r' "(?:((?:[^"\\]|\\.)*)|(.*?))" (\d{3}|-) (\d+|-)'
    + r'(?: "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)(?:"|$))?)?(.*)$'
)
#: The beginning of every line that `LINE` reads. Python's `re` runs it on hostile
#: lines, so that no part of it may match the same text in two ways.
HEAD = (
    r'^(?:[^ "]+ )?[^ ,"\t]+(?:, ?[^ ,"\t]+)* - (?:[^"]* )?'
    r'\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "'
)
_GROUPS = [
    "host",
    "address",
    "user",
    "stamp",
    "request",
    "raw_request",
    "status",
    "bytes_sent",
    "referrer",
    "user_agent",
    "tail",
]


_ADDRESS = r"^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})$"
_BARE = rf"{_ADDRESS}|^-$"
#: What stamps the line, or carries it, stands in the place of the virtual host.
_CARRIED = (
    r"^(?:@[0-9a-f]{24}|[\[(]?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T_][0-9]{2}:.*"
    r"|1[0-9]{9}(?:[0-9]{3})?(?:\.[0-9]+)?(?:\t.*)?|EVENTS\t.*)$"
)
_SECOND = r'" "[A-Z]{3,16} [^ "]+ HTTP/[0-9.]+$'
REFUSED = "not an access line"


def _other() -> pl.Expr:
    """Lines of a site's own order.

    A quoted field before the request, `(-)` as peer, dashes before the peer, or a stamp
    there, which is a carrier's.
    """
    raw = pl.col("raw_request")
    second = raw.str.contains(_SECOND) & ~raw.str.contains(r"^[A-Z]{3,16} ")
    dashes = pl.col("user").str.starts_with("- ").fill_null(value=False)
    bracket = pl.col("address").str.starts_with("(")
    carried = pl.col("host").str.contains(_CARRIED).fill_null(value=False)
    return second.fill_null(value=False) | bracket | dashes | carried


def strict(lines: pl.Series) -> pl.DataFrame:
    """Columns of combined lines, `tail` and `refused` among them."""
    groups = lines.str.extract_groups(LINE).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, _GROUPS, strict=True)))
    request = pl.coalesce("request", "raw_request")
    line = request_line(request)
    address = target(line["target"])
    listed = pl.col("address").str.contains(", ?")
    # An address in the place of the virtual host is what X-Forwarded-For named.
    first = pl.when(~pl.col("host").str.contains(_BARE)).then("host")
    forwarded = pl.when(pl.col("host").str.contains(_ADDRESS)).then("host")
    return frame.select(
        client_ip=dash_to_null(pl.col("address").str.extract(r"^([^,]*)")),
        forwarded_for=pl.coalesce(pl.when(listed).then("address"), forwarded),
        user=dash_to_null(pl.col("user")),
        local_time=clf_stamp(pl.col("stamp")),
        utc_offset=offset_seconds(pl.col("stamp").str.slice(21)),
        method=line["method"],
        scheme=address["scheme"],
        host=pl.coalesce(address["host"], first.str.replace(r":\d+$", "")),
        path=address["path"],
        query=address["query"],
        http_version=line["http_version"],
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        tail=pl.col("tail"),
        # What is no request line (a TLS hello, a scanner's bytes) is all there is.
        message=pl.when(line["method"].is_null()).then(dash_to_null(request)),
        refused=pl.when(pl.col("stamp").is_null() | _other()).then(pl.lit(REFUSED)),
    )
