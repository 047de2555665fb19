"""detect: runs every rule over the tables of a case and answers what was asked.

The result is the contract's findings.json. Every piece of evidence is read back from
the evidence itself, so that text and hash are those of the bytes and not of a table.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from forensic import estate, hops
from forensic.case import Case
from forensic.events.configuration import CONFIGURATION
from forensic.frames import Frames, frames_of, telling_of
from forensic.rule import Rule
from forensic.rules import all_rules
from forensic.schema import CONFIDENCE, LEVELS, SCHEMA_VERSION
from forensic.wish import OUTER, distinct, hop_of

__all__ = ["ReadSpan", "configuration", "detect", "inquiry_of", "promising"]

#: (source, offset, length) ▶ the bytes of the evidence.
ReadSpan = Callable[[str, int, int], bytes]
_Row = Mapping[str, Any]

#: Characters of one piece of evidence that findings.json repeats; the hash is of all.
_MOST_TEXT = 4096
_MOST_EVIDENCE = 20
#: Much of a rule's query is one long step for one processor.
_AT_ONCE = 2
_INNER = {"web_server", "app_server", "application"}
#: Files that are no logs and are looked through for names.
_MOST_FILES = 200


class _Text(NamedTuple):
    """The bytes of a place: their hash, and as text."""

    sha256: str
    text: str


def detect(
    case: Case, question: Mapping[str, Any], read_span: ReadSpan
) -> dict[str, Any]:
    """Return the findings.json object: verdict, findings, rules that could not run."""
    frames = frames_of(case, question)
    inquiry = inquiry_of(frames, configuration(case, read_span))
    with ThreadPoolExecutor(1) as beside:
        answer = beside.submit(_verdict, inquiry, read_span)
        frames = replace(frames, question=_placed(inquiry), told=telling_of(case))
        runnable, not_run = _sorted_out(frames)
        found = _found(promising(runnable, frames), frames)
        verdict = answer.result()
    verdict["ask_for"] = estate.placed(verdict["ask_for"], _said(case, read_span))
    told_all = sorted(_told(found, frames.events, read_span), key=_seriousness)
    verdict["ask_for"] = _with_theirs(verdict, told_all)
    names = frames.sources.select("source").collect().to_series().to_list()
    for asking in (verdict, *told_all):
        asking["ask_for"] = estate.addressed(asking["ask_for"], names)
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict,
        "findings": told_all,
        "not_run": not_run,
    }


def _with_theirs(
    verdict: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """The verdict's wishes, and those of findings that rest on a line of its own.

    What stands in front of the hop that answered did not: its log would not tell. Nor
    is a line its own that only shows that a hop behind was logging.
    """
    passed = OUTER if verdict["answered_by"] in _INNER else []
    known = verdict["answered_by"] != "unknown"
    own = {
        (line["source"], line["offset"])
        for line in verdict["evidence"]
        if not (known and line["role"].endswith(hops.NO_SUCH))
    }
    near = [
        wish
        for finding in findings
        if own & {(line["source"], line["offset"]) for line in finding["evidence"]}
        for wish in finding["ask_for"]
        if hop_of(wish) not in passed
    ]
    return distinct([*verdict["ask_for"], *near])


def _sorted_out(frames: Frames) -> tuple[list[Rule], list[dict[str, Any]]]:
    """The rules that the archive has events for, and what is said of the others."""
    runnable: list[Rule] = []
    not_run: list[dict[str, Any]] = []
    for rule in all_rules():
        absent = [need for need in rule.needs if not frames.holds(need)]
        if absent:
            named = " and ".join(need.replace("|", " or ") for need in absent)
            reason = f"the archive holds no events of {named}"
            not_run.append({"id": rule.id, "title": rule.title, "reason": reason})
        else:
            runnable.append(rule)
    return runnable, not_run


def promising(rules: Sequence[Rule], frames: Frames) -> list[Rule]:
    """The rules without those that find nothing because no event has their signs.

    One look at a column that takes long to read, for all of them.
    """
    signs = sorted({sign for rule in rules for sign in rule.signs})
    if not signs:
        return list(rules)
    held = [pl.col("extra").str.contains(sign, literal=True).any() for sign in signs]
    hops = {rule.hop for rule in rules if rule.signs}
    named = [hop for hop in sorted(hops, key=str) if hop]
    events = frames.events if None in hops else frames.of(*named)
    looked = events.select(pl.concat_list(held)).collect(engine="streaming").item()
    seen = {sign for sign, there in zip(signs, looked, strict=True) if there}
    return [rule for rule in rules if not rule.signs or seen.intersection(rule.signs)]


def _found(rules: Sequence[Rule], frames: Frames) -> list[tuple[Rule, _Row]]:
    """What the rules find, in the order of the rules."""
    at_once = 1 if frames.many else _AT_ONCE

    def run(rule: Rule) -> pl.DataFrame:
        return rule.query(frames).collect(engine="streaming")

    with ThreadPoolExecutor(at_once) as pool:
        tables = pool.map(run, rules)
        return [
            (rule, row)
            for rule, table in zip(rules, tables, strict=True)
            for row in table.iter_rows(named=True)
        ]


def _no_logs(case: Case, read_span: ReadSpan, named: str = "") -> dict[str, bytes]:
    """Files that are no logs, by name: those whose name fits the expression."""
    files = (
        case.table("sources")
        .filter(pl.col("verdict").cast(pl.String) == "unsupported")
        .filter(pl.col("stream_size").is_between(1, estate.MOST))
        .filter(pl.col("source").str.contains(named))
        .select("source", "stream_size")
        .sort("source")
        .collect()
    )
    rows = files.head(_MOST_FILES).iter_rows()
    return {source: read_span(source, 0, size) for source, size in rows}


def _said(case: Case, read_span: ReadSpan) -> dict[str, list[str]]:
    """Hop ▶ what files that are no logs say of it: exports of settings, bills."""
    found = _no_logs(case, read_span)
    texts = {name: text.decode("utf-8", "replace") for name, text in found.items()}
    return estate.named(texts)


def configuration(case: Case, read_span: ReadSpan) -> dict[str, bytes]:
    """The files that may be nginx's configuration."""
    return _no_logs(case, read_span, CONFIGURATION)


