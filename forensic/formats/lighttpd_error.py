"""lighttpd's error log: `2025-02-06 14:32:07: (gw_backend.c.290) message`.

Local time without a zone. What names a place in its source tells the line from others;
the client is named by a few messages only.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra
from forensic.fields.messages import first_class
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{9})?"
_PLACE = r"\([A-Za-z0-9_./-]+\.[ch]\.\d+\)"
#: The class of a message ▶ words that lighttpd's source prints.
REASONS = {
    "connect_refused": r"connection failed: socket: .*Connection refused",
    "connect_no_socket": r"connection failed: socket: .*No such file or directory",
    "connect_denied": r"connection failed: socket: .*Permission denied",
    "connect_timed_out": r"^connect timeout on socket: "
    r"|connection failed: socket: .*Connection timed out",
    "connect_failed": r"connection failed: socket: ",
    "no_live_upstreams": r"^all handlers for .* are down",
    "upstream_disabled": r"^backend error; we'll disable",
    "upstream_timed_out": r"^(?:read|write) timeout on (?:socket|CGI)",
    "upstream_prematurely_closed": r"^unexpected end-of-file|^connection was dropped"
    r"|unexpected close of gw connection|^response not received, "
    r"|^CGI pid \d+ (?:died|ended)",
    "fastcgi_stderr": r"^FastCGI-stderr:",
    "body_too_large": r"^request-size too long: ",
    "client_bad_request": r" -> (?:sending Status )?4\d\d$",
    "auth_password_mismatch": r"^password doesn't match for |^digest: auth failed for ",
    "too_many_open_files": r"sockets disabled, out-of-fds|socket\(\) failed \(cur_fds",
    "worker_connections": r"sockets disabled, connection limit reached",
    "worker_exited": r"^child (?:exited|signalled|died)",
    "client_certificate": r"^SSL: .*peer did not return a certificate",
    "ssl_handshake": r"^SSL: ",
    "signal": r"server (?:started|stopped)|graceful shutdown started",
    "reopening_logs": r"^logfiles cycled",
    "other": r"",
}
_SOCKET = r"socket: (?:tcp:)?([^\s(]*[^\s(:,])"
#: The request whose backend is down, gave no answer, or broke off.
_REQUEST = (
    r"^(?:all handlers for |response not received, request sent: .* for "
    r"|unexpected end-of-file .* for \S+ )(/[^? ]*)"
)
#: Who failed to sign in; a name holds what the client likes, the address is last.
_AUTH = (
    r"^(?:password doesn't match |digest: |get_password failed).* IP: ([0-9A-Fa-f.:]+)$"
)
_MISMATCH = r"^password doesn't match for (/\S*) username: "


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lighttpd's error lines."""
    groups = lines.str.extract_groups(rf"^({_STAMP}): ({_PLACE}) (.*)$").struct
    rows = groups.rename_fields(["stamp", "place", "message"]).struct.unnest()
    message = pl.col("message")
    stamp = iso_stamp(pl.col("stamp"))
    refused = pl.when(stamp.is_null()).then(pl.lit("no line of lighttpd"))
    reason = first_class(message, REASONS)
    routine = reason.is_in(["signal", "reopening_logs"])
    return rows.select(
        "message",
        local_time=stamp,
        reason=pl.when(stamp.is_not_null()).then(reason),
        client_ip=message.str.extract(_AUTH),
        upstream=message.str.extract(_SOCKET),
        path=pl.coalesce(message.str.extract(_MISMATCH), message.str.extract(_REQUEST)),
        # It writes no level; what it logs by default are its errors, start and stop.
        level=pl.when(routine).then(pl.lit("notice")).otherwise(pl.lit("error")),
        extra=json_extra(place=pl.col("place").str.strip_chars("()")),
        refused=refused,
    )


FORMAT = Format(
    name="lighttpd_error",
    title="lighttpd error log",
    hop="web_server",
    reference="https://redmine.lighttpd.net/projects/lighttpd/wiki/Server_errorlogDetails",
    head=rf"^{_STAMP}: {_PLACE} ",
    parse=parse,
    multiline=True,
    paths=r"(?i)lighttpd",
)
