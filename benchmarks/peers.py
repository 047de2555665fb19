"""The other engines: log text ▶ typed Parquet, each in its fastest correct form.

    python benchmarks/peers.py chdb nginx ARCHIVE OUT.parquet

These are the queries that someone who knows the engine would end up with: split at
quotes and spaces instead of regular expressions, typed JSON extraction, strict casts
that turn a malformed line into null, and a filter that leaves it out. They read less
than `forensic parse` writes: no line numbers, offsets, hashes or ledger, no payload
inside syslog, no rule inside a WAF rule group, no inference of zones.
"""

# ruff: noqa: PLC0415 (a process loads the one engine that it is asked for)
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["ENGINES", "run"]

ENGINES = ["duckdb", "chdb", "polars"]

_ALB = (
    "type time elb client target rpt tpt spt elb_status target_status received sent "
    "request agent cipher tls group trace domain cert priority created actions "
    "redirect error targets statuses class class_reason conn f31 f32 f33"
).split()
_OBJECTS = "**/*.log.gz"


def source(kind: str, archive: Path) -> str:
    """The file, or the pattern of the objects, that the engine reads."""
    places = {"nginx": "nginx/access.log", "syslog": "var/log/syslog"}
    return str(archive / places.get(kind, _OBJECTS))


def run(engine: str, kind: str, archive: Path, target: Path) -> None:
    """Read the archive with an engine and write the result."""
    query = _QUERIES[engine, kind]
    query(source(kind, archive), str(target))


# -- DuckDB ---------------------------------------------------------------------
_DUCK_LINES = (
    "read_csv('{}', columns={{'line':'VARCHAR'}}, delim='\x01', quote='', escape='', "
    "header=false, auto_detect=false, strict_mode=false, max_line_size=16777216)"
)


