"""A response that a user saw and no log has ▶ the verdict: who can have given it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops.absence import NO_SUCH, Silence
from forensic.hops.explain import NAMES
from forensic.hops.question import Question
from forensic.hops.when import zone_name
from forensic.wish import OUTER, Wish

__all__ = ["elsewhen", "unseen"]

#: Which outer hop is likeliest to make a status of its own, likeliest first.
_LIKELY = {
    202: ["waf", "load_balancer", "cdn"],
    401: ["load_balancer", "waf", "cdn"],
    403: ["waf", "load_balancer", "cdn"],
    405: ["waf", "load_balancer", "cdn"],
    429: ["waf", "cdn", "load_balancer"],
}
#: What a proxy answers itself where the server behind it takes too long.
_GIVEN_UP = {502, 503, 504}
_LEFT = 499
#: What a line shows of a hop whose log does not have the moment.
_OTHER = "was logging at another moment"
_ELSE = ["load_balancer", "cdn", "waf"]


def unseen(
    question: Question,
    quiet: Mapping[str, Silence],
    gaps: pl.DataFrame,
    wish: Wish,
) -> dict[str, Any]:
    """The verdict on a response that the user reports and that no log has."""
    candidates, excluded = _candidates(question, quiet)
    web = quiet.get("web_server")
    evidence: list[dict[str, Any]] = []
    passed = _let_pass(quiet.get("waf"))
    for hop in (
        "web_server",
        "application",
        "app_server",
        *(["waf"] if passed else []),
    ):
        silence = quiet.get(hop)
        if silence is not None:
            evidence += _heard(silence)
    known = _known_gaps(question, gaps)
    what = _what(question)
    fronts = [hop for hop in ("load_balancer", "waf") if _ruled_out(quiet.get(hop))]
    if web is not None and excluded and "load_balancer" in fronts:
        names = " and ".join(NAMES[hop] for hop in [*reversed(fronts), "web_server"])
        sentence = (
            f"No log has {what}, although those of {names} cover that"
            " time: a hop in front of them answered it, or the time, the path or the"
            " status is another."
        )
        confidence = "weak"
    elif web is not None and excluded:
        sentence = _outside(question, web)
        confidence = "weak"
    elif question.start is None:
        sentence = f"No log of the archive has {what}."
        sentence += _otherwise(quiet)
        confidence = "none"
    elif not quiet:
        sentence = (
            "No log of requests in the archive covers that moment: who answered"
            f" {what} cannot be told."
        )
        confidence = "none"
    else:
        sentence = f"No record of {what} was found at that time."
        sentence += _otherwise(quiet) + _without(quiet)
        if _given_up(question, quiet):
            sentence += (
                " So what stands in front of it stopped waiting for the answer, and the"
                f" {question.status} is likely its own: its log tells."
            )
        confidence = "weak"
    sentence += web.why if web is not None else ""
    likely = ", then ".join(NAMES[hop] for hop in candidates[:3])
    likely = f" Likeliest: {likely}." if quiet else ""
    missing = [hop for hop in candidates if hop not in quiet or not quiet[hop].covered]
    # Where the log of an inner hop is likelier to have it, that is asked for first.
    outer = [hop for hop in candidates if hop in OUTER and hop in missing]
    first = outer if not candidates or candidates[0] in OUTER else []
    return {
        "answered_by": "unknown",
        "candidates": candidates,
        "cause": "unknown",
        "rule": None,
        "confidence": confidence,
        "sentence": f"{sentence}{passed}{likely}{known}",
        "evidence": evidence,
        "missing": missing,
        "count": 0,
        "ask_for": [
            *(web.ask_for if web is not None else []),
            *_torn(question, gaps),
            *(wish(hop) for hop in first),
        ],
    }


def elsewhen(question: Question, missing: Sequence[str], sources: pl.DataFrame) -> str:
    """The sentences on missing logs that the archive has, but of another time.

    Who exports a log by a clock of another zone gets other hours than those asked.
    """
    if question.start is None or question.end is None:
        return ""
    told = ""
    for hop in missing:
        own = sources.filter(pl.col("hop").cast(pl.String) == hop)
        first, last = own["first_time"].min(), own["last_time"].max()
        if not isinstance(first, datetime) or not isinstance(last, datetime):
            continue
        if first < question.end and question.start <= last:
            continue
        late = first >= question.end
        how, when = ("begins only", first) if late else ("ends", last)
        told += f" The log of {NAMES[hop]} {how} at {when:%Y-%m-%d %H:%M} UTC."
        read = question.start + timedelta(seconds=question.offset)
        if question.offset and first <= read <= last:
            told = told[:-1] + (
                f": it has {read:%H:%M} UTC, not {read:%H:%M}"
                f" {zone_name(question.offset)}, and may have been exported by the"
                " wrong clock."
            )
    return told


def _candidates(
    question: Question, quiet: Mapping[str, Silence]
) -> tuple[list[str], list[str]]:
    """Hops that can have answered, likeliest first, and those that are ruled out."""
    order = _LIKELY.get(question.status or 0, _ELSE)
    front = [hop for hop in order if not _denied(quiet.get(hop), question)]
    late = [hop for hop in order if hop not in front]
    inner = [
        hop
        for hop in ("web_server", "application")
        if not (silence := quiet.get(hop)) or not silence.covered
    ]
    web = quiet.get("web_server")
    if web is not None and web.likely:
        front.insert(0, inner.pop(inner.index("web_server")))
    if web is not None and web.covered and not web.seen:
        return [*front, *late], ["web_server", "app_server", "application"]
    if _given_up(question, quiet):
        balancers = [hop for hop in _ELSE if hop in {*front, *late}]
        return balancers, []
    if web is not None and web.seen:
        return [*front, *late, *inner], []
    # Clients come straight to it, as far as its log goes: likelier that log lacks it.
    if web is not None and web.public and not web.likely:
        return [*inner, *front, *late], []
    # What the WAF let pass, it handed inwards.
    if not quiet or (web is None and _let_pass(quiet.get("waf"))):
        return [*inner, *front, *late], []
    return [*front, *late, *inner], []


def _given_up(question: Question, quiet: Mapping[str, Silence]) -> bool:
    """Whether the web server's client, which is a proxy, left before the answer.

    nginx writes 499 then, and whoever asked the proxy got an error of its own.
    """
    web = quiet.get("web_server")
    left = web is not None and web.private and web.statuses == [_LEFT]
    return left and question.status in _GIVEN_UP


def _denied(silence: Silence | None, question: Question) -> bool:
    """Whether a hop's log has the moment, and nothing of the path with that status.

    The path may be there with others: what the user saw came from elsewhere.
    """
    if silence is None or not silence.covered or question.status is None:
        return _ruled_out(silence)
    told = bool(silence.statuses) or silence.hop == "waf"
    return (told and question.status not in silence.statuses) or _ruled_out(silence)


def _ruled_out(silence: Silence | None) -> bool:
    """Whether a hop's own log covers the moment and does not have the request."""
    return silence is not None and silence.covered and not silence.seen


