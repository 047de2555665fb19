"""The report as one page: no network, no foreign script, under a megabyte.

Every value passes through `escape.shown` and Jinja's autoescape on its way into the
page; style and script are allowed by their hashes and nothing else is.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from forensic.case import Case
from forensic.reports import digest, lanes, merged, stack, svg, times
from forensic.reports.digest import Row
from forensic.reports.escape import around, cut, shown
from forensic.reports.markdown import headline
from forensic.reports.paper import number, size
from forensic.reports.terminal import files_read, ledger
from forensic.reports.titles import title
from forensic.reports.words import speaker
from forensic.schema import LEVELS

__all__ = ["render"]

Say = Callable[..., str]

#: The page stays below this; lists are halved until it does.
_MOST_BYTES = 950_000
_HALVINGS = 6


def render(case: Case, lang: str) -> bytes:
    """The report of a case in that language, at most a megabyte of UTF-8."""
    with ThreadPoolExecutor(1) as beside:
        template = beside.submit(_template)  # takes as long as the tables do
        facts = _facts(case, lang)
    page = b""
    for halving in range(_HALVINGS):
        page = _page(template.result(), {**facts, "most": _limits(2**halving)})
        if len(page) <= _MOST_BYTES:
            break
    return page


def _limits(divisor: int) -> dict[str, int]:
    """How many rows and characters each part of the page may have."""
    whole = {"rows": 60, "findings": 80, "proofs": 5, "text": 500, "cell": 160}
    return {name: max(2, most // divisor) for name, most in whole.items()}


def _facts(case: Case, lang: str) -> dict[str, Any]:
    """Everything that the template shows, read from the case once."""
    say = speaker(lang)
    offset = times.local_offset(case)
    verdict = digest.verdict(case)
    found = digest.findings(case)
    wishes = digest.to_ask(case)
    first, more = digest.first_asked(verdict, wishes)
    hops = stack.hops(case)
    span = lanes.whole(case)
    return {
        "lang": lang,
        "say": say,
        "offset": offset,
        "zone": times.zone_name(offset),
        "verdict": verdict,
        "headline": headline(verdict, lang),
        "evidence": verdict.get("evidence") or [],
        "wishes": wishes,
        "first_asked": first,
        "decisive": digest.decisive(verdict),
        "asked_more": more,
        "totals": digest.totals(case),
        "sources": digest.sources(case),
        "broken": digest.not_whole(case),
        "broken_words": digest.broken(case, say),
        "no_logs": [row["source"] for row in digest.no_logs(case)],
        "hops": hops,
        "stack": svg.stack(
            [row for row in hops if row["hop"] != "host"],
            str(verdict.get("answered_by") or ""),
            say,
        ),
        "charts": _charts(case, span, offset, say),
        "coverage": _coverage(case, span, offset, say),
        "gaps": digest.gaps(case),
        "findings": found,
        "levels": [(name, sum(f["level"] == name for f in found)) for name in LEVELS],
        "not_run": case.read_json("findings.json").get("not_run") or [],
        "requests": digest.failed(case, 60),
        "request_kinds": digest.failed_kinds(case),
        "waf": digest.waf_rules(case, 40),
        "clocks": digest.clocks(case),
        "whose": digest.whose,
        "unparsed": digest.unparsed(case, 40),
        "reproduction": digest.reproduction(case),
    }


def _charts(
    case: Case, span: lanes.Window | None, offset: int | None, say: Say
) -> list[Row]:
    """Timelines: the minutes around the answer, then the whole archive."""
    windows = []
    incident = merged.incident(case)
    if span and incident and span.start <= incident < span.end:
        near = lanes.around(incident)
        if span.step > 2 * near.step:
            windows.append(("around_incident", near))
    if span:
        windows.append(("whole_archive", span))
    charts = []
    for name, window in windows:
        found = lanes.lanes(case, window)
        charts.append(
            {
                "name": name,
                "image": svg.timeline(found, window, incident, offset, say),
                "hops": [lane.hop for lane in found],
                "steps": svg.steps_of(found, window),
                "outside": window.outside,
            }
        )
    return charts


def _coverage(
    case: Case, span: lanes.Window | None, offset: int | None, say: Say
) -> Markup:
    if span is None:
        return Markup("")
    covers = lanes.cover(case, span)
    return svg.coverage(covers, span, merged.incident(case), offset, say)


def _part(name: str) -> str:
    """A file of this package."""
    return (files(__package__) / name).read_text("utf-8")


def _template() -> Template:
    world = Environment(
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    world.filters |= {"number": number, "cut": cut, "around": around}
    world.filters |= {
        "first_sentence": lambda text: _sentences(text)[0],
        "other_sentences": lambda text: " ".join(_sentences(text)[1:]),
    }
    return world.from_string(_part("report.html.jinja"))


def _page(template: Template, facts: dict[str, Any]) -> bytes:
    style, script = _part("report.css"), _part("report.js")
    offset = facts["offset"]
    text = template.render(
        facts,
        style=Markup(style),  # noqa: S704 (a file of this package)
        script=Markup(script),  # noqa: S704 (a file of this package)
        policy=_policy(style, script),
        utc=times.stamp,
        set_right=times.set_right,
        local=lambda value: times.stamp(value, offset) if offset else "",
        minute=lambda value: times.minute(value, offset),
        guess=digest.guess,
        title=title,
        settled_by=digest.settled_by,
        asked=digest.asked,
        ledger=ledger(facts["totals"], facts["lang"]),
        files_read=files_read(facts["totals"], _size(facts["totals"]), facts["say"]),
    )
    return text.encode()


def _sentences(text: str) -> list[str]:
    """The first sentence, and the rest."""
    return re.split(r"(?<=[.。])(?:\s+|(?<=。))(?=.)", text, maxsplit=1)


def _safe(value: object) -> object:
    """What `{{ … }}` writes: our own markup as it is, everything else made safe."""
    return value if isinstance(value, Markup) else shown("" if value is None else value)


def _size(totals: digest.Totals) -> str:
    return size(totals["stream_size"] or totals["size"])


def _policy(style: str, script: str) -> str:
    """The page's Content-Security-Policy: this style, this script, nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    digested = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digested).decode()}"
