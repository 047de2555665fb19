"""Access lines in an order of the site's own, where no configuration tells it.

What tells itself is read: the stamp, most often with its zone, the request (quoted, or
its parts between borders) and the status beside it, a byte count behind that,
addresses, a user agent in quotes. Everything behind stays in `extra.tail` as it is.
"""

import re
from collections.abc import Callable
from functools import partial

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    iso_stamp,
    json_extra,
    offset_seconds,
    target,
)
from forensic.fields.log_format import bare_tail
from forensic.fields.rowwise import first_that_parses, where_any
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_ZONE = r"Z|[+-][0-9]{2}:?[0-9]{2}"
_EPOCH = r"(?:^|[ \[|;,\t\"])(1[0-9]{9}\.[0-9]{3})(?:[ \]|;,\t\"]|$)"
#: A site's own order may leave out the zone of Apache's stamp.
_STAMP = rf"(?:({_CLF})(?: ({_ZONE}))?|({_ISO})({_ZONE})|{_EPOCH})"
#: What stands between two values; bare ones hold none of it.
_GAP = r"[ |;,\t\"]{1,4}"
_BORDER = r"[ |\t\"]{1,4}"
_MARK = r" ?[|\t\"][ |\t\"]{0,3}"
_METHOD = r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|PROPFIND|PURGE)"
_VERSION = r"(?: HTTP/([0-9.]+))?"
_STATUS = r"(?:[a-z_]{1,20}[=:])?\"?([1-5][0-9]{2})\"?(?:[ |,;\t]|$)"
#: A method, perhaps the host, a path, perhaps its version and its query.
_PARTS = (
    rf"{_METHOD}{_BORDER}(?:([^ /|\t\"]+){_BORDER})?(/[^ |\t\"]*)"
    r"(?:[ |\t]{1,3}HTTP/([0-9.]+))?"
)
#: What a line has in turn ▶ its expression.
_SHAPES = [
    # The request in quotes, or a field of its own: nothing inside is the status.
    (
        "method target version status tail",
        (
            rf'^(.*?[^\\]|)"([A-Z]{{3,16}}) ((?:[^"\\]|\\.)+?){_VERSION}"'
            rf"[ |,;\t]{{1,3}}(?:[-=]> )?{_STATUS}(.*)$"
        ),
    ),
    (
        "method target version status tail",
        (
            rf"^(.*?[|\t] ?|){_METHOD} ([^|\t\"]+?){_VERSION}(?: ?[|\t]){{1,2}} ?"
            rf"{_STATUS}(.*)$"
        ),
    ),
    # Its parts between marks, which may hold spaces, or between spaces.
    (
        "method host target version query status tail",
        (
            rf"^(.*?{_BORDER}|){_METHOD}(?:{_BORDER}([^ /|\t\"]+))?{_MARK}"
            rf"(/(?:[^|\t\"\\]|\\.)*?){_VERSION}(?:[|\t]([^|\t]*))??{_MARK}{_STATUS}(.*)$"
        ),
    ),
    (
        "method host target version status tail",
        (
            rf"^(.*?{_BORDER}|){_METHOD} {{1,3}}(?:([^ /|\t\"]+) {{1,3}})?(/[^ |\t\"]*)"
            rf"{_VERSION} {{1,3}}{_STATUS}(.*)$"
        ),
    ),
    (
        "status method host target version tail",
        (rf"^(.*?{_BORDER}|)([1-5][0-9]{{2}}){_BORDER}{_PARTS}(?:{_BORDER}|$)(.*)$"),
    ),
]
#: Such a request, which may hold spaces: what stands behind its path is no status.
_WHOLE = rf'(?:^|[^\\])["|\t] ?{_METHOD} [^"|\t]'
_ADDRESS = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{2,38}"
_CLIENT = rf"(?:^|[ \[(<|,;\t=\"])({_ADDRESS})(?:[ \])>|,;\t\"]|$)"
_FORWARDED = rf'"((?:{_ADDRESS})(?:, ?(?:{_ADDRESS}))*)"'
#: A whole URL in quotes is a referrer, however much of an agent it contains.
_REFERRER = r'"([a-z]{2,12}://[^" ]*)"'
_AGENT = r'"([^"]*[A-Za-z][^"]*/[0-9][^"]*)"'
#: A comma within quotes, behind which no space stands.
_COMMA_INSIDE = r'^(?:[^"]*"[^"]*")*[^"]*"[^"]*[,;][^ "]'
#: Words that an application's line has, and an access line not.
_LEVEL = r"\b(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b"
_REFUSED = "no access line"


