"""An nginx `log_format` ▶ the reader of its lines.

A template is literal text with variables, `$name` or `${name}`; before it may stand
`escape=default`, `escape=json` or `escape=none`. It becomes one regular expression,
in which the class of each value follows from the variable and from what stands
behind it: that also reads JSON templates whose lines are no JSON, because nginx
writes a missing number as nothing at all.
"""

import dataclasses
import re
from collections.abc import Mapping

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    iso_stamp,
    json_extra,
    offset_seconds,
    request_line,
    target,
)
from forensic.fields.json_text import unescaped

__all__ = ["Template", "bare_tail", "event_columns", "read", "template"]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_ESCAPE = re.compile(r"^escape=(default|json|none) ")

_NUMBER = r"(?:\d+(?:\.\d+)?|-)?"
_CLASSES = {
    "time_local": r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
    "time_iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
    "msec": r"\d+\.\d{3}",
    "status": r"\d{3}",
    "scheme": r"[A-Za-z]*",
    "request_method": r"[A-Za-z_-]*",
    "host": r"""[^\s/"]*""",
    "http_host": r"""[^\s/"]*""",
    # APISIX's, right before `$upstream_uri`.
    "upstream_host": r"""[^\s/"]*""",
    "connection": _NUMBER,
    "connection_requests": _NUMBER,
    "pid": _NUMBER,
    "body_bytes_sent": _NUMBER,
    "bytes_sent": _NUMBER,
    "request_length": _NUMBER,
    "request_time": _NUMBER,
}
#: Variables whose values may hold spaces.
_TEXTS = (
    r"^(?:request|remote_user|http_.*|sent_http_.*|upstream_http_.*|cookie_.*|arg_.*)$"
)
_LIST = r"(?:[^\s,]+(?:(?:, | : )[^\s,]+)*)?"


@dataclasses.dataclass(frozen=True, slots=True)
class Template:
    """A `log_format`, taken apart: literals and variables in turn."""

    escape: str
    literals: list[str]
    names: list[str]
    #: The classes of variables that nginx does not have.
    classes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def pattern(self, variables: int | None = None) -> str:
        """Return the regular expression of its lines, one group a variable.

        With a number: of what its lines begin with, as far as so many variables.
        """
        parts = [re.escape(self.literals[0])]
        for number, name in enumerate(self.names[:variables]):
            before, after = self.literals[number], self.literals[number + 1]
            last = number == len(self.names) - 1
            value = self.classes.get(name) or _value(
                name, before, after, self.escape, last=last
            )
            parts += [f"({value})", re.escape(after)]
        return "".join(parts)


def template(text: str) -> Template:
    """Return the template that a text describes.

    A `log_format` with a line break writes records of several lines; its first
    line is what is read.
    """
    escape = _ESCAPE.match(text)
    text = text[escape.end() :] if escape else text
    pieces = _VARIABLE.split(text.split("\n", 1)[0])
    names = [a or b for a, b in zip(pieces[1::3], pieces[2::3], strict=True)]
    return Template(escape[1] if escape else "default", pieces[0::3], names)


def _value(name: str, before: str, after: str, escape: str, *, last: bool) -> str:
    """Return the regular expression of a variable's value."""
    quoted = before.endswith('"') and after.startswith('"')
    if name in _CLASSES:
        return f"{_CLASSES[name]}|-" if name == "status" else _CLASSES[name]
    if quoted and escape != "none":
        return r'(?:[^"\\]|\\.)*'
    if _is_upstream(name):
        return r"[^,}]*(?:, [^,}\"]*)*" if after[:1] in ",}" and after else _LIST
    if re.match(_TEXTS, name) or not after.startswith(" "):
        return ".*" if last and not after else ".*?"
    return r"\S*"


def read(lines: pl.Series, form: Template) -> pl.DataFrame:
    """Return the variables of each line as text, null where absent.

    `fits` says whether the line is of the template. A variable that occurs twice
    keeps its first value.
    """
    groups = lines.str.extract_groups(f"^{form.pattern()}$").struct.unnest()
    fits = groups.to_series(0).is_not_null() if groups.width else lines.is_null()
    columns: dict[str, pl.Series] = {}
    for name, column in zip(form.names, groups.get_columns(), strict=True):
        values = _decoded(column) if form.escape == "json" else column
        absent = _unreached if _is_upstream(name) else _absent
        columns.setdefault(name, absent(values, form.escape))
    return pl.DataFrame(columns | {"fits": fits})


