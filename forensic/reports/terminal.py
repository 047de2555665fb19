"""The answer on a terminal: who answered, why, how sure, on which lines; the rest."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forensic.case import Case
from forensic.reports import digest, stack, times
from forensic.reports.digest import Row
from forensic.reports.escape import visible
from forensic.reports.paper import Paper, number, size
from forensic.reports.times import set_right, stamp
from forensic.reports.words import speaker
from forensic.schema import LEVELS

__all__ = ["answer", "files_read", "finding", "hops", "ledger", "render"]

_TEXT = 300
_ROWS = 12


def render(case: Case, width: int, colour: bool) -> str:
    """The whole summary of a case: the answer first, the next commands last."""
    paper = Paper(width, colour=colour)
    offset = times.local_offset(case)
    answer(
        paper,
        digest.verdict(case),
        digest.to_ask(case),
        offset,
        digest.broken(case, speaker("en")),
    )
    _given(paper, case)
    _findings(paper, digest.findings(case))
    hops(paper, case, offset)
    _clocks(paper, case)
    _not_run(paper, case)
    _next(paper, case)
    return paper.text()


def answer(
    paper: Paper,
    verdict: Row,
    wishes: list[str],
    offset: int | None,
    broken: str = "",
) -> None:
    """Put a verdict: the sentence, its evidence, what is against it, what to ask.

    `broken` names the files that could not be read whole.
    """
    say = speaker("en")
    if not verdict:
        paper.line(say("no_verdict"), indent=0, style="bold")
        return
    paper.line(verdict.get("sentence") or say("no_verdict"), indent=0, style="bold")
    paper.fields(
        [
            ("question", digest.asked(verdict.get("question"))),
            ("answered by", say(str(verdict.get("answered_by") or "unknown"))),
            ("cause", say(str(verdict.get("cause") or "unknown"))),
            ("rule", verdict.get("rule")),
            ("confidence", verdict.get("confidence")),
            ("not read whole", broken),
        ]
    )
    _evidence(paper, verdict, offset)
    _journey(paper, verdict.get("path") or [], offset)
    _hypotheses(paper, verdict, wishes)
    missing = [say(str(hop)) for hop in verdict.get("missing") or []]
    if missing:
        paper.heading("missing")
        paper.line(f"no record of the {', '.join(missing)}, where one should exist")
    first, more = digest.first_asked(verdict, wishes)
    if wishes:
        paper.heading("ask for")
        paper.bullets(first)
    if more:
        paper.line(say("more_wishes", count=more))


def _evidence(paper: Paper, verdict: Row, offset: int | None, most: int = 5) -> None:
    evidence = verdict.get("evidence") or []
    if not evidence:
        return
    words = digest.decisive(verdict)
    paper.heading("evidence")
    for proof in evidence[:most]:
        _proof(paper, proof, offset, words, indent=2)
    if len(evidence) > most:
        paper.line(f"{len(evidence) - most} more in findings.json")


def _proof(
    paper: Paper,
    proof: Mapping[str, Any],
    offset: int | None,
    words: Sequence[str] = (),
    *,
    indent: int,
) -> None:
    when = stamp(proof.get("time"), offset)
    place = f"{proof.get('source')}:{proof.get('line')} @{proof.get('offset')}"
    paper.copyable(place, indent=indent)
    told = "  ".join(str(part) for part in (when, proof.get("role")) if part)
    if told:
        paper.line(told, indent=indent + 2)
    if proof.get("text"):
        paper.clipped(proof["text"], _TEXT, words, indent=indent + 2)


def _journey(paper: Paper, path: list[Row], offset: int | None) -> None:
    if len(path) < 2:
        return
    say = speaker("en")
    paper.heading("path of the request")
    for step in path[:_ROWS]:
        parts = [say(str(step.get("hop"))), step.get("status")]
        parts.append(stamp(step.get("time"), offset))
        if reference := set_right(step):
            parts.append(f"{say('set_right')} {stamp(reference, offset)}")
        parts.append(_seconds(step.get("duration")))
        paper.line("  ".join(str(part) for part in parts if part))
        if step.get("source"):
            place = f"{step['source']}:{step.get('line')}"
            paper.copyable(place, indent=4, style="dim")


def _seconds(value: object) -> str:
    return f"{value:.3f} s" if isinstance(value, int | float) else ""


def _hypotheses(paper: Paper, verdict: Row, wishes: list[str]) -> None:
    """Put what speaks against the answer, and the other explanations."""
    say = speaker("en")
    ranked = verdict.get("hypotheses") or []
    if not ranked:
        return
    paper.heading("for and against, likeliest first")
    for rank, guess in enumerate(ranked[:5], 1):
        paper.line(f"{rank}. {digest.guess(guess, say)}")
        for name in ("for", "against"):
            for reason in guess.get(name) or []:
                paper.line(f"{name}: {reason}", indent=5)
        if not guess.get("against"):
            paper.line(f"against: {say('nothing_against')}", indent=5)
        settled = digest.settled_by(guess)
        if settled and settled not in wishes and verdict.get("confidence") != "certain":
            paper.line(f"would settle it: {settled}", indent=5)


def _given(paper: Paper, case: Case) -> None:
    say = speaker("en")
    sums = digest.totals(case)
    paper.heading("what was given")
    whole = size(sums["stream_size"] or sums["size"])
    paper.line(files_read(sums, whole, say))
    paper.line(ledger(sums, "en"))
    broken = digest.not_whole(case)
    if broken:
        paper.blank()
        shown = ((r["source"], say(r["verdict"]), r["detail"]) for r in broken[:_ROWS])
        paper.table(["not read whole", "state", "why"], shown)
    if len(broken) > _ROWS:
        paper.line(f"{len(broken) - _ROWS} more: forensic info {_place(case)}")
    others = [row["source"] for row in digest.no_logs(case)]
    if others:
        more = f", {len(others) - 4} more" if len(others) > 4 else ""
        paper.line(f"no logs: {', '.join(others[:4])}{more}", style="dim")


def files_read(sums: digest.Totals, whole: str, say: Callable[..., str]) -> str:
    """How many files there are and how many of them could be read."""
    counts = {name: number(sums[name]) for name in ("files", "whole", "no_logs")}
    broken = sums["files"] - sums["whole"] - sums["no_logs"]
    return say("files_read", **counts, broken=number(broken), size=whole)


def ledger(sums: digest.Totals, lang: str) -> str:
    """The balance of lines in one sentence."""
    kinds = ("events", "continuation", "blank", "header", "unparsed")
    parts = {kind: number(sums[f"{kind}_lines"]) for kind in kinds}
    say = speaker(lang)
    balance = say("ledger", lines=number(sums["lines"]), **parts)
    others = sums["no_logs_lines"]
    return balance + (say("ledger_no_logs", lines=number(others)) if others else "")


def _findings(paper: Paper, found: list[Row]) -> None:
    paper.heading(f"findings ({len(found)})")
    if not found:
        paper.line(speaker("en")("no_findings"))
    for one in found[:_ROWS]:
        finding(paper, one, None, full=False)
    if len(found) > _ROWS:
        counts = {level: sum(f["level"] == level for f in found) for level in LEVELS}
        spread = ", ".join(
            f"{count} {level}" for level, count in counts.items() if count
        )
        paper.line(f"{len(found) - _ROWS} more (in all: {spread})")


def finding(paper: Paper, found: Row, offset: int | None, *, full: bool) -> None:
    """Put one finding: what and how often; in full also all of its evidence."""
    level = str(found["level"])
    head = f"{level.upper()}  {found['title']}  ({number(found.get('count'))})"
    paper.line(head, style="bold" if level in LEVELS[:2] else "")
    paper.line(found.get("summary"), indent=4)
    proofs = found.get("evidence") or []
    if not full:
        places = [f"{p['source']}:{p['line']} @{p['offset']}" for p in proofs[:1]]
        paper.copyable("  ".join([f"[{found['id']}]", *places]), indent=4, style="dim")
        return
    span = (stamp(found.get(name), offset) for name in ("first_seen", "last_seen"))
    paper.line(f"{' to '.join(span)}; confidence {found.get('confidence')}", indent=4)
    for proof in proofs:
        _proof(paper, proof, offset, indent=4)
    for name in ("ask_for", "falsepositives", "references"):
        if found.get(name):
            paper.line(f"{speaker('en')(name)}:", indent=4)
            paper.bullets(found[name], indent=6)


def hops(paper: Paper, case: Case, offset: int | None) -> None:
    """Put the hops from the client inwards, with and without logs."""
    say = speaker("en")
    table = []
    for row in stack.hops(case):
        logged = row["state"] == "logged"
        table.append(
            (
                say(row["hop"]),
                number(row["events"]) if logged else "no log",
                number(row.get("errors")) if logged else "",
                times.minute(row.get("first"), offset),
                times.minute(row.get("last"), offset),
                ", ".join(row["names"][:2]),
            )
        )
    if not table:
        return
    paper.heading("hops, outermost first")
    zone = times.zone_name(offset)
    names = ["hop", "events", "errors", f"first ({zone})", f"last ({zone})", "names"]
    paper.table(names, table, right=names[1:5])


def _clocks(paper: Paper, case: Case) -> None:
    found = [row for row in digest.clocks(case) if row["basis"] != "written"]
    if not found:
        return
    paper.heading("clocks that were worked out")
    table = (
        (
            digest.whose(row),
            row["zone"] or "",
            row["year"],
            row["confidence"],
            f"{row['votes_for'] or 0}:{row['votes_against'] or 0}",
        )
        for row in found[:_ROWS]
    )
    paper.table(["source", "zone", "year", "confidence", "votes"], table)
    if len(found) > _ROWS:
        paper.line(f"{len(found) - _ROWS} more: forensic clocks {_place(case)}")


def _not_run(paper: Paper, case: Case) -> None:
    idle = case.read_json("findings.json").get("not_run") or []
    if idle:
        paper.heading(f"rules without the evidence they need ({len(idle)})")
        reasons: dict[str, int] = {}
        for row in idle:
            reasons[row["reason"]] = reasons.get(row["reason"], 0) + 1
        paper.bullets(f"{count}: {reason}" for reason, count in sorted(reasons.items()))


def _next(paper: Paper, case: Case) -> None:
    paper.heading("next")
    place = _place(case)
    verdict = digest.verdict(case)
    for proof in (verdict.get("evidence") or [])[:1]:
        line = shlex.quote(visible(f"{proof['source']}:{proof['line']}"))
        paper.copyable(f"forensic show {line} -C 3 --case {place}")
    when = _incident(verdict)
    if when:
        paper.copyable(f"forensic timeline {place} --around {shlex.quote(when)}")
    paper.copyable(f"forensic coverage {place}")
    paper.copyable(f"open {shlex.quote(visible(str(case.path('report.html'))))}")


def _incident(verdict: Row) -> str:
    for proof in [*(verdict.get("path") or []), *(verdict.get("evidence") or [])]:
        if times.moment(proof.get("time")):
            return stamp(proof["time"]).replace(" ", "T")
    return ""


def _place(case: Case) -> str:
    return shlex.quote(visible(str(case.folder)))