def _duckdb(select: str, target: str) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    connection.execute(
        f"COPY ({select}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _duckdb_nginx(path: str, target: str) -> None:
    _duckdb(
        f"""
        WITH cut AS (
          SELECT string_split(line, '"') AS q FROM {_DUCK_LINES.format(path)}),
        fields AS (
          SELECT string_split(q[1], ' ') AS head, string_split(q[2], ' ') AS request,
            string_split(q[3], ' ') AS answer, q[4] AS referrer, q[6] AS agent
          FROM cut WHERE len(q) = 7 AND q[5] = ' ' AND q[7] = ''),
        typed AS (
          SELECT try_strptime(head[4] || head[5], '[%d/%b/%Y:%H:%M:%S%z]') AS time,
            head[1] AS client, request[1] AS method, request[2] AS target,
            request[3] AS protocol, try_cast(answer[2] AS USMALLINT) AS status,
            try_cast(answer[3] AS BIGINT) AS sent, referrer, agent
          FROM fields WHERE len(head) = 6 AND len(answer) = 4)
        SELECT * FROM typed WHERE time IS NOT NULL AND status IS NOT NULL""",
        target,
    )


def _duckdb_syslog(path: str, target: str) -> None:
    _duckdb(
        f"""
        WITH stamped AS (
          SELECT try_strptime('2025 ' || line[1:15] || ' +0000',
            '%Y %b %d %H:%M:%S %z') AS time, line[17:] AS rest
          FROM {_DUCK_LINES.format(path)} WHERE line[16] = ' '),
        named AS (
          SELECT time, split_part(rest, ' ', 1) AS host,
            rest[length(split_part(rest, ' ', 1)) + 2:] AS rest
          FROM stamped WHERE time IS NOT NULL),
        tagged AS (SELECT time, host, split_part(rest, ': ', 1) AS tag, rest FROM named)
        SELECT time, host, split_part(tag, '[', 1) AS process,
          try_cast(rtrim(split_part(tag, '[', 2), ']') AS INTEGER) AS pid,
          rest[length(tag) + 3:] AS message FROM tagged""",
        target,
    )


def _duckdb_waf(path: str, target: str) -> None:
    header = "STRUCT(name VARCHAR, value VARCHAR)[]"
    columns = {
        "timestamp": "BIGINT",
        "action": "VARCHAR",
        "terminatingRuleId": "VARCHAR",
        "terminatingRuleType": "VARCHAR",
        "responseCodeSent": "INTEGER",
        "httpRequest": f"STRUCT(clientIp VARCHAR, country VARCHAR, headers {header}, "
        "uri VARCHAR, args VARCHAR, httpMethod VARCHAR)",
        "ruleGroupList": "STRUCT(ruleGroupId VARCHAR, terminatingRule "
        "STRUCT(ruleId VARCHAR, action VARCHAR))[]",
        "labels": "STRUCT(name VARCHAR)[]",
    }
    _duckdb(
        f"""
        SELECT make_timestamp(timestamp * 1000) AT TIME ZONE 'UTC' AS time, action,
          terminatingRuleId AS rule, terminatingRuleType AS rule_type,
          responseCodeSent AS code, httpRequest.clientIp AS client,
          httpRequest.country AS country, httpRequest.httpMethod AS method,
          httpRequest.uri AS path, httpRequest.args AS query,
          list_filter(httpRequest.headers, lambda h: lower(h.name) = 'host')[1].value
            AS host,
          list_transform(list_filter(ruleGroupList,
            lambda g: g.terminatingRule.ruleId IS NOT NULL),
            lambda g: g.terminatingRule.ruleId) AS inner_rules,
          list_transform(labels, lambda l: l.name) AS labels
        FROM read_json('{path}', format='newline_delimited', columns={columns},
          ignore_errors=true, maximum_object_size=33554432)
        WHERE timestamp IS NOT NULL""",
        target,
    )


def _duckdb_alb(path: str, target: str) -> None:
    columns = dict.fromkeys(_ALB, "VARCHAR")
    _duckdb(
        f"""
        SELECT type, time::TIMESTAMPTZ AS time, elb,
          regexp_replace(client, ':[0-9]+$', '') AS client, target,
          rpt::DOUBLE AS rpt, tpt::DOUBLE AS tpt, spt::DOUBLE AS spt,
          elb_status::USMALLINT AS status,
          try_cast(nullif(target_status, '-') AS USMALLINT) AS target_status,
          received::BIGINT AS received, sent::BIGINT AS sent,
          split_part(request, ' ', 1) AS method, split_part(request, ' ', 2) AS url,
          split_part(request, ' ', 3) AS protocol, agent, cipher, tls, "group", trace,
          domain, priority, actions, redirect, error, targets, statuses, class, conn
        FROM read_csv('{path}', columns={columns}, delim=' ', quote='"', escape='',
          header=false, auto_detect=false, null_padding=true, compression='gzip')
        WHERE conn IS NOT NULL OR class_reason IS NOT NULL""",
        target,
    )


# -- chDB -----------------------------------------------------------------------
def _chdb(select: str, target: str) -> None:
    import chdb

    chdb.query(
        f"INSERT INTO FUNCTION file('{target}', 'Parquet') {select} SETTINGS "
        "output_format_parquet_compression_method='zstd', "
        "output_format_parquet_string_as_string=1, engine_file_truncate_on_insert=1"
    )


def _chdb_nginx(path: str, target: str) -> None:
    _chdb(
        f"""
        SELECT parseDateTimeInJodaSyntaxOrNull(substring(head, length(head) - 27, 26),
            'dd/MMM/yyyy:HH:mm:ss Z', 'UTC') AS time,
          substringIndex(head, ' ', 1) AS client, r[1] AS method, r[2] AS target,
          r[3] AS protocol, toUInt16OrNull(a[2]) AS status, toInt64OrNull(a[3]) AS sent,
          q[4] AS referrer, q[6] AS agent
        FROM (
          SELECT splitByChar('"', line) AS q, q[1] AS head,
            splitByChar(' ', q[2]) AS r, splitByChar(' ', q[3]) AS a
          FROM file('{path}', 'LineAsString', 'line String')
          WHERE length(q) = 7 AND q[5] = ' ' AND q[7] = ''
            AND substring(head, length(head) - 28, 1) = '[')
        WHERE time IS NOT NULL AND status IS NOT NULL""",
        target,
    )


def _chdb_syslog(path: str, target: str) -> None:
    _chdb(
        f"""
        WITH substring(line, 17) AS rest, position(rest, ' ') AS gap,
          position(rest, ': ', gap) AS colon,
          substring(rest, gap + 1, colon - gap - 1) AS tag, position(tag, '[') AS at
        SELECT parseDateTimeOrNull(
            '2025 ' || replaceOne(substring(line, 1, 15), '  ', ' 0'),
            '%Y %b %d %H:%i:%s', 'UTC') AS time,
          substring(rest, 1, gap - 1) AS host,
          if(at > 0, substring(tag, 1, at - 1), tag) AS process,
          if(at > 0, toInt32OrNull(substring(tag, at + 1, length(tag) - at - 1)), NULL)
            AS pid,
          substring(rest, colon + 2) AS message
        FROM file('{path}', 'LineAsString', 'line String')
        WHERE time IS NOT NULL AND colon > 0""",
        target,
    )


def _chdb_waf(path: str, target: str) -> None:
    request = (
        "Tuple(clientIp String, country String, headers Array(Tuple(name String, value "
        "String)), uri String, args String, httpMethod String)"
    )
    record = (
        "Tuple(timestamp Int64, action String, terminatingRuleId String, "
        f"terminatingRuleType String, responseCodeSent Nullable(Int32), httpRequest "
        f"{request}, ruleGroupList Array(Tuple(terminatingRule Tuple(ruleId String))), "
        "labels Array(Tuple(name String)))"
    )
    _chdb(
        f"""
        SELECT fromUnixTimestamp64Milli(d.1, 'UTC') AS time, d.2 AS action, d.3 AS rule,
          d.4 AS rule_type, d.5 AS code, d.6.1 AS client, d.6.2 AS country,
          d.6.6 AS method, d.6.4 AS path, d.6.5 AS query,
          arrayFirst(h -> lower(h.1) = 'host', d.6.3).2 AS host,
          arrayFilter(r -> notEmpty(r), arrayMap(g -> g.1.1, d.7)) AS inner_rules,
          arrayMap(l -> l.1, d.8) AS labels
        FROM (SELECT JSONExtract(json, '{record}') AS d
          FROM file('{path}', 'LineAsString', 'json String'))
        WHERE d.1 > 0""",
        target,
    )


def _chdb_alb(path: str, target: str) -> None:
    _chdb(
        f"""
        WITH splitByChar('"', line) AS q, splitByChar(' ', q[1]) AS a,
          splitByChar(' ', q[2]) AS r, splitByChar(' ', q[5]) AS t,
          splitByChar(' ', q[11]) AS m
        SELECT a[1] AS type, parseDateTime64BestEffort(a[2], 6, 'UTC') AS time,
          a[3] AS elb,
          substring(a[4], 1, length(a[4]) - position(reverse(a[4]), ':')) AS client,
          a[5] AS target, toFloat64(a[6]) AS rpt, toFloat64(a[7]) AS tpt,
          toFloat64(a[8]) AS spt, toUInt16(a[9]) AS status,
          toUInt16OrNull(a[10]) AS target_status, toInt64(a[11]) AS received,
          toInt64(a[12]) AS sent, r[1] AS method, r[2] AS url, r[3] AS protocol,
          q[4] AS agent, t[2] AS cipher, t[3] AS tls, t[4] AS `group`, q[6] AS trace,
          q[8] AS domain, m[2] AS priority, q[12] AS actions, q[14] AS redirect,
          q[16] AS error, q[18] AS targets, q[20] AS statuses, q[22] AS class,
          trim(q[25]) AS conn
        FROM file('{path}', 'LineAsString', 'line String')
        WHERE length(q) >= 25""",
        target,
    )


# -- polars ---------------------------------------------------------------------
def _polars_nginx(path: str, target: str) -> None:
    import polars as pl

    c = pl.col
    quoted = (
        pl.scan_lines(path, name="line")
        .select(q=c("line").str.split_exact('"', 7))
        .unnest("q")
        .filter(c("field_4") == " ", c("field_6") == "", c("field_7").is_null())
    )
    fields = quoted.select(
        head=c("field_0").str.split_exact(" ", 5),
        request=c("field_1").str.splitn(" ", 3),
        answer=c("field_2").str.split_exact(" ", 3),
        referrer=c("field_3"),
        agent=c("field_5"),
    )
    stamp = c("head").struct[3] + c("head").struct[4]
    rows = fields.select(
        "referrer",
        "agent",
        time=stamp.str.to_datetime(
            "[%d/%b/%Y:%H:%M:%S%z]", time_unit="us", strict=False
        ),
        client=c("head").struct[0],
        method=c("request").struct[0],
        target=c("request").struct[1],
        protocol=c("request").struct[2],
        status=c("answer").struct[1].cast(pl.UInt16, strict=False),
        sent=c("answer").struct[2].cast(pl.Int64, strict=False),
    )
    good = rows.filter(c("time").is_not_null(), c("status").is_not_null())
    good.sink_parquet(target, compression="zstd")


def _polars_syslog(path: str, target: str) -> None:
    import polars as pl

    c = pl.col
    lines = pl.scan_csv(
        path,
        has_header=False,
        schema={"line": pl.String},
        separator="\x01",
        quote_char=None,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )
    stamped = lines.select(
        time=("2025 " + c("line").str.slice(0, 15)).str.to_datetime(
            "%Y %b %e %H:%M:%S", time_unit="us", time_zone="UTC", strict=False
        ),
        rest=c("line").str.slice(16).str.splitn(" ", 2),
    ).filter(c("time").is_not_null())
    parts = stamped.select(
        "time",
        host=c("rest").struct[0],
        part=c("rest").struct[1].str.splitn(": ", 2),
    )
    tagged = parts.select(
        "time",
        "host",
        tag=c("part").struct[0].str.splitn("[", 2),
        message=c("part").struct[1],
    )
    rows = tagged.select(
        "time",
        "host",
        "message",
        process=c("tag").struct[0],
        pid=c("tag").struct[1].str.strip_suffix("]").cast(pl.Int32, strict=False),
    )
    rows.filter(c("message").is_not_null()).sink_parquet(target, compression="zstd")


def _polars_waf(path: str, target: str) -> None:
    import polars as pl

    c, text, items, record = pl.col, pl.String, pl.List, pl.Struct
    request = {
        "clientIp": text,
        "country": text,
        "headers": items(record({"name": text, "value": text})),
        "uri": text,
        "args": text,
        "httpMethod": text,
    }
    rule = record({"ruleId": text, "action": text})
    schema = {
        "timestamp": pl.Int64,
        "action": text,
        "terminatingRuleId": text,
        "terminatingRuleType": text,
        "responseCodeSent": pl.Int32,
        "httpRequest": record(request),
        "ruleGroupList": items(record({"ruleGroupId": text, "terminatingRule": rule})),
        "labels": items(record({"name": text})),
    }
    # `json_decode` ends at the first record that is cut short: keep it from those.
    whole = pl.scan_lines(path, name="json").filter(c("json").str.ends_with("}"))
    rows = whole.select(d=c("json").str.json_decode(record(schema))).unnest("d")
    http, element = c("httpRequest").struct, pl.element().struct
    host = pl.element().filter(element.field("name").str.to_lowercase() == "host")
    rows.select(
        time=pl.from_epoch("timestamp", "ms").dt.replace_time_zone("UTC"),
        action="action",
        rule="terminatingRuleId",
        rule_type="terminatingRuleType",
        code="responseCodeSent",
        client=http.field("clientIp"),
        country=http.field("country"),
        method=http.field("httpMethod"),
        path=http.field("uri"),
        query=http.field("args"),
        host=http.field("headers").list.eval(host.struct.field("value")).list.first(),
        inner_rules=c("ruleGroupList").list.eval(
            element.field("terminatingRule").struct.field("ruleId").drop_nulls()
        ),
        labels=c("labels").list.eval(element.field("name")),
    ).sink_parquet(target, compression="zstd")


def _polars_alb(path: str, target: str) -> None:
    import polars as pl

    c = pl.col
    numbers = {"rpt": pl.Float64, "tpt": pl.Float64, "spt": pl.Float64}
    numbers |= {"elb_status": pl.UInt16, "received": pl.Int64, "sent": pl.Int64}
    rows = pl.scan_csv(
        path,
        has_header=False,
        separator=" ",
        quote_char='"',
        schema={name: numbers.get(name, pl.String) for name in _ALB},
        missing_columns="insert",
        encoding="utf8-lossy",
    ).filter(c("class_reason").is_not_null())
    request = c("request").str.splitn(" ", 3).struct
    client = c("client").str.strip_chars_end("0123456789").str.strip_suffix(":")
    rows.with_columns(
        time=c("time").str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"
        ),
        client=client,
        target_status=c("target_status").cast(pl.UInt16, strict=False),
        method=request[0],
        url=request[1],
        protocol=request[2],
    ).rename({"elb_status": "status"}).drop(
        "request", "created", "cert", "class_reason", "f31", "f32", "f33"
    ).sink_parquet(target, compression="zstd")


Query = Callable[[str, str], None]
_QUERIES: dict[tuple[str, str], Query] = {
    ("duckdb", "nginx"): _duckdb_nginx,
    ("duckdb", "syslog"): _duckdb_syslog,
    ("duckdb", "waf"): _duckdb_waf,
    ("duckdb", "alb"): _duckdb_alb,
    ("chdb", "nginx"): _chdb_nginx,
    ("chdb", "syslog"): _chdb_syslog,
    ("chdb", "waf"): _chdb_waf,
    ("chdb", "alb"): _chdb_alb,
    ("polars", "nginx"): _polars_nginx,
    ("polars", "syslog"): _polars_syslog,
    ("polars", "waf"): _polars_waf,
    ("polars", "alb"): _polars_alb,
}

if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
