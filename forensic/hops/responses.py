"""Events ▶ responses: each hop's record that it answered a request, on one clock.

Only what can matter is kept: records of errors, and the records of other hops that
stand near one in time and share its path or its trace id.
"""

import polars as pl

from forensic.answers import AUDITS, SAVED, hop_name, recorded
from forensic.formats import starting_formats
from forensic.hops.dialogue import answered
from forensic.hops.moment import corrected
from forensic.hops.pair import pair
from forensic.rotation import log_of
from forensic.schema import HOPS

__all__ = ["TIERS", "collect", "errors", "hashed"]

#: From the client inwards. A proxy behind a proxy is a tier of its own.
TIERS = {
    "client": 0,
    "cdn": 1,
    "waf": 2,
    "outer_balancer": 3,
    "load_balancer": 4,
    "web_server": 5,
    "inner_web": 6,
    "app_server": 7,
    "application": 8,
}
_LOGGED = [hop for hop in HOPS if hop != "host"]
#: Time is cut into buckets (µs); a counterpart stands in an error's or one beside it.
_BUCKET = 16_000_000
#: As long as a request may have waited before it failed.
_WAIT = 80_000_000
_SECOND = 1_000_000
#: Lesser statuses tell of no wait.
_LEAST_WAITED = 499
#: How far apart (µs) an audit log and an access log write of one request.
_AUDITED = (-2_500_000, 2_500_000)
#: How far apart (µs) a log says of one answer what it has said already.
_SAID_AGAIN = (-1_000_000, 1_000_000)
_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE", "MONETIZE"]
_TEXTS = [
    "method",
    "host",
    "path",
    "query",
    "client_ip",
    "client_scope",
    "forwarded_for",
    "upstream",
    "action",
    "rule",
    "rule_group",
    "rule_type",
    "reason",
    "user_agent",
    "request_id",
    "format",
    "process",
]
_NUMBERS = [
    "status",
    "upstream_status",
    "duration",
    "upstream_duration",
    "bytes_sent",
]


def stopped() -> pl.Expr:
    """Whether the WAF itself ended the request."""
    return (pl.col("hop") == "waf") & pl.col("action").str.to_uppercase().is_in(
        _STOPPED
    )


def _is_error() -> pl.Expr:
    """Whether this record alone makes a request worth a row."""
    status, upstream = pl.col("status"), pl.col("upstream_status")
    return ((status >= 400) | (status == 0) | (upstream >= 400) | stopped()).fill_null(
        value=False
    )


def hashed(column: pl.Expr) -> pl.Expr:
    """A key of 64 bits; 0 for what is absent."""
    return pl.when(column.is_not_null()).then(column.hash(1)).otherwise(0)


def _peer() -> pl.Expr:
    """The address that the hop in front saw as its client, where it is passed on.

    The last element of X-Forwarded-For is what the nearest proxy appended; a hop that
    logs a public client sees it itself.
    """
    appended = (
        pl.col("forwarded_for")
        .str.extract(r"([^,\s]+)\s*$", 1)
        .str.replace(r"^(\d+\.\d+\.\d+\.\d+):\d+$", "$1")
    )
    public = pl.when(pl.col("client_scope") == "public").then(pl.col("client_ip"))
    own = pl.col("client_ip")
    inside = pl.col("hop").is_in(["web_server", "app_server", "application"])
    return pl.when(inside).then(pl.coalesce(appended, public)).otherwise(own)


def _answers(events: pl.LazyFrame, *, enveloped_too: bool) -> pl.LazyFrame:
    """The events that are records of a response."""
    tells = pl.col("status").is_not_null() | pl.col("action").is_not_null()
    written = recorded(enveloped_too=enveloped_too)
    logged = pl.col("hop").is_in(_LOGGED) | (pl.col("format") == SAVED)
    return events.filter(logged & tells & written)


def _path() -> pl.Expr:
    return pl.when(pl.col("path") == "").then(pl.lit("/")).otherwise(pl.col("path"))


def _records(answers: pl.LazyFrame, clocks: pl.DataFrame, *beside: str) -> pl.LazyFrame:
    """The records of responses, narrowed and on the corrected clock.

    What stands `beside` of their events goes with them.
    """
    hop = pl.col("hop")
    moment, start = corrected(clocks)
    begins = pl.col("format").is_in(starting_formats())
    took = (pl.col("duration") * _SECOND).round().cast(pl.Int64)
    query = pl.when(pl.col("query") != "").then(pl.col("query"))
    path = pl.col("path")
    agent = pl.col("user_agent").str.slice(0, 96)
    return answers.with_columns(path=_path(), query=query).select(
        "source",
        "line",
        "offset",
        tier=hop_name().replace_strict(TIERS, default=None, return_dtype=pl.Int8),
        time=moment,
        stamp=pl.col("time"),
        start=pl.coalesce(start, pl.when(begins).then(moment)),
        # Null where the stamp is of the start, and how long it took is not known.
        end=pl.when(begins).then(moment + took).otherwise(moment),
        coarse=(pl.col("local_time").dt.microsecond() == 0)
        & ~hop.is_in(["waf", "load_balancer"]).fill_null(value=False),
        error=_is_error(),
        **{name: pl.col(name) for name in [*_TEXTS, *_NUMBERS]},
        method_key=hashed(pl.col("method").str.to_uppercase()),
        path_key=hashed(path),
        query_key=hashed(pl.col("query")),
        agent_key=hashed(agent),
        peer_key=hashed(_peer()),
        trace_key=hashed(pl.col("trace_id")),
        request_key=hashed(pl.col("request_id")),
        bucket=moment // _BUCKET,
        **{name: pl.col(name) for name in beside},
    )


