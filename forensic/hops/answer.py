"""A question and the tables ▶ the verdict: who, why, how sure, what is missing.

There are several ways to answer, from an error that fits to one that no log has: a
function each, tried in the order of `_WAYS`. What they say stands in `verdict`,
`success`, `unseen` and their like.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import polars as pl

from forensic.hops import cut_short, journey, success
from forensic.hops.absence import Silence, whole
from forensic.hops.banned import banned
from forensic.hops.calm import calm, harmless, unread
from forensic.hops.circumstances import circumstances
from forensic.hops.configured import configured
from forensic.hops.downtime import down_then, downtime
from forensic.hops.elsewhere import elsewhere
from forensic.hops.hypotheses import ranked
from forensic.hops.inquiry import Inquiry
from forensic.hops.inside import inside
from forensic.hops.kept_error import kept_error
from forensic.hops.labelled import labelled
from forensic.hops.login_check import login_check
from forensic.hops.match import AFLOAT, SLACK, Match
from forensic.hops.meant import NO_ZONE, dominant_offset
from forensic.hops.nearest import nearest
from forensic.hops.other_days import other_days
from forensic.hops.question import Question
from forensic.hops.sessions import sessions
from forensic.hops.slow_script import slow_script
from forensic.hops.summed import summed
from forensic.hops.supposed import supposed
from forensic.hops.unheard import unheard
from forensic.hops.unseen import elsewhen, unseen
from forensic.hops.unwritten import unwritten
from forensic.hops.verdict import Span, of_requests, once
from forensic.hops.wanted import wishes
from forensic.hops.web_acl import web_acl
from forensic.wish import OUTER, Wish, ask

__all__ = ["answer"]

_MINUTE = timedelta(minutes=1)
#: Zones are further apart than that.
_ABOUT = timedelta(minutes=15)


class _Told(NamedTuple):
    """A verdict, the requests that it rests on, and the silences beside it."""

    verdict: dict[str, Any]
    match: Match
    quiet: Mapping[str, Silence]


def answer(inquiry: Inquiry) -> dict[str, Any]:
    """The contract's `verdict`, and `hypotheses` and `path` for `forensic why`.

    With a question: what the user saw, also where no log has it. Without: the most
    weighty error of the archive.
    """
    tried = (way(inquiry) for way in _WAYS)
    return _complete(inquiry, next(told for told in tried if told is not None))


def _error(inquiry: Inquiry) -> _Told | None:
    """An error that fits the question; without a question, the most weighty one."""
    return None if inquiry.match.far else _error_nearby(inquiry)


def _inside(inquiry: Inquiry) -> _Told | None:
    """A request whose client got another status than the one that a hop logged."""
    match = inside(inquiry)
    return _of(inquiry, match) if match.rows.height else None


def _success(inquiry: Inquiry) -> _Told | None:
    """A request that fits and was no error, as the logs of all hops show it.

    None where the records alone say more.
    """
    if not inquiry.asked:
        return None
    sight = success.sighted(inquiry.events, inquiry.clocks, inquiry.question)
    tables = (inquiry.events, inquiry.raw_clocks, inquiry.sources)
    fine = success.succeeded(*tables, sight.question)
    if not fine.rows.height:
        return None
    fine = fine._replace(misfit=fine.misfit + sight.more)
    sent = success.served(inquiry.events, inquiry.clocks, inquiry.question)
    known = (fine.rows["answered_by"].cast(pl.String) != "unknown").any()
    plainer = sent and (sent["answered_by"] != "unknown" or not known)
    if plainer:
        return None
    told = _of(inquiry, fine)
    return told._replace(verdict=told.verdict | _circle(sight, told.verdict))


def _circle(sight: success.Sight, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What is the matter with an answer that sent its client round, if it is one."""
    own = verdict["cause"] in {"unknown", "redirect", "application_response"}
    return {"cause": "redirect_loop"} if sight.circle and own else {}


def _error_nearby(inquiry: Inquiry) -> _Told | None:
    """An error that fits, if only some minutes off: what is there may be meant."""
    return _of(inquiry, inquiry.match) if inquiry.match.rows.height else None


