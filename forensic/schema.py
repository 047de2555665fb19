"""The tables of a case: column ▶ dtype, one comment a column.

Other programs rely on these names (the contract): columns may be added, never
renamed. `SCHEMA_VERSION` rises when an existing column changes its meaning.
"""

import polars as pl

__all__ = [
    "CAUSES",
    "CLOCK",
    "CONFIDENCE",
    "EVENT",
    "GAP",
    "HOPS",
    "LEVELS",
    "NOT_WHOLE",
    "PARSED",
    "REQUEST",
    "SCHEMA_VERSION",
    "SOURCE",
    "UNPARSED",
    "VERDICTS",
    "YEARLESS",
]

SCHEMA_VERSION = 1

#: The year that a format writes into `local_time` where the stamp has none. It is a
#: leap year, so that 29 February survives; `clock` replaces it.
YEARLESS = 1904

#: From the client inwards. `host` is the machine itself (kernel, systemd, cron).
HOPS = [
    "cdn",
    "waf",
    "load_balancer",
    "web_server",
    "app_server",
    "application",
    "host",
]
CONFIDENCE = ["certain", "strong", "weak", "none"]
LEVELS = ["critical", "high", "medium", "low", "informational"]
SCOPES = [
    "public",
    "private",
    "shared",
    "loopback",
    "link_local",
    "unix",
    "other",
]
#: How whole a file of the evidence could be read.
VERDICTS = [
    "complete",
    "truncated",
    "unreadable",
    "unsupported",
    "over_budget",
    "changed",
]
#: Of those, the ones after which evidence is missing that the file should hold.
NOT_WHOLE = ["truncated", "unreadable", "over_budget", "changed"]
CAUSES = [
    "waf_rule",
    "no_target",
    "target_timeout",
    "target_connection_error",
    "client_closed",
    "bad_request",
    "fixed_response",
    "auth_failed",
    "waf_unavailable",
    "lambda_error",
    "access_forbidden",
    "file_not_found",
    "body_too_large",
    "rate_limited",
    "upstream_refused",
    "upstream_timeout",
    "upstream_closed",
    "bad_gateway",
    "cached_error",
    "no_route",
    "rewrite_cycle",
    "resources_exhausted",
    "configuration_error",
    "worker_timeout",
    "out_of_memory",
    "worker_crashed",
    "boot_failed",
    "exception",
    "application_response",
    "unknown",
]

_NAIVE = pl.Datetime("us")
_UTC = pl.Datetime("us", "UTC")
_HOP = pl.Enum(HOPS)
_BASIS = pl.Enum(["written", "inferred", "assumed"])
_CONFIDENCE = pl.Enum(CONFIDENCE)

#: One row an event, sorted by source, offset.
EVENT: dict[str, pl.DataType] = {
    # where it stands
    "source": pl.String(),  # path below the archive root; members follow `!/`
    "line": pl.Int64(),  # first physical line in the decompressed stream, from 1
    "lines": pl.Int32(),  # how many lines the event spans
    "offset": pl.Int64(),  # first byte in the decompressed stream
    "length": pl.Int64(),  # bytes, line ends included: the spans tile the stream
    # when it happened
    "time": _UTC,  # as far as known; null where it cannot be known
    "local_time": _NAIVE,  # the innermost stamp as written (year: see YEARLESS)
    "utc_offset": pl.Int32(),  # seconds; null where none is written
    "start_time": _UTC,  # when the request began: logged, or time - duration
    "envelope_time": _UTC,  # the envelope's stamp
    "envelope_local": _NAIVE,  # the envelope's stamp as written
    "envelope_offset": pl.Int32(),  # seconds; null where none is written
    "time_basis": _BASIS,  # where zone and year of `time` come from
    # who wrote it
    "format": pl.String(),  # the innermost format that parsed the line
    "hop": _HOP,
    "hostname": pl.String(),  # the machine, as the envelope names it
    "level": pl.String(),  # lower case
    "logger": pl.String(),
    "process": pl.String(),
    "pid": pl.Int64(),
    "message": pl.String(),  # without the prefix that is already in columns
    # the request
    "client_ip": pl.String(),  # the peer as logged
    "client_scope": pl.Enum(SCOPES),  # its address class
    "forwarded_for": pl.String(),  # X-Forwarded-For as logged
    "method": pl.String(),
    "scheme": pl.String(),
    "host": pl.String(),  # HTTP Host or server name
    "path": pl.String(),  # up to the first `?`, as logged, not decoded
    "query": pl.String(),  # after the first `?`; null without one
    "http_version": pl.String(),  # "1.1", "2.0"
    "status": pl.Int16(),  # what this hop sent
    "upstream_status": pl.Int16(),  # what the hop below answered (last of a list)
    "bytes_sent": pl.Int64(),
    "bytes_received": pl.Int64(),
    "duration": pl.Float64(),  # seconds; null for -1 and `-`
    "upstream_duration": pl.Float64(),  # seconds
    "upstream": pl.String(),  # address of the hop below
    "user_agent": pl.String(),
    "referrer": pl.String(),
    "user": pl.String(),
    "trace_id": pl.String(),  # X-Amzn-Trace-Id without `Root=`
    "request_id": pl.String(),
    # what was decided
    "action": pl.String(),  # WAF and load balancer: the action taken
    "rule": pl.String(),  # the rule that really ended it
    "rule_group": pl.String(),
    "rule_type": pl.String(),
    "labels": pl.List(pl.String()),
    "reason": pl.String(),  # the hop's own word for the cause
    # the rest
    "extra": pl.String(),  # JSON object of other fields that someone may need
    "flags": pl.List(pl.String()),  # duplicate_key, forgery_suspect, bad_time, …
}

