"""Messages of applications ▶ the request that they speak of.

Free text is only read where its shape is certain; whatever else stands in it stays in
the message. Functions are row-aligned and work on the few rows that can matter.
"""

import re
from functools import partial

import numpy as np
import polars as pl

from forensic.fields.columns import prefix, target
from forensic.fields.names import names
from forensic.fields.octets import Ints, Mask, Octets
from forensic.fields.rowwise import (
    first_that_parses,
    only_where,
    patched,
    refused_where,
)
from forensic.lines import views

__all__ = ["announced", "http_messages"]

_METHODS = r"GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE|CONNECT|PROPFIND"
_STATUS = r"(?P<status>[1-5][0-9]{2})"
_VERSION = r"(?:HTTP/)?(?P<http_version>[0-9](?:\.[0-9])?)"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^ /?#:\"']+)"
#: A path, or a whole address: scheme and host; path; query.
_URL = (
    rf"(?:(?P<scheme>https?|wss?)://(?P<host>{_HOST})(?::[0-9]*)?)?"
    r"(?P<path>/[^ ?\"']*)?(?:\?(?P<query>[^ \"']*))?"
)
#: What a layout of Python's has between level and message.
_PLACE = r"(?:(?:\[[^\]\s]{1,60}\] ?){1,3}|[\w.]{1,40} - )?"
#: The ordinary ways to write a request or a response, each certain by itself.
_REQUESTS = [
    # Request: GET http://h/p   Response: 200 http://h/p   Response: GET /p 200
    (
        rf"(?:[Rr]equest|[Rr]esponse)(?:: ?| )(?:(?P<method>{_METHODS}) )?"
        rf"(?:{_STATUS} )?(?:for )?(?:(?P<verb>{_METHODS}) )?{_URL}"
        r"(?:(?: ->| -)? (?P<after>[1-5][0-9]{2}))?"
    ),
    # 10.0.0.1 - - "GET /p HTTP/1.1" 404 12
    (
        r"(?:(?P<client_ip>[0-9.]{7,15}|[0-9a-f:]{2,39})(?::[0-9]+)?(?: -)* "
        r"(?:\[[^\]]*\] )?)?"
        rf"\"(?P<method>{_METHODS}) {_URL}(?: {_VERSION})?\""
        rf"(?:(?:,? status(?:_code|Code)?[:=] ?| -> | - | ){_STATUS})?"
    ),
    # GET /p 500 12ms   GET /p -> 500   GET /p HTTP/1.1 500   GET /p
    (
        rf"(?P<method>{_METHODS}) {_URL}(?: HTTP/(?P<http_version>[0-9](?:\.[0-9])?))?"
        rf"(?:(?: ->| =>| -|:)? {_STATUS})?"
    ),
    # Serilog: HTTP GET /p responded 500 in 12 ms
    rf"HTTP (?P<method>{_METHODS}) {_URL} responded {_STATUS}",
    # ASP.NET: Request finished HTTP/1.1 GET http://h/p - 404 0 - 3.2ms
    (
        r"Request finished HTTP/(?P<http_version>[0-9](?:\.[0-9])?) "
        rf"(?P<method>{_METHODS}) {_URL} - "
        rf"(?:(?:-|[^ ]+/[^ ]+) (?:(?:-|[0-9]+) )?- )?{_STATUS}"
    ),
    # Rails: Started GET "/p" for 192.0.2.1 at …   Completed 403 Forbidden in 12ms
    (
        rf"Started (?P<method>{_METHODS}) \"{_URL}\" for "
        r"(?P<client_ip>[0-9A-Fa-f:.]{2,45}) at "
    ),
    # Phoenix: Sent 403 in 12ms
    rf"(?:Completed|Sent) {_STATUS}",
    # Flask: Exception on /p [GET]; app:1457 Exception on /p [GET]
    (
        r"(?:[\w.]+:[0-9]{1,5} )?"
        rf"Exception on (?P<path>/[^ ]*) \[(?P<method>{_METHODS})\]"
    ),
    # Waitress: Exception while serving /p
    # Litestar: Uncaught exception (connection_type=http, path='/p'):
    rf"{_PLACE}Exception while serving (?P<path>/[^\s?]*)(?:\n|$)",
    rf"{_PLACE}Uncaught exception \(connection_type=http, path='(?P<path>/[^\s']*)'\)",
    # Django: Not Found: /p
    (
        r"(?P<phrase>Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed"
        r"|Internal Server Error|Service Unavailable|Gone)(?: \([^)]*\))?: "
        r"(?P<path>/[^\s?]*)"
    ),
    # Amid words of any language: POST /p status=403
    rf"[^\"/=]{{1,120}} (?P<method>{_METHODS}) {_URL} status={_STATUS}",
    # Response: 403   Response status: 403 Forbidden; a line before has the request
    rf"[Rr]esponse(?: status)?(?: code)?(?:: ?| ){_STATUS}",
]
#: What those patterns have that speak of what was thrown.
_THROWN = "xception "
_PHRASES = {
    "Bad Request": "400",
    "Unauthorized": "401",
    "Forbidden": "403",
    "Not Found": "404",
    "Method Not Allowed": "405",
    "Gone": "410",
    "Internal Server Error": "500",
    "Service Unavailable": "503",
}
#: What may follow a status: a number that something else follows is a number.
_AFTER_STATUS = (
    r"^(?:$|[,;|]"
    r"| ?[-(\[{|]| [0-9.]+ ?(?:ms|s|us|µs|sec|seconds|bytes|B)?\b|,? [a-z_]+[=:]"
    r"|,? (?:in|took|after|from|for|by)\b| [A-Za-z_][\w.:]*(?:Error|Exception)\b"
    r"|,? (?i:OK|Created|Accepted|No Content|Moved"
    r"|Found|Not |See |Bad |Un|Forbidden|Internal|Service|Gateway|Method|Conflict|Gone"
    r"|Too ))"
)
_DURATION = (
    r"(?:^|[ (=:,\[])([0-9]+(?:\.[0-9]+)?) ?(ms|msec|s|sec|secs|seconds|us|µs)\b"
)
_SECONDS = {"ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6}
#: Only messages with one of these are looked at.
_SPEAKS_OF_HTTP = (
    rf"^(?:[Rr]equest|[Rr]esponse)[: ]|^(?:HTTP )?(?:{_METHODS}) [/h]"
    rf"|\"(?:{_METHODS}) [/h]"
    rf"|^Started (?:{_METHODS}) \"|^(?:Completed|Sent) [1-5]"
    r"|^(?:[\w.]+:[0-9]{1,5} )?Exception on /"
    rf"|^{_PLACE}(?:Exception while serving |Uncaught exception \(connection_type=)"
    r"|\bstatus(?:_code|Code)?=[1-5]"
    r"|\bclassification=Status code: [1-5]"
    r"|^(?:Bad|Unauth|Forbid|Not Found|Method Not|Internal S|Service U|Gone)[^:]*: /"
)
_HTTP = "method scheme host path query http_version status client_ip".split()
_TYPES = dict.fromkeys([*_HTTP, "reason"], pl.String()) | {
    "status": pl.Int16(),
    "duration": pl.Float64(),
}


def _shape(messages: pl.Series, pattern: str) -> pl.DataFrame:
    """What one of the _REQUESTS finds; refused where it is none."""
    found = prefix(messages, pattern)
    names = found.columns
    status = [pl.col(name) for name in ("status", "after") if name in names]
    trusted = pl.col("rest").str.contains(_AFTER_STATUS)
    if "phrase" in names:
        word = pl.col("phrase").replace_strict(
            _PHRASES, default=None, return_dtype=pl.String
        )
        status, trusted = [word], pl.lit(value=True)
    told = pl.col("path").is_not_null() if "path" in names else trusted
    verbs = [pl.col(name) for name in ("method", "verb") if name in names]
    return found.select(
        *(name for name in _HTTP if name in names and name not in {"method", "status"}),
        *([pl.coalesce(verbs).alias("method")] if verbs else []),
        *(
            [pl.when(trusted).then(pl.coalesce(status)).alias("status")]
            if status
            else []
        ),
        pl.col("rest"),
        reason=pl.lit("exception" if _THROWN in pattern else None, pl.String),
        refused=pl.when(~told.fill_null(value=False)).then(pl.lit("no request")),
    )


#: `Response: 200 http://h:80/`, up to the path.
_ANNOUNCED = re.compile(
    rf"Re(?:quest|sponse): (?:({_METHODS}) )?(?:([1-5][0-9]{{2}}) )?"
    rf"(?:(https?)://({_HOST})(?::[0-9]*)?)?/".encode()
)
_TELLS = (b"Request: ", b"Response: ")


def _announced(octets: Octets) -> pl.DataFrame:
    """What `Response: 200 http://h/p` says where nothing follows: cut, not matched."""
    place = octets.start
    tells = octets.stands(_TELLS[0], place) | octets.stands(_TELLS[1], place)
    head = names(octets, place, tells, _ANNOUNCED)
    if not head.groups:
        return refused_where(~head.found, "no request").to_frame()
    method, status, scheme, host = (
        pl.Series(head.texts(group), dtype=pl.String) for group in range(4)
    )
    known = head.columns(
        method=method, status=status.cast(pl.Int16), scheme=scheme, host=host
    )
    begins = np.where(head.found, place + head.length - 1, octets.end)
    path, query, sure = _split(octets, begins)
    return known.with_columns(
        path.alias("path"),
        query.alias("query"),
        refused_where(~(head.found & sure), "no request"),
    )


def _split(octets: Octets, place: Ints) -> tuple[pl.Series, pl.Series, Mask]:
    """Path and query of the rests of lines, and whether they are nothing else."""
    path = octets.views(place, octets.end)
    whole = octets.text(path)
    sure = ~whole.str.contains(r"[ \"'#]").to_numpy()
    mark = whole.str.find("?", literal=True)
    there = mark.is_not_null().to_numpy()
    rows = np.flatnonzero(there)
    marks = place[rows] + mark.drop_nulls().to_numpy()
    query = np.zeros_like(path)
    query[rows] = views(octets.bytes_, marks + 1, octets.end[rows])
    path = path.copy()
    path[rows] = views(octets.bytes_, place[rows], marks)
    return octets.text(path), octets.text(query, there), sure


_URLS = "path|uri|url|request_uri|target"
#: What a client sent, which may look like pairs: an address, a value with spaces.
_TEXT = r"""(?:[^"\\]|\\.)*"""
_SENT = rf"""\b(?:{_URLS})=(?:"{_TEXT}"|'[^']*'|[^ "']+)|="{_TEXT} {_TEXT}\""""


def _pairs(messages: pl.Series) -> pl.DataFrame:
    """What `status=404 method=GET path=/x` says, in any order, quoted or not."""
    own = messages.str.replace_all(_SENT, "")

    def value(names: str, shape: str) -> pl.Expr:
        pattern = rf"(?:^|[ ,;{{(])(?:{names})=[\"']?({shape})"
        return pl.coalesce(text.str.extract(pattern) for text in (own, messages))

    url = target(value(_URLS, r"(?:/|https?://)[^ \"',;]*"))
    status = pl.coalesce(
        value("status|status_code|statusCode|code", r"[1-5][0-9]{2}\b"),
        # tower-http, of a failure
        messages.str.extract(r"\bclassification=Status code: ([1-5][0-9]{2})\b"),
    )
    known = url["path"].is_not_null() & status.is_not_null()
    return pl.DataFrame({"message": messages}).select(
        **url,
        status=status,
        method=value("method|http_method|verb", _METHODS),
        client_ip=value(
            "ip|client_ip|remote_addr|client|remote_ip", r"[0-9A-Fa-f:.]{3,45}\b"
        ),
        rest="message",
        refused=pl.when(~known).then(pl.lit("no request")),
    )


def _spoken(messages: pl.Series) -> pl.DataFrame:
    """The request and response columns of messages that may speak of HTTP."""
    shapes = [partial(_shape, pattern=pattern) for pattern in _REQUESTS]
    found = first_that_parses(messages, [*shapes, _pairs])
    took = pl.col("rest").str.extract_groups(_DURATION).struct
    unit = took.field("2").replace_strict(
        _SECONDS, default=1.0, return_dtype=pl.Float64
    )
    whole = _complete(found).with_columns(
        pl.col("status").cast(pl.Int16),
        duration=took.field("1").cast(pl.Float64) * unit,
    )
    return whole.select(
        pl.when(pl.col("refused").is_null()).then(pl.col(*_HTTP, "reason", "duration"))
    )


def _complete(found: pl.DataFrame) -> pl.DataFrame:
    """The frame with all columns of texts, null where no shape gave them."""
    absent = [name for name in _TYPES if name not in found.columns]
    return found.with_columns(pl.lit(None, _TYPES[name]).alias(name) for name in absent)


def _others(messages: pl.Series) -> pl.DataFrame:
    """What all shapes find in the messages that may speak of HTTP; null elsewhere."""
    speaks = messages.str.contains(_SPEAKS_OF_HTTP)
    return only_where(speaks, messages, _spoken)


def http_messages(message: pl.Series) -> pl.DataFrame:
    """The request that each message speaks of, where its shape is certain.

    Columns: method, scheme, host, path, query, http_version, status, client_ip,
    reason, duration (only where a unit is written).
    """
    return announced(Octets.of(message, partly=True))[0]


def announced(messages: Octets) -> tuple[pl.DataFrame, Mask]:
    """The same, and which messages say it in the plainest way: `Request: GET /p`."""
    quick = _announced(messages)
    left = quick["refused"].is_not_null().arg_true()
    found = _complete(quick)
    if len(left):
        found = patched(found, left, _others(messages.lines.gather(left)))
    plainest = quick["refused"].is_null().to_numpy()
    return found.select(*_HTTP, "reason", "duration"), plainest
