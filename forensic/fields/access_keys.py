"""The keys of an access record that nobody described ▶ nginx's variables.

Sites name the keys of their logs themselves: `status`, `st`, `responseStatus`,
`http.response.status_code`. A key is known by its usual names, whatever the case and
what joins its words; a stamp by its shape. A record is an access line where it has a
status, a target, and two more of what such a line says.
"""

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from forensic.fields.json_text import compact
from forensic.fields.log_format import event_columns
from forensic.fields.record_shapes import DEPTH, ByShape, at

__all__ = ["access_columns"]

#: nginx variable ▶ the keys it goes by.
_KEYS = {
    "remote_addr": "remote_addr ip client client_ip clientip remote_ip remote_address"
    " client_addr client_address source_ip source_address src_ip remote",
    "realip_remote_addr": "realip_remote_addr",
    "http_x_forwarded_for": "http_x_forwarded_for x_forwarded_for xff forwarded_for",
    "remote_user": "remote_user user user_name",
    "request": "request req request_line http_request",
    "request_method": "request_method method verb http_method http_verb",
    "request_uri": "request_uri uri path url url_original url_path http_path http_uri"
    " request_path request_url http_url http_target uri_path",
    "args": "args query query_string url_query request_args uri_query request_query",
    "server_protocol": "server_protocol protocol http_version proto request_protocol"
    " request_proto",
    "status": "status st status_code http_status response_status response_code code"
    " http_code http_status_code response_status_code",
    "body_bytes_sent": "body_bytes_sent bytes size length body_bytes body_size"
    " response_size response_bytes response_length response_body_bytes body_sent_bytes",
    "bytes_sent": "bytes_sent sent bytes_out",
    "request_length": "request_length req_length bytes_received reqsize request_size"
    " bytes_in request_bytes",
    "request_time": "request_time rt req_time reqtime duration",
    "upstream_response_time": "upstream_response_time urt upstream_time apptime"
    " upstream_rt",
    "upstream_connect_time": "upstream_connect_time uct",
    "upstream_header_time": "upstream_header_time uht",
    "upstream_addr": "upstream_addr upstream uaddr upstream_address upstream_host"
    " backend_addr upaddr",
    "upstream_status": "upstream_status us ustatus upstream_code upstream_status_code"
    " backend_status upstatus",
    "http_user_agent": "http_user_agent user_agent ua agent useragent"
    " user_agent_original request_user_agent",
    "http_referer": "http_referer http_referrer referer referrer ref request_referrer",
    "host": "host vhost domain virtual_host url_domain http_vhost",
    "http_host": "http_host request_host",
    "server_name": "server_name",
    "scheme": "scheme url_scheme request_scheme",
    "request_id": "request_id req_id rid reqid http_request_id x_request_id",
    "http_x_amzn_trace_id": "http_x_amzn_trace_id x_amzn_trace_id trace_id",
}


def _plain(key: str) -> str:
    """A key in lower case, without what joins its words, as in `request-time`."""
    return re.sub(r"[-_.\s@$]", "", key.lower())