def _told(
    found: Sequence[tuple[Rule, _Row]], events: pl.LazyFrame, read_span: ReadSpan
) -> list[dict[str, Any]]:
    """What the rules found, each row with its evidence read back."""
    # One look for all of them: each goes through the events of the whole archive.
    named = [(row["evidence"] or [])[:_MOST_EVIDENCE] for _, row in found]
    placed = _placed_at(events, named)
    texts = _texts([place for places in placed for place in places], read_span)
    return [
        {
            "id": rule.id,
            "title": rule.title,
            "level": row["level"] or rule.level,
            "summary": row["summary"],
            "count": row["count"],
            "first_seen": _iso(row["first_seen"]),
            "last_seen": _iso(row["last_seen"]),
            "hop": rule.hop,
            "evidence": _read_back(places, texts),
            "ask_for": row["ask_for"] or [],
            "confidence": row["confidence"],
            "falsepositives": list(rule.falsepositives),
            "references": list(rule.references),
        }
        for (rule, row), places in zip(found, placed, strict=True)
    ]


def _read_back(
    places: Sequence[_Row], texts: Mapping[tuple[str, int], _Text]
) -> list[dict[str, Any]]:
    """The evidence with the hash of its bytes and their text."""
    return [
        {
            "source": place["source"],
            "line": place["line"],
            "offset": place["offset"],
            "length": place["length"],
            "sha256": texts[_key(place)].sha256,
            "time": _iso(place["time"]),
            "text": texts[_key(place)].text,
        }
        for place in places
    ]


