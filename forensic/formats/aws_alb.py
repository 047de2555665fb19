"""AWS Application Load Balancer access logs, of every age (17 to 33 fields).

Fields are only ever added at the end. Rows with quotes where they belong are split
at the quotes; the others (a raw quote in a URL or user agent) are read from both
ends, so that what the client wrote can not move into the fields behind it.
"""

import polars as pl

from forensic import columns
from forensic.format import Format
from forensic.octets import Octets, by_run, digits, pair, shape

__all__ = ["FORMAT"]

_HEAD = r"^(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z \S+ "
#: The same of the first three fields, where they are ASCII.
_TYPES = ["http", "https", "h2", "grpc", "grpcs", "ws", "wss"]
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z$"
_ELB = r"^[!-~]+$"
_LEFT = [
    "type",
    "time",
    "elb",
    "client",
    "target",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
]
#: Quoted fields in order; before `trace_id` stand three bare ones, before
#: `actions_executed` two, before `transformed_host` one.
_QUOTED = [
    "request",
    "user_agent",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
]
_BARE = {
    4: ["ssl_cipher", "ssl_protocol", "target_group_arn"],
    10: ["matched_rule_priority", "request_creation_time"],
    24: ["conn_trace_id"],
}
_FIELDS = [*_LEFT, *_QUOTED, *(name for names in _BARE.values() for name in names)]
#: Quotes in a sound row of each age.
_AGES = [4, 6, 10, 16, 20, 24, 30]
_MOST = max(_AGES)

_NUMBER = r"(-?[\d.]+|-)"
_ITEM = r'("[^"]*"|\S+)'
#: A row read from both ends. What a client wrote stands in the two `.*` only.
_ANCHORED = (
    r"^(\S+) (\S+) (\S+) (\S+) (\S+)"
    + f" {_NUMBER}" * 3
    + r" (\S+) (\S+)"
    + f" {_NUMBER}" * 2
    + r' "(.*?(?: HTTP/[\d.]+| -|- ?))" "(.*)" (\S+) (\S+) (-|arn:\S+)'
    + r'(?: "([^"]*)"(?: "([^"]*)" "([^"]*)" (-|-?\d+) (-|[\dT:.-]+Z)'
    + r'(?: "([^"]*)" "([^"]*)" "([^"]*)"'
    + f"(?: {_ITEM} {_ITEM}(?: {_ITEM} {_ITEM}(?: (TID_\\S+)"
    + f"(?: {_ITEM} {_ITEM} {_ITEM}(?: .*)?)?)?)?)?)?)?)?$"
)
_ANCHORED_FIELDS = [
    *_LEFT,
    *_QUOTED[:2],
    *_BARE[4],
    *_QUOTED[2:5],
    *_BARE[10],
    *_QUOTED[5:12],
    *_BARE[24],
    *_QUOTED[12:],
]


def _split(lines: pl.Series) -> pl.DataFrame:
    """The fields of rows whose quotes are where they belong, and `sound`."""
    frame = lines.to_frame("line").select(
        pl.col("line").str.count_matches('"', literal=True).alias("quotes"),
        pl.col("line").str.split_exact('"', _MOST).alias("part"),
    )
    frame = frame.unnest("part")
    part = [pl.col(f"field_{number}") for number in range(_MOST + 1)]
    bare = {
        at: part[at].str.strip_chars_end(" ").str.split_exact(" ", len(names) + 1)
        for at, names in _BARE.items()
    }
    frame = frame.with_columns(
        part[0].str.split_exact(" ", len(_LEFT) + 1).alias("left"),
        *(fields.alias(f"bare_{at}") for at, fields in bare.items()),
    )
    left = pl.col("left").struct
    sound = [
        pl.col("quotes").is_in(_AGES),
        left.field(f"field_{len(_LEFT)}") == "",
        left.field(f"field_{len(_LEFT) + 1}").is_null(),
    ]
    fields = [left.field(f"field_{n}").alias(name) for n, name in enumerate(_LEFT)]
    fields += [part[2 * n + 1].alias(name) for n, name in enumerate(_QUOTED)]
    for at, names in _BARE.items():
        inner = pl.col(f"bare_{at}").struct
        fields += [
            inner.field(f"field_{n + 1}").alias(n_) for n, n_ in enumerate(names)
        ]
        whole = inner.field(f"field_{len(names)}").is_not_null()
        surplus = inner.field(f"field_{len(names) + 1}").is_not_null()
        starts = inner.field("field_0") == ""
        absent = pl.col("quotes") <= at
        sound.append(absent | (starts & whole & ~surplus))
    sound += [
        (pl.col("quotes") <= at) | (part[at] == " ")
        for at in range(2, _MOST, 2)
        if at not in _BARE
    ]
    return frame.select(*fields, sound=pl.all_horizontal(sound).fill_null(value=False))


