"""The requests that a question means ▶ the verdict on them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops import journey
from forensic.hops.absence import NO_SUCH, Silence
from forensic.hops.explain import NAMES
from forensic.hops.match import Match

__all__ = ["Span", "of_requests", "once", "with_why"]

Span = tuple[datetime | None, datetime | None]

_ORDER = ["certain", "strong", "weak", "none"]
_LOWER = {"certain": "strong", "strong": "weak"}
#: Of so many hosts one may be collected, and tell for all.
_HOSTS = 4
#: So many paths that were not found weigh as much as one other answer.
_GUESSES = 10
#: Coverage lines that back an answer up: enough to check, few enough to read.
_BACKING = 3
#: Other answers that are told: a question without a time may mean any of them.
_SAID = 2
#: Errors of one kind that are further apart than this are of two incidents.
_PAUSE = timedelta(minutes=30)
_OUTER = {"cdn", "waf", "load_balancer"}


def of_requests(
    match: Match, quiet: Mapping[str, Silence], events: pl.LazyFrame, *, asked: bool
) -> dict[str, Any]:
    """The verdict where the archive has the request itself, or one much like it."""
    found, groups = match.rows, _grouped(match.rows)
    top = groups.row(0, named=True)
    same = _same(found, top)
    best = same.filter(pl.col("confidence") == top["confidence"]).row(0, named=True)
    lines = journey.placed(events, best["evidence"], best["path"])
    others = _others(groups, found.height, asked=asked) if found.height > 1 else ""
    told = match.misfit + others + _backed(quiet, top, best)
    return {
        "answered_by": str(top["answered_by"]),
        "candidates": _candidates(groups, best),
        "cause": top["cause"],
        "rule": top["rule"],
        "confidence": _sure(match, best["confidence"], same),
        "sentence": best["explanation"] + told,
        "evidence": once(lines + _backing(quiet, top, best)),
        "missing": list(best["missing"]),
        "count": found.height,
        "ask_for": [],
        "request": best,
        "wanted": list(dict.fromkeys([*best["missing"], *_either(best)])),
        "span": _span(same, best["time"]),
    }


def _same(found: pl.DataFrame, top: Mapping[str, Any]) -> pl.DataFrame:
    """The requests that were answered so, however sure that is."""
    return found.filter(
        (pl.col("answered_by") == top["answered_by"])
        & (pl.col("cause") == top["cause"])
        & pl.col("rule").eq_missing(pl.lit(top["rule"], pl.String))
    ).with_columns(pl.col("confidence").cast(pl.String))


def _span(same: pl.DataFrame, time: datetime | None) -> Span:
    """From the first to the last of the requests that are no more than a pause apart.

    Of those the ones around that time: other logs are wanted of one incident at once.
    """
    if time is None:
        return None, None
    times = same["time"].drop_nulls().sort()
    incident = (times.diff() > _PAUSE).fill_null(value=False).cum_sum()
    own = times.filter(incident == incident.filter(times == time).first())
    return own.first(), own.last()  # type: ignore[return-value]


def _sure(match: Match, confidence: str, same: pl.DataFrame) -> str:
    """How sure the answer to the question is: less where others fit, or it fits ill.

    Least of all where as many had the same status from another hop.
    """
    found = match.rows
    alike = found.filter(pl.col("status").is_in(same["status"].implode()))
    share = same.height / found.height
    tied = same.height * 2 <= alike.height
    if match.close and confidence == "certain":
        confidence = "strong"
    misfit = match.misfit and not match.close
    for doubt in (share < 0.8 or misfit, share < 0.5 or tied):
        confidence = _LOWER.get(confidence, confidence) if doubt else confidence
    return "weak" if match.far and confidence == "strong" else confidence


def _backed(
    quiet: Mapping[str, Silence], top: Mapping[str, Any], best: Mapping[str, Any]
) -> str:
    """What the logs of the hops behind add, in words."""
    web = quiet.get("web_server")
    if top["answered_by"] not in _OUTER or not web or not web.covered:
        return ""
    if "web_server" in _came(best):
        return ""  # with a status of its own, perhaps
    if web.seen:
        passed = [str(status) for status in web.statuses if status < 400]
        if not passed:
            return ""
        statuses = ", ".join(passed)
        return f" Others came through: the web server has that path with {statuses}."
    if not web.inside:
        return ""  # that it served nobody then says nothing of this one
    private = ", from private addresses only" if web.private else ""
    others = plural(web.inside, "other request")
    return (
        f" The web server logged {others} in that time{private},"
        " and not this one: it never came that far."
    )


def _came(best: Mapping[str, Any]) -> set[str]:
    """The hops that have a record of the request, or lines about it."""
    return {line["hop"] for line in best["evidence"]}


def _grouped(found: pl.DataFrame) -> pl.DataFrame:
    """Who answered the requests that are meant, the most frequent answer first.

    Of as many, a server's failure comes before a refusal. Of several paths, those
    that were not found are anybody's guesses.
    """
    group = ["answered_by", "cause", "rule", "confidence"]
    guesses = (pl.col("status") == 404).all() & (found["path"].n_unique() > 1)
    return (
        found.with_columns(pl.col("confidence").cast(pl.String))
        .group_by(group)
        .agg(
            count=pl.len(),
            failed=(pl.col("status") >= 500).any(),
            guesses=guesses,
            sites=pl.col("host").str.replace(r":\d+$", "").drop_nulls().unique().sort(),
        )
        .with_columns(
            rank=pl.col("confidence").replace_strict(
                _ORDER, list(range(len(_ORDER))), return_dtype=pl.Int64
            ),
            total=pl.col("count").sum().over("answered_by", "cause", "rule"),
        )
        .with_columns(
            # Of those that another host answered no log tells: no word against.
            weight=pl.col("total")
            / pl.when(pl.col("answered_by") == "unknown").then(_HOSTS).otherwise(1)
            / pl.when("guesses").then(_GUESSES).otherwise(1)
        )
        .sort(
            "weight",
            "failed",
            "rank",
            "answered_by",
            "cause",
            "rule",
            descending=[True, True, False, False, False, False],
            nulls_last=True,
        )
    )


def _others(groups: pl.DataFrame, count: int, *, asked: bool) -> str:
    """How many of the requests that fit were answered so, and what the others were."""
    group = ["answered_by", "cause", "rule"]
    whole = groups.group_by(group).agg(pl.col("sites").explode().drop_nulls().unique())
    answers = (
        groups.unique(group, maintain_order=True)
        .drop("sites")
        .join(whole, on=group, nulls_equal=True, maintain_order="left")
    )
    top, *rest = answers.to_dicts()
    if not (asked or rest):
        return f" {count} requests were answered so."
    if not rest:
        every = "Both" if count == 2 else f"All {count}"
        return f" {every} requests that fit were answered so."
    were = "was" if top["total"] == 1 else "were"
    fit = "fit" if asked else "failed alike"
    site = _sites(answers)
    text = (
        f" {count} requests {fit}; {top['total']} of them{site[0]} {were} answered so"
    )
    for other, where in zip(rest[:_SAID], site[1:], strict=False):
        hop = NAMES[str(other["answered_by"])]
        cause = str(other["cause"]).replace("_", " ")
        why = f"by rule {other['rule']}" if other["rule"] else f"({cause})"
        sure = "" if other["confidence"] == "certain" else f", {other['confidence']}"
        text += f", {other['total']}{where} by {hop} {why}{sure}"
    more = sum(other["total"] for other in rest[_SAID:])
    return text + (f", {more} otherwise." if more else ".")


def _sites(answers: pl.DataFrame) -> list[str]:
    """Of which site each group of answers is, in words; nothing where that is one."""
    sites = answers["sites"].to_list()
    apart = {site for (site,) in (s for s in sites if len(s) == 1)}
    told = len(apart) > 1 and all(len(site) <= 1 for site in sites)
    return [f" for {site[0]}" if told and len(site) else "" for site in sites]


def _candidates(groups: pl.DataFrame, best: Mapping[str, Any]) -> list[str]:
    """Who can have answered: where no record says it, the hops without a record.

    And a CDN that has the only one: it writes of its own errors as of its origin's.
    """
    named = groups["answered_by"].cast(pl.String).to_list()
    unnamed = _either(best) or best["missing"] if named[0] == "unknown" else []
    edge = ["cdn"] if named[0] == "unknown" and _came(best) == {"cdn"} else []
    hops = dict.fromkeys([*unnamed, *edge, *named])
    return [hop for hop in hops if hop != "unknown"] or ["unknown"]


def _either(best: Mapping[str, Any]) -> list[str]:
    """The two hops of which one gave an answer that only the web server has; or none.

    Its access log is there: what else it wrote, and the application, would tell.
    """
    open_ = best["answered_by"] == "unknown" and "application" in best["missing"]
    web = [line["hop"] for line in best["evidence"]][-1:] == ["web_server"]
    return ["application", "web_server"] if open_ and web else []


def _backing(
    quiet: Mapping[str, Silence], top: Mapping[str, Any], best: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Lines that prove that the hops behind the answering one were logging.

    None of a hop that has the request, nor of those behind it: it may lie there.
    """
    came = _came(best)
    if top["answered_by"] not in _OUTER or "web_server" in came:
        return []
    lines: list[dict[str, Any]] = []
    for inner in ("web_server", "application"):
        silence = quiet.get(inner)
        if silence and silence.covered and not silence.seen and inner not in came:
            role = f"{inner.replace('_', ' ')} {NO_SUCH}"
            lines += [line | {"role": role} for line in silence.proof[:_BACKING]]
    return lines


def with_why(verdict: Mapping[str, Any], more: str) -> str:
    """The verdict's sentence, with more behind the reason that the request has."""
    why = verdict["request"]["explanation"]
    return str(verdict["sentence"]).replace(why, why + more, 1)


def once(evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evidence without repetitions, times as text."""
    seen: dict[tuple[Any, Any], dict[str, Any]] = {}
    for line in evidence:
        time = line.get("time")
        plain = line | {"time": time.isoformat() if time else None}
        seen.setdefault((line["source"], line["offset"]), plain)
    return list(seen.values())
