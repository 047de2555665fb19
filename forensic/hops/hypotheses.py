"""Who may have answered, ranked, with what speaks for and against each."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops.absence import Silence
from forensic.hops.explain import NAMES
from forensic.hops.question import Question
from forensic.wish import OUTER, Wish

__all__ = ["ranked"]

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
        balancer = quiet.get("load_balancer")
        if hop == "waf" and balancer and balancer.covered and not balancer.seen:
            against.append(
                "the load balancer's log would have what a WAF ended there: only one"
                " in front of it can have answered"
            )
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
        if found.height and hop in told:
            against = []  # its record is there, with a stamp of another moment perhaps
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