def _anchored(lines: pl.Series) -> pl.DataFrame:
    """The fields of rows that hold raw quotes, read from both ends."""
    groups = lines.str.extract_groups(_ANCHORED).struct.unnest()
    fields = groups.rename(dict(zip(groups.columns, _ANCHORED_FIELDS, strict=True)))
    between = fields["request"] + '" "' + fields["user_agent"]
    return fields.with_columns(
        pl.col(_QUOTED).str.strip_chars('"'),
        sound=fields["type"].is_not_null(),
        doubtful=between.str.count_matches('" "', literal=True) > 1,
    )


_REFUSED = "no row of an ALB access log"
_METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
_VERSIONS = ["HTTP/1.1", "HTTP/2.0", "HTTP/1.0"]
_SCHEMES = ["https", "http", "wss", "ws"]


def _request(request: pl.Series) -> pl.DataFrame:
    """Method, scheme, host, path, query and version of each request field.

    The usual shape is split; only what differs goes through regular expressions.
    """
    words = request.str.splitn(" ", 3).struct.unnest()
    words.columns = ["method", "url", "version"]
    url = words["url"].str.splitn("://", 2).struct.unnest()
    place = url["field_1"].str.splitn("/", 2).struct.unnest()
    local = place["field_1"].str.splitn("?", 2).struct.unnest()
    frame = pl.DataFrame(
        {
            "method": words["method"],
            "http_version": words["version"],
            "scheme": url["field_0"],
            "host": place["field_0"],
            "path": local["field_0"],
            "query": local["field_1"],
        }
    )
    host = pl.col("host")
    marks = ["?", "#", "@", "["]
    plain = frame.select(
        pl.col("http_version").is_in(_VERSIONS)
        & pl.col("method").is_in(_METHODS)
        & pl.col("scheme").is_in(_SCHEMES)
        & pl.col("path").is_not_null()
        & ~pl.any_horizontal(host.str.contains(mark, literal=True) for mark in marks)
    ).to_series()
    plain = plain.fill_null(value=False)
    usual = frame.with_columns(
        http_version=pl.col("http_version").str.slice(5),
        host=host.str.splitn(":", 2).struct.field("field_0"),
        path=pl.concat_str(pl.lit("/"), "path"),
    )
    if plain.all():
        return usual
    odd = columns.only_where(~plain, request, _odd_request)
    return usual.select(
        pl.when(plain).then(pl.col(name)).otherwise(odd[name]).alias(name)
        for name in usual.columns
    )


def _odd_request(request: pl.Series) -> pl.DataFrame:
    """What `_request` gives, by regular expressions."""
    words = columns.request_line(pl.col("request"))
    url = columns.target(words.pop("target"))
    return pl.DataFrame({"request": request}).select(**words, **url)


