"""A question and the tables ▶ the verdict: who, why, how sure, what is missing."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.hops import hypotheses, journey, success
from forensic.hops.absence import Silence, silences, whole
from forensic.hops.explain import NAMES
from forensic.hops.match import Match, fitting, matches, nearest, weightiest
from forensic.hops.meant import NO_ZONE, meant, zones_around
from forensic.hops.moment import settled
from forensic.hops.question import Question
from forensic.wish import ask, formats_of

__all__ = ["answer"]

_ORDER = ["certain", "strong", "weak", "none"]
_LOWER = {"certain": "strong", "strong": "weak"}
#: Of so many hosts one may be collected, and tell for all.
_HOSTS = 4
#: Coverage lines that back an answer up: enough to check, few enough to read.
_BACKING = 3
#: Other answers that are told: a question without a time may mean any of them.
_SAID = 2


def _asked(question: Question | None) -> dict[str, Any] | None:
    if question is None:
        return None
    return {
        "at": question.at,
        "start": question.start.isoformat() if question.start else None,
        "end": question.end.isoformat() if question.end else None,
        "zone_written": question.zone_written,
        "status": question.status,
        "path": question.path,
    }


def _grouped(found: pl.DataFrame) -> pl.DataFrame:
    """Who answered the requests that are meant, the most frequent answer first."""
    group = ["answered_by", "cause", "rule", "confidence"]
    return (
        found.with_columns(pl.col("confidence").cast(pl.String))
        .group_by(group)
        .agg(count=pl.len())
        .with_columns(
            rank=pl.col("confidence").replace_strict(
                _ORDER, list(range(len(_ORDER))), return_dtype=pl.Int64
            ),
            total=pl.col("count").sum().over("answered_by", "cause", "rule"),
        )
        .with_columns(
            # Of those that another host answered no log tells: no word against.
            weight=pl.when(pl.col("answered_by") == "unknown")
            .then(pl.col("total") / _HOSTS)
            .otherwise(pl.col("total"))
        )
        .sort(
            "weight",
            "rank",
            "answered_by",
            "cause",
            "rule",
            descending=[True, False, False, False, False],
            nulls_last=True,
        )
    )


def _others(groups: pl.DataFrame, count: int, *, asked: bool) -> str:
    """How many of the requests that fit were answered so, and what the others were."""
    answers = groups.unique(["answered_by", "cause", "rule"], maintain_order=True)
    top, *rest = answers.to_dicts()
    if not (asked or rest):
        return f" {count} requests were answered so."
    were = "was" if top["total"] == 1 else "were"
    fit = "fit" if asked else "failed alike"
    text = f" {count} requests {fit}; {top['total']} of them {were} answered so"
    for group in rest[:_SAID]:
        hop = NAMES[str(group["answered_by"])]
        cause = str(group["cause"]).replace("_", " ")
        why = f"by rule {group['rule']}" if group["rule"] else f"({cause})"
        sure = "" if group["confidence"] == "certain" else f", {group['confidence']}"
        text += f", {group['total']} by {hop} {why}{sure}"
    more = sum(group["total"] for group in rest[_SAID:])
    return text + (f", {more} otherwise." if more else ".")


def _lines(evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evidence without repetitions, times as text."""
    seen: dict[tuple[Any, Any], dict[str, Any]] = {}
    for line in evidence:
        time = line.get("time")
        plain = line | {"time": time.isoformat() if time else None}
        seen.setdefault((line["source"], line["offset"]), plain)
    return list(seen.values())


def _backing(quiet: Mapping[str, Silence], hop: str) -> list[dict[str, Any]]:
    """Lines that prove that the hops behind the answering one were logging."""
    outer = {"cdn", "waf", "load_balancer"}
    if hop not in outer:
        return []
    lines: list[dict[str, Any]] = []
    for inner in ("web_server", "application"):
        silence = quiet.get(inner)
        if silence and silence.covered and not silence.seen:
            role = f"{inner.replace('_', ' ')} was logging and has no such request"
            lines += [line | {"role": role} for line in silence.proof[:_BACKING]]
    return lines


def _candidates(groups: pl.DataFrame, missing: list[str]) -> list[str]:
    """Who can have answered: where no record says it, the hops without a record."""
    named = groups["answered_by"].cast(pl.String).to_list()
    unnamed = missing if named[0] == "unknown" else []
    hops = dict.fromkeys([*unnamed, *named])
    return [hop for hop in hops if hop != "unknown"] or ["unknown"]


