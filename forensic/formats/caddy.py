"""Caddy's own log: one JSON object a line, of requests and of what went wrong.

`http.log.access` says what was answered; `http.log.error` why, in Go's own words.
"""

import polars as pl

from forensic.fields.columns import http_status, seconds, target
from forensic.fields.json_fields import json_fields
from forensic.fields.messages import first_class
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_KEYS = {
    "stamp": "ts",
    "logger": "logger",
    "level": "level",
    "message": "msg",
    "peer": "request.remote_ip",
    "client": "request.client_ip",
    "method": "request.method",
    "host": "request.host",
    "uri": "request.uri",
    "protocol": "request.proto",
    "agent": "request.headers.User-Agent",
    "status": "status",
    "bytes_sent": "size",
    "bytes_received": "bytes_read",
    "duration": "duration",
    "user": "user_id",
    "request_id": "err_id",
    "server": "resp_headers.Server",
    "via": "resp_headers.Via",
    "date": "resp_headers.Date",
    "length": "resp_headers.Content-Length",
    "powered": "resp_headers.X-Powered-By",
}
#: What is read and stays in `extra`, since no column holds it.
_READ = {"level", "server", "via", "date", "length", "powered"}
#: The class of an error ▶ Go's words, or Caddy's, that are certain of it.
REASONS = {
    "connect_refused": r"^dial [^\n]*: connect: connection refused",
    "connect_unreachable": r"^dial [^\n]*: connect: (?:no route|network is unreach)",
    "connect_no_socket": r"^dial unix [^\n]*: connect: no such file",
    "connect_denied": r"^dial unix [^\n]*: connect: permission denied",
    "connect_timed_out": r"^dial [^\n]*(?:i/o timeout|connection timed out)",
    "resolve_failed": r"^(?:dial [^\n]*)?lookup [^\n]*: (?:no such host|server mis)",
    "upstream_certificate": r"x509: ",
    "upstream_ssl_handshake": r"^(?:remote error: )?tls: |response to HTTPS client",
    "no_live_upstreams": r"^no upstreams available",
    "upstream_timed_out": r"timeout awaiting response headers"
    r"|^context deadline exceeded|^read [^\n]*i/o timeout",
    "upstream_prematurely_closed": r"^EOF$|^unexpected EOF|server closed idle conn"
    r"|^(?:read|write) [^\n]*(?:connection reset by peer|broken pipe)",
    "invalid_response": r"malformed HTTP|HTTP/1.x transport connection broken",
    "client_closed": r"^context canceled$|client disconnected",
    "body_too_large": r"request body too large",
    "permission_denied": r"^open [^\n]*: permission denied",
    "file_not_found": r"^(?:open|stat) [^\n]*: no such file"
    r"|fileserver\.\(\*FileServer\)\.notFound",
    "too_many_open_files": r"too many open files",
    "modsecurity_denied": r"\] Coraza: Access denied",
    "modsecurity_warning": r"\] Coraza: ",
}
#: Caddy's own loggers: others write JSON of this shape, too.
_LOGGERS = r"(?:http\.[a-z]|tls\b|admin\b|caddy\b|pki\b)"
_OWN = f"^{_LOGGERS}"
#: What it says of itself without a logger, or with one that others have, too.
_STARTING = (
    r"(?:using (?:provided|adjacent|config)|Caddyfile input is not|redirected default"
    r"|serving initial config|autosaved config|adapted config|shutdown complete"
    r"|shutting down apps|exiting; byeee|GOMEMLIMIT is|maxprocs: |automatic HTTPS is"
    r"|enabling (?:automatic|HTTP)|server is listening only|servers shutting down"
    r"|HTTP/[23] (?:skipped|listener))"
)
#: What Coraza puts into its message, as ModSecurity does: its records have no more.
_CORAZA = r'\] Coraza: [\s\S]*\[{} "([^"]*)"\]'
#: The server that was not reached.
_DIALLED = r"^dial (?:tcp[46]?|unix) (\S+): "


def _first(name: str) -> pl.Expr:
    """The first value of a header, which Caddy writes as a list."""
    listed = pl.col(name).str.json_path_match("$[''][0]")
    return pl.coalesce(listed, pl.col(name))


def _coraza(name: str) -> pl.Expr:
    return pl.col("message").str.extract(_CORAZA.format(name))


def _passed() -> pl.Expr:
    """Whether the answer shows that a server behind Caddy made it.

    Caddy adds a proxied answer's headers to its own `Server: Caddy`; of late it writes
    `Via: 1.1 Caddy` instead. To an error of its own it adds neither a date nor a
    length before it logs: those are a server's.
    """
    failed = http_status(pl.col("status")) >= 400
    dated = pl.any_horizontal(pl.col("date", "length", "powered").is_not_null())
    others = pl.col("server").str.replace_all('"Caddy"', "", literal=True)
    named = others.str.contains(r'"[^"]+"').fill_null(value=False)
    via = pl.col("via").str.contains("Caddy").fill_null(value=False)
    return named | via | (failed & dated)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of requests and of errors about requests."""
    rows = json_fields(lines, _KEYS, {"msg", "ts"}, _READ)
    micros = (pl.col("stamp").cast(pl.Float64, strict=False) * 1e6).round()
    stamp = micros.cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    access = pl.col("logger").str.starts_with("http.log.access").fill_null(value=False)
    named = pl.col("logger").str.contains(_OWN)
    starts = pl.col("logger").fill_null("http").is_in(["http", ""])
    starts &= pl.col("message").str.contains(f"^{_STARTING}")
    own = named.fill_null(value=False) | starts
    answer = pl.when(access).then(http_status(pl.col("status")))
    address = target(pl.coalesce("uri", _coraza("uri")))
    short = pl.when(stamp.is_null() | ~own).then(pl.lit("JSON, but not of Caddy"))
    return rows.select(
        *("extra", "flags", "method", "host", "logger"),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=stamp,
        utc_offset=pl.when(stamp.is_not_null()).then(pl.lit(0, pl.Int32)),
        level=pl.when(~access).then("level"),
        message="message",
        reason=pl.when(~access).then(first_class(pl.col("message"), REASONS)),
        upstream=pl.when(~access).then(pl.col("message").str.extract(_DIALLED)),
        rule=_coraza("id"),
        request_id=pl.coalesce("request_id", _coraza("unique_id")),
        user=pl.when(pl.col("user") != "").then("user"),
        user_agent=_first("agent"),
        client_ip=pl.coalesce(
            "client",
            "peer",
            pl.col("message").str.extract(r'^\[client "([^"]*)"\] Coraza: '),
        ),
        path=address["path"],
        query=address["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        # An error is the reason of an answer, not another answer.
        status=answer,
        upstream_status=pl.when(_passed()).then(answer),
        duration=seconds(pl.col("duration"), 1.0),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="caddy",
    title="Caddy log (JSON)",
    hop="web_server",
    reference="https://caddyserver.com/docs/logging",
    head=rf'^\s*\{{[\s\S]*"(?:logger"\s*:\s*"{_LOGGERS}|msg"\s*:\s*"{_STARTING})',
    parse=parse,
    json=True,
    stamps_end=True,
    # Loggers of applications write JSON of this shape, with other words.
    narrow=True,
    usual=True,
    paths=r"(?i)caddy",
)
