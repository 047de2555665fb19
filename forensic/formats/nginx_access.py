"""nginx access log: combined, with whatever the site's `log_format` appends to it."""

import polars as pl

from forensic.columns import (
    clf_stamp,
    dash_to_null,
    json_extra,
    offset_seconds,
    request_line,
    target,
)
from forensic.combined import combined
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
_HEAD = (
    r"^(?:(\S+) )??(\S+(?:, ?\S+)*) - (?:(.*?) )?"
    + _STAMP
    # Quotes are escaped inside the request; the second way is for logs where not.
    + r' "(?:((?:[^"\\]|\\.)*)|(.*?))" (\d{3}) (\d+|-)'
)
_LINE = _HEAD + r'(?: "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)(?:"|$))?)?(.*)$'
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


def _strict(lines: pl.Series) -> pl.DataFrame:
    """Columns of the lines that the fast path left, by regular expression."""
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, _GROUPS, strict=True)))
    request = pl.coalesce("request", "raw_request")
    line = request_line(request)
    address = target(line["target"])
    listed = pl.col("address").str.contains(", ?")
    return frame.select(
        client_ip=pl.col("address").str.extract(r"^([^,]*)"),
        forwarded_for=pl.when(listed).then("address"),
        user=dash_to_null(pl.col("user")),
        local_time=clf_stamp(pl.col("stamp")),
        utc_offset=offset_seconds(pl.col("stamp").str.slice(21)),
        method=line["method"],
        scheme=address["scheme"],
        host=pl.coalesce(address["host"], pl.col("host").str.replace(r":\d+$", "")),
        path=address["path"],
        query=address["query"],
        http_version=line["http_version"],
        status=pl.col("status").cast(pl.Int16),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        tail=pl.col("tail"),
        # What is no request line (a TLS hello, a scanner's bytes) is all there is.
        message=pl.when(line["method"].is_null()).then(dash_to_null(request)),
        refused=pl.when(pl.col("stamp").is_null()).then(pl.lit("not an access line")),
    )


#: `$http_x_forwarded_for` of the packaged `main` format.
_FORWARDED = r'^ "((?:[0-9A-Fa-f:.]+(?:, ?)?)+|unknown|-|)"(.*)$'


def _parse(lines: pl.Series) -> pl.DataFrame:
    frame = combined(lines, _strict)
    tails = frame["tail"]
    if not (tails != "").any():
        return frame.drop("tail")
    forwarded = pl.col("tail").str.extract(_FORWARDED, 1)
    rest = pl.coalesce(pl.col("tail").str.extract(_FORWARDED, 2), "tail")
    known = pl.col("forwarded_for") if "forwarded_for" in frame.columns else None
    return frame.with_columns(
        forwarded_for=pl.coalesce(known, dash_to_null(forwarded)),
        extra=json_extra(
            tail=pl.when(rest != "").then(rest.str.strip_chars_start(" "))
        ),
    ).drop("tail")


FORMAT = Format(
    name="nginx_access",
    title="nginx access log",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html",
    head=_HEAD,
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)nginx|access",
)