_VARIABLE_OF = {
    _plain(key): name for name, keys in _KEYS.items() for key in (name, *keys.split())
}
_STAMPS = {
    "time_local": re.compile(
        r"\[?\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]?\Z"
    ),
    "time_iso8601": re.compile(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)\Z"
    ),
    # Seconds, or as many milliseconds.
    "msec": re.compile(r"1\d{9}(?:\.\d{1,6}|\d{3})?\Z"),
}
_STAMP_KEYS = {
    *("msec", "ts", "t", "time", "timestamp", "date", "datetime", "timelocal"),
    *("timeiso8601", "iso8601", "localtime", "epoch", "requesttimestamp", "eventtime"),
    "starttime",
}
#: Keys that an application's record, or somebody else's, has and an access log not.
_FOREIGN = {
    *("webaclid", "terminatingruleid", "httprequest", "nginxversion", "eventversion"),
    *("level", "levelname", "severity", "logger", "loggername", "msg", "log"),
    *("message", "l", "m", "logname", "jsonpayload", "textpayload"),
    *("downstreamstatus", "edgeresponsestatus", "xedgelocation", "stream"),
    *("responseflags", "upstreamcluster", "pidfile", "fastlyserver"),
    *("category", "operationname", "resourceid", "routekey", "resourcepath", "apiid"),
    # Echo's.
    "latencyhuman",
}
#: Names that only nginx has: with these an application's key is no objection.
_NGINX = {
    *("bodybytessent", "httpuseragent", "httpreferer", "remoteuser", "msec"),
    *("upstreamresponsetime", "upstreamaddr", "timelocal", "timeiso8601"),
    *("httpxforwardedfor", "requesttime", "remoteaddr", "upstreamstatus"),
}
_STATUS = re.compile(r"\d{3}\Z")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}\Z|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\Z")
_TARGET = re.compile(r"/|[a-zA-Z][a-zA-Z0-9+.-]*://|\*\Z|[^ /]+:\d+\Z|-?\Z|[^ -~]|\\")
_UPSTREAM = re.compile(r"(?:[^ ]+:\d+|unix:.*)(?:, |$)")
_UPSTREAM_OR_AGENT, _LINE_OR_TARGET = {"ua", "upstream"}, {"request", "req"}
#: Names that mean one thing or another by the value that stands there.
_BY_VALUE = _STAMP_KEYS | _UPSTREAM_OR_AGENT | _LINE_OR_TARGET
#: What stands inside these is not about the request itself.
_OWN_WORLDS = {"upstream", "backend", "tls", "ssl", "geo", "geoip", "kubernetes"}
_REMEMBERED = 1 << 12


class _Leaf(NamedTuple):
    """Where the records of one shape have a value."""

    path: tuple[str, ...]
    #: The variable, where the keys alone tell it.
    variable: str | None


class _Places(NamedTuple):
    """What the keys of a record say."""

    leaves: Sequence[_Leaf]
    foreign: bool


def _places(record: Mapping[str, Any]) -> _Places:
    """The values of a record, and of any other of its shape."""
    own = {_names((key,))[0][0] for key in record}
    foreign = bool(own & _FOREIGN) and len(own & _NGINX) < 3
    return _Places([_Leaf(path, _fixed(path)) for path in _paths(record)], foreign)


_SHAPES = ByShape(_places)


def _variables(record: dict[str, Any]) -> dict[str, str] | None:
    """The values by nginx variable; None where the record is no access line."""
    places = _SHAPES.of(record)
    if places.foreign:
        return None
    values: dict[str, str] = {}
    named: set[str] = set()
    for path, fixed in places.leaves:
        text = _text(at(record, path))
        variable = fixed or _variable(path, text)
        named.add(variable)
        if variable == "host" and _names_it(text, values.get("host", "")):
            # The other is the server's address or, in LTSV's way, the client's.
            values["server_addr"], values["host"] = values["host"], text
        elif text and (text != "-" or variable.startswith("upstream_")):
            values.setdefault(variable, text)
        elif variable.startswith("upstream_"):
            values.setdefault(variable, "-")
    if "server_addr" in values and "remote_addr" not in values:
        values["remote_addr"] = values.pop("server_addr")
    return values if _is_access(values, named) else None


def _names_it(text: str, before: str) -> bool:
    """Whether of two hosts this one has a name, and the one before an address."""
    return bool(_ADDRESS.match(before)) and text > "-" and not _ADDRESS.match(text)