def _texts(places: Sequence[_Row], read_span: ReadSpan) -> dict[tuple[str, int], _Text]:
    """What stands at each place; a file is read from its beginning to its end once."""
    found: dict[tuple[str, int], _Text] = {}
    for place in sorted(places, key=_key):
        if _key(place) not in found:
            data = read_span(place["source"], place["offset"], place["length"])
            text = data.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            sha256 = hashlib.sha256(data).hexdigest()
            found[_key(place)] = _Text(sha256, text[:_MOST_TEXT])
    return found


def inquiry_of(frames: Frames, files: Mapping[str, bytes]) -> hops.Inquiry:
    """What was asked, at the moment that it means, and the errors that fit it."""
    asked = {name: frames.question.get(name) for name in ("at", "status", "path")}
    known = any(value is not None for value in asked.values())
    return hops.inquire(
        frames.events,
        frames.requests.collect(),
        frames.clocks.collect(),
        frames.gaps.collect(),
        frames.sources.collect(),
        hops.Question.parse(**asked) if known else None,
        frames.counts,
        files,
    )


def _verdict(inquiry: hops.Inquiry, read_span: ReadSpan) -> dict[str, Any]:
    """Answer the question, with the evidence looked up and read back."""
    answer = hops.answer(inquiry)
    places = answer.get("evidence") or []
    # Looked up anew: the answer's times are corrected for skew, and evidence shows
    # the time that its line says.
    bare = [{k: v for k, v in place.items() if k != "length"} for place in places]
    [backed] = _placed_at(inquiry.events, [bare[:_MOST_EVIDENCE]])
    backed += [p for p in places if p["source"] in inquiry.configuration]
    shown = {_key(e): e for e in _read_back(backed, _texts(backed, read_span))}
    evidence = [
        {**place, **shown[_key(place)]} for place in places if _key(place) in shown
    ]
    plain: dict[str, Any] = _plain({**answer, "evidence": evidence})
    return plain


def _placed(inquiry: hops.Inquiry) -> dict[str, Any]:
    """Repeat what was asked, at the moment that it is taken to mean."""
    asked = inquiry.question
    unheard = [hop for hop, silence in inquiry.quiet.items() if silence.why]
    placed = {"at": asked.start, "status": asked.status, "path": asked.path}
    return placed | {"unheard": unheard}


def _key(place: _Row) -> tuple[str, int]:
    return place["source"], place["offset"]


def _has_span(place: _Row) -> bool:
    return place.get("length") is not None


def _placed_at(
    events: pl.LazyFrame, named: Sequence[Sequence[_Row]]
) -> list[list[_Row]]:
    """Lists of places with their spans, looked up where they are not said.

    An event that the tables do not hold proves nothing and is left out.
    """
    spans = _spans(events, [p for places in named for p in places if not _has_span(p)])
    found = [
        [
            place if _has_span(place) else spans.get(_key(place), place)
            for place in places
        ]
        for places in named
    ]
    return [[place for place in places if _has_span(place)] for places in found]


def _spans(
    events: pl.LazyFrame, places: Sequence[_Row]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Where the events at these places stand, by source and offset."""
    if not places:
        return {}
    sources = sorted({p["source"] for p in places})
    offsets = sorted({p["offset"] for p in places})
    columns = ["source", "line", "offset", "length", "time"]
    # Numbers first: of all other rows, nothing but the number is read.
    perhaps = events.filter(pl.col("offset").is_in(offsets)).select(columns)
    rows = perhaps.collect(engine="streaming").filter(pl.col("source").is_in(sources))
    return {_key(row): row for row in rows.iter_rows(named=True)}


def _seriousness(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    """Order of findings: level, confidence, how often, then a total order."""
    return (
        LEVELS.index(finding["level"]),
        CONFIDENCE.index(finding["confidence"]),
        -finding["count"],
        finding["id"],
        finding["summary"],
        finding["first_seen"] or "",
    )


def _iso(moment: datetime | str | None) -> str | None:
    """ISO 8601 in UTC with the fraction only where there is one."""
    if moment is None:
        return None
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _plain(value: Any) -> Any:
    """Value as JSON has it: moments as text, mappings and lists throughout."""
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