def _calm(inquiry: Inquiry) -> _Told | None:
    """That the archive has no error, or none by status, where nobody asked for one."""
    if inquiry.asked:
        return None
    found = cut_short.alone(inquiry.events, inquiry.clocks)
    quiet = calm(inquiry.events, inquiry.clocks, inquiry.gaps, inquiry.sources)
    return _bare(inquiry, found or quiet)


def _record(inquiry: Inquiry) -> _Told | None:
    """A response that fits and was no error, by its records alone."""
    asked = inquiry.question
    sight = success.sighted(inquiry.events, inquiry.clocks, asked)
    if asked.path is not None and not sight.circle:
        sight = success.Sight(asked)
    sent = success.served(inquiry.events, inquiry.clocks, sight.question)
    if sent is None:
        return None
    sent |= {"sentence": sent["sentence"] + sight.more} | _circle(sight, sent)
    return _bare(inquiry, sent)


def _session(inquiry: Inquiry) -> _Told | None:
    """Connections that failed, of which a proxy logs no requests."""
    tables = (inquiry.events, inquiry.clocks, inquiry.question)
    found = sessions(*tables, asked=inquiry.asked)
    return _bare(inquiry, found) if found else None


def _unseen(inquiry: Inquiry) -> _Told:
    """A response that no log has: who can have given it."""
    asked, quiet = inquiry.question, inquiry.quiet
    if asked.start is None:
        quiet = whole(inquiry.events, inquiry.clocks, asked)
        files = inquiry.configuration
        quiet = unwritten(quiet, asked, files, inquiry.events, inquiry.sources)
    wish = _wish(inquiry, (asked.start, asked.end))
    verdict = unseen(asked, quiet, inquiry.gaps, wish)
    verdict["sentence"] += elsewhen(asked, verdict["missing"], inquiry.sources)
    verdict["sentence"] += nearest(inquiry.requests, asked)
    tables = (inquiry.events, inquiry.clocks)
    verdict |= down_then(*tables, verdict, asked.status, asked.start)
    if not asked.status:  # whoever got a status was let in
        verdict |= banned(*tables, verdict, asked.start)
    return _bare(inquiry, verdict)._replace(quiet=quiet)


#: The first that answers is taken; the last one always does.
_WAYS: list[Callable[[Inquiry], _Told | None]] = [
    _error,
    _success,
    _inside,
    _error_nearby,
    _session,
    _calm,
    _record,
    _unseen,
]


def _of(inquiry: Inquiry, match: Match) -> _Told:
    """The verdict on requests that the logs have, errors or not."""
    events, quiet = inquiry.events, inquiry.quiet
    verdict = of_requests(match, quiet, events, asked=inquiry.asked)
    asked = inquiry.question
    then = verdict["request"]["time"]
    if then and not asked.covers(then, SLACK):
        # It is some minutes off, or of the hour that clocks showed twice.
        quiet = inquiry.quiet_at(then)
        verdict = of_requests(match, quiet, events, asked=inquiry.asked)
    verdict |= supposed(events, inquiry.raw_clocks, verdict, match, asked)
    verdict |= other_days(inquiry.requests, asked, verdict)
    verdict |= unheard(verdict, inquiry.gaps)
    verdict |= elsewhere(events, verdict)
    verdict |= kept_error(inquiry.requests, events, verdict)
    verdict |= web_acl(events, inquiry.sources, verdict)
    verdict |= labelled(events, verdict)
    verdict |= summed(events, verdict)
    verdict |= login_check(events, verdict)
    verdict |= downtime(events, inquiry.clocks, verdict)
    verdict |= slow_script(events, inquiry.clocks, verdict)
    heard = "nginx_error" in inquiry.formats
    files = inquiry.configuration
    verdict |= configured(verdict, files, events, error_log=heard)
    present = inquiry.formats | set(inquiry.counts["hop"].drop_nulls())
    verdict |= circumstances(events, inquiry.clocks, verdict, present)
    status = verdict["request"]["status"]
    if status is None or 0 < status < 400:
        more = success.hidden(events, inquiry.clocks, inquiry.question, verdict)
        lines = once(journey.placed(events, more.pop("lines", [])))
        verdict |= more | {"evidence": [*verdict["evidence"], *lines]}
    return _Told(verdict, match, quiet)