#: What a format's `parse` may return: every EVENT column that does not follow from
#: the line's place in the file or from the clock, and `refused`.
PARSED: dict[str, pl.DataType] = {
    name: dtype
    for name, dtype in EVENT.items()
    if name
    not in {
        "source",
        "line",
        "lines",
        "offset",
        "length",
        "time",
        "envelope_time",
        "time_basis",
        "format",
        "client_scope",
    }
} | {
    "refused": pl.String(),  # why the line did not parse; null where it did
}

#: One row a line that no format could read.
UNPARSED: dict[str, pl.DataType] = {
    "source": pl.String(),
    "line": pl.Int64(),
    "offset": pl.Int64(),
    "length": pl.Int64(),
    "reason": pl.String(),
    "sha256": pl.String(),  # of the whole line's bytes
    "text": pl.String(),  # the first 512 bytes; invalid UTF-8 as \xhh
}

#: One row a file of the archive, also where it is no log.
SOURCE: dict[str, pl.DataType] = {
    "source": pl.String(),
    "path_bytes": pl.String(),  # base64 of the name as bytes, where it is not UTF-8
    "size": pl.Int64(),  # stored bytes
    "mtime": _UTC,  # as the copy has it; a hint at best
    "sha256": pl.String(),  # of the stored bytes
    "codec": pl.String(),  # plain, gzip, zstd, bzip2, xz
    "stream_size": pl.Int64(),  # decompressed bytes
    "stream_sha256": pl.String(),
    "encoding": pl.String(),  # as it is written; all but UTF-8 is converted
    "format": pl.String(),  # the outer format; null where none was recognised
    "payloads": pl.List(pl.String()),  # further formats found in it
    "hop": _HOP,
    "framing": pl.String(),  # lines or json
    "verdict": pl.Enum(VERDICTS),
    "detail": pl.String(),  # what is odd about it: one sentence, mostly of the verdict
    # the ledger: lines = the five kinds; bytes likewise
    "lines": pl.Int64(),
    "events_lines": pl.Int64(),
    "continuation_lines": pl.Int64(),
    "blank_lines": pl.Int64(),
    "header_lines": pl.Int64(),
    "unparsed_lines": pl.Int64(),
    "events": pl.Int64(),
    "events_bytes": pl.Int64(),
    "continuation_bytes": pl.Int64(),
    "blank_bytes": pl.Int64(),
    "header_bytes": pl.Int64(),
    "unparsed_bytes": pl.Int64(),
    "first_time": _UTC,
    "last_time": _UTC,
    "duplicate_of": pl.String(),  # the first source with the same stream
}

#: One row a span of a source over which one clock holds.
CLOCK: dict[str, pl.DataType] = {
    "source": pl.String(),
    "hostname": pl.String(),  # null: every host of the source
    "process": pl.String(),  # null: every program of the source
    "stamp": pl.Enum(["event", "envelope"]),  # which of an event's two stamps
    "first_line": pl.Int64(),
    "last_line": pl.Int64(),
    "utc_offset": pl.Int32(),  # seconds east of UTC; null: written on each line
    "zone": pl.String(),  # `+09:00`, or the zone's name where that is known
    "year": pl.Int16(),  # of the span; null: written on each line
    "skew": pl.Float64(),  # seconds that this clock is ahead of the reference
    "skew_low": pl.Float64(),
    "skew_high": pl.Float64(),
    "basis": _BASIS,
    "confidence": _CONFIDENCE,
    "method": pl.String(),  # the vote that decided
    "votes_for": pl.Int64(),
    "votes_against": pl.Int64(),
    "detail": pl.String(),  # one sentence: what voted for what
}

#: One row a response with status >= 400, or one over which hops disagree.
REQUEST: dict[str, pl.DataType] = {
    "time": _UTC,
    "status": pl.Int16(),  # what the client got
    "method": pl.String(),
    "host": pl.String(),
    "path": pl.String(),
    "query": pl.String(),
    "client_ip": pl.String(),
    "answered_by": pl.Enum([*(h for h in HOPS if h != "host"), "unknown"]),
    "cause": pl.String(),  # one of CAUSES
    "rule": pl.String(),  # for waf_rule
    "confidence": _CONFIDENCE,
    "evidence": pl.List(  # outermost hop first
        pl.Struct(
            {
                "hop": pl.String(),
                "source": pl.String(),
                "line": pl.Int64(),
                "offset": pl.Int64(),
            }
        )
    ),
    "missing": pl.List(pl.String()),  # hops whose record should exist and does not
    "explanation": pl.String(),  # one sentence
    "user_agent": pl.String(),
    "duration": pl.Float64(),  # seconds, at the outermost hop
}

#: One row a stretch of time for which evidence should exist and does not.
GAP: dict[str, pl.DataType] = {
    "hop": _HOP,
    "source": pl.String(),  # null: no source of this hop at all
    "kind": pl.String(),  # absent, gap, missing_object, rotation_hole, truncated
    "start": _UTC,
    "end": _UTC,
    "expected": pl.Float64(),  # events that the source's own rate would give
    "detail": pl.String(),
    "ask_for": pl.String(),  # which log, which window, from where
}
