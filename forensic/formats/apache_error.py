"""Apache httpd error log, 2.2 and 2.4.

`[Thu Feb 06 14:32:07.650780 2025] [proxy:error] [pid 7:tid 9] AH00957: …`

The stamp has no zone; `%{cu}t` in the format makes it `2025-02-06 14:32:07.650780`, and
to syslog Apache writes none. What an operating system call said stands as
`(111)Connection refused: ` before the AH code, whose number is the class of the
message.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, iso_stamp, json_extra
from forensic.fields.messages import first_class, with_errno
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_DAYS = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_STAMP = (
    rf"\[{_DAYS} ([A-Z][a-z]{{2}}) ([ \d]\d)"
    r" (\d\d:\d\d:\d\d(?:\.\d{1,6})?) (\d{4})\]"
)
_LEVEL = r"(?:emerg|alert|crit|error|warn|notice|info|debug|trace[1-8])"
_ISO = r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?)\]"
_HEAD = (
    rf"^(?:(?:{_STAMP}|{_ISO}) \[(?:[a-z0-9_]*:)?{_LEVEL}\] "
    rf"|\[[a-z0-9_]+:{_LEVEL}\] \[pid \d+(?::tid \d+)?\] |\[{_LEVEL}\] \[client )"
)
_LINE = (
    rf"^(?:(?:{_STAMP}|{_ISO}) )?\[(?:([a-z0-9_]*):)?({_LEVEL})\]"
    r" (?:\[pid (\d+)(?::tid \d+)?\] )?(.*)$"
)
_NAMES = ["month", "day", "clock", "year", "iso", "module", "level", "pid", "text"]
#: What `%L` writes behind the client, where a format of one's own has it.
_LOG_ID = r"^(\([^)]*\)[^\[]*: )?\[([A-Za-z0-9@_+/-]{11,27})\] "
_ADDRESS = r"(\[[^\] ]+\]|[^\] ]+?)(?::(\d+))?"
_PEER = rf"\[(?:(client)|remote) {_ADDRESS}\] "
#: ModSecurity names the client behind what Apache calls a remote one.
_BEHIND = rf"^\[remote [^\]]*\] \[client {_ADDRESS}\] "

#: What a call of the operating system said: before the AH code, or alone.
_EXPIRED = r"\((?:70007|110|OS 10060)\)[A-Z]"
#: The class of a message ▶ what is certain of it, first match first: an AH code or the
#: words of 2.2 and of modules. `connect_failed` becomes finer by its errno.
REASONS = {
    "body_too_large": r"AH01588:|AH10483:|AH02018:|larger than the configured limit",
    "modsecurity_denied": r"ModSecurity: Access denied",
    "modsecurity_warning": r"ModSecurity: ",
    "limiting_requests": r"^mod_qos\(\d+\): access denied",
    "client_timed_out": rf"{_EXPIRED}.*AH0(?:1095|2608):|AH01382:"
    r"|Request header read timeout",
    "client_closed": r"AH0(?:1095|2608):",
    "connect_failed": r"AH00957:|AH02454:|: attempt to connect to ",
    "backend_unreachable": r"failed to make connection to backend",
    "upstream_disabled": r"AH00959:",
    "no_live_upstreams": r"AH00940:|AH011(?:67|7[01]):|All workers are in error state",
    "upstream_busy": r"AH00934:|AH00941:",
    "resolve_failed": r"DNS lookup failure|AH02327:",
    "upstream_ssl_handshake": r"Error during SSL Handshake with remote server"
    r"|AH00961:|AH01961:",
    "upstream_certificate": r"SSL Proxy: Peer certificate|^remote: .*AH02039:",
    "client_certificate": r"AH02039:|AH02010:|AH02040:|AH0226[23]:",
    "upstream_timed_out": rf"{_EXPIRED}|AH1022[45]:|Timeout waiting for output from CGI"
    r"|Timeout when reading response headers from daemon process"
    r"|Queue timeout expired for WSGI daemon process"
    r"|mod_fcgid: (?:read|write) data timeout",
    # Its other line about the same request says more.
    "upstream_failed": r"AH00898:|AH01067:|AH01030:|AH00992:|AH00893:|AH00878:"
    r"|\(22\)[^:]*: AH01075:",
    "upstream_prematurely_closed": r"AH0110[12]:|AH01110:|AH0107[345]:"
    r"|AH01097:|AH01084:|AH10154:|AH1029[34]:|AH00860:"
    r"|End of script output|Premature end of script headers"
    r"|Truncated or oversized response headers received from daemon process"
    r"|mod_fcgid: error reading data",
    "invalid_header": r"AH01106:|AH0107[08]:|AH02429:|AH02430:|Corrupt status line"
    r"|malformed header from script|Bad header",
    "method_not_allowed": r"AH01623:|AH00131:|AH01139:",
    "access_forbidden_by_rule": r"AH01630:|AH01797:|AH00670:|AH02219:|AH02229:"
    r"|client denied by server configuration",
    "directory_index_forbidden": r"AH01276:|[Dd]irectory index forbidden by",
    "symlink_forbidden": r"AH0003[278]:|AH03295:|Symbolic link not allowed",
    "configuration_wrong": r"^/\S+\.ht\w+: |AH01144:|AH01796:|AH0002[578]:"
    r"|AH016(?:1[569]|2[012]):",
    "permission_denied": r"AH00035:|AH00132:|AH00529:|AH01275:|Permission denied",
    "auth_user_not_found": r"AH01618:|AH01790:|AH01808:|^user .* not found",
    "auth_password_mismatch": r"AH01617:|AH0179[24]:|AH01807:|Password Mismatch"
    r"|authentication failure",
    "auth_not_allowed": r"AH01631:|authorization failure for",
    "openid_failed": r"^oidc_\w+: ",
    "auth_backend_failed": r"AH01695:.*\[Can't contact LDAP server\]",
    "file_not_found": r"AH00128:|^File does not exist|AH01264:|Primary script unknown"
    r"|not found or unable to stat",
    "script_error": r"PHP (?:Fatal|Parse) error|Exception occurred processing WSGI",
    "script_message": r"AH01071:|AH01215:",
    "too_many_open_files": r"\(24\)Too many open files",
    "no_space_left": r"\(28\)No space left",
    "out_of_memory": r"\(12\)Cannot allocate memory",
    # CloudLinux lets a customer have so much of the machine.
    "resource_limit": r"mod_hostinglimits: ?(?:Error on )?LVE|LVE\(508\)"
    r"|Resource Limit (?:Is )?Reached",
    "client_bad_request": r"AH00126:|AH10244:|AH0013[45]:|AH0056[1-7]:|AH0203[12]:"
    r"|Invalid URI in request|Invalid method in request",
    "plain_http_to_https": r"AH01996:|speaking plain HTTP to an SSL-enabled",
    "workers_exhausted": r"AH00161:|AH00484:|AH0028[678]:|AH03490:|AH10159:|AH00326:"
    r"|server reached Max|scoreboard is full",
    "worker_exited": r"AH0005[012]:|AH00428:|exit signal",
    "redirection_cycle": r"AH0012[45]:|internal redirects due to",
    "ssl_handshake": r"AH0(?:2008|1998|2006|1964):|SSL handshake",
    "signal": r"AH00(?:163|169|17[013]|489|49[1-4]|29[25-8]|455|42[24])"
    r"|resuming normal operations|caught SIG|[Gg]raceful restart|shutting down",
    "lifecycle": r"AH00(?:094|354|36[234]|418|430|456):|Command line: "
    r"|AH01(?:876|887):|AH02(?:282|577):",
    "other": r"",
}
#: The server behind it, where a message about one names it.
_UPSTREAM = (
    r"(?:attempt to connect to (?:Unix domain socket )?|connection to backend: "
    r"|status line from remote server |request to |body failed to |body to "
    r"|disabling worker for \("
    r"|disabled connection for \(|acquire connection for \(|dialog to )"
    r"((?:[0-9A-Za-z_./-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?)"
)
#: The request's own path, where a message has it: never that of a file.
_PATH = (
    r"(?: returned by |AH0161[78]: user .*?(?: not found: |failure for \")"
    r"|AH01631: user .* failure for \"|AH00035: access to )(/[^\s\"]*)"
)


def _stamp() -> pl.Expr:
    """Naive local time, from its four parts, or written at once."""
    day = pl.col("day").str.replace(" ", "0", literal=True)
    date = pl.concat_str(day, "month", "year", separator="/")
    written = clf_stamp(pl.concat_str(date, "clock", separator=":"))
    return pl.coalesce(written, iso_stamp(pl.col("iso")))


def _own() -> pl.Expr:
    """Whether the line is Apache's: without a stamp, as by syslog, other pieces tell.

    Those are module and process; of 2.2, which has none, the client.
    """
    stamped = pl.col("month").is_not_null() | pl.col("iso").is_not_null()
    unstamped = pl.col("module").is_not_null() & pl.col("pid").is_not_null()
    bare = pl.col("module").is_null() & pl.col("pid").is_null()
    told = pl.col("text").str.starts_with("[client ").fill_null(value=False)
    unstamped |= bare & told
    return stamped | unstamped


def _parse(lines: pl.Series) -> pl.DataFrame:
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    peer = pl.col("text").str.extract_groups(_PEER).struct
    # `remote` is a server behind: what it sent, or its certificate, is at fault. To
    # mod_wsgi's own processes it is the client.
    behind = peer.field("1").is_null() & (pl.col("module") != "wsgi").fill_null(
        value=True
    )
    address, port = peer.field("2").str.strip_chars("[]"), peer.field("3")
    # mod_rewrite names the client twice; ModSecurity too.
    bare = pl.col("text").str.replace(_PEER, "").str.replace(r"^\[client \S+\] ", "")
    log_id = bare.str.extract(_LOG_ID, 2)
    bare = bare.str.replace(_LOG_ID, "$1")
    referer = r", referer: (\S.*)$"
    frame = frame.with_columns(
        client_ip=pl.when(~behind)
        .then(address)
        .otherwise(pl.col("text").str.extract(_BEHIND).str.strip_chars("[]")),
        remote=pl.when(behind & ~pl.col("text").str.contains(_BEHIND)).then(
            pl.concat_str(peer.field("2"), pl.lit(":"), port)
        ),
        referrer=bare.str.extract(referer),
        message=bare.str.replace(referer, ""),
        log_id=log_id,
    )
    message = pl.col("message")
    denied = message.str.extract(r"ModSecurity: Access denied with code (\d{3})")
    security = message.str.contains("ModSecurity: ", literal=True)
    errno = message.str.extract(r"\((?:OS )?(\d+)\)[A-Z]")
    remote = pl.concat_str(pl.lit("remote: "), message)
    said = pl.when(pl.col("remote").is_null()).then(message).otherwise(remote)
    # mod_evasive borrows the words of a rule of the configuration.
    evasive = pl.col("module").str.starts_with("evasive")
    reason = (
        pl.when(evasive & message.str.contains("client denied", literal=True))
        .then(pl.lit("limiting_requests"))
        .otherwise(with_errno(first_class(said, REASONS), errno))
    )

    def field(name: str) -> pl.Expr:
        return pl.when(security).then(message.str.extract(rf'\[{name} "([^"]*)"\]'))

    return frame.select(
        "client_ip",
        "referrer",
        "message",
        local_time=_stamp(),
        level=pl.col("level"),
        logger=pl.when(pl.col("module") != "").then("module"),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        reason=reason,
        upstream=pl.coalesce(
            message.str.extract(_UPSTREAM).str.strip_chars_end(".:"), "remote"
        ),
        status=denied.cast(pl.Int16, strict=False),
        action=pl.when(denied.is_not_null()).then(pl.lit("block")),
        rule=field("id"),
        host=field("hostname"),
        path=pl.coalesce(field("uri"), message.str.extract(_PATH)),
        request_id=pl.coalesce(field("unique_id"), "log_id"),
        extra=json_extra(
            code=message.str.extract(r"(AH\d{5}):"),
            errno=errno.cast(pl.Int64, strict=False),
        ),
        refused=pl.when(~_own()).then(pl.lit("not an error line")),
    )


FORMAT = Format(
    name="apache_error",
    title="Apache httpd error log",
    hop="web_server",
    reference="https://httpd.apache.org/docs/2.4/mod/core.html#errorlogformat",
    head=_HEAD,
    parse=_parse,
    multiline=True,
    paths=r"(?i)(?:apache|httpd|error)",
)