def _is_upstream(name: str) -> bool:
    return name.startswith("upstream_") and not name.startswith("upstream_http_")


def _unreached(column: pl.Series, _: str) -> pl.Series:
    """Return the values with `-` where there was no upstream: that is no absence."""
    return column.replace("", "-")


def _absent(column: pl.Series, escape: str) -> pl.Series:
    """Return the values with the mark for absent as null."""
    mark = pl.col("value") != "-"
    if escape != "default":
        mark &= pl.col("value") != ""
    return column.to_frame("value").select(pl.when(mark).then("value")).to_series()


def _decoded(column: pl.Series) -> pl.Series:
    """Return the texts without JSON's escapes; what is no JSON string stays."""
    escaped = column.filter(column.str.contains("\\", literal=True)).unique()
    if escaped.is_empty():
        return column
    plain = [unescaped(text) for text in escaped]
    return column.replace(escaped, pl.Series(plain, dtype=pl.String))


_BORDER = r"(?:^|$|[ |;,\t\"\[\]])"
#: An address with a port is no client's: the hop below; the status stands behind it.
_SERVER = (
    r"(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{2,5}|\[[0-9A-Fa-f:]+\]:[0-9]{2,5}"
    r"|unix:/[^ |;,\t\"]+)"
)
_UPSTREAM = rf"{_BORDER}(?:{_SERVER}(?:, | : ))*({_SERVER}){_BORDER}"
_ITS_STATUS = (
    rf"{_SERVER}[ |;,\t\"]{{1,4}}(?:[1-5][0-9]{{2}}(?:, | : ))*([1-5][0-9]{{2}})"
    rf"{_BORDER}"
)
#: Other numbers there are counts of bytes.
_USUAL = [
    *(200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308),
    *(400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429),
    *(500, 501, 502, 503, 504),
]
_MILLIS = r"(?:^|[ |;,\t\"])([0-9]{1,6}\.[0-9]{3})"


#: The usual labels of values, where a tail has some.
_LABELLED = r"(?:^|[ |;,\t\"\[])(?:{})[=:]\"?(?:{value}(?:, | : ))*({value})" + _BORDER
_CODE = r"[1-5][0-9]{2}"
_SECONDS = r"[0-9]{1,6}\.[0-9]{1,6}"
_US_NAMES = "us|ustatus|ups_status|upstream_status"
_US = _LABELLED.format(_US_NAMES, value=_CODE)
_US_SAID = rf"(?:^|[ |;,\t\"\[])(?:{_US_NAMES})[=:]"
_RT = _LABELLED.format("rt|request_time|req_time|reqtime", value=_SECONDS)
_URT = _LABELLED.format("urt|ut|upstream_response_time|upstream_time", value=_SECONDS)
_TRACE = r"\bRoot=(1-[0-9a-f]{8}-[0-9a-f]{24})"


#: A text in quotes is the client's, unless all of it is a value, or a list of such.
_MARKS = r"(?:(?:Root|Self|Parent|Sampled)=[0-9a-f-]+;?)+"
_ITEM = rf"(?:{_SERVER}|-|{_CODE}|{_SECONDS}|{_MARKS})"
_QUOTES = rf'"({_ITEM}(?:(?:, | : ){_ITEM})*)"|"(?:[^"\\]|\\.)*"'


def bare_tail(text: pl.Expr) -> dict[str, pl.Expr]:
    """Return what a tail of unknown order tells of the hop below, and the durations.

    Values with one of the usual labels are what that says. Of values without, nginx
    writes times with three decimals, and none is longer than `$request_time`.
    """
    tail = text.str.replace_all(_QUOTES, '"$1"')
    # What a client sent may look like such a pair: of two, neither is believed.
    several = tail.str.count_matches(_ITS_STATUS) > 1
    said_once = tail.str.count_matches(_US_SAID) == 1
    status = tail.str.extract(_ITS_STATUS).cast(pl.Int16, strict=False)
    labelled = pl.when(said_once).then(tail.str.extract(_US))
    times = tail.str.extract_all(_MILLIS).list.eval(
        pl.element().str.strip_chars(' |;,\t"').cast(pl.Float64, strict=False)
    )
    return {
        "upstream": pl.when(~several).then(tail.str.extract(_UPSTREAM)),
        "upstream_status": pl.coalesce(
            labelled.cast(pl.Int16, strict=False),
            pl.when(status.is_in(_USUAL) & ~several).then(status),
        ),
        "duration": pl.coalesce(
            tail.str.extract(_RT).cast(pl.Float64, strict=False), times.list.max()
        ),
        "upstream_duration": tail.str.extract(_URT).cast(pl.Float64, strict=False),
        "trace_id": tail.str.extract(_TRACE),
    }


