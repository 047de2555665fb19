"""The report as Markdown, for a ticket or a wiki: the answer, proof, gaps, findings.

Evidence stands in code spans that nothing in it can end; all other text is escaped.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from forensic.case import Case
from forensic.reports import digest, stack, times
from forensic.reports.digest import Row
from forensic.reports.escape import around, code, cut, markdown
from forensic.reports.paper import number, size
from forensic.reports.terminal import files_read, ledger
from forensic.reports.times import stamp
from forensic.reports.titles import title as title_of
from forensic.reports.words import speaker
from forensic.schema import LEVELS

__all__ = ["headline", "render"]

Say = Callable[..., str]

_TEXT = 400
_ROWS = 20
_FINDINGS = 30


def render(case: Case, lang: str) -> str:
    """The whole report as Markdown in that language; evidence as it is."""
    told = speaker(lang)

    def say(key: str, **values: object) -> str:
        return markdown(told(key, **values))

    offset = times.local_offset(case)
    parts = [
        f"# {say('report')}",
        *_answer(case, say, lang, offset),
        *_given(case, say, lang),
        *_stack(case, say, offset),
        *_coverage(case, say, offset),
        *_findings(case, say, lang, offset),
        *_requests(case, say),
        *_clocks(case, say),
        *_unparsed(case, say),
        *_reproduce(case, say),
    ]
    return "\n".join(parts) + "\n"


def headline(verdict: Row, lang: str) -> str:
    """The answer in one sentence of that language, not yet escaped."""
    say = speaker(lang)
    if not verdict:
        return say("no_verdict")
    if lang == "en" and verdict.get("sentence"):
        return str(verdict["sentence"])
    sure = say(str(verdict.get("confidence") or "none"))
    if verdict.get("answered_by") in (None, "unknown"):
        return say("ja_unknown", sure=sure)
    statuses = [step.get("status") for step in verdict.get("path") or []]
    statuses.append((verdict.get("question") or {}).get("status"))
    known = [str(status) for status in statuses if status]
    cause = say(str(verdict.get("cause") or "unknown"))
    rule = f" ({verdict['rule']})" if verdict.get("rule") else ""
    return say(
        "ja_sentence",
        who=say(str(verdict["answered_by"])),
        status=f" {known[0]} " if known else say("an_error"),
        cause=cause,
        rule=rule,
        sure=sure,
    ).replace("  ", " ")


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of cells that are safe Markdown already; only their pipes are not."""
    lines = ["", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows:
        cells = (re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _stamp(value: object, offset: int | None = None) -> str:
    return markdown(stamp(value, offset))


def _maybe(text: object) -> str:
    return code(text) if text not in (None, "") else ""


def _place(proof: Row) -> str:
    return code(f"{proof.get('source')}:{proof.get('line')}")


def _answer(case: Case, say: Say, lang: str, offset: int | None) -> list[str]:
    verdict = digest.verdict(case)
    lines = [f"\n## {say('answer')}\n", f"**{markdown(headline(verdict, lang))}**\n"]
    if not verdict:
        return lines
    if lang != "en" and verdict.get("sentence"):
        lines.append(f"{say('original')}: {markdown(verdict['sentence'])}\n")
    facts = [
        ("question", _maybe(digest.asked(verdict.get("question")))),
        ("who", say(str(verdict.get("answered_by") or "unknown"))),
        ("why", say(str(verdict.get("cause") or "unknown"))),
        ("rule", _maybe(verdict.get("rule"))),
        ("sure", say(str(verdict.get("confidence") or "none"))),
        ("not_whole", _maybe(digest.broken(case, say))),
        ("missing", ", ".join(say(str(hop)) for hop in verdict.get("missing") or [])),
    ]
    lines += [f"- {say(name)}: {value}" for name, value in facts if value]
    lines += _evidence(verdict, say, offset)
    wishes = digest.to_ask(case)
    lines += _hypotheses(verdict, wishes, say)
    first, more = digest.first_asked(verdict, wishes)
    if first:
        lines.append(f"\n### {say('ask_for')}\n")
        lines += [f"- {markdown(wish)}" for wish in first]
    if more:
        lines.append(f"\n{say('more_wishes', count=more)}")
    return lines


def _evidence(verdict: Row, say: Say, offset: int | None) -> list[str]:
    evidence = verdict.get("evidence") or []
    words = digest.decisive(verdict)
    lines = [f"\n### {say('evidence')}\n"] if evidence else []
    for proof in evidence[:5]:
        when = _stamp(proof.get("time"))
        local = f", {_stamp(proof.get('time'), offset)}" if offset else ""
        role = f": {markdown(say(proof['role']))}" if proof.get("role") else ""
        lines.append(
            f"- {_place(proof)} @{proof.get('offset')} ({when}{local}){role}  "
        )
        lines.append(f"  {code(around(proof.get('text') or '', words, _TEXT))}")
    return lines


def _hypotheses(verdict: Row, wishes: list[str], say: Say) -> list[str]:
    """What speaks for the answer and against it, and the other explanations."""
    ranked = verdict.get("hypotheses") or []
    lines = [f"\n### {say('for')} / {say('against')}"] if ranked else []
    for rank, guess in enumerate(ranked[:5], 1):
        lines.append(f"\n{rank}. {digest.guess(guess, say)}")
        for name in ("for", "against"):
            lines += [f"   - {say(name)}: {markdown(t)}" for t in guess.get(name) or []]
        if not guess.get("against"):
            lines.append(f"   - {say('against')}: {say('nothing_against')}")
        settled = digest.settled_by(guess)
        if settled and settled not in wishes and verdict.get("confidence") != "certain":
            lines.append(f"   - {say('settle')}: {markdown(settled)}")
    return lines


def _given(case: Case, say: Say, lang: str) -> list[str]:
    sums = digest.totals(case)
    whole = size(sums["stream_size"] or sums["size"])
    lines = [
        f"\n## {say('given')}\n",
        files_read(sums, whole, say) + "  ",
        markdown(ledger(sums, lang)),
    ]
    names = [
        say(n) for n in ("source", "verdict", "format", "events", "sha256", "detail")
    ]
    found = digest.sources(case)
    cells = (
        (
            code(row["source"]),
            say(row["verdict"] or ""),
            _maybe(row["format"]),
            number(row["events"]),
            code((row["sha256"] or "")[:16]),
            markdown(row["detail"] or ""),
        )
        for row in found[:_ROWS]
    )
    lines += table(names, cells)
    if len(found) > _ROWS:
        lines.append(say("more_rows", count=len(found) - _ROWS))
    return lines


def _stack(case: Case, say: Say, offset: int | None) -> list[str]:
    zone = times.zone_name(offset)
    names = [say("hop"), say("state"), say("events"), say("errors")]
    names += [f"{say('first')} ({zone})", f"{say('last')} ({zone})", say("names")]
    cells = (
        (
            say(row["hop"]),
            say(row["state"]),
            number(row["events"]),
            number(row.get("errors")),
            times.minute(row.get("first"), offset),
            times.minute(row.get("last"), offset),
            " ".join(code(name) for name in row["names"]),
        )
        for row in stack.hops(case)
    )
    return [f"\n## {say('stack')}\n", *table(names, cells)]


def _coverage(case: Case, say: Say, offset: int | None) -> list[str]:
    found = digest.gaps(case)
    lines = [f"\n## {say('coverage')}\n"]
    if not found:
        return [*lines, say("no_gaps")]
    names = [say(n) for n in ("hop", "source", "from", "to", "detail", "ask_for")]
    cells = (
        (
            say(row["hop"] or "unknown"),
            _maybe(row["source"]),
            _stamp(row["start"], offset),
            _stamp(row["end"], offset),
            markdown(row["detail"] or ""),
            markdown(row["ask_for"] or ""),
        )
        for row in found[:_ROWS]
    )
    return [*lines, *table(names, cells)]


def _findings(case: Case, say: Say, lang: str, offset: int | None) -> list[str]:
    found = digest.findings(case)
    lines = [f"\n## {say('findings')}\n"]
    if not found:
        return [*lines, say("no_findings")]
    for finding in sorted(found, key=lambda f: LEVELS.index(f["level"]))[:_FINDINGS]:
        title = f"{title_of(finding, lang)} ({finding['count']})"
        level = say(finding["level"])
        lines += [
            f"\n### {level}: {markdown(title)}\n",
            f"{markdown(finding['summary'])}\n",
        ]
        for proof in (finding.get("evidence") or [])[:2]:
            when = _stamp(proof.get("time"), offset)
            text = code(cut(proof.get("text") or "", _TEXT))
            lines.append(f"- {_place(proof)} @{proof['offset']} ({when}) {text}")
        lines += [
            f"- {say('ask_for')}: {markdown(w)}" for w in finding.get("ask_for") or []
        ]
    if len(found) > _FINDINGS:
        lines.append(say("more_rows", count=len(found) - _FINDINGS))
    return lines


def _requests(case: Case, say: Say) -> list[str]:
    found = digest.failed(case, _ROWS)
    lines = [f"\n## {say('requests')}\n"]
    if not found:
        return [*lines, say("no_requests")]
    names = [say(n) for n in ("who", "cause", "status", "path", "count", "clients")]
    cells = (
        (
            say(row["answered_by"] or "unknown"),
            say(row["cause"] or "unknown"),
            str(row["status"] or ""),
            _maybe(cut(row["path"] or "", 120)),
            number(row["count"]),
            number(row["clients"]),
        )
        for row in found
    )
    return [*lines, *table(names, cells)]


def _clocks(case: Case, say: Say) -> list[str]:
    names = [
        say(n) for n in ("source", "zone", "year", "basis", "sure", "votes", "detail")
    ]
    cells = [
        (
            code(digest.whose(row)),
            markdown(row["zone"] or ""),
            str(row["year"] or ""),
            say(row["basis"] or ""),
            say(row["confidence"] or ""),
            f"{row['votes_for'] or 0}:{row['votes_against'] or 0}",
            markdown(row["detail"] or ""),
        )
        for row in digest.clocks(case)[:_ROWS]
    ]
    return [f"\n## {say('clocks')}\n", *table(names, cells)] if cells else []


def _unparsed(case: Case, say: Say) -> list[str]:
    found = digest.unparsed(case, _ROWS)
    lines = [f"\n## {say('unparsed')}\n"]
    if not found:
        return [*lines, say("no_unparsed")]
    names = [say(n) for n in ("source", "reason", "count", "text")]
    cells = (
        (
            code(f"{row['source']}:{row['line']}"),
            markdown(row["reason"] or ""),
            number(row["count"]),
            _maybe(cut(row["text"] or "", 120)),
        )
        for row in found
    )
    return [*lines, *table(names, cells)]


def _reproduce(case: Case, say: Say) -> list[str]:
    facts = digest.reproduction(case)
    lines = (f"- {say(name)}: {code(value)}" for name, value in facts)
    return [f"\n## {say('reproduce')}\n", *lines]