def _from_requests(
    match: Match, quiet: Mapping[str, Silence], events: pl.LazyFrame, *, asked: bool
) -> dict[str, Any]:
    """The verdict where the archive has the request itself, or one much like it."""
    found, misfit = match.rows, match.misfit
    groups = _grouped(found)
    top = groups.row(0, named=True)
    same = found.filter(
        (pl.col("answered_by") == top["answered_by"])
        & (pl.col("cause") == top["cause"])
        & pl.col("rule").eq_missing(pl.lit(top["rule"], pl.String))
    ).with_columns(pl.col("confidence").cast(pl.String))
    best = same.filter(pl.col("confidence") == top["confidence"]).row(0, named=True)
    share = top["total"] / found.height
    confidence = best["confidence"]
    for doubt in (share < 0.8 or misfit, share < 0.5):
        confidence = _LOWER.get(confidence, confidence) if doubt else confidence
    if match.far and confidence == "strong":
        confidence = "weak"
    lines = journey.placed(events, best["evidence"])
    others = _others(groups, found.height, asked=asked) if found.height > 1 else ""
    return {
        "answered_by": str(top["answered_by"]),
        "candidates": _candidates(groups, best["missing"]),
        "cause": top["cause"],
        "rule": top["rule"],
        "confidence": confidence,
        "sentence": best["explanation"] + misfit + others + _backed(quiet, top, best),
        "evidence": _lines(lines + _backing(quiet, str(top["answered_by"]))),
        "missing": list(best["missing"]),
        "count": found.height,
        "request": best,
    }


def _backed(
    quiet: Mapping[str, Silence], top: Mapping[str, Any], best: Mapping[str, Any]
) -> str:
    """What the logs of the hops behind add, in words."""
    web = quiet.get("web_server")
    outer = {"cdn", "waf", "load_balancer"}
    if top["answered_by"] not in outer or not web or not web.covered:
        return ""
    if web.seen:
        known = {line["hop"] for line in best["evidence"]}
        passed = [str(status) for status in web.statuses if status < 400]
        if "web_server" in known or not passed:
            return ""
        statuses = ", ".join(passed)
        return f" Others came through: the web server has that path with {statuses}."
    private = ", from private addresses only" if web.private else ""
    others = hypotheses.plural(web.inside, "other request")
    return (
        f" The web server logged {others} in that time{private},"
        " and not this one: it never came that far."
    )


def _match(
    question: Question | None,
    asked: Question,
    tables: tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame],
) -> Match:
    """The requests that are meant; without a question those that weigh most."""
    events, requests, clocks = tables
    if question is None:
        return Match(weightiest(requests))
    bare = asked.start is not None and not asked.zone_written
    zones = zones_around(events) if bare else []
    return matches(requests, asked, clocks, zones)


def _plainer(sent: Mapping[str, Any], fine: Match) -> bool:
    """Whether the records' own word says more than what was made of them."""
    known = (fine.rows["answered_by"].cast(pl.String) != "unknown").any()
    return sent["answered_by"] != "unknown" or not known


def answer(
    events: pl.LazyFrame,
    requests: pl.DataFrame,
    clocks: pl.DataFrame,
    gaps: pl.DataFrame,
    sources: pl.DataFrame,
    question: Question | None = None,
) -> dict[str, Any]:
    """The contract's `verdict`, and `hypotheses` and `path` for `forensic why`.

    With a question: what the user saw, also where no log has it. Without: the most
    weighty error of the archive.
    """
    raw, clocks = clocks, settled(clocks, sources)
    formats = formats_of(events)
    asked, notes = meant(
        question or Question(),
        events,
        clocks,
        fitting(requests, question) if question else requests,
    )
    quiet = silences(events, clocks, asked)
    match = _match(question, asked, (events, requests, clocks))
    sent = None
    if question and (match.far or not match.rows.height):
        # An error some minutes off is not what was asked about, where this is.
        sent = success.served(events, clocks, asked)
        fine = success.succeeded(events, raw, sources, asked)
        if fine.rows.height and not (sent and _plainer(sent, fine)):
            match = fine
    if match.rows.height:
        verdict = _from_requests(match, quiet, events, asked=question is not None)
        if not (verdict["request"]["status"] or 0) >= 400:
            more = success.hidden(events, clocks, asked, verdict)
            lines = _lines(journey.placed(events, more.pop("lines", [])))
            verdict |= more | {"evidence": [*verdict["evidence"], *lines]}
    elif question is None:
        verdict = hypotheses.calm(events, gaps)
    elif sent:
        verdict = sent
        verdict["evidence"] = _lines(verdict["evidence"])
    else:
        quiet = quiet if asked.start else whole(events, clocks, asked)
        verdict = hypotheses.unseen(asked, quiet, gaps, formats)
        verdict["evidence"] = _lines(verdict["evidence"])
        verdict["sentence"] += nearest(requests, asked)
    if not match.rows.height:
        verdict["sentence"] += hypotheses.unread(sources)
    if question is None:
        verdict["sentence"] += hypotheses.harmless(requests)
    # Where another zone fits, that was said.
    other = match.misfit.startswith(NO_ZONE)
    told = [note for note in notes if not (other and note.startswith(NO_ZONE))]
    verdict["sentence"] += "".join(told)
    request = verdict.pop("request", None)
    wanted = [ask(hop, asked.start, asked.end, formats) for hop in verdict["missing"]]
    verdict["ask_for"] = list(dict.fromkeys([*verdict.get("ask_for", []), *wanted]))
    return {
        "question": _asked(asked if question else None),
        **verdict,
        "hypotheses": hypotheses.ranked(verdict, asked, quiet, match.rows, formats),
        "path": journey.path(events, clocks, request),
    }
