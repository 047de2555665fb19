"""HAProxy: httplog, tcplog, the health of its servers, refused connections.

Usually the payload of syslog. The stamp is when the connection was accepted; it has
milliseconds and no zone, but in `httplog clf`, which begins like a web server's line
and has UTC. The four characters of the termination state say who ended
the session, and when.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    groups,
    json_extra,
    request_line,
    target,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_TIME = r"(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}\.\d{1,6})"
#: Client and stamp; a `%ci` of a unix socket is `unix`.
_START = rf"([0-9A-Fa-f:.]+|unix):(\d+) \[{_TIME}\] "
_SESSION = rf"{_START}([^ ~/]+)(~?) ([^ /]+)/([^ ]+) "
_ENDED = r"([A-Za-z-]{2,4}) (\d+/\d+/\d+/\d+/\+?\d+) (\d+/\d+)"
_HTTP = (
    rf"^{_SESSION}(-?\d+/-?\d+/-?\d+/-?\d+/\+?-?\d+) (-?\d{{1,3}}) (\+?\d+)"
    rf' (\S+) (\S+) {_ENDED} (?:\{{(.*?)\}} )?(?:\{{(.*?)\}} )?"([^"]*)(?:" ?(.*))?$'
)
#: `option httplog clf`: the same as words behind the line of a web server.
_CLF = (
    r"^([0-9A-Fa-f:.]+|unix) - - "
    r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}) \+0000\]"
    r' "([^"]*)" (-?\d{1,3}) (\+?\d+) "" "" \d+ (\d{3})'
    r' "([^"~]*)(~?)" "([^"]*)" "([^"]*)"'
    r" (-?\d+ -?\d+ -?\d+ -?\d+ \+?-?\d+) ([A-Za-z-]{2,4})"
    r' (\d+ \d+ \d+ \d+ \+?\d+) (\d+ \d+) "([^"]*)" "([^"]*)" ?(.*)$'
)
_ASKED = r"^-?\d+/-?\d+/[^ ]+ ([^ /-][^ /]*)/(?:TLS|SSL)v"
_TCP = rf"^{_SESSION}(-?\d+/-?\d+/\+?-?\d+) (\+?\d+) {_ENDED}$"
#: A listener without a name of its own has that of its address and port.
_REFUSED = rf"^{_START}([^ /]+)/([^ ]+): (.+)$"
_CONNECTED = r"^Connect from ([^ ]+):(\d+) to ([^ ]+):\d+ \(([^ /]+)/(\w+)\)$"
_HEALTH = r"^((?:Health check for |backup )*(?:[Ss]erver|[Bb]ackend|[Pp]roxy) .*)$"
_HEAD = (
    rf"^(?:{_START}[^ ]+ [^ /]+/[^ ]+ -?\d+/-?\d+/|{_START}[^ /]+/[^ ]+: "
    r'|[^ ]+ - - \[[^\]]* \+0000\] "[^"]*" -?\d+ \+?\d+ "" "" \d+ \d{3} "[^"]*" "'
    r"|Connect from [^ ]+:\d+ to [^ ]+:\d+ \([^ ]+/\w+\)"
    r"|(?:Health check for )?(?:backup )?[Ss]erver [^ /]+/[^ ]+ "
    r"(?:is (?:UP|DOWN|stopping|going DOWN)|succeeded|failed|\()"
    r"|[Bb]ackend [^ ]+ has no server available"
    r"|[Pp]roxy [^ ]+ (?:started|stopped|paused|enabled|disabled))"
)
_PLACE = [
    "client_ip",
    "client_port",
    "stamp",
    "frontend",
    "secure",
    "backend",
    "server",
]
_END = ["state", "connections", "queues"]


def _seconds(milliseconds: pl.Expr) -> pl.Expr:
    number = milliseconds.str.strip_prefix("+").cast(pl.Int64, strict=False)
    return pl.when(number >= 0).then((number / 1000).round(3))


def _session(**extra: pl.Expr) -> dict[str, pl.Expr]:
    """Return the columns of a line that has the place and the end of a session."""
    named = ~pl.col("server").str.starts_with("<")
    place = pl.concat_str("backend", "server", separator="/")
    columns = ["frontend", "backend", "server", "connections", "queues"]
    return {
        "client_ip": pl.col("client_ip"),
        "local_time": clf_stamp(pl.col("stamp")),
        "upstream": pl.when(named).then(place),
        "reason": pl.col("state"),
        "bytes_sent": pl.col("bytes")
        .str.strip_prefix("+")
        .cast(pl.Int64, strict=False),
        "duration": _seconds(pl.col("timers").str.extract(r"([^/]+)$")),
        "extra": json_extra(
            timers=pl.col("timers"), **{c: pl.col(c) for c in columns}, **extra
        ),
        "refused": pl.when(pl.col("stamp").is_null()).then(
            pl.lit("not a HAProxy line")
        ),
    }


def _http(lines: pl.Series) -> pl.DataFrame:
    names = [*_PLACE, "timers", "status", "bytes", "cookie_in", "cookie_out", *_END]
    names += ["captured", "captured_answer", "request", "tail"]
    return _answers(groups(lines, _HTTP, names))


def _clf(lines: pl.Series) -> pl.DataFrame:
    names = ["client_ip", "stamp", "request", "status", "bytes", "milliseconds"]
    names += ["frontend", "secure", "backend", "server", "timers", *_END]
    names += ["cookie_in", "cookie_out", "captured"]
    rows = groups(lines, _CLF, names)
    lists = ["timers", "connections", "queues"]
    return _answers(
        rows.with_columns(
            *(pl.col(name).str.replace_all(" ", "/", literal=True) for name in lists),
            stamp=pl.concat_str("stamp", "milliseconds", separator="."),
            captured=pl.when(pl.col("captured") != "").then("captured"),
            captured_answer=pl.lit(None, pl.String),
            tail=pl.lit(None, pl.String),
        )
    ).with_columns(
        utc_offset=pl.when(pl.col("local_time").is_not_null()).then(pl.lit(0, pl.Int32))
    )


def _answers(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of lines of requests, of either layout."""
    status = pl.col("status").cast(pl.Int16, strict=False)
    line = request_line(pl.col("request"))
    address = target(line["target"])
    unread = line["method"].is_null()
    waited = _seconds(pl.col("timers").str.extract(r"^[^/]+/[^/]+/[^/]+/([^/]+)"))
    # A server that never answered has no time of its own.
    answered = waited.is_not_null() & ~pl.col("server").str.starts_with("<")
    local = pl.col("state").str.contains(r"^[PLR]")
    secure = pl.when(pl.col("secure") == "~").then(pl.lit("https"))
    kept = ("captured", "captured_answer")
    captured = {name: dash_to_null(pl.col(name)) for name in kept}
    # What a site appends to the format stands behind the request.
    captured["tail"] = pl.when(pl.col("tail") != "").then("tail")
    return rows.select(
        **_session(**captured),
        status=pl.when(status >= 0).then(status),
        upstream_status=pl.when(answered & ~local & (status >= 100)).then(status),
        upstream_duration=pl.when(answered).then(waited),
        method=line["method"],
        http_version=line["http_version"],
        scheme=pl.coalesce(address["scheme"], secure),
        # `option httpslog` appends the name that the client asked for by TLS.
        host=pl.coalesce(address["host"], pl.col("tail").str.extract(_ASKED)),
        path=address["path"],
        query=address["query"],
        message=pl.when(unread).then("request"),
    )