def _status(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int16, strict=False)


def _columns(lines: pl.Series, names: str, shape: str) -> pl.DataFrame:
    """The columns of lines of one shape."""
    found = lines.str.extract_groups(shape).struct.unnest()
    parts = found.rename(
        dict(zip(found.columns, ["before", *names.split()], strict=True))
    )
    absent = {"host", "query"} - set(parts.columns)
    parts = parts.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    around = pl.concat_str("before", pl.lit(" "), "tail")
    stamp = around.str.extract_groups(_STAMP).struct
    parts = parts.with_columns(
        stamp.rename_fields(["clf", "behind", "iso", "zone", "epoch"]).struct.unnest(),
        rest=around.str.replace(_STAMP, "", n=1),
    )
    address = target(pl.col("target"))
    micros = (
        pl.col("epoch").str.replace(".", "", literal=True).cast(pl.Int64, strict=False)
        * 1000
    )
    epoch = pl.from_epoch(micros, "us")
    when = pl.coalesce(clf_stamp(pl.col("clf")), iso_stamp(pl.col("iso")), epoch)
    utc = pl.when(epoch.is_not_null()).then(pl.lit(0, pl.Int32))
    client = pl.col("rest").str.extract(_CLIENT)
    refused = when.is_null()
    if "host" in names:
        refused |= client.is_null() | pl.col("before").str.contains(_LEVEL)
    if names.startswith("method host"):
        refused |= pl.lit(lines.str.contains(_WHOLE))
    return parts.select(
        local_time=when,
        utc_offset=pl.coalesce(offset_seconds(pl.coalesce("behind", "zone")), utc),
        client_ip=client,
        forwarded_for=pl.col("rest").str.extract(_FORWARDED),
        method="method",
        scheme=address["scheme"],
        host=pl.coalesce(
            address["host"], dash_to_null(pl.col("host")).str.replace(r":\d+$", "")
        ),
        path=address["path"],
        query=pl.coalesce(address["query"], dash_to_null(pl.col("query"))),
        http_version="version",
        status=_status("status"),
        bytes_sent=pl.col("tail")
        .str.extract(r"^[ |]*([0-9]{1,18})(?:[ |,;\t]|$)")
        .cast(pl.Int64, strict=False),
        referrer=pl.col("tail").str.extract(_REFERRER),
        user_agent=pl.col("tail").str.replace_all(_REFERRER, "").str.extract(_AGENT),
        **bare_tail(pl.col("tail")),
        extra=json_extra(tail=pl.when(pl.col("tail") != "").then("tail")),
        refused=pl.when(refused).then(pl.lit(_REFUSED)),
    )


def _reader(names: str, shape: str) -> Callable[[pl.Series], pl.DataFrame]:
    return where_any(shape, partial(_columns, names=names, shape=shape), _REFUSED)


_READERS = [_reader(names, shape) for names, shape in _SHAPES]


def _separated(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines whose fields commas or semicolons part, with tabs instead.

    A list within a field, and a user agent, has a space behind each of them.
    """
    fields = lines.str.strip_chars('"').str.replace_all(r"\"?[,;]\"", "\t")
    fields = fields.str.replace_all(r"\"?[,;]([^ ])", "\t$1")
    inside = lines.str.contains(_COMMA_INSIDE) & lines.str.contains(r'"[,;]')
    rows = inside.arg_true()
    apart = [_fields(line) for line in lines.gather(rows)]
    fields = fields.scatter(rows, pl.Series(apart, dtype=pl.String))
    return first_that_parses(fields, _READERS)


def _fields(line: str) -> str:
    """The same of a line in which a comma stands in quotes, where it parts nothing."""
    pieces = line.split('"')
    return "".join(
        piece if number % 2 else re.sub(r"[,;](?! )", "\t", piece)
        for number, piece in enumerate(pieces)
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of access lines whose order is not known."""
    return first_that_parses(lines, [*_READERS, _separated])


_VERB = rf"(?:\"[A-Z]{{3,16}} |{_GAP}{_METHOD}{_GAP})"

FORMAT = Format(
    name="access_like",
    title="access log in an order of its own",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html",
    head=(
        rf"^(?:(?:[^{{].*?)?{_STAMP}.*?{_VERB}"
        rf"|(?:[^{{].*?{_GAP})?(?:{_METHOD}{_GAP}|\"[A-Z]{{3,16}} ).*?{_STAMP})"
    ),
    parse=parse,
    stamps_end=True,
    last_resort=True,
    paths=r"(?i)access",
)