def errors(
    events: pl.LazyFrame, clocks: pl.DataFrame, *, enveloped_too: bool = True
) -> pl.LazyFrame:
    """What `collect` must know of records of errors, where their events stand.

    Not for responses that have their request on another line.
    """
    return _errors(_answers(events, enveloped_too=enveloped_too), clocks)


def _errors(answers: pl.LazyFrame, clocks: pl.DataFrame) -> pl.LazyFrame:
    """The keys and moments of errors, with what places their events in a window."""
    found = _records(answers.filter(_is_error()), clocks, "hostname", "local_time")
    return found.select(
        *("source", "line", "hostname", "process", "local_time"),
        *("path_key", "bucket", "start", "end", "status", "trace_key"),
        moment="time",
        time="stamp",
    )


def _neighbours(errors: pl.LazyFrame) -> pl.LazyFrame:
    """The paths and the moments in which an error's counterparts may stand.

    A hop in front may stamp the start, one behind the end: every bucket from start
    to end counts, and where no start is known, those of a long wait.
    """
    waited = pl.col("status").is_in([408, 499, 502, 504]) & pl.col("start").is_null()
    began = pl.coalesce(
        "start", pl.col("moment") - pl.when(waited).then(_WAIT).otherwise(0)
    )
    long = pl.col("status") >= _LEAST_WAITED
    ended = pl.coalesce(
        "end", pl.col("moment") + pl.when(long).then(_WAIT).otherwise(0)
    )
    first = pl.min_horizontal(began, "moment") // _BUCKET - 1
    last = pl.max_horizontal(began, ended) // _BUCKET + 2
    # Of what lasted longer, both ends: the record itself stands at one of them.
    most = _WAIT // _BUCKET + 4
    ranges = [
        (first, pl.min_horizontal(last, first + most)),
        (pl.max_horizontal(first, last - most), last),
    ]
    timed = errors.filter(pl.col("moment").is_not_null())
    parts = [
        timed.select("path_key", bucket=pl.int_ranges(*ends)).explode("bucket")
        for ends in ranges
    ]
    spread = pl.concat(parts)
    untimed = errors.filter(pl.col("moment").is_null()).select("path_key", "bucket")
    return pl.concat([spread, untimed]).unique()


def _ordered(records: pl.DataFrame) -> pl.DataFrame:
    """The records by source and offset: mostly they stand so already."""
    source, offset = pl.col("source"), pl.col("offset")
    same = source == source.shift()
    later = (source > source.shift()) | (same & (offset >= offset.shift()))
    if records.select(later.all()).item():
        return records
    return records.sort("source", "offset")


def _once(records: pl.DataFrame) -> pl.DataFrame:
    """The records by source and offset, those that were delivered twice once.

    AWS delivers at least once. Its stamps are fine enough that two requests of one
    client to one path never share one; the ids are compared as well, and of Envoys
    where the route leads: two of a mesh may have one request in a millisecond. The
    stamps are compared as they are: of an extract, another skew may have been found.
    A rotation that was copied while the log went on holds its last lines again.
    """
    ordered = _rotated_once(_ordered(records))
    del records  # where it is another table, it need not lie beside that one
    delivered = pl.col("tier").is_in([TIERS["waf"], TIERS["load_balancer"]])
    same = ["tier", "stamp", "trace_key", "request_key", "path_key", "query_key"]
    same += ["peer_key", "status", "action", "route"]
    route = pl.when(pl.col("format") == "envoy").then("rule_group").alias("route")
    told = delivered & ((pl.col("trace_key") != 0) | (pl.col("request_key") != 0))
    again = (
        ordered.with_columns(route)
        .select(*same, row=pl.int_range(pl.len()))
        .filter(told & pl.col("stamp").is_not_null())
        .filter(~pl.struct(same).is_first_distinct())["row"]
    )
    ordered = ordered.drop("stamp")
    if again.is_empty():
        return ordered
    return ordered.filter(~pl.int_range(pl.len()).is_in(again.implode()))


