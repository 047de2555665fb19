"""What may have happened, ranked, with what speaks for and against each."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops.absence import Silence
from forensic.hops.explain import NAMES
from forensic.hops.question import Question
from forensic.schema import NOT_WHOLE
from forensic.wish import OUTER

__all__ = ["NAMES", "Wish", "calm", "harmless", "ranked", "unread", "unseen"]

#: A hop ▶ the sentence that asks for its log of the time that is meant.
Wish = Callable[[str], str]
#: Which outer hop is likeliest to make a status of its own, likeliest first.
_LIKELY = {
    202: ["waf", "load_balancer", "cdn"],
    401: ["load_balancer", "waf", "cdn"],
    403: ["waf", "load_balancer", "cdn"],
    405: ["waf", "load_balancer", "cdn"],
    429: ["waf", "cdn", "load_balancer"],
}
_ELSE = ["load_balancer", "cdn", "waf"]
_MAKES = {
    "waf": {403: "a WAF answers a block with 403 unless told otherwise"},
    "load_balancer": {
        403: "a listener rule with a fixed response can answer 403",
        502: "a load balancer answers 502 when the target cuts the connection",
        503: "a load balancer answers 503 when no target is registered",
        504: "a load balancer answers 504 when the target is silent",
    },
    "cdn": {403: "a CDN answers 403 for its own geographic or access rules"},
}


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
    if web is not None and web.covered and not web.seen:
        return [*front, *late], ["web_server", "app_server", "application"]
    if web is not None and web.seen:
        return [*front, *late, *inner], []
    # What the WAF let pass, it handed inwards.
    if not quiet or (web is None and _let_pass(quiet.get("waf"))):
        return [*inner, *front, *late], []
    return [*front, *late, *inner], []


def _known_gaps(question: Question, gaps: pl.DataFrame) -> str:
    """What the gap table says about that moment, in words."""
    if question.start is None:
        return ""
    within = (pl.col("start") < question.end) & (pl.col("end") > question.start)
    rows = gaps.filter((pl.col("kind") != "absent") & within.fill_null(value=False))
    texts = rows.sort("hop", "start", "source")["detail"].drop_nulls().to_list()
    return "".join(f" {text}" for text in texts[:3])


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


#: Names of logs, and of files that are none.
_LOG = (
    r"(?i)(?:^|[^a-z])(?:access|error|app)?[_-]?(?:logs?|access|errors?|journal|trace)"
    r"(?:[^a-z]|$)|\.(?:out|err)$"
)
_NO_LOG = r"(?i)\.(?:conf|cfg|ini|ya?ml|toml|xml|html?|css|js|py|rb|php|go|java|sh|md)$"


def unread(sources: pl.DataFrame) -> str:
    """The sentences about what no answer rests on, as it could not be read.

    They name the longest file that looks like a log and has no format, and count those
    that were not read whole.
    """
    name = pl.col("source")
    unknown = pl.col("verdict").cast(pl.String) == "unsupported"
    named = name.str.contains(_LOG) & ~name.str.contains(_NO_LOG)
    text = pl.col("detail").ne_missing(pl.lit("binary data"))
    rows = sources.filter(unknown & named & text & (pl.col("lines") > 0))
    told = ""
    if rows.height:
        source, lines = rows.sort("lines", "source").select("source", "lines").row(-1)
        many = plural(lines, "line")
        told = f" {source} ({many}) could not be read: no format fits it."
    if hurt := _hurt(sources):
        told += f" {plural(hurt, 'file')} could not be read whole: an error may stand"
        told += " in what is missing."
    return told


def _hurt(sources: pl.DataFrame) -> int:
    """How many files hold evidence that could not be read."""
    return int(sources["verdict"].cast(pl.String).is_in(NOT_WHOLE).sum())


def harmless(requests: pl.DataFrame) -> str:
    """The sentence that all errors of an archive are refusals, no server's; or none."""
    status = requests["status"]
    if not (status >= 400).any() or (status >= 500).any() or status.has_nulls():
        return ""
    return " No response of 500 or above was logged."


