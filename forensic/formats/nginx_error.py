r"""nginx error log.

`2025/02/06 14:32:13 [error] 812#812: *4411 message while doing, client: …, …`

The stamp has no zone. What a script writes to stderr may have line ends in it; client
and request stand behind it. Nothing in a line is escaped: request, host, referrer and
file names are raw bytes of the client, who can forge fields and whole lines.
So the context is taken from the left-most `, client:` outside of quotes, and a line
that has a second one is marked.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra, request_line, target
from forensic.fields.messages import first_class, with_errno
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_LEVELS = r"\[(?:debug|info|notice|warn|error|crit|alert|emerg)\]"
_STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"
_HEAD = rf"^(?:{_STAMP} {_LEVELS} \d+#\d+: |nginx: {_LEVELS} )"
_LINE = (
    rf"(?s)^(?:({_STAMP}) \[([a-z]+)\] (\d+)#\d+: |nginx: \[([a-z]+)\] )"
    r"(?:\*(\d+) )?(.*)$"
)
#: The message and its context; the second way is for a quote that does not close.
_CONTEXT = [
    r'(?s)^([^"]*?(?:"[^"]*"[^"]*?)*?), client: (.*)$',
    r"(?s)^(.*?), client: (.*)$",
]
#: A line is cut after 2048 bytes: anywhere, also in the middle of a name.
_FIELDS = (
    r"(?s)^([^,]*)(?:, server: (.*?))?"
    + "".join(
        rf'(?:, {name}: "(.*?)(?:"|$))?'
        for name in ("request", "subrequest", "upstream", "host", "referrer")
    )
    + r'(?:, (?:bytes from/to .*|login: ".*|[a-z]{0,10}:? ?))?$'
)
_NAMES = [
    "client_ip",
    "server",
    "request",
    "subrequest",
    "upstream",
    "host",
    "referrer",
]
#: `server:` names the listener as long as no request was read.
_NO_NAME = r"^_?$|^[0-9.:*\[\]]+$|^unix:"

#: The class of a message ▶ the regular expression that its messages match, first
#: match first. `open_failed` and `connect_failed` become finer by their errno.
REASONS = {
    "modsecurity_denied": r"ModSecurity: Access denied",
    "modsecurity_warning": r"ModSecurity: ",
    "naxsi_warning": r"^NAXSI_(?:EXLOG|FMT: .*&(?:learning=1|config=learning)(?:&|$))",
    "naxsi_denied": r"^NAXSI_FMT: ",
    "access_forbidden_by_rule": r"^access forbidden by rule",
    "directory_index_forbidden": r'^directory index of ".*" is forbidden',
    "too_many_open_files": r"\(24: [^)]*\)",
    "no_space_left": r"\(28: [^)]*\)",
    "open_failed": r'^(?:open|openat|stat|lstat|fstat|realpath|opendir)\(\) "',
    "index_not_found": r'^".*" is not found \(',
    "index_forbidden": r'^".*" is forbidden \(',
    "body_too_large": r"^client intended to send too large (?:chunked )?body",
    "auth_user_not_found": r'^user ".*" was not found in "',
    "auth_password_mismatch": r'^user ".*": password mismatch',
    "auth_missing": r"^no user/password was provided",
    "auth_request_failed": r"^auth request unexpected status",
    "dry_run": r"^(?:limiting|delaying) .*dry run",
    "limiting_requests": r"^limiting requests",
    "delaying_requests": r"^delaying request",
    "limiting_connections": r"^limiting connections",
    "redirection_cycle": r"^rewrite or internal redirection cycle",
    "connect_failed": r"^connect\(\) .*?failed \(",
    "upstream_timed_out": r"^upstream timed out",
    "upstream_prematurely_closed": r"^upstream (?:prematurely closed|closed premat)",
    "too_big_header": r"^upstream sent too big header",
    "no_valid_header": r"^upstream sent no valid HTTP",
    "invalid_header": r"^upstream sent (?:invalid|duplicate|unexpected|unsupported)",
    "invalid_response": r"^upstream (?:sent|rejected request with error) ",
    "no_live_upstreams": r"^no live upstreams",
    "upstream_disabled": r"^upstream server temporarily disabled",
    # Its own variables gave it no upstream to ask (`ngx_http_proxy_eval`).
    "configuration_wrong": r'^invalid URL prefix in "|^zero length URI to proxy'
    r'|^(?:no|invalid) (?:host|port)\b[^"]* in upstream "',
    "resolve_failed": r"could not be resolved|^host not found in upstream"
    r"|^no resolver defined|while resolving, resolver:",
    "upstream_certificate": r"^upstream SSL certificate",
    "upstream_ssl_handshake": r"SSL.* while SSL handshaking to upstream",
    "client_certificate": r"^client SSL certificate verify error"
    r"|^client sent no required SSL certificate",
    "plain_http_to_https": r"^client sent plain HTTP request to HTTPS port",
    "ssl_handshake": r"SSL_do_handshake\(\)|in SSL handshake|while SSL handshaking",
    "recv_reset": r"^(?:recv|readv)\(\) failed .* upstream",
    "send_failed": r"^(?:send|writev|sendfile|sendmsg)\(\) failed .* upstream",
    "client_bad_request": r"^client sent ",
    "client_timed_out": r"^client timed out",
    "client_closed": r"client (?:prematurely )?closed|^client .* closed keepalive"
    r"|^(?:recv|readv|send|writev|sendfile)\(\) failed \((?:104|32|110):",
    "worker_connections": r"worker_connections are not enough",
    "worker_exited": r"process \d+ exited (?:on signal|with (?:fatal )?code [1-9])",
    "reopening_logs": r"^reopening logs",
    "signal": r"^signal (?:\d+ \(SIG|process started)",
    "lifecycle": r"^(?:reconfiguring|gracefully shutting down|exiting|exit$|start "
    r"|using the \"|nginx/|built by|OS: |getrlimit|.*process \d+ exited with code 0"
    r"|changing binary|worker process is shutting down)",
    "buffered": r"is buffered to a temporary file",
    "fastcgi_stderr": r"^FastCGI sent in stderr",
    "lua_error": r"\[lua\]|^lua ",
    "bind_failed": r"bind\(\) to .* failed|^still could not bind\(\)",
    "out_of_memory": r"could not allocate memory|^(?:malloc|posix_memalign|mmap)\(",
    "cache_full": r"^could not allocate node in cache keys zone",
    "other": r"",
}


def _columns(lines: pl.Series) -> pl.DataFrame:
    """The line in its five pieces, and its message apart from its context."""
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    names = ["stamp", "level", "pid", "startup", "connection", "text"]
    frame = groups.rename(dict(zip(groups.columns, names, strict=True)))
    ways = [pl.col("text").str.extract_groups(way) for way in _CONTEXT]
    frame = frame.with_columns(
        message=pl.coalesce(*(way.struct.field("1") for way in ways), "text"),
        context=pl.coalesce(*(way.struct.field("2") for way in ways)),
    )
    fields = frame["context"].str.extract_groups(_FIELDS).struct.unnest()
    return frame.hstack(
        fields.rename(dict(zip(fields.columns, _NAMES, strict=True))).get_columns()
    )


def _reason(message: pl.Expr, errno: pl.Expr) -> pl.Expr:
    """The class of the message."""
    found = first_class(message, REASONS)
    opened = (found == "open_failed") & errno.is_not_null()
    return (
        pl.when(opened)
        .then(pl.concat_str(pl.lit("open_failed_"), errno))
        .otherwise(with_errno(found, errno))
    )


def _firewall(message: pl.Expr) -> dict[str, pl.Expr]:
    """What ModSecurity or NAXSI decided, where the message is its own."""
    denied = message.str.extract(r"ModSecurity: Access denied with code (\d{3})")

    def field(name: str) -> pl.Expr:
        return message.str.extract(rf'ModSecurity: .*\[{name} "([^"]*)"\]')

    return {
        "status": denied.cast(pl.Int16, strict=False),
        "action": pl.when(denied.is_not_null()).then(pl.lit("block")),
        "rule": pl.coalesce(
            field("id"), message.str.extract(r"^NAXSI_FMT: .*?&id0=(\d+)")
        ),
        "request_id": field("unique_id"),
    }


#: How an upstream is spoken to that speaks no HTTP.
_PROTOCOL = r"^(fastcgi|uwsgi|scgi|grpcs?|memcached)://"


def _request() -> dict[str, pl.Expr]:
    line = request_line(pl.col("request"))
    address = target(line["target"])
    host = pl.col("host").str.replace(r":\d+$", "")
    server = pl.when(~pl.col("server").str.contains(_NO_NAME)).then("server")
    return {
        # Its mail proxy adds ` using starttls`.
        "client_ip": pl.col("client_ip").str.extract(r"^([^ ]*)"),
        "method": line["method"],
        "scheme": address["scheme"],
        "host": pl.coalesce(host, address["host"], server),
        "path": address["path"],
        "query": address["query"],
        "http_version": line["http_version"],
        "upstream": pl.coalesce(
            pl.col("upstream").str.extract(r"^\w+://(unix:[^:]+|[^/]+)"), "upstream"
        ),
        "referrer": pl.col("referrer"),
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    message = pl.col("message")
    errno = message.str.extract(r"\((\d{1,3}): [A-Za-z][^()]*\)(?: while .*)?$")
    connection = pl.col("connection").cast(pl.Int64, strict=False)
    forged = pl.col("text").str.count_matches(", client: ", literal=True) > 1
    startup = pl.col("startup").is_not_null()
    stamped = pl.col("stamp").is_not_null()
    return _columns(lines).select(
        local_time=iso_stamp(pl.col("stamp").str.replace_all("/", "-", literal=True)),
        level=pl.coalesce("level", "startup"),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        process=pl.when(startup).then(pl.lit("nginx")),
        message=message,
        reason=pl.when(message.is_not_null()).then(_reason(message, errno)),
        **_request(),
        **_firewall(message),
        extra=json_extra(
            connection=connection,
            errno=errno.cast(pl.Int64, strict=False),
            **{
                "while": message.str.extract(r" while ([a-zA-Z0-9/ ]+)$"),
                "server": pl.col("server"),
                "protocol": pl.col("upstream").str.extract(_PROTOCOL),
                "subrequest": pl.col("subrequest"),
                "zone": message.str.extract(r'^(?:limiting|delaying) .*zone "([^"]*)"'),
            },
        ),
        flags=pl.when(forged).then(pl.concat_list(pl.lit("forgery_suspect"))),
        refused=pl.when(~stamped & ~startup).then(pl.lit("not an error line")),
    )


FORMAT = Format(
    name="nginx_error",
    title="nginx error log",
    hop="web_server",
    reference="https://nginx.org/en/docs/ngx_core_module.html#error_log",
    head=_HEAD,
    parse=_parse,
    multiline=True,
    whole=True,
    paths=r"(?i)nginx|error",
)
