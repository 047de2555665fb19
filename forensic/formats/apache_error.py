"""Apache httpd error log, 2.2 and 2.4.

`[Thu Feb 06 14:32:07.650780 2025] [proxy:error] [pid 7:tid 9] AH00957: …`

The stamp has no zone. What an operating system call said stands as
`(111)Connection refused: ` before the AH code, whose number is the class of the
message.
"""

import polars as pl

from forensic.columns import clf_stamp, json_extra
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_DAYS = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_STAMP = (
    rf"\[{_DAYS} ([A-Z][a-z]{{2}}) ([ \d]\d)"
    r" (\d\d:\d\d:\d\d(?:\.\d{1,6})?) (\d{4})\]"
)
_LEVEL = r"(?:emerg|alert|crit|error|warn|notice|info|debug|trace[1-8])"
_HEAD = rf"^{_STAMP} \[(?:[a-z0-9_]*:)?{_LEVEL}\] "
_LINE = (
    rf"^{_STAMP} \[(?:([a-z0-9_]*):)?({_LEVEL})\]"
    r" (?:\[pid (\d+)(?::tid \d+)?\] )?(.*)$"
)
_NAMES = ["month", "day", "clock", "year", "module", "level", "pid", "text"]
_CLIENT = r"\[(?:client|remote) ([^\] ]+?)(?::(\d+))?\] "

#: The class of a message ▶ what is certain of it: an AH code or the words of 2.2.
REASONS = {
    "modsecurity_denied": r"ModSecurity: Access denied",
    "modsecurity_warning": r"ModSecurity: ",
    "access_forbidden_by_rule": r"AH01630:|client denied by server configuration",
    "directory_index_forbidden": r"AH01276:|[Dd]irectory index forbidden by",
    "permission_denied": r"AH0003[56]:|AH00132:|Permission denied",
    "file_not_found": r"AH00128:|^File does not exist|AH01071:.*Primary script unknown",
    "connect_refused": r"\(111\)Connection refused",
    "upstream_timed_out": r"AH01075:|The timeout specified has expired|\(110\)",
    "upstream_unreachable": r"AH00957:|AH01114:|\(113\)",
    "upstream_prematurely_closed": r"AH00898:|AH0110[12]:|AH01067:"
    r"|End of script output",
    "invalid_header": r"AH01106:|AH02429:|malformed header from script|Bad header",
    "no_live_upstreams": r"AH01167:|AH01170:|All workers are in error state",
    "resolve_failed": r"DNS lookup failure|AH0089[0-9].*DNS",
    "invalid_uri": r"AH10244:|AH00126:|Invalid URI in request",
    "invalid_method": r"AH00135:|Invalid method in request",
    "body_too_large": r"AH00588:|AH01587:|larger than the configured limit",
    "request_timeout": r"AH01382:|Request header read timeout",
    "workers_exhausted": r"AH00161:|AH00484:|AH00286:|AH03490:|MaxClients",
    "worker_exited": r"AH0005[12]:|exit signal",
    "auth_user_not_found": r"AH01618:|^user .* not found",
    "auth_password_mismatch": r"AH01617:|Password Mismatch|authentication failure",
    "redirection_cycle": r"AH00124:|internal redirects due to",
    "ssl_handshake": r"AH0(?:2008|2039|1998|2006|1964):|SSL handshake",
    "script_error": r"AH01215:|PHP (?:Fatal|Parse) error",
    "lifecycle": r"AH00(?:163|094|489|49[123]|169|170|173|29[256])"
    r"|resuming normal operations|caught SIG|Graceful restart|shutting down",
    "other": r"",
}


#: The server behind it, where a message about one names it.
_UPSTREAM = (
    r"(?:attempt to connect to (?:Unix domain socket )?|connection to backend: "
    r"|from remote server )([^ ,]*[^ ,.:])"
)


def _stamp() -> pl.Expr:
    """Naive local time, from its four parts."""
    day = pl.col("day").str.replace(" ", "0", literal=True)
    date = pl.concat_str(day, "month", "year", separator="/")
    return clf_stamp(pl.concat_str(date, "clock", separator=":"))


def _parse(lines: pl.Series) -> pl.DataFrame:
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    client = pl.col("text").str.extract(_CLIENT)
    # mod_rewrite names the client twice; ModSecurity too.
    bare = pl.col("text").str.replace(_CLIENT, "").str.replace(r"^\[client \S+\] ", "")
    referer = r", referer: (\S.*)$"
    frame = frame.with_columns(
        client_ip=client.str.strip_chars("[]"),
        referrer=bare.str.extract(referer),
        message=bare.str.replace(referer, ""),
    )
    message = pl.col("message")
    denied = message.str.extract(r"ModSecurity: Access denied with code (\d{3})")
    security = message.str.contains("ModSecurity: ", literal=True)
    reason = pl.coalesce(
        pl.when(message.str.contains(pattern)).then(pl.lit(name))
        for name, pattern in REASONS.items()
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
        upstream=message.str.extract(_UPSTREAM),
        status=denied.cast(pl.Int16),
        action=pl.when(denied.is_not_null()).then(pl.lit("block")),
        rule=field("id"),
        host=field("hostname"),
        path=field("uri"),
        request_id=field("unique_id"),
        extra=json_extra(
            code=message.str.extract(r"(AH\d{5}):"),
            errno=message.str.extract(r"\((\d+)\)[A-Z]").cast(pl.Int64, strict=False),
        ),
        refused=pl.when(pl.col("month").is_null()).then(pl.lit("not an error line")),
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