def _paths(
    record: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The path of keys to each value."""
    for key, value in record.items():
        if isinstance(value, dict) and len(above) < DEPTH:
            yield from _paths(value, (*above, key))
        else:
            yield (*above, key)


def _text(value: Any) -> str:
    """The value as text, `""` for none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return compact({"": value}) or ""
    return "" if value is None else str(value)


@functools.lru_cache(_REMEMBERED)
def _names(path: tuple[str, ...]) -> tuple[list[str], str]:
    """What the key at the end of a path may be called, and its name in `extra`.

    Keys within objects are told by the last words of their path: in
    `nginx.access.method` the site only says where it comes from.
    """
    names = []
    steps = ".".join(path).split(".")
    for first in range(len(steps)):
        names.append(_plain("".join(steps[first:])))
        if _plain(steps[first]) in _OWN_WORLDS:
            break
    return names, "_".join(path).lower().replace("-", "_").lstrip("@$")


def _variable(path: tuple[str, ...], text: str) -> str:
    """The variable that a key means, by its name and the shape of its value."""
    names, own = _names(path)
    return next((found for name in names if (found := _named(name, text))), own)


def _fixed(path: tuple[str, ...]) -> str | None:
    """The variable that a key means whatever its value is; None where that decides."""
    names, own = _names(path)
    for name in names:
        found = _VARIABLE_OF.get(name)
        if name in _BY_VALUE or found == "request_time":
            return None
        if found:
            return found
    return own


def _named(name: str, text: str) -> str | None:
    """The variable of a name without its joints; None where nobody knows it."""
    if name in _STAMP_KEYS:
        for variable, shape in _STAMPS.items():
            if shape.match(text):
                return variable
    if name in _UPSTREAM_OR_AGENT and _UPSTREAM.match(text):
        return "upstream_addr"
    if name in _LINE_OR_TARGET and text.startswith("/"):
        return "request_uri"
    found = _VARIABLE_OF.get(name)
    # Seconds have a fraction; a whole number may be of any unit, as Apache's `%D` is.
    return None if found == "request_time" and "." not in text else found


def _is_access(values: Mapping[str, str], named: Collection[str]) -> bool:
    """A status and a target, and two more of what an access line says.

    The target may be empty: so nginx logs a request line that it could not read. A
    name of a host alone is none: so forward proxies log where somebody went.
    """
    target = {"request", "request_uri"} & set(named)
    status = _STATUS.match(values.get("status", ""))
    more = values.keys() & {
        *("remote_addr", "http_x_forwarded_for", "body_bytes_sent", "bytes_sent"),
        *("http_user_agent", "request_time", "time_local", "time_iso8601", "msec"),
    }
    asked = values.get("request_uri", "/")
    return bool(target and status and len(more) >= 2 and _TARGET.match(asked))


def _stamped(values: dict[str, str]) -> dict[str, str]:
    """The values: the epoch with the three decimals of `$msec`, no brackets.

    Where a target has no query, and that stands apart, it gets it. Of what has two
    names, each record has the one that columns are made of.
    """
    for usual, other in (("body_bytes_sent", "bytes_sent"), ("host", "http_host")):
        if other in values and usual not in values:
            values[usual] = values.pop(other)
    if "http_host" in values and _ADDRESS.match(values["host"]):
        values["host"] = values.pop("http_host")
    target, asked = values.get("request_uri", ""), values.get("args", "").lstrip("?")
    if target and asked and "?" not in target:
        values["request_uri"] = f"{target}?{values.pop('args').lstrip('?')}"
    if "msec" in values:
        whole, _, part = values["msec"].partition(".")
        whole, part = whole[:10], part or whole[10:]
        values["msec"] = f"{whole}.{part[:3].ljust(3, '0')}"
    if "time_local" in values:
        values["time_local"] = values["time_local"].strip("[]")
    return values


def _refusal(duplicates: Mapping[str, list[Any]]) -> str:
    """Why a record is no access record; a key that stands twice has no value."""
    if not duplicates:
        return "no access record"
    return f"no access record, as it has {' and '.join(duplicates)} twice"


def access_columns(
    records: Sequence[tuple[dict[str, Any] | None, Mapping[str, list[Any]]]],
) -> pl.DataFrame:
    """The columns of access records, one row each; `refused` where one is none.

    Beside each record stand the values of the keys that it has twice.
    """
    found = [_variables(record) if record else None for record, _ in records]
    for values, (_, duplicates) in zip(found, records, strict=True):
        if values and duplicates:
            values["duplicates"] = compact(dict(duplicates)) or ""
    rows = [_stamped(values or {}) for values in found]
    names = sorted({name for row in rows for name in row})
    columns = {name: [row.get(name) for row in rows] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    reasons = [
        None if values else _refusal(duplicates)
        for values, (_, duplicates) in zip(found, records, strict=True)
    ]
    refused = pl.Series("refused", reasons, dtype=pl.String)
    if not names:
        return pl.DataFrame([refused])
    twice = [row.get("duplicates") and ["duplicate_key"] for row in rows]
    flags = pl.Series("flags", twice, dtype=pl.List(pl.String))
    return frame.select(*event_columns(names)).with_columns(refused, flags)