#: EVENT column ▶ the variables that give it, the best first.
_TEXT_COLUMNS = {
    "client_ip": ["remote_addr", "realip_remote_addr", "proxy_protocol_addr"],
    "forwarded_for": ["http_x_forwarded_for", "proxy_add_x_forwarded_for"],
    "user": ["remote_user"],
    "user_agent": ["http_user_agent"],
    "referrer": ["http_referer"],
    "request_id": ["request_id", "req_id", "http_x_request_id"],
}
_NUMBER_COLUMNS: dict[str, tuple[list[str], pl.DataType]] = {
    "status": (["status"], pl.Int16()),
    "bytes_sent": (["body_bytes_sent", "bytes_sent"], pl.Int64()),
    "bytes_received": (["request_length"], pl.Int64()),
    "duration": (["request_time"], pl.Float64()),
}
#: Variables that stand in columns; all others go to `extra`.
_TAKEN = {
    "msec",
    "time_iso8601",
    "time_local",
    "request",
    "request_method",
    "request_uri",
    "server_protocol",
    "scheme",
    "http_x_amzn_trace_id",
}
#: What `$upstream_cache_status` is of an answer that no upstream was asked for.
_KEPT = ["HIT", "STALE", "UPDATING"]
#: Where the ingress controller for Kubernetes listens for what no rule fits.
_DEFAULT_SERVER = "127.0.0.1:8181"
_HOSTS = ["host", "http_host", "server_name"]
#: APISIX's; where no route fits, it says `{"error_msg":"404 Route Not Found"}` and a
#: line's end (its init.lua, core/response.lua): 36 bytes, or in a chunk 47.
_APISIX = {"upstream_scheme", "upstream_uri", "status", "body_bytes_sent"}


def event_columns(names: list[str]) -> list[pl.Expr]:
    """Return the EVENT columns of a frame of these variables."""
    return _Mapping(set(names)).columns()


def _either(best: pl.Expr, other: pl.Expr | None) -> pl.Expr:
    return best if other is None else pl.coalesce(best, other)