def _seconds(name: str) -> pl.Expr:
    """A time in seconds; null for -1."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value >= 0).then(value)


def _address(column: pl.Expr) -> pl.Expr:
    """The address without its port; IPv6 stands with or without brackets."""
    return column.str.replace(r":\d+$", "").str.strip_chars("[]")


def _whole(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(dtype, strict=False)


_EXTRA = [
    "type",
    "elb",
    "target_group_arn",
    "ssl_cipher",
    "ssl_protocol",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "redirect_url",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
]


def _extra(fields: pl.DataFrame, *, plain: bool) -> pl.Series:
    """JSON of the fields that have no column, `-` left out.

    `plain`: no text of the block needs escaping, which is nearly always so.
    """
    own = pl.col("trace_id").str.extract(r"Self=([^;]+)", 1)
    several = pl.col("target_port_list").str.contains(" ", literal=True)
    values = {name: _there(pl.col(name)) for name in _EXTRA} | {
        "trace_self": pl.when(pl.col("trace_id").str.contains("Self=")).then(own),
        "client_port": pl.col("client").str.extract(r":([0-9]+)$", 1),
        "targets": pl.when(several).then("target_port_list"),
        "target_statuses": pl.when(several).then("target_status_code_list"),
    }
    if not plain:
        return fields.select(columns.json_extra(**values)).to_series()
    shown = fields.select(value.alias(name) for name, value in values.items())
    pieces = [
        pl.concat_str(pl.lit(f',"{name}":"'), name, pl.lit('"'))
        for name in shown.columns
        if shown[name].null_count() < len(shown)  # what no row has costs nothing
    ]
    body = pl.concat_str(pl.lit(""), *pieces, ignore_nulls=True).str.strip_prefix(",")
    return shown.select(pl.format("{{{}}}", body)).to_series()


def _escapes(lines: pl.Series) -> bool:
    """Whether a byte may stand in the lines that JSON would escape."""
    octets = Octets.of(lines).bytes_
    control = (octets < ord(" ")) & (octets != ord("\n"))  # which ends a line
    return bool(control.any() or (octets == ord("\\")).any())


def _there(column: pl.Expr) -> pl.Expr:
    return pl.when((column != "-") & (column != "")).then(column)


#: `2025-02-06T03:00:00.043000Z`, in words.
_CLOCK = shape(27, date=0, hour=8, second=11, fraction=19)


def _moments(stamps: pl.Series) -> pl.Series:
    """The times of `2025-02-06T03:00:00.043000Z`; null for `-`."""
    stamp = pl.col("stamp")
    written = pl.DataFrame({"stamp": stamps}).select(columns.dash_to_null(stamp))
    octets = Octets.of(stamps)
    clock = octets.at(octets.start, _CLOCK)
    values, fits = digits(clock["fraction"], ".000000Z")
    if not (fits & (octets.end - octets.start == _CLOCK.itemsize)).all():
        return written.select(columns.iso_stamp(stamp)).to_series()
    seconds = by_run(
        [clock["date"], clock["hour"], clock["second"]],
        lambda first: written[first].select(columns.iso_stamp(stamp.str.slice(0, 19))),
    ).to_series()
    micros = (pair(values, 1) * 100 + pair(values, 3)) * 100 + pair(values, 5)
    return seconds + pl.Series(micros).cast(pl.Duration("us"))


def _columns(fields: pl.DataFrame, *, plain: bool) -> pl.DataFrame:
    """The parsed columns of the fields; refused where they are not sound."""
    fields = fields.with_columns(
        ended=_moments(fields["time"]), began=_moments(fields["request_creation_time"])
    )
    ended, began = pl.col("ended"), pl.col("began")
    parts = [
        _seconds(f"{name}_processing_time")
        for name in ("request", "target", "response")
    ]
    between = (ended - began).dt.total_microseconds() / 1_000_000
    fields = fields.hstack(_request(fields["request"]))
    domain = columns.dash_to_null(pl.col("domain_name")).str.replace(r":\d+$", "")
    readable = pl.col("sound") & ended.is_not_null()
    trace = columns.dash_to_null(pl.col("trace_id"))
    rest = pl.when(pl.col("method").is_null()).then(pl.col("request"))
    parsed = fields.select(
        local_time=ended,
        utc_offset=pl.when(ended.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=began.dt.replace_time_zone("UTC"),
        client_ip=_address(columns.dash_to_null(pl.col("client"))),
        host=pl.coalesce(domain, "host"),
        **{name: pl.col(name) for name in ("method", "scheme", "path", "query")},
        http_version="http_version",
        status=_whole("elb_status_code", pl.Int16()),
        upstream_status=_whole("target_status_code", pl.Int16()),
        bytes_sent=_whole("sent_bytes", pl.Int64()),
        bytes_received=_whole("received_bytes", pl.Int64()),
        duration=pl.coalesce(
            pl.sum_horizontal(parts, ignore_nulls=False),
            pl.when(between >= 0).then(between),
        ),
        upstream_duration=parts[1],
        upstream=columns.dash_to_null(pl.col("target")),
        user_agent=columns.dash_to_null(pl.col("user_agent")),
        trace_id=pl.when(trace.str.contains(";", literal=True))
        .then(pl.coalesce(trace.str.extract(r"Root=([^;]+)", 1), trace))
        .otherwise(trace.str.strip_prefix("Root=")),
        action=columns.dash_to_null(pl.col("actions_executed")),
        reason=columns.dash_to_null(pl.col("error_reason")),
        message=rest,
        extra=_extra(fields, plain=plain),
        flags=pl.when(pl.col("doubtful")).then(pl.lit(["forgery_suspect"])),
        refused=pl.when(~readable).then(pl.lit(_REFUSED)),
    )
    if not parsed["refused"].count():
        return parsed
    kept = pl.col("refused").is_null()
    return parsed.with_columns(pl.when(kept).then(pl.exclude("refused")))


def _refused(count: int) -> pl.DataFrame:
    return pl.select(refused=pl.repeat(_REFUSED, count))


def _usual(lines: pl.Series) -> pl.DataFrame:
    """The rows whose quotes are where they belong."""
    fields = _split(lines).with_columns(doubtful=pl.lit(value=False))
    head = pl.col("type").is_in(_TYPES) & pl.col("time").str.contains(_TIME)
    named = pl.col("elb").str.contains(_ELB)
    sound = fields.select((pl.col("sound") & head & named).fill_null(value=False))[
        "sound"
    ]
    if sound.all():
        return _columns(fields, plain=not _escapes(lines))
    if not sound.any():
        return _refused(len(lines))
    plain = not _escapes(lines.filter(sound))
    found = _columns(fields.filter(sound), plain=plain).with_columns(
        sound.arg_true().alias("row")
    )
    rest = pl.DataFrame({"row": (~sound).arg_true()}).with_columns(
        refused=pl.lit(_REFUSED)
    )
    both = pl.concat([found, rest], how="diagonal", rechunk=True)
    return both.drop("row")[both["row"].arg_sort()]


def _odd(lines: pl.Series) -> pl.DataFrame:
    """The rows that hold raw quotes, if any of those that are left is one."""
    if not lines.str.contains(_ANCHORED).any():
        return _refused(len(lines))
    return _columns(_anchored(lines), plain=False)


def _parse(lines: pl.Series) -> pl.DataFrame:
    return columns.first_that_parses(lines, [_usual, _odd])


FORMAT = Format(
    name="aws_alb",
    title="AWS Application Load Balancer access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
    head=_HEAD,
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)elasticloadbalancing|(?:^|[/_.-])alb(?:[/_.-]|$)",
)
