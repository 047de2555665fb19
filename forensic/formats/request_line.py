"""What applications print of requests without a stamp: Rails 8, morgan, lograge, koa.

`[request id] Started GET "/p" for 192.0.2.1 at …`, then `Completed 403 Forbidden in
12ms`; `GET /p 403 5.1 ms - 162`; `method=GET path=/p status=403`; a level may stand
before. The time is that of the envelope: docker's, journald's, a log store's.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, without_colour
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_ID = r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}"
_TAG = r"\[[^\] \[]{1,64}\] "
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_METHOD = r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)"
#: morgan's `short` and `common` begin with the peer and the user.
_PEER = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|::1|::ffff:[0-9.]{7,15}"
_STARTED = r"^Started .* at ([0-9-]{10} [0-9:]{8} (?:[+-][0-9]{4}|UTC))"
#: Its message may have several lines: then the first does not end it.
_EXCEPTION = r"^[A-Z]\w*(?:::[A-Z]\w*)+ \((?:.*\):?|[^)]*)\s*$"
#: The arrows of koa-logger and Hono: of a request that came, of an answer, and of one
#: that broke off.
_CAME = r"^ {0,4}<-- "
_ARROW = r"(?: {0,4}(?:<--|-->|xxx) )?"
_WORD = r"DEBUG|INFO|WARN|WARNING|ERROR|debug|info|warn|warning|error"
_LEVEL = rf"(?:\[(?:{_WORD})\]|(?:{_WORD}))(?: *[:|-])? +"
_BEFORE = (
    rf"{_ARROW}(?:\[?(?P<level>{_WORD})\]?(?: *[:|-])? +)?"
    rf"(?:\[(?P<request>{_ID})\] )?(?:{_TAG})*(?:(?P<peer>{_PEER}) (?:[^ ]+) )?"
)
_HEAD = (
    rf"^ {{0,4}}<-- {_METHOD} [/h]"
    rf"|^{_COLOUR}{_ARROW}(?:{_LEVEL})?(?:\[(?:{_ID})\] (?:{_TAG})*)?{_COLOUR}"
    rf"(?:Started {_METHOD} \"|Completed [1-5][0-9]{{2}} |Processing by [A-Z]"
    rf"|(?:(?:{_PEER}) [^ ]+ )?{_METHOD} [/h][^ ]* |method={_METHOD} path="
    r"|[A-Z]\w*::[A-Z][\w:]* \()"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of such lines."""
    plain = without_colour(lines)
    head = prefix(plain, _BEFORE)
    message = pl.col("rest")
    spoken = http_messages(head["rest"])
    stamps = moments(head["rest"].str.extract(_STARTED))
    tagged = pl.col("request").is_not_null()
    failed = tagged & message.str.contains(_EXCEPTION)
    half = message.str.contains(r"^(?:Started [A-Z]+ \"|Completed [1-5])")
    status, path = pl.lit(spoken["status"]), pl.lit(spoken["path"])
    whole = status.is_not_null() & path.is_not_null()
    part = half & (status.is_not_null() | path.is_not_null())
    part |= path.is_not_null() & pl.lit(plain.str.contains(_CAME))
    part |= tagged & message.str.contains(r"^Processing by \S+ as ")
    part |= message.str.contains(r"^Processing by [A-Z][\w:]*#\w+ as ")
    told = (whole | part | failed) & pl.lit(lines.str.contains(_HEAD))
    reason = pl.when(failed).then(pl.lit("exception"))
    own = set(spoken.columns) - {"client_ip", "reason"}
    return head.select(
        **{name: spoken[name] for name in spoken.columns if name in own},
        reason=pl.coalesce(reason, pl.lit(spoken["reason"])),
        client_ip=pl.coalesce("peer", pl.lit(spoken["client_ip"])),
        level=pl.col("level").str.to_lowercase(),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        request_id="request",
        message="rest",
        refused=pl.when(~told.fill_null(value=False)).then(pl.lit("no request told")),
    )


FORMAT = Format(
    name="request_line",
    title="requests of an application without a stamp (Rails, morgan, lograge)",
    hop="application",
    reference="expressjs/morgan; rails: Rails::Rack::Logger; roidrage/lograge",
    head=_HEAD,
    parse=parse,
    multiline=True,
)
