"""A question ▶ the answers that were no errors, and the tries that failed before them.

The request table holds errors only. Who asks about a request that succeeded, or about
one of which a failed try stayed hidden, is answered from the records themselves: made
into requests (`succeeded`) where a time and a path are asked, else alone (`served`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import polars as pl

from forensic.answers import CLIENT, hop_name
from forensic.hops import cut_short, loops, notes
from forensic.hops.correlate import correlate
from forensic.hops.explain import NAMES
from forensic.hops.match import Match, matches
from forensic.hops.moment import instant, settled
from forensic.hops.question import Question

__all__ = [
    "Sight",
    "around",
    "hidden",
    "served",
    "sighted",
    "succeeded",
]

#: Long enough for a request that waited for several upstreams.
_AROUND = timedelta(minutes=3)
_SECOND = timedelta(seconds=1)
_BY_STATUS = {502: "bad_gateway", 503: "upstream_refused", 504: "upstream_timeout"}
#: Error lines that are shown of a failed try.
_MOST = 3
#: Of an answer that had begun.
_CUT = r"while (?:reading upstream|proxying upgraded connection)"
_SEVERAL = re.compile(r", | : ")


def around(events: pl.LazyFrame, question: Question) -> pl.LazyFrame:
    """The events around the time asked, wide enough for all records of a request."""
    return events.filter(question.within(pl.col("time"), _AROUND))


def succeeded(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    sources: pl.DataFrame,
    question: Question,
) -> Match:
    """The requests that the question means, though they were no errors.

    None where it names no time or no path, or asks for an error. Where tries failed
    before some of them, only those: it is these that somebody asks about.
    """
    near = around(events, question)
    if question.start is None or question.path is None or question.failed:
        near = near.limit(0)
    every = correlate(near, clocks, sources, all_requests=True)
    match = matches(every, question, settled(clocks, sources), [])
    if match.far:
        return Match(match.rows.clear())
    tried = [bool(_tries(near, row)) for row in match.rows["evidence"].to_list()]
    if not any(tried):
        return match
    return match._replace(rows=match.rows.filter(pl.Series(tried)))


class Sight(NamedTuple):
    """A question made sharper by what the logs have, and what is to be said of it."""

    question: Question
    more: str = ""
    #: It is about redirects that lead back to themselves.
    circle: bool = False


def sighted(events: pl.LazyFrame, clocks: pl.DataFrame, question: Question) -> Sight:
    """A question without a time about the first response that fits, and that it is so.

    Where the logs have redirects that lead back to themselves, about these; one that
    names no path is about nothing else. As it was where it asks for an error.
    """
    if question.failed or (question.status is None and question.path is None):
        return Sight(question)
    aimed = question.start is not None and question.path is not None
    if not aimed and question.status is None:
        return Sight(question)
    turned = question.status is None or question.status in loops.REDIRECTS
    rows = _rows(events, clocks, question).drop_nulls("time")
    circle = loops.loop(rows) if turned else rows.clear()
    if circle.height:
        found = _round(circle, question)
        return found._replace(question=question) if aimed else found
    if aimed or question.path is None or not rows.height:
        return Sight(question)
    first = rows["time"][0]
    more = " Of several such responses it is the first." if rows.height > 1 else ""
    return Sight(replace(question, start=first, end=first + _SECOND), more)


def _round(circle: pl.DataFrame, question: Question) -> Sight:
    """A question about the first of these redirects, and that they are a circle."""
    first = circle.row(0, named=True)
    client = f"the client {first['client_ip']}" if first["client_ip"] else "a client"
    more = (
        f" It is the first of {circle.height} that sent {client} to {first['path']}"
        " again and again within ten seconds: these redirects lead back to themselves."
    )
    start = first["time"].replace(microsecond=0)
    there = replace(question, start=start, end=start + _SECOND, path=first["path"])
    return Sight(there, more, circle=True)


def _tries(
    events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]
) -> list[tuple[str, int]]:
    """The tries that failed before the answer: the upstream and its status."""
    places = pl.col("source").is_in([line["source"] for line in evidence])
    places &= pl.col("offset").is_in([line["offset"] for line in evidence])
    listed = pl.col("extra").str.contains('"upstream_status":"5', literal=True)
    rows = events.filter(places & listed).select("extra").collect(engine="streaming")
    return [one for extra in rows["extra"].to_list() for one in _failed(extra)]


def _failed(extra: str) -> list[tuple[str, int]]:
    record = orjson.loads(extra)
    statuses = _SEVERAL.split(record["upstream_status"])[:-1]
    addresses = _SEVERAL.split(record.get("upstream_addr") or "")
    addresses += ["an upstream"] * (len(statuses) - len(addresses))
    return [
        (address, int(status))
        for address, status in zip(addresses, statuses, strict=False)
        if status.isdecimal() and int(status) >= 500
    ]


def hidden(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    question: Question,
    verdict: Mapping[str, Any],
) -> dict[str, Any]:
    """What a failure that the status hides adds to the verdict; nothing without one.

    A try that failed before the answer, or an answer that broke off.
    """
    time = verdict["request"]["time"]
    if time is not None:
        question = replace(question, start=time, end=time + _SECOND)
    near = around(events, question)
    tries = _tries(near, verdict["evidence"])
    if not tries:
        return _broken_off(near, clocks, question, verdict)
    said = notes.collect(near, clocks)
    said = said.filter(question.matches_path() & (pl.col("hop") == "web_server"))
    address, status = tries[0]
    known = said["cause"].first()
    lines = said.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    return {
        "cause": known or _BY_STATUS.get(status, "bad_gateway"),
        "sentence": f"{verdict['sentence']} Before that, {address} had failed with"
        f" {status}, and the web server asked another: the client saw nothing of it"
        " but the time it took.",
        "lines": [{**line, "role": "error line of the failed try"} for line in lines],
    }


def _broken_off(
    near: pl.LazyFrame,
    clocks: pl.DataFrame,
    question: Question,
    verdict: Mapping[str, Any],
) -> dict[str, Any]:
    """What the web server says of an answer of which only a part came through."""
    web = pl.col("hop").cast(pl.String) == "web_server"
    rows = (
        near.filter(web & pl.col("message").str.contains(_CUT))
        .filter(pl.col("path") == pl.lit(verdict["request"]["path"], pl.String))
        .select("hop", "source", "line", "offset", "message", time=instant(clocks))
        .filter(question.within(pl.col("time"), _NEAR_BY))
        .collect(engine="streaming")
        .sort("time", "source", "offset")
    )
    if not rows.height:
        return _cut_short(near, verdict)
    lines = rows.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    cause, text = _how(rows["message"][0])
    return {
        "cause": cause,
        "sentence": verdict["sentence"] + text,
        "lines": [
            {**line, "role": "error line of the broken answer"} for line in lines
        ],
    }


def _how(message: str) -> tuple[str, str]:
    """The cause of an answer that broke off, by the web server's line, and in words."""
    late = "timed out" in message
    what = "sent no more of it in time" if late else "closed the connection within it"
    text = (
        f" The answer broke off: the web server's error log says its upstream {what}."
    )
    return "upstream_timeout" if late else "upstream_closed", text