def calm(
    events: pl.LazyFrame, gaps: pl.DataFrame, sources: pl.DataFrame
) -> dict[str, Any]:
    """The verdict on an archive without any error, where nothing was asked."""
    answers = events.select(pl.col("status").is_not_null().sum(), lines=pl.len())
    count, lines = answers.collect(engine="streaming").row(0)
    if count:
        several = f"all {count} responses logged have"
        every = "the one response logged has" if count == 1 else several
        seen = "No error in what could be read" if _hurt(sources) else "No error"
        sentence = f"{seen}: {every} a status below 400."
        absent = gaps.filter(pl.col("kind") == "absent")["hop"].cast(pl.String)
        if "load_balancer" in absent:
            sentence += (
                " What stands in front of the web server has no log here: errors of"
                " its own making would not be seen."
            )
    elif lines:
        sentence = (
            "The logs of the archive hold no responses: whether requests failed is not"
            " seen in them."
        )
    else:
        sentence = (
            "The archive holds no log that could be read: `forensic formats` lists what"
            " is known, and --log-format describes another."
        )
    return {
        "answered_by": "unknown",
        "candidates": [],
        "cause": "unknown",
        "rule": None,
        "confidence": "none",
        "sentence": sentence,
        "evidence": [],
        "missing": [],
        "count": 0,
        "ask_for": [],
    }


def _heard(silence: Silence) -> list[dict[str, Any]]:
    """The lines that show what a hop was doing, and what each shows."""
    name = silence.hop.replace("_", " ")
    if not silence.seen:
        role = f"{name} was logging and has no such request"
        return [line | {"role": role} for line in silence.proof]
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
        sentence += _otherwise(quiet)
        confidence = "weak"
    likely = ", then ".join(NAMES[hop] for hop in candidates[:3])
    likely = f" Likeliest: {likely}." if quiet else ""
    missing = [hop for hop in candidates if hop not in quiet or not quiet[hop].covered]
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
        "ask_for": [wish(hop) for hop in OUTER if hop in missing],
    }


def _about(
    hop: str, silence: Silence | None, question: Question
) -> tuple[list[str], list[str]]:
    """What that hop's own log says for and against it."""
    name = NAMES.get(hop, hop)
    if silence is None:
        here = "is in the archive" if question.start is None else "covers that moment"
        return [f"no log of {name} {here} to deny it"], []
    if silence.seen:
        return [f"{name}'s log has the path at that time"], []
    if silence.covered:
        records = plural(silence.inside, "record")
        text = f"{name}'s log has {records} {silence.when}, none of it"
        if hop == "load_balancer":
            text += " (its delivery is best effort, so one line can be lost)"
        if hop == "waf":
            text += " (a logging filter can leave records out)"
        return [], [text]
    return [f"{name}'s log does not cover that moment"], []


def _answered(hop: str, found: pl.DataFrame, *, missing: bool, told: bool) -> str:
    """What the requests that fit say for a hop."""
    count = int((found["answered_by"].cast(pl.String) == hop).sum())
    if count:
        return f"it answered {count} of {plural(found.height, 'matching request')}"
    if missing:
        return f"no record of {NAMES.get(hop, hop)} is there to deny it"
    if told:
        return "its configuration gives such an answer"
    return "its record has the answer, and does not say whether anything was asked"


def ranked(
    verdict: Mapping[str, Any],
    question: Question,
    quiet: Mapping[str, Silence],
    found: pl.DataFrame,
    wish: Wish,
) -> list[dict[str, Any]]:
    """One hypothesis a candidate, likeliest first."""
    web = quiet.get("web_server")
    told = {line["hop"] for line in verdict["evidence"]}
    listed = []
    for hop in verdict["candidates"]:
        reasons, against = _about(hop, quiet.get(hop), question)
        if hop not in quiet and hop in told:
            reasons = [f"{NAMES.get(hop, hop)}'s log has such a response"]
        known = _MAKES.get(hop, {}).get(question.status or 0)
        if known:
            reasons.append(known)
        if hop in OUTER and web and web.covered and not web.seen:
            others = plural(web.inside, "other request")
            reasons.append(f"the web server logged {others} {web.when}")
            if web.private:
                reasons.append("the web server sees private client addresses only")
            if web.public and hop not in quiet:
                against.append(
                    "the web server sees public client addresses: nothing stands in"
                    " front of it, or what does hands them on"
                )
        if found.height:
            lacks = hop in verdict["missing"]
            told_so = hop == verdict["answered_by"]  # by its configuration
            reasons = [_answered(hop, found, missing=lacks, told=told_so)]
        listed.append(
            {
                "hop": hop,
                "for": reasons,
                "against": against,
                # What the archive holds is not asked for again.
                "settled_by": wish(hop) if hop in verdict["missing"] else "",
            }
        )
    return listed
