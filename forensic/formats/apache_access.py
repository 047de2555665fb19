r"""Apache httpd access log: common, combined, vhost_combined, and the TLS request log.

The line is nginx's `combined`, but the stamp says when the request was received, a
quote is escaped as `\"`, and no bytes are `-`.
"""

import dataclasses
from functools import partial

import polars as pl

from forensic.fields.apache_format import derived, from_apache
from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    groups,
    json_extra,
    offset_seconds,
    request_line,
    target,
)
from forensic.fields.combined import HEAD, JOINED, LINE, combined, of_traefik
from forensic.fields.log_format import Template, event_columns, read
from forensic.fields.rowwise import first_that_parses, where_any
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_STAMP = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
#: With a name in the field of identd, which nobody uses but proxies' sessions.
_IDENT = (
    rf"^(?:(\S+) )??([^\s(]\S*) (\S+) (\S+) {_STAMP} {_QUOTED} (\d{{3}}) (\d+|-)"
    rf"(?: {_QUOTED} {_QUOTED})?(.*)$"
)
_IDENT_HEAD = rf'(?:\S+ ){{3,4}}{_STAMP} "'
#: `ssl_request_log` of the packaged ssl.conf.
_SSL = rf"^{_STAMP} (\S+) (\S+) (\S+) {_QUOTED} (\d+|-)$"
_SSL_HEAD = rf'{_STAMP} \S+ (?:-|(?:TLS|SSL)v\S+) \S+ "'


def _request(column: str) -> dict[str, pl.Expr]:
    """The columns of the request line, or the `message` that is none."""
    line = request_line(pl.col(column))
    address = target(line["target"])
    unread = pl.when(line["method"].is_null()).then(dash_to_null(pl.col(column)))
    return {
        "method": line["method"],
        "http_version": line["http_version"],
        "message": unread,
        **address,
    }


def _stamp() -> dict[str, pl.Expr]:
    stamp = pl.col("stamp")
    refused = pl.when(stamp.is_null()).then(pl.lit(_REFUSED))
    return {
        "local_time": clf_stamp(stamp),
        "utc_offset": offset_seconds(stamp.str.slice(21)),
        "refused": refused,
    }


def _combined(lines: pl.Series) -> pl.DataFrame:
    """Common and combined lines; what follows them is `extra.tail`."""
    frame = combined(lines)
    tail = pl.when(pl.col("tail") != "").then(pl.col("tail").str.strip_chars(" "))
    if not (frame["tail"] != "").any():
        return frame.drop("tail")
    joined = pl.when(tail.str.contains(JOINED)).then(pl.lit(["joined_lines"]))
    return frame.with_columns(extra=json_extra(tail=tail), flags=joined).drop("tail")


_REFUSED = "not an access line"


def _ident(lines: pl.Series) -> pl.DataFrame:
    names = ["host", "client_ip", "ident", "user", "stamp", "request"]
    names += ["status", "bytes_sent", "referrer", "user_agent", "tail"]
    tail = pl.when(pl.col("tail") != "").then(pl.col("tail").str.strip_chars(" "))
    request = _request("request")
    vhost = pl.col("host").str.replace(r":\d+$", "")
    rows = groups(lines, _IDENT, names)
    proxied = pl.when(pl.lit(of_traefik(rows["tail"]))).then(pl.lit(_REFUSED))
    stamp = _stamp()
    return rows.select(
        client_ip="client_ip",
        user=dash_to_null(pl.col("user")),
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        extra=json_extra(ident=dash_to_null(pl.col("ident")), tail=tail),
        **request | {"host": pl.coalesce(request["host"], vhost)},
        **stamp | {"refused": pl.coalesce(stamp["refused"], proxied)},
    )


def _ssl(lines: pl.Series) -> pl.DataFrame:
    names = ["stamp", "client_ip", "ssl_protocol", "ssl_cipher", "request", "size"]
    secured = {name: dash_to_null(pl.col(name)) for name in names[2:4]}
    return groups(lines, _SSL, names).select(
        client_ip="client_ip",
        bytes_sent=pl.col("size").cast(pl.Int64, strict=False),
        extra=json_extra(**secured),
        **_request("request"),
        **_stamp(),
    )


#: Apache writes bytes in lower-case hexadecimal; its own backslash is doubled.
_NGINX_BYTE = r"(?:^|[^\\])\\x(?:[A-F][0-9A-F]|[0-9][A-F])"


_PARSERS = [
    where_any(LINE, _combined, _REFUSED),
    where_any(_IDENT, _ident, _REFUSED),
    where_any(_SSL, _ssl, _REFUSED),
]


def _parse(lines: pl.Series) -> pl.DataFrame:
    frame = first_that_parses(lines, _PARSERS)
    foreign = lines.str.contains("\\x", literal=True)
    if not foreign.any():
        return frame
    foreign &= lines.str.contains(_NGINX_BYTE)
    reason = pl.lit("bytes escaped as nginx does")
    return frame.with_columns(
        refused=pl.when(foreign).then(reason).otherwise("refused")
    )


FORMAT = Format(
    name="apache_access",
    title="Apache httpd access log",
    hop="web_server",
    reference="https://httpd.apache.org/docs/2.4/mod/mod_log_config.html",
    head=f"^(?:{HEAD.removeprefix('^')}|{_IDENT_HEAD}|{_SSL_HEAD})",
    parse=_parse,
    paths=r"(?i)apache|httpd|vhost|access_log|ssl_request|localhost_access",
    stamps_start=True,
)


#: So many variables of a template make the head: `re` is slow where many are free.
_HEAD_PIECES = 3


def _parse_template(lines: pl.Series, form: Template) -> pl.DataFrame:
    """Lines of a `LogFormat` of the site's own."""
    values = read(lines, form)
    fits = values["fits"]
    values = derived(values.drop("fits"))
    refused = pl.when(~fits).then(pl.lit("does not fit the LogFormat"))
    return values.select(*event_columns(values.columns), refused=refused)


def from_template(text: str) -> Format:
    """The format of lines that a `LogFormat` describes, as `readable` gives it."""
    form = from_apache(text)
    return dataclasses.replace(
        FORMAT,
        head="^" + form.pattern(_HEAD_PIECES),
        parse=partial(_parse_template, form=form),
        # It was written for the logs of this archive, whatever their names.
        paths="",
    )
