"""nginx access log: combined, with whatever the site's `log_format` appends to it."""

import dataclasses
import re
from functools import partial

import polars as pl

from forensic.fields.columns import json_extra
from forensic.fields.combined import COMBINED, HEAD, JOINED, combined
from forensic.fields.log_format import (
    Template,
    bare_tail,
    event_columns,
    read,
    template,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

#: What sites append: the variable ▶ the usual keys.
_KEYS = {
    "request_time": "rt request_time req_time reqtime time_request",
    "upstream_response_time": "urt upstream_response_time upstream_time ups_resp_time",
    "upstream_connect_time": "uct upstream_connect_time",
    "upstream_header_time": "uht upstream_header_time",
    "upstream_addr": "ua upstream upstream_addr uaddr upaddr upstream_address",
    "upstream_status": "us ustatus upstream_status ups_status",
    "upstream_cache_status": "cs cache upstream_cache_status cache_status",
    "request_id": "rid request_id req_id reqid",
    "request_length": "rl request_length req_len",
    "http_x_forwarded_for": "xff x_forwarded_for http_x_forwarded_for forwarded_for",
    "http_x_amzn_trace_id": "trace trace_id amzn_trace_id x_amzn_trace_id xray",
    "host": "host http_host vhost",
    "server_name": "sn server_name",
    "scheme": "scheme",
    "bytes_sent": "bytes_sent",
    "connection": "conn connection cid",
}
_VARIABLE_OF = {key: name for name, keys in _KEYS.items() for key in keys.split()}
#: The tail of the Kubernetes ingress controller.
_INGRESS = (
    " $request_length $request_time [$proxy_upstream_name]"
    " [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length"
    " $upstream_response_time $upstream_status $req_id"
)
_FORWARDED = r' "(?:[0-9A-Fa-f:.]{2,}(?:, ?[0-9A-Fa-f:.]{2,})*|unknown|-)"'
_ADDRESSES = r'"([0-9A-Fa-f:.]{2,}(?:, ?[0-9A-Fa-f:.]{2,})*)"'
_PAIR = (
    r"[ ,;|]+([A-Za-z][A-Za-z0-9_-]*)[=:]"
    r'(?:"[^"]*"|[^\s",;|]+(?:, [0-9\[-][^\s"=,;|]*)*)'
)
_TAIL = re.compile(rf"(?:{_FORWARDED})?(?:{_PAIR})*")
#: So many variables of a template make the head: `re` is slow where many are free.
_HEAD_PIECES = 3
#: Tails of so many shapes are read in one block; the others stay as they are.
_SHAPES = 8


def _tail_template(tail: str) -> str | None:
    """The template that a tail was written with, as far as its keys make it certain.

    `rt=0.003 us="200"` becomes `rt=$request_time us="$upstream_status"`. None where a
    name comes twice: one of them may stand in what a client sent.
    """
    if re.fullmatch(template(_INGRESS).pattern(), tail):
        return _INGRESS
    if not _TAIL.fullmatch(tail):
        return None
    forwarded = re.match(_FORWARDED, tail)
    begin = forwarded.end() if forwarded else 0
    parts = [' "$http_x_forwarded_for"'] if forwarded else []
    names = set[str]()
    for pair in re.finditer(_PAIR, tail[begin:]):
        key = pair[1].replace("-", "_").lower()
        name = _VARIABLE_OF.get(key, key)
        if key == "ua" and not re.search(r"[=:]\"?(?:unix:|-|[^ ]*:\d)", pair[0]):
            name = key
        if name in names:
            return None
        names.add(name)
        before, quote, _ = pair[0].partition('"')
        if not quote:
            before = pair[0][: pair.end(1) - pair.start() + 1]
        parts.append(f"{before}{quote}${{{name}}}{quote}")
    return "".join(parts)


def _read_tails(tails: pl.Series, declared: str | None) -> pl.DataFrame:
    """The columns that the tails give; what is not understood is `extra.tail`."""
    left = pl.DataFrame({"tail": tails}).with_row_index("row").filter(tails != "")
    parts = []
    for _ in range(_SHAPES):
        if left.is_empty():
            break
        shape = declared or _tail_template(left["tail"][0])
        declared = None
        if shape is None:
            parts.append(_unread(left.head(1)))
            left = left.slice(1)
            continue
        values = read(left["tail"], template(shape)).with_columns(left["row"])
        fits = values["fits"]
        values = values.filter(fits).drop("fits")
        parts.append(values.select("row", *event_columns(values.columns[:-1])))
        left = left.filter(~fits)
    found = pl.concat([*parts, _unread(left)], how="diagonal")
    rows = pl.DataFrame({"tail": tails}).with_row_index("row").select("row")
    return rows.join(found, on="row", how="left", maintain_order="left").drop("row")


def _unread(rows: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("tail").str.strip_chars_start(" ")
    forwarded = text.str.extract(rf"^{_ADDRESSES}(?: |$)")
    told = bare_tail(text) | {"forwarded_for": forwarded}
    own = ~text.str.contains(JOINED)  # else it tells of another request
    told = {name: pl.when(own).then(value) for name, value in told.items()}
    flags = pl.when(~own).then(pl.lit(["joined_lines"]))
    return rows.select("row", **told, extra=json_extra(tail=text), flags=flags)


def _parse(lines: pl.Series, declared: str | None = None) -> pl.DataFrame:
    """Combined lines, with the tail that the `log_format` declares or that is found."""
    frame = combined(lines)
    apache = frame["bytes_sent"].is_null() & frame["refused"].is_null()
    if apache.any():
        reason = pl.when(apache).then(pl.lit("no byte count: nginx writes one always"))
        frame = frame.with_columns(refused=pl.coalesce("refused", reason))
    tails = frame["tail"].fill_null("")
    frame = frame.drop("tail")
    if not (tails != "").any():
        return frame
    more = _read_tails(tails, declared)
    if "reason" in more.columns:  # a tail has no status
        failed = frame["status"] >= 400
        more = more.with_columns(reason=pl.when(failed).then("reason"))
    both = [
        pl.coalesce(more[name], name) for name in frame.columns if name in more.columns
    ]
    return frame.hstack(
        more.drop(frame.columns, strict=False).get_columns()
    ).with_columns(both)


#: What Nginx Proxy Manager writes: of a proxied host, of any other, and of its own.
_HOSTED = (
    ' $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent]'
    " [Gzip $gzip_ratio]"
)
_SENT_TO = ' [Sent-to $server] "$http_user_agent" "$http_referer"'
_UNSENT = ' "$http_user_agent" "$http_referer"'
_TRIED = (
    "[$time_local] $upstream_cache_status $upstream_status $status - $request_method"
)
_LONE = "[$time_local] $status - $request_method"
_SHORT = (
    '[$time_local] $host $remote_addr $request_time "$request" $status'
    " $body_bytes_sent $request_length $http_referer $http_user_agent"
)
_PROXY_MANAGER = [
    _TRIED + _HOSTED + _SENT_TO,
    _LONE + _HOSTED + _SENT_TO,
    _TRIED + _HOSTED + _UNSENT,
    _LONE + _HOSTED + _UNSENT,
    _SHORT,
]
_STAMP_FIRST = r"\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "


def _parse_any(lines: pl.Series) -> pl.DataFrame:
    """Combined lines, or those of the formats that are known by their shape."""
    frame = _parse(lines)
    if not lines.filter(frame["refused"].is_not_null()).str.starts_with("[").any():
        return frame
    known = [partial(_parse_template, form=template(text)) for text in _PROXY_MANAGER]
    return first_that_parses(lines, [_parse, *known])


def _parse_template(lines: pl.Series, form: Template) -> pl.DataFrame:
    """Lines of a `log_format` of the site's own."""
    values = read(lines, form)
    refused = pl.when(~values["fits"]).then(pl.lit("does not fit the log_format"))
    return values.drop("fits").select(*event_columns(form.names), refused=refused)


def from_template(text: str) -> Format:
    """The format of lines that a `log_format` describes.

    The text is the directive's strings joined, after `escape=json ` or
    `escape=none ` where it says so.
    """
    form = template(text)
    own = dataclasses.replace(FORMAT, multiline="\n" in text)
    if text.startswith(COMBINED):
        tail = text.removeprefix(COMBINED).split("\n", 1)[0]
        return dataclasses.replace(own, parse=partial(_parse, declared=tail or None))
    head = "^" + form.pattern(_HEAD_PIECES)
    return dataclasses.replace(
        own, head=head, parse=partial(_parse_template, form=form)
    )


FORMAT = Format(
    name="nginx_access",
    title="nginx access log",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html",
    head=f"{HEAD}|^{_STAMP_FIRST}",
    parse=_parse_any,
    stamps_end=True,
    usual=True,
    paths=r"(?i)nginx|^(?!.*(?:gunicorn|hypercorn|apache|httpd|varnish)).*access\.log",
)
