"""gunicorn's error log: `[2025-02-06 14:32:07 +0900] [812] [INFO] Booting worker …`.

The stamp has an offset, which makes it the best clock reference inside a syslog line.
What stands between two such lines is a traceback or the application's own output.
"""

import re

import numpy as np
import polars as pl

from forensic.fields import moments as stamps_at
from forensic.fields.columns import (
    by_value,
    moments,
    prefix,
    target,
)
from forensic.fields.names import names
from forensic.fields.octets import Octets
from forensic.fields.rowwise import first_that_parses, only_where, refused_where
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_HEAD = rf"\[{_STAMP}\] \[[0-9]{{1,10}}\] \[[A-Z]+\]"
_LINE = rf"\[(?P<stamp>{_STAMP})\] \[(?P<pid>[0-9]{{1,10}})\] \[(?P<level>[A-Z]+)\] ?"


#: The class of a message ▶ how the message begins.
_REASONS = {
    "worker_timeout": r"^WORKER TIMEOUT",
    "worker_sigkill": r"^Worker \(pid:\d+\) was sent SIGKILL",
    "worker_signal": r"^Worker \(pid:\d+\) was (?:sent|terminated)",
    "boot_failed": r"^Reason: |^(?:Worker|App) failed to (?:boot|load)"
    r"|^Worker \(pid:\d+\) exited with code [34]\b|^Exception in worker process",
    "worker_exited": r"^Worker \(pid:\d+\) exited|^Worker exiting",
    "error_handling_request": r"^Error handling request",
    "invalid_request": r"^Invalid request from ip=",
    "client_closed": r"^Ignoring (?:EPIPE|connection )"
    r"|^Socket error processing request|^Exception while reading client request",
    "booting_worker": r"^Booting worker",
    "starting": r"^(?:Starting gunicorn|Listening at:|Using worker:|Arbiter booted)",
    "handling_signal": r"^Handling signal:",
    "shutting_down": r"^Shutting down:",
    "bind_failed": r"^(?:Connection in use:|Can't connect to)",
}
#: Only messages that begin so have a class.
_CLASSED = (
    r"^(?:WORKER|Worker|Reason|App|Exception|Error|Invalid|Ignoring|Socket|Booting"
    r"|Starting|Listening|Using|Arbiter|Handling|Shutting|Connection|Can't|[A-Z]+ /)"
)
#: An access line behind the header is gunicorn_access's.
_ACCESS = r"^[^ ]* [^ ]+ [^ ]+ \[[0-9]{2}/[A-Z][a-z]{2}/"
_REQUEST = r"(?:Error handling request )?(?:(?P<method>[A-Z]{3,10}) )?"
#: Only messages that begin so may name a request.
_ASKS = r"^(?:Error handling |[A-Z]{3,10} )"
_SECONDS = len("2025-02-06 14:32:07")
_TARGET = r"^((?:/|https?://)[^ \n]*)(?:\n|$)"


def _classes(messages: pl.Series) -> pl.Series:
    """`reason` of each message, the first that it begins with."""
    left = pl.DataFrame({"message": messages}).with_row_index("row")
    found = []
    for reason, pattern in _REASONS.items():
        mine = left["message"].str.contains(pattern)
        found.append(left.filter(mine).select("row", reason=pl.lit(reason)))
        left = left.filter(~mine)
        if left.is_empty():
            break
    rest = left.select("row", reason=pl.lit(None, pl.String))
    return pl.concat([*found, rest]).sort("row")["reason"]


def _asked(messages: pl.Series) -> pl.DataFrame:
    """The request of `Error handling request /p` and of `GET /p`."""
    request = prefix(messages, _REQUEST)
    named = pl.col("method").is_not_null() | messages.str.starts_with("Error handling ")
    url = target(pl.when(named).then(pl.col("rest").str.extract(_TARGET, 1)))
    return request.select(
        pl.when(url["path"].is_not_null()).then("method").alias("method"), **url
    )


def _peers(messages: pl.Series) -> pl.DataFrame:
    ip = pl.col("message").str.extract(
        r"^Invalid request from ip=([0-9A-Fa-f:.]+): ", 1
    )
    return pl.DataFrame({"message": messages}).select(client_ip=ip)


def _facts(messages: pl.Series) -> pl.DataFrame:
    """`reason`, `client_ip` and the request of the messages that may have them."""
    asked = only_where(messages.str.contains(_ASKS), messages, _asked)
    invalid = messages.str.starts_with("Invalid request ")
    peers = only_where(invalid, messages, _peers)
    reason = _classes(messages).alias("reason")
    return pl.concat([asked, peers, reason.to_frame()], how="horizontal")


_BEHIND_STAMP = re.compile(rb"\] \[([0-9]{1,10})\] \[([A-Z]+)\] ")


def _cut(lines: pl.Series) -> pl.DataFrame:
    """The header's columns and the `message`, cut at fixed places."""
    octets = Octets.of(lines, partly=True)
    place = octets.start + 1
    local, fits = stamps_at.iso(octets.at(place, stamps_at.ISO), " ")
    place = place + _SECONDS
    offset, width = stamps_at.zone(octets, place + 1)
    fits &= (width == len("+0900")) & (octets.byte(place) == ord(" "))
    fits &= octets.byte(octets.start) == ord("[")
    place = place + len(" +0900")
    header = names(octets, place, fits, _BEHIND_STAMP)
    sure = header.found
    begins = np.where(sure, place + header.length, octets.end)
    pids, levels = (pl.Series(header.texts(n), dtype=pl.String) for n in (0, 1))
    return header.columns(pid=pids, level=levels).with_columns(
        stamps_at.naive(local).alias("local_time"),
        pl.Series("utc_offset", offset.astype(np.int32)),
        octets.cut(begins, octets.end).alias("message"),
        refused_where(~sure, "of another shape"),
    )


def _matched(lines: pl.Series) -> pl.DataFrame:
    """The header's columns and the `message`, by a regular expression."""
    head = prefix(lines, _LINE).rename({"rest": "message"})
    refused = pl.when(pl.col("message").is_null()).then(pl.lit("no gunicorn header"))
    stamps = moments(head["stamp"]).drop("zone")
    return pl.concat([head.drop("stamp"), stamps], how="horizontal").with_columns(
        refused=refused
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of gunicorn's own messages."""
    head = first_that_parses(lines, [_cut, _matched])
    message = head["message"]
    access = message.str.contains("[", literal=True)
    if access.any():
        access &= message.str.contains(_ACCESS)
    facts = only_where(message.str.contains(_CLASSED), message, _facts)
    parsed = pl.col("message").is_not_null()
    return pl.concat([head, facts], how="horizontal").select(
        "local_time",
        "utc_offset",
        *facts.columns,
        "message",
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        level=by_value(
            head["level"], lambda v: pl.DataFrame({"v": v.str.to_lowercase()})
        )["v"],
        flags=pl.when(parsed & pl.col("local_time").is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.coalesce(
            "refused", pl.when(pl.lit(access)).then(pl.lit("an access line"))
        ),
    )


FORMAT = Format(
    name="gunicorn_error",
    title="gunicorn error log",
    hop="app_server",
    reference="gunicorn/glogging.py: Logger.error_fmt, Logger.datefmt",
    head=f"^{_HEAD}",
    parse=parse,
    multiline=True,
    paths=r"(?i)gunicorn",
)
