"""Access log of nginx written as JSON by a `log_format` that nobody gave us.

The keys are the site's own: they are known by their usual names, and the stamp by its
shape. nginx writes a missing number as nothing, and several tries as a list without
brackets, so that a line may be no JSON; such a line is read key by key.
"""

import re
from typing import Any

import orjson
import polars as pl

from forensic.format import Format
from forensic.log_format import event_columns

__all__ = ["FORMAT"]

#: nginx variable ▶ the keys it goes by, in lower case and with `_`.
_KEYS = {
    "remote_addr": "remote_addr ip client client_ip clientip remote_ip remote_address",
    "realip_remote_addr": "realip_remote_addr",
    "http_x_forwarded_for": "http_x_forwarded_for x_forwarded_for xff forwarded_for",
    "remote_user": "remote_user user",
    "request": "request req request_line",
    "request_method": "request_method method verb http_method",
    "request_uri": "request_uri uri path url",
    "args": "args query query_string",
    "server_protocol": "server_protocol protocol http_version proto",
    "status": "status st status_code http_status response_status code",
    "body_bytes_sent": "body_bytes_sent bytes size length body_bytes",
    "bytes_sent": "bytes_sent",
    "request_length": "request_length req_length bytes_received",
    "request_time": "request_time rt req_time duration",
    "upstream_response_time": "upstream_response_time urt upstream_time",
    "upstream_connect_time": "upstream_connect_time uct",
    "upstream_header_time": "upstream_header_time uht",
    "upstream_addr": "upstream_addr upstream uaddr upstream_address",
    "upstream_status": "upstream_status us ustatus",
    "http_user_agent": "http_user_agent user_agent ua agent useragent",
    "http_referer": "http_referer http_referrer referer referrer ref",
    "host": "host vhost domain",
    "http_host": "http_host",
    "server_name": "server_name",
    "scheme": "scheme",
    "request_id": "request_id req_id rid reqid",
    "http_x_amzn_trace_id": "http_x_amzn_trace_id x_amzn_trace_id trace_id",
}
_VARIABLE_OF = {key: name for name, keys in _KEYS.items() for key in keys.split()}
_STAMPS = {
    "time_local": re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\Z"),
    "time_iso8601": re.compile(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)\Z"
    ),
    "msec": re.compile(r"1\d{9}(?:\.\d{1,6})?\Z"),
}
_STAMP_KEYS = {
    *("msec", "ts", "t", "time", "timestamp", "date", "datetime", "time_local"),
    *("time_iso8601", "iso8601", "local_time", "epoch"),
}
#: Keys that an application's record has and an access log has not.
_FOREIGN = {
    *("webaclid", "terminatingruleid", "httprequest", "nginx_version", "eventversion"),
    *("level", "levelname", "severity", "logger", "logger_name", "msg", "log"),
    *("downstreamstatus", "edgeresponsestatus", "x_edge_location", "response_code"),
    *("response_flags", "upstream_cluster", "pid_file", "stream", "fastly_server"),
}
#: Names that only nginx has: with these an application's key is no objection.
_NGINX = {
    *("body_bytes_sent", "http_user_agent", "http_referer", "remote_user", "msec"),
    *("upstream_response_time", "upstream_addr", "time_local", "time_iso8601"),
    *("http_x_forwarded_for", "request_time", "remote_addr", "upstream_status"),
}
#: A value that is a string, a number, nothing at all, or a bare list of tries.
_FIELD = re.compile(
    r'\s*"([^"\\]{1,64})"\s*:\s*'
    r'(?:"((?:[^"\\]|\\.)*)"|([^",{}\[\]]*(?:, [^",{}\[\]:]+)*))\s*([,}])'
)
_STATUS = re.compile(r"\d{3}\Z")


def _fields(line: str) -> dict[str, Any] | None:
    """The record's keys and values; None for what is no flat object."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _broken(line)
    return record if isinstance(record, dict) else None


def _broken(line: str) -> dict[str, Any] | None:
    """The fields of an object whose unquoted values are none of JSON's."""
    text = line.strip()
    found: dict[str, Any] = {}
    place = 1
    while field := _FIELD.match(text, place):
        key, quoted, bare, end = field.groups()
        found[key] = bare.strip() if quoted is None else _unescaped(quoted)
        place = field.end()
        if end == "}":
            return found if place == len(text) else None
    return None


def _unescaped(text: str) -> str:
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        return text


def _variables(record: dict[str, Any]) -> dict[str, str] | None:
    """The values by nginx variable; None where the record is no access line."""
    values: dict[str, str] = {}
    named: set[str] = set()
    keys = {key.lower().replace("-", "_").lstrip("@$") for key in record}
    if keys & _FOREIGN and len(keys & _NGINX) < 3:
        return None
    for key, value in record.items():
        if isinstance(value, dict | list):
            return None
        name = key.lower().replace("-", "_").lstrip("@$")
        text = "" if value is None else str(value)
        variable = _variable(name, text)
        named.add(variable)
        if text and (text != "-" or variable.startswith("upstream_")):
            values.setdefault(variable, text)
        elif variable.startswith("upstream_"):
            values.setdefault(variable, "-")
    return values if _is_access(values, named) else None


def _variable(name: str, text: str) -> str:
    """The variable that a key means, by its name and the shape of its value."""
    if name in _STAMP_KEYS:
        for variable, shape in _STAMPS.items():
            if shape.match(text):
                return variable
    if name in {"ua", "upstream"} and re.match(r"(?:[^ ]+:\d+|unix:.*)(?:, |$)", text):
        return "upstream_addr"
    if name == "request" and text.startswith("/"):
        return "request_uri"
    return _VARIABLE_OF.get(name, name)


def _is_access(values: dict[str, str], named: set[str]) -> bool:
    """A status and a target, and two more of what an access line says.

    The target may be empty: so nginx logs a request line that it could not read.
    """
    target = named & {"request", "request_uri"}
    status = _STATUS.match(values.get("status", ""))
    more = values.keys() & {
        *("remote_addr", "http_x_forwarded_for", "body_bytes_sent", "bytes_sent"),
        *("http_user_agent", "request_time", "time_local", "time_iso8601", "msec"),
    }
    return bool(target and status and len(more) >= 2)


def _seconds(values: dict[str, str]) -> dict[str, str]:
    """The values, with the epoch in the three decimals of `$msec`."""
    if "msec" in values:
        whole, _, part = values["msec"].partition(".")
        values["msec"] = f"{whole}.{part[:3].ljust(3, '0')}"
    return values


def _parse(lines: pl.Series) -> pl.DataFrame:
    records = [_fields(line) for line in lines]
    found = [_variables(record) if record else None for record in records]
    names = sorted({name for values in found for name in values or ()})
    rows = [_seconds(values or {}) for values in found]
    columns = {name: [row.get(name) for row in rows] for name in names}
    schema = dict.fromkeys(names, pl.String)
    frame = pl.DataFrame(columns, schema=schema)
    reasons = [None if values else "not an nginx access record" for values in found]
    refused = pl.Series("refused", reasons, dtype=pl.String)
    if not names:
        return pl.DataFrame([refused])
    return frame.select(*event_columns(names)).with_columns(refused)


FORMAT = Format(
    name="nginx_json",
    title="nginx access log as JSON",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
    head=r'^\s*\{\s*"',
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)nginx|access",
)