def _rotated_once(ordered: pl.DataFrame) -> pl.DataFrame:
    """The records without those that another rotation of their log has, too.

    A line that one file has twice is of two requests.
    """
    log = log_of(pl.col("source"), surely=True)
    first, last = pl.col("stamp").min(), pl.col("stamp").max()
    spans = ordered.group_by("source").agg(first=first, last=last)
    spans = spans.sort("first", "last", "source")
    before = pl.col("last").shift().over(log)
    if not spans.select((pl.col("first") <= before).any()).item():
        return ordered
    line = ["stamp", *_TEXTS, *_NUMBERS]
    nth = pl.int_range(pl.len()).over("source", *line)
    once = pl.struct(nth.alias("nth"), log, *line).is_first_distinct()
    return ordered.filter(pl.col("stamp").is_null() | once)


def _accessed(records: pl.DataFrame) -> pl.DataFrame:
    """The records without those of an audit log whose request an access log has, too.

    ModSecurity writes one of every error, whoever made it.
    """
    audit = pl.col("format").is_in(AUDITS).fill_null(value=False)
    web = (pl.col("tier") == TIERS["web_server"]) & ~audit
    fields = ["method_key", "path_key", "query_key", "status"]
    # Where there is a file for each record, their index has all of them again.
    index = (pl.col("format") == "modsec_index").fill_null(value=False)
    records = _unlike(records, audit & ~index, index, fields, _AUDITED)
    return _unlike(records, web, audit, fields, _AUDITED)


def _said_once(records: pl.DataFrame) -> pl.DataFrame:
    """The records without what a log says again of an answer that it has.

    Beside an application's own line of a request, or its server's, stands its
    framework's: Django's `Internal Server Error: /checkout`, which names no method.
    """
    own = pl.col("tier").is_in([TIERS["app_server"], TIERS["application"]])
    named = pl.col("method_key") != 0
    fields = ["source", "path_key", "status"]
    return _unlike(records, own & named, own & ~named, fields, _SAID_AGAIN)


def _unlike(
    records: pl.DataFrame,
    kept: pl.Expr,
    other: pl.Expr,
    fields: list[str],
    within: tuple[int, int],
) -> pl.DataFrame:
    """The records without such `other` ones as have a partner among the `kept`.

    Partners have equal fields, and stamps no further apart (µs) than that.
    """
    timed = pl.col("time").is_not_null()
    numbered = records.with_row_index("row")
    second = numbered.filter(other & timed)
    if second.is_empty():
        return records
    first = numbered.filter(kept & timed)
    sides = [
        (side.select(pl.struct(fields).hash(7)).to_series(), side["time"])
        for side in (first, second)
    ]
    left, right = ((keys.to_numpy(), times.to_numpy()) for keys, times in sides)
    _, again = pair(left, right, within)
    rows = second["row"].gather(again)
    return numbered.filter(~pl.col("row").is_in(rows.implode())).drop("row")


def collect(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    *,
    alone: bool = False,
    orphans: bool = True,
    enveloped_too: bool = True,
    everything: bool = False,
    errors: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """The records that can belong to an error, by source and offset.

    `alone` says that no hop stands behind or in front of another: of an error's
    neighbours none can be of the same request; `orphans`, that some responses have
    their request on another line (see `dialogue`); for `enveloped_too` see `recorded`.
    `errors` are those of the events, where they were taken from them already.

    Columns: where it stands, `tier`, `time` and `start` in µs since 1970 on the
    corrected clock, the request, the answer, and 64-bit keys of what can be joined.
    """
    told = answered(events) if orphans else events
    answers = _answers(told, enveloped_too=enveloped_too)
    if not everything:
        if errors is None:
            errors = _errors(answers, clocks)
        wanted = _is_error() if alone else _is_wanted(errors, clocks)
        answers = answers.filter(wanted)
    records = _once(_records(answers, clocks).collect(engine="streaming"))
    return _said_once(_accessed(records))


def _is_wanted(errors: pl.LazyFrame, clocks: pl.DataFrame) -> pl.Expr:
    """Whether a record stands near an error of its path, or shares its trace id.

    It is asked of the events as they stand: what is not wanted is hardly read.
    """
    seen = ["path_key", "bucket", "moment", "start", "end", "status", "trace_key"]
    found = errors.select(seen).collect(engine="streaming")
    places = _neighbours(found.lazy()).select(_place("path_key", "bucket")).collect()
    traces = found["trace_key"].unique()
    moment, _ = corrected(clocks)
    place = _place(hashed(_path()), moment // _BUCKET)
    trace = hashed(pl.col("trace_id"))
    known = traces.filter(traces != 0)
    return place.is_in(places.to_series().implode()) | trace.is_in(known.implode())


def _place(path_key: pl.Expr | str, bucket: pl.Expr | str) -> pl.Expr:
    """A path and a bucket of time as one key of 64 bits."""
    columns = [pl.col(c) if isinstance(c, str) else c for c in (path_key, bucket)]
    return columns[0] ^ columns[1].hash(2)
