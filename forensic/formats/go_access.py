"""Access lines of Go's smaller frameworks: chi, Fiber, and what is laid out as Gin's.

`2025/02/06 14:32:07 [id] "GET http://h/p HTTP/1.1" from 192.0.2.9:51 - 500 12B in 1ms`
is chi's; `14:32:07 | 500 | 1.2ms | 192.0.2.9 | GET | /p | error` Fiber's, which has no
date unless it is asked for one. chi's Recoverer prints a panic between them (its
recoverer.go), without a stamp, right before the line of the request that it ended.
"""

import polars as pl

from forensic.fields.columns import (
    go_seconds,
    json_extra,
    moments,
    target,
    without_port,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_DATE = r"[0-9]{4}[/-][0-9]{2}[/-][0-9]{2}"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_TOOK = r"((?:[0-9.]+(?:h|ms|m|s|µs|μs|us|ns))+)"
_CHI = (
    rf"^({_DATE} {_CLOCK}) (?:\[([^\]]{{1,120}})\] )?"
    r'"([A-Z]{3,16}) ([^ "]+) HTTP/([0-9.]+)" from ([^ ]+) - ([0-9]{3}) ([0-9]+)B in '
    rf"{_TOOK}$"
)
_CHI_NAMES = (
    "stamp request_id method target http_version client status sent took".split()
)
_PIPES = (
    rf"^\[?((?:{_DATE}[T ])?{_CLOCK}(?:\.[0-9]{{1,9}})?{_ZONE})\]? +\|"
    rf" *([0-9]{{3}}) *\| *{_TOOK} *\| *([0-9A-Fa-f.:]+) *\|"
    r' *([A-Z]{3,16}) *\|? *"?(/[^ |"]*)"? *(?:\| *(.*))?$'
)
_PIPES_NAMES = "stamp status took client method target message".split()
#: Of several lines: what was thrown, and the frames.
_PANIC = r"^ ?(panic: [\s\S]*)$"
_REFUSED = "no access line of these frameworks"


def _columns(lines: pl.Series, shape: str, names: list[str]) -> pl.DataFrame:
    found = lines.str.extract_groups(shape).struct.rename_fields(names).struct.unnest()
    dated = found["stamp"].str.contains(rf"^{_DATE}")
    text = found["stamp"].str.replace_all("/", "-", literal=True)
    stamps = moments(text.set(~dated.fill_null(value=False), None))
    url = target(pl.col("target"))
    kept = [n for n in ("request_id", "http_version", "message") if n in names]
    sent = pl.col("sent") if "sent" in names else pl.lit(None, pl.String)
    clock = pl.when(~pl.lit(dated)).then("stamp")
    return found.select(
        "method",
        *(pl.when(pl.col(n) != "-").then(n).alias(n) for n in kept),
        **url,
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=sent.cast(pl.Int64, strict=False),
        duration=go_seconds(pl.col("took")),
        extra=json_extra(clock=clock),
        refused=pl.when(pl.col("stamp").is_null()).then(pl.lit(_REFUSED)),
    )


def _panics(lines: pl.Series) -> pl.DataFrame:
    """The columns of a panic: no stamp, and no request."""
    message = lines.str.extract(_PANIC)
    thrown = pl.col("message").is_not_null()
    return pl.DataFrame({"message": message}).select(
        "message",
        level=pl.when(thrown).then(pl.lit("error")),
        reason=pl.when(thrown).then(pl.lit("exception")),
        refused=pl.when(~thrown).then(pl.lit(_REFUSED)),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of these lines."""
    return first_that_parses(
        lines,
        [
            lambda rows: _columns(rows, _CHI, _CHI_NAMES),
            lambda rows: _columns(rows, _PIPES, _PIPES_NAMES),
            _panics,
        ],
    )


FORMAT = Format(
    name="go_access",
    title="access log of chi, Fiber and their like",
    hop="application",
    reference="https://pkg.go.dev/github.com/go-chi/chi/v5/middleware; docs.gofiber.io",
    head=(
        rf'^(?:{_DATE} {_CLOCK} (?:\[[^\]]{{1,120}}\] )?"[A-Z]{{3,16}} [^"]*" from '
        rf"|\[?(?:{_DATE}[T ])?{_CLOCK}(?:\.[0-9]{{1,9}})?{_ZONE}\]? +\|"
        r" *[0-9]{3} *\|| ?panic: )"
    ),
    parse=parse,
    multiline=True,
    stamps_end=True,
)