class _Mapping:
    """Which variable of a template ends in which EVENT column."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.used = names & _TAKEN

    def first(self, names: list[str]) -> pl.Expr | None:
        """Return the best of the variables that the template has."""
        for name in names:
            if name in self.names:
                self.used.add(name)
                return pl.col(name)
        return None

    def columns(self) -> list[pl.Expr]:
        columns = self.times() | self.requests() | self.upstreams()
        for column, names in _TEXT_COLUMNS.items():
            columns[column] = self.first(names)
        for column, (names, dtype) in _NUMBER_COLUMNS.items():
            number = self.first(names)
            columns[column] = (
                None if number is None else number.cast(dtype, strict=False)
            )
        if "http_x_amzn_trace_id" in self.names:
            trace = pl.col("http_x_amzn_trace_id")
            columns["trace_id"] = pl.coalesce(trace.str.extract(r"Root=([^;]+)"), trace)
        columns["extra"] = self.extra()
        return [e.alias(name) for name, e in columns.items() if e is not None]

    def times(self) -> dict[str, pl.Expr | None]:
        """Return the stamp: `$msec` is exact, the others say the zone."""
        local: list[pl.Expr] = []
        offset: list[pl.Expr] = []
        if "time_iso8601" in self.names:
            stamp = pl.col("time_iso8601")
            local.append(iso_stamp(stamp))
            offset.append(offset_seconds(stamp.str.extract(r"(Z|[+-]\d\d:?\d\d)$")))
        if "time_local" in self.names:
            local.append(clf_stamp(pl.col("time_local")))
            offset.append(offset_seconds(pl.col("time_local").str.slice(21)))
        if "msec" in self.names:
            micros = pl.col("msec").str.replace(".", "", literal=True) + "000"
            epoch = pl.from_epoch(micros.cast(pl.Int64, strict=False), "us")
            utc = pl.when(epoch.is_not_null()).then(pl.lit(0, pl.Int32))
            offset.append(utc)
            local.insert(0, epoch + pl.duration(seconds=pl.coalesce(offset)))
        if not local:
            return {}
        return {"local_time": pl.coalesce(local), "utc_offset": pl.coalesce(offset)}

    def requests(self) -> dict[str, pl.Expr | None]:
        """Return what was asked: of the request line, or of its parts where apart."""
        columns: dict[str, pl.Expr | None] = {}
        method = self.first(["request_method"])
        version = self.first(["server_protocol"])
        if version is not None:
            version = version.str.strip_prefix("HTTP/")
        uri = self.uri()
        if "request" in self.names:
            line = request_line(pl.col("request"))
            no_request = line["method"].is_null()
            columns["message"] = pl.when(no_request).then(pl.col("request"))
            method = _either(line["method"], method)
            version = _either(line["http_version"], version)
            uri = _either(line["target"], uri)
        columns |= {"method": method, "http_version": version}
        host, scheme = self.first(_HOSTS), self.first(["scheme"])
        if uri is not None:
            address = target(uri)
            columns |= {"path": address["path"], "query": address["query"]}
            host = address["host"] if host is None else _either(host, address["host"])
            scheme = _either(address["scheme"], scheme)
        bare = None if host is None else host.str.replace(r":\d+$", "")
        return columns | {"scheme": scheme, "host": bare}

    def uri(self) -> pl.Expr | None:
        whole = self.first(["request_uri"])
        if whole is not None:
            return whole
        path = self.first(["uri", "document_uri"])
        query = self.first(["args", "query_string"])
        if path is None or query is None:
            return path
        asked = query.is_not_null() & (query != "")
        return pl.when(asked).then(path + "?" + query).otherwise(path)

    def upstreams(self) -> dict[str, pl.Expr | None]:
        """Return the last try's address and status, and the time of all tries."""
        columns: dict[str, pl.Expr | None] = {}
        status = self.first(["upstream_status"])
        if status is not None:
            last = status.str.extract(r"(\d{3})\D*$")
            columns["upstream_status"] = last.cast(pl.Int16, strict=False)
        address = self.first(["upstream_addr"])
        if address is not None:
            columns["upstream"] = dash_to_null(address.str.extract(r"([^\s,]+)$"))
        times = self.first(["upstream_response_time"])
        if times is not None:
            tries = times.str.extract_all(r"\d+\.\d+|\d+")
            total = (
                tries.list.eval(pl.element().cast(pl.Float64, strict=False))
                .list.sum()
                .round(6)
            )
            columns["upstream_duration"] = pl.when(tries.list.len() > 0).then(total)
        if "upstream_cache_status" in self.names:
            kept = pl.col("upstream_cache_status").is_in(_KEPT)
            if "status" in self.names:
                kept &= pl.col("status").str.contains("^[45]")
            columns["reason"] = pl.when(kept).then(pl.lit("cached_error"))
        if "proxy_upstream_name" in self.names and address is not None:
            # The ingress controller's own server, for hosts and paths of no rule.
            own = address.is_in([_DEFAULT_SERVER, "-"])
            own &= pl.col("proxy_upstream_name") == "upstream-default-backend"
            columns["reason"] = pl.when(own).then(pl.lit("no_route"))
        if address is not None and self.names >= _APISIX:
            own = (address == "-") & (pl.col("status") == "404")
            own &= pl.col("body_bytes_sent").is_in(["36", "47"])
            columns["reason"] = pl.when(own).then(pl.lit("route_not_found"))
        return columns

    def extra(self) -> pl.Expr | None:
        """Return the other variables, and those of which a column has one part.

        An upstream status of `-` says that nginx answered by itself, where a null
        column says nothing.
        """
        lists = {"upstream_addr", "upstream_status", "upstream_response_time"}
        values = {name: pl.col(name) for name in sorted(self.names - self.used)}
        for name in sorted(lists & self.names):
            several = pl.col(name).str.contains(r", | : |^-$")
            values[name] = pl.when(several).then(pl.col(name))
        return json_extra(**values) if values else None
