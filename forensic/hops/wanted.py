"""A verdict and what the archive holds ▶ the logs that would tell more, by wish."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from forensic.census import span_of
from forensic.hops.inquiry import Inquiry
from forensic.hops.products import PLATFORMS
from forensic.hops.verdict import Span
from forensic.wish import Wish

__all__ = ["wishes"]

#: A log of failures need not hold the moment itself to cover it.
_AROUND = timedelta(minutes=5)
#: Logs in which a web server says why it answered so.
_REASONS = ["nginx_error", "apache_error", "lighttpd_error", "litespeed_error"]
#: Formats of web servers that write failures where they write requests.
_ONE_LOG = {"caddy", "iis"}
#: Causes that lie with the server behind a web server.
_OF_UPSTREAM = ("upstream", "bad_gateway")
#: What a load balancer says of a target that did not answer; the target says why.
_TARGET = {"target_connection_error", "target_timeout", "no_target"}
#: Causes of which a web server's log of errors has no word, or no more to say.
_TOLD = {
    "redirect",
    "served_itself",
    "client_closed",
    "worker_timeout",
    "out_of_memory",
    "worker_crashed",
    "boot_failed",
    "no_target",
}
#: How a web server speaks to what runs the application ▶ whose log that is; the wish
#: and the format have one name.
_PROTOCOLS = {"fastcgi": "php", "uwsgi": "uwsgi"}
#: A log of which hop it is.
_WHOSE = {"web_errors": "web_server"}


def wishes(
    inquiry: Inquiry,
    verdict: Mapping[str, Any],
    hops: Sequence[str],
    span: Span,
    wish: Wish,
) -> list[str]:
    """What to ask for: files of which only neighbours are there, then logs of hops.

    `hops` are those whose record is not there, `span` is when it happened.
    """
    behind = _behind(inquiry, verdict, span)
    wanted = list(dict.fromkeys([*hops, *behind]))
    lost = [
        (hop, file)
        for hop, file in _holes(inquiry.gaps, span)
        if hop in {*wanted, verdict["answered_by"]}
    ]
    named = {hop for hop, _ in lost}
    rest = [hop for hop in wanted if _WHOSE.get(hop, hop) not in named]
    if "web_server" in rest and "web_errors" in rest:
        rest.remove("web_errors")  # the same log, asked for twice
    return [*(file for _, file in lost), *map(wish, rest)]


def _behind(inquiry: Inquiry, verdict: Mapping[str, Any], span: Span) -> list[str]:
    """The logs that would tell why it was answered so, where none of them is there."""
    by, cause = verdict["answered_by"], verdict["cause"]
    failed = by == "web_server" and cause.startswith(_OF_UPSTREAM)
    silent = by == "load_balancer" and cause in _TARGET
    open_ = by == "web_server" and cause not in _TOLD
    open_ &= not inquiry.formats & _ONE_LOG
    wanted = []
    if open_ and verdict["confidence"] != "certain" and not _explained(inquiry, span):
        wanted.append("web_errors")
    if failed or silent or cause == "lambda_error":
        here = {*inquiry.counts["hop"].drop_nulls()}
        if silent and "web_server" not in here and not inquiry.formats & {*PLATFORMS}:
            wanted.append("web_server")
        spoken = _spoken(inquiry, verdict) if failed else None
        if spoken is not None:
            wanted += [spoken] if spoken not in inquiry.formats else []
        elif not here & {"app_server", "application"}:
            wanted.append("lambda" if cause == "lambda_error" else "application")
    if by == "application" and cause == "exception" and verdict["confidence"] == "weak":
        wanted.append("application")  # no log that has its exceptions is here
    return wanted


def _spoken(inquiry: Inquiry, verdict: Mapping[str, Any]) -> str | None:
    """What the web server speaks FastCGI or uwsgi with, by its own error line."""
    lines = [line for line in verdict["evidence"] if line["hop"] == "web_server"]
    places = pl.col("source").is_in([line["source"] for line in lines])
    places &= pl.col("offset").is_in([line["offset"] for line in lines])
    protocol = pl.col("extra").str.extract(r'"protocol":"(\w+)"')
    rows = inquiry.events.filter(places).select(protocol.alias("protocol"))
    found = rows.collect(engine="streaming")["protocol"].drop_nulls()
    return _PROTOCOLS.get(found[0]) if found.len() else None


def _holes(gaps: pl.DataFrame, span: Span) -> list[tuple[str, str]]:
    """Hop and wish of what is not there of logs that are, at that moment."""
    first, last = span
    if first is None or last is None:
        return []
    there = (pl.col("start") <= last) & (pl.col("end") >= first)
    found = gaps.filter((pl.col("kind") == "rotation_hole") & there)
    rows = found.sort("hop", "start", "source").select(
        pl.col("hop").cast(pl.String), "ask_for"
    )
    return list(dict.fromkeys(rows.drop_nulls().iter_rows()))


def _explained(inquiry: Inquiry, span: Span) -> bool:
    """Whether a log of reasons was written before that moment and after it."""
    told = inquiry.counts.filter(pl.col("format").is_in(_REASONS))
    ends = span_of(told)
    if ends is None or span[0] is None:
        return False
    return ends[0] - _AROUND <= span[0] <= ends[1] + _AROUND