def _tcp(lines: pl.Series) -> pl.DataFrame:
    return groups(lines, _TCP, [*_PLACE, "timers", "bytes", *_END]).select(**_session())


def _refused(lines: pl.Series) -> pl.DataFrame:
    """Return the columns of `192.0.2.1:5 [stamp] fe/be: SSL handshake failure`."""
    names = ["client_ip", "client_port", "stamp", "frontend", "listener", "message"]
    text = pl.col("message").str.to_lowercase()
    return groups(lines, _REFUSED, names).select(
        "client_ip",
        "message",
        local_time=clf_stamp(pl.col("stamp")),
        reason=pl.when(text.str.contains("ssl handshake", literal=True)).then(
            pl.lit("ssl_handshake")
        ),
        extra=json_extra(frontend=pl.col("frontend"), listener=pl.col("listener")),
        refused=pl.when(pl.col("stamp").is_null()).then(pl.lit("not a HAProxy line")),
    )


def _connected(lines: pl.Series) -> pl.DataFrame:
    """Return the columns of the default log: `Connect from … to … (frontend/HTTP)`."""
    names = ["client_ip", "client_port", "listener", "frontend", "mode"]
    return groups(lines, _CONNECTED, names).select(
        "client_ip",
        message=pl.when(pl.col("mode").is_not_null()).then(pl.lit(lines)),
        extra=json_extra(
            **{name: pl.col(name) for name in ("frontend", "listener", "mode")}
        ),
        refused=pl.when(pl.col("mode").is_null()).then(pl.lit("not a HAProxy line")),
    )


def _health(lines: pl.Series) -> pl.DataFrame:
    text = pl.col("message")
    down = text.str.contains(r" is (?:going )?DOWN|failed")
    none = text.str.contains("has no server available", literal=True)
    return groups(lines, _HEALTH, ["message"]).select(
        "message",
        level=pl.when(none).then(pl.lit("emerg")).when(down).then(pl.lit("alert")),
        reason=pl.when(none)
        .then(pl.lit("no_live_upstreams"))
        .when(down)
        .then(pl.lit("server_down"))
        .when(text.str.contains(" is UP", literal=True))
        .then(pl.lit("server_up")),
        upstream=text.str.extract(r"[Ss]erver ([^ /]+/[^ ]+)"),
        refused=pl.when(~lines.str.contains(_HEAD)).then(pl.lit("not a HAProxy line")),
    )


def _parse(lines: pl.Series) -> pl.DataFrame:
    return first_that_parses(lines, [_http, _clf, _tcp, _refused, _connected, _health])


FORMAT = Format(
    name="haproxy",
    title="HAProxy log",
    hop="load_balancer",
    reference="https://docs.haproxy.org/2.6/configuration.html#8.2",
    head=_HEAD,
    parse=_parse,
    paths=r"(?i)haproxy",
    stamps_start=True,
)
