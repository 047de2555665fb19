"""Access lines in an order of the site's own, where no configuration tells it.

What tells itself is read: the stamp with its zone, the quoted request and the status
right behind it, a byte count behind that, addresses in front, a user agent in quotes.
Everything behind the status stays in `extra.tail` as it is.
"""

import polars as pl

from forensic.columns import clf_stamp, iso_stamp, json_extra, offset_seconds, target
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_ZONE = r"Z|[+-][0-9]{2}:?[0-9]{2}"
_STAMP = rf"(?:({_CLF}) |({_ISO}))({_ZONE})"
_REQUEST = r'"([A-Z]{3,16}) ([^ "]+)(?: HTTP/([0-9.]+))?"'
_STATUS = r'[ |,;\t]{1,3}(?:[a-z_]{1,20}[=:])?"?([1-5][0-9]{2})"?(?:[ |,;\t]|$)'
_LINE = rf"^((?:[^{{].{{0,300}}?)?){_STAMP}(.*?){_REQUEST}{_STATUS}(.*)$"
_NAMES = "before clf iso zone between method target version status tail".split()
_ADDRESS = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,38}"
_CLIENT = rf"(?:^|[ \[|,;\t=])({_ADDRESS})(?:[ \]|,;\t]|$)"
_FORWARDED = rf'"((?:{_ADDRESS})(?:, ?(?:{_ADDRESS}))*)"'
_AGENT = r'"([^"]*[A-Za-z][^"]*/[0-9][^"]*)"'


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of access lines whose order is not known."""
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    parts = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    address = target(pl.col("target"))
    front = pl.concat_str("before", pl.lit(" "), "between")
    around = pl.concat_str(front, pl.lit(" "), "tail")
    stamp = pl.coalesce(clf_stamp(pl.col("clf")), iso_stamp(pl.col("iso")))
    return parts.select(
        local_time=stamp,
        utc_offset=offset_seconds(pl.col("zone")),
        client_ip=front.str.extract(_CLIENT),
        forwarded_for=around.str.extract(_FORWARDED),
        method="method",
        scheme=address["scheme"],
        host=address["host"],
        path=address["path"],
        query=address["query"],
        http_version="version",
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("tail")
        .str.extract(r"^([0-9]{1,18})(?:[ |,;\t]|$)")
        .cast(pl.Int64, strict=False),
        user_agent=pl.col("tail").str.extract(_AGENT),
        extra=json_extra(
            tail=pl.when(pl.col("tail") != "").then("tail"),
        ),
        refused=pl.when(stamp.is_null()).then(pl.lit("no access line")),
    )


FORMAT = Format(
    name="access_like",
    title="access log in an order of its own",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html",
    head=rf"^(?:[^{{].{{0,300}}?)?{_STAMP}.*?{_REQUEST}{_STATUS}",
    parse=parse,
    stamps_end=True,
    last_resort=True,
    paths=r"(?i)access",
)