def _known_gaps(question: Question, gaps: pl.DataFrame) -> str:
    """What the gap table says about that moment, in words."""
    if question.start is None:
        return ""
    within = (pl.col("start") < question.end) & (pl.col("end") > question.start)
    rows = gaps.filter((pl.col("kind") != "absent") & within.fill_null(value=False))
    texts = rows.sort("hop", "start", "source")["detail"].drop_nulls().to_list()
    return "".join(f" {text}" for text in texts[:3])


def _heard(silence: Silence) -> list[dict[str, Any]]:
    """The lines that show what a hop was doing, and what each shows."""
    name = silence.hop.replace("_", " ")
    if not silence.seen:
        role = f"{name} {NO_SUCH}" if silence.covered else f"{name} {_OTHER}"
        return [{"role": role} | line for line in silence.proof]
    role = f"{name} has the path {silence.when}"
    return [
        {name: value for name, value in line.items() if name != "status"}
        | {"role": role if line["status"] is None else f"{role}, with {line['status']}"}
        for line in silence.seen
    ]


def _otherwise(quiet: Mapping[str, Silence]) -> str:
    """With which statuses the hops logged the path, a sentence each."""
    told = ""
    for silence in quiet.values():
        name = NAMES.get(silence.hop, silence.hop)
        statuses = ", ".join(map(str, silence.statuses))
        if statuses:
            told += f" {name[0].upper()}{name[1:]} logged that path with {statuses}."
    return told


def _without(quiet: Mapping[str, Silence]) -> str:
    """How much the logs hold that cover the moment without the path, a sentence each.

    Those whose silence proves nothing say so elsewhere.
    """
    told = ""
    for silence in quiet.values():
        if not _ruled_out(silence) or silence.why or not silence.inside:
            continue
        name = NAMES.get(silence.hop, silence.hop)
        count = plural(silence.inside, "record")
        told += f" {name[0].upper()}{name[1:]}'s log has {count} {silence.when}, and"
        told += " none of it."
    return told


def _torn(question: Question, gaps: pl.DataFrame) -> list[str]:
    """Whole copies of the files that are cut short before that moment."""
    if question.end is None:
        return []
    before = pl.col("start") < question.end
    rows = gaps.filter((pl.col("kind") == "truncated") & before.fill_null(value=False))
    return rows.sort("source")["ask_for"].drop_nulls().to_list()


def _let_pass(waf: Silence | None) -> str:
    """The sentence that the WAF ended no request for that path, where its log has some.

    Its record of one that it ends has a status.
    """
    if waf is None or not waf.seen or waf.statuses:
        return ""
    return " The WAF let that path pass."


def _what(question: Question) -> str:
    """The response that is asked about, in words."""
    if question.status == 0:
        what = "a request without an answer (status 0)"
    elif question.path is not None:
        what = str(question.status or "an error")
    else:
        what = f"a response with {question.status}" if question.status else "an error"
    return what if question.path is None else f"{what} for {question.path}"


def _outside(question: Question, web: Silence) -> str:
    """The sentences on a response of which the web server shows that it had none.

    Where its clients are public, nothing need stand in front of it.
    """
    what = _what(question)
    if question.start is None:
        claim = (
            f"No log of the archive has {what}: an outer hop answered it, or it was at"
            " another time"
        )
    elif web.private:
        claim = f"An outer hop answered with {question.status or 'an error'}"
        claim += f" for {question.path}" if question.path else ""
    else:
        claim = (
            f"No log has {what} at that time: an outer hop answered it, or the time,"
            " the path or the status is another"
        )
    count = "no request" if not web.inside else plural(web.inside, "request")
    told = f"{claim}. The web server logged {count} {web.when}, and not this one."
    if web.private:
        told += (
            " All its clients have private addresses: something stands in front of it."
        )
    return told