def _bare(inquiry: Inquiry, verdict: dict[str, Any]) -> _Told:
    """A verdict without a request, and what the archive holds beside it unread."""
    verdict["evidence"] = once(verdict["evidence"])
    verdict["sentence"] += unread(inquiry.sources)
    return _Told(verdict, Match(inquiry.requests.clear()), inquiry.quiet)


def _complete(inquiry: Inquiry, told: _Told) -> dict[str, Any]:
    """The verdict with the question, what was assumed, and what to ask for."""
    verdict, asked = told.verdict, inquiry.question
    verdict["sentence"] += _remarks(inquiry, told.match)
    request = verdict.pop("request", None)
    span = verdict.pop("span", (None, None))
    when = _when(asked, told.match, request, span)
    steps = journey.path(inquiry.events, inquiry.clocks, request)
    wish = _wish(inquiry, when, _target(steps))
    hops = verdict.pop("wanted", verdict["missing"])
    wanted = wishes(inquiry, verdict, hops, when, wish)
    verdict["ask_for"] = list(dict.fromkeys([*verdict["ask_for"], *wanted]))
    hypotheses = ranked(verdict, asked, told.quiet, told.match.rows, wish)
    return {
        "question": _asked(asked) if inquiry.asked else None,
        **verdict,
        "hypotheses": hypotheses,
        "path": steps,
    }


def _when(
    asked: Question, match: Match, request: Mapping[str, Any] | None, span: Span
) -> Span:
    """The span of which more is asked for: when it was, which need not be as asked.

    Where no time is asked, that of the requests that were found. A request may fit in
    another zone than the question was read in, or stand some minutes off.
    """
    if asked.start is None or asked.end is None:
        return span
    then = (request or {}).get("time")
    # Of a log that tells no zone the question says when it was.
    if then is None or asked.covers(then, SLACK) or match.misfit.startswith(AFLOAT):
        return asked.start, asked.end
    start = then.replace(second=0, microsecond=0)
    end = start + _MINUTE
    if abs(then - asked.start) > _ABOUT:
        return start, end
    return min(start, asked.start), max(end, asked.end)


def _target(steps: Sequence[Mapping[str, Any]]) -> str | None:
    """The server to which a balancer sent it, where no record of it lies further in."""
    inner = [step for step in steps if step["hop"] != "waf"]
    last = inner[-1] if inner else {}
    return last.get("upstream") if last.get("hop") == "load_balancer" else None


def _wish(inquiry: Inquiry, span: Span, target: str | None = None) -> Wish:
    """How a hop's log of that time is asked for, by name and on its owner's clocks.

    Logs of inner hops are those of the `target` first of all.
    """
    asked = inquiry.question
    offset = asked.offset
    second = asked.moved(asked.again)
    if asked.again and span[0] and second.covers(span[0], SLACK):
        offset -= round(asked.again.total_seconds())
    if asked.start is None and span[0] is not None:
        wall = span[0].replace(tzinfo=None)
        offset = dominant_offset(inquiry.events, inquiry.counts, inquiry.clocks, wall)
    first = f". Above all those of {target}, which was to answer" if target else ""

    def wish(hop: str) -> str:
        text = ask(hop, *span, inquiry.formats, offset)
        return text if hop in OUTER else text + first

    return wish


def _remarks(inquiry: Inquiry, match: Match) -> str:
    """What goes for every way to answer: how bad it is, how the time was read."""
    mild = "" if inquiry.asked else harmless(inquiry.requests)
    # Where another zone fits, that was said.
    other = match.misfit.startswith(NO_ZONE)
    notes = (note for note in inquiry.notes if not (other and note.startswith(NO_ZONE)))
    return mild + "".join(notes)


def _asked(question: Question) -> dict[str, Any]:
    """The question as the contract has it."""
    return {
        "at": question.at,
        "start": question.start.isoformat() if question.start else None,
        "end": question.end.isoformat() if question.end else None,
        "zone_written": question.zone_written,
        "status": question.status,
        "path": question.path,
    }