def _cut_short(near: pl.LazyFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What a proxy's own record says of an answer of which only a part came through."""
    evidence = verdict["evidence"]
    places = pl.col("source").is_in([line["source"] for line in evidence])
    places &= pl.col("offset").is_in([line["offset"] for line in evidence])
    hop = pl.col("hop").cast(pl.String)
    rows = near.filter(places).select(*cut_short.COLUMNS, hop=hop)
    for row in cut_short.cut_short(rows.collect(engine="streaming")).to_dicts():
        more = cut_short.told(row["hop"], row["cut_words"], row["reason"])
        found = {"cause": row["cut"], "sentence": verdict["sentence"] + more}
        if cut_short.own(row["cut_words"]):
            return found | {"answered_by": row["hop"], "confidence": "strong"}
        # Why it broke off is told, whoever had begun it.
        unsure = verdict["confidence"] == "none"
        return found | ({"confidence": "weak"} if unsure else {})
    return {}


# -- by the records alone, where no request is made of them --------------------------
#: Actions of a load balancer ▶ the cause of an answer that it gave itself.
_OWN = {
    "redirect": "redirect",
    "authenticate": "redirect",
    "fixed-response": "fixed_response",
}
#: Proxies that name the server of each request for which they asked one.
_NAMING = ["haproxy", "haproxy_json", "envoy", "traefik"]
_NEAR_BY = timedelta(seconds=5)
_SHOWN = 3
_WORDS = 120


def served(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> dict[str, Any] | None:
    """The verdict on a response that the logs have and that is no error.

    None where an error is asked about, or where no log has such a response.
    """
    if question.status is None or question.failed:
        return None
    rows = _rows(events, clocks, question)
    if not rows.height:
        return None
    own = rows.filter(pl.col("cause").is_not_null())
    made = own if own.height else rows
    broken = cut_short.cut_short(made)
    made = broken if broken.height else made
    status, path = question.status, question.path or "any path"
    sent = made.group_by("hop", "action").len("n").sort("n", "hop", descending=True)
    told = [
        f"{n} of {NAMES.get(hop, 'a host')}" + (f" (action {action})" if action else "")
        for hop, action, n in sent.head(3).iter_rows()
    ]
    evidence = made.head(_SHOWN).select(
        "hop", "source", "line", "offset", "length", "time"
    )
    lines = [line | {"role": "record of the response"} for line in evidence.to_dicts()]
    failed, why, cut = _failure(events, clocks, question, made)
    said = f"The logs have {status} for {path}: {', '.join(told)}."
    return {
        "answered_by": "load_balancer" if own.height else "unknown",
        "candidates": [
            hop for hop in made["hop"].unique(maintain_order=True) if hop != CLIENT
        ],
        "cause": own["cause"].mode().sort()[0] if own.height else cut or "unknown",
        "rule": None,
        "confidence": "certain" if own.height else "weak" if cut else "none",
        "sentence": f"{said} It is no error, so that no more of it was followed from"
        f" hop to hop.{why}",
        **cut_short.as_verdict(broken, said, why),
        "evidence": [*lines, *failed],
        "missing": [],
        "count": rows.height,
        "ask_for": [],
    }


def _failure(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    question: Question,
    rows: pl.DataFrame,
) -> tuple[list[dict[str, Any]], str, str | None]:
    """The web server's error lines about such a request then, in words; the cause.

    That is known where they say that the answer broke off.
    """
    first = rows["time"].drop_nulls().first()
    if question.path is None or not isinstance(first, datetime):
        return [], "", None
    moment = replace(question, start=first, end=first + _SECOND)
    micros = pl.col("time").cast(pl.Datetime("us", "UTC"))
    said = notes.collect(around(events, moment), clocks).filter(
        question.matches_path()
        & (pl.col("hop") == "web_server")
        & moment.within(micros, _SECOND)
    )
    if not said.height:
        return [], "", None
    lines = said.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    words = str(said["message"][0]).split("\n", 1)[0][:_WORDS]
    text = (
        f" The web server's error log has a failure of such a request then ({words}):"
        " another try, or a page of its own, may have hidden it."
    )
    cut = None
    if re.search(_CUT, words):
        cut, text = _how(words)
    role = {"role": "error line about such a request"}
    return [line | role for line in lines], text, cut


def _rows(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> pl.DataFrame:
    """The responses asked for, by time, and the cause where one says it.

    The redirects, where the question names no status.
    """
    moment = instant(clocks)
    hop = hop_name()
    last = pl.col("action").str.extract(r"([^,]*)$")
    own = (hop == "load_balancer") & pl.col("upstream_status").is_null()
    unasked = pl.col("format").is_in(_NAMING) & pl.col("upstream").is_null()
    unasked &= pl.col("status").is_in(loops.REDIRECTS)
    turned = pl.when(unasked).then(pl.lit("redirect"))
    asked = pl.col("status").is_in(loops.REDIRECTS)
    if question.status is not None:
        asked = pl.col("status") == question.status
    return (
        events.filter(asked & question.matches_path())
        .with_columns(time=moment)
        .filter(question.within(pl.col("time"), _NEAR_BY))
        .select(
            *("source", "line", "offset", "length", "time", "action"),
            *("status", "client_ip", "path"),
            *cut_short.COLUMNS,
            hop=hop,
            cause=pl.when(own).then(
                pl.coalesce(last.replace_strict(_OWN, default=None), turned)
            ),
        )
        .collect(engine="streaming")
        .sort("time", "source", "offset", nulls_last=True)
    )
