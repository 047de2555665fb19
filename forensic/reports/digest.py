"""What a report says of a case, as plain rows: small, sorted, whatever the archive.

Every function takes the case and returns values that a terminal, a page and a ticket
show alike. Nothing here is escaped: that happens where text is written.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from forensic.case import Case
from forensic.wish import distinct, has_window

__all__ = [
    "Row",
    "Totals",
    "asked",
    "broken",
    "clocks",
    "decisive",
    "failed",
    "failed_kinds",
    "findings",
    "first_asked",
    "gaps",
    "guess",
    "no_logs",
    "not_whole",
    "reproduction",
    "settled_by",
    "sources",
    "to_ask",
    "totals",
    "unparsed",
    "verdict",
    "waf_rules",
    "whose",
]

Row = dict[str, Any]
Totals = dict[str, int]

_LEDGER = ["events", "continuation", "blank", "header", "unparsed"]
#: So many wishes are shown; beside those of a sure answer so many of the findings'.
_WISHES = 5
_BESIDE = 3


def rows(frame: pl.LazyFrame) -> list[Row]:
    """The rows of a small lazy frame."""
    return frame.collect(engine="streaming").to_dicts()


# -- the answer ---------------------------------------------------------------
def verdict(case: Case) -> Row:
    """The verdict of findings.json; empty where nothing was answered."""
    found = case.read_json("findings.json").get("verdict")
    return dict(found) if isinstance(found, Mapping) else {}


def decisive(verdict: Row) -> list[str]:
    """The words of a piece of evidence that must be seen: the rule, or the path."""
    question = verdict.get("question")
    path = question.get("path") if isinstance(question, Mapping) else None
    longest = max(re.split(r"[*?]", str(path or "")), key=len)
    words = [str(verdict.get("rule") or ""), longest]
    return [word for word in words if len(word) > 1]


def findings(case: Case) -> list[Row]:
    """The findings, most serious first."""
    return list(case.read_json("findings.json").get("findings") or [])


def asked(question: object) -> str:
    """The question as one line of `--at … --status …`; empty where none was asked."""
    if isinstance(question, Mapping):
        given = ((key, question.get(key)) for key in ("at", "status", "path"))
        return "  ".join(f"--{key} {value}" for key, value in given if value)
    return str(question or "")


def guess(hypothesis: Row, say: Callable[..., str]) -> str:
    """Which hop and, where known, which cause and how sure, of one hypothesis."""
    text = say(str(hypothesis.get("hop") or "unknown"))
    if hypothesis.get("cause"):
        text += f": {say(str(hypothesis['cause']))}"
    sure = hypothesis.get("confidence")
    return f"{text} ({say(str(sure))})" if sure else text


def settled_by(hypothesis: Row) -> str:
    """What would settle a hypothesis; empty where nothing is said."""
    return str(hypothesis.get("settled_by") or hypothesis.get("settle") or "")


def to_ask(case: Case) -> list[str]:
    """Whom to ask for what: the verdict's wishes first, then those of the findings."""
    wishes = [_sentence(wish) for wish in verdict(case).get("ask_for") or []]
    wanting: dict[str, list[str]] = {}
    for finding in findings(case):
        for text in map(_sentence, finding.get("ask_for") or []):
            wanting.setdefault(text, []).append(finding["id"])
    # What findings alone want says little without their names.
    named = (
        text if has_window(text) else f"{text} [{', '.join(dict.fromkeys(ids))}]"
        for text, ids in wanting.items()
        if text not in wishes
    )
    return distinct([*wishes, *named])


def first_asked(verdict: Row, wishes: list[str]) -> tuple[list[str], int]:
    """The wishes to show beside an answer, its own first, and how many are left out.

    What a sure answer does not need, and what other findings want where something
    certain was asked, is for whoever wants the rest.
    """
    wanted = [_sentence(wish) for wish in verdict.get("ask_for") or []]
    own = [wish for wish in wishes if wish in wanted]
    others = [wish for wish in wishes if wish not in wanted]
    room = _WISHES - len(own[:_WISHES])
    if verdict.get("confidence") in ("certain", "strong"):
        room = _BESIDE
    if asked(verdict.get("question")):
        room = 0
    shown = [*own[:_WISHES], *others[:room]]
    return shown, len(wishes) - len(shown)


def _sentence(wish: object) -> str:
    if isinstance(wish, Mapping):
        return ", ".join(f"{value}" for value in wish.values() if value)
    return str(wish)


# -- what was given -----------------------------------------------------------
def totals(case: Case) -> Totals:
    """Files, bytes, events and the ledger of lines over the whole archive.

    `unparsed_lines` are those of logs; `no_logs_lines` those of all other files.
    """
    table = case.table("sources")
    counted = [
        "size",
        "stream_size",
        "lines",
        "events",
        *(f"{k}_lines" for k in _LEDGER),
    ]
    whole = pl.col("verdict") == "complete"
    sums = table.select(
        pl.len().alias("files"),
        whole.sum().alias("whole"),
        (pl.col("verdict") == "unsupported").sum().alias("no_logs"),
        *(pl.col(name).sum() for name in counted),
        no_logs_lines=_foreign(),
    ).with_columns(pl.col("unparsed_lines") - pl.col("no_logs_lines"))
    return {name: int(value or 0) for name, value in rows(sums)[0].items()}


def _foreign() -> pl.Expr:
    """Lines of files that are no logs: nothing in them was there to be read."""
    return pl.col("unparsed_lines").filter(pl.col("verdict") == "unsupported").sum()


def sources(case: Case) -> list[Row]:
    """Every file of the archive, those with events first."""
    order = pl.col("events").fill_null(0) == 0
    return rows(case.table("sources").sort(order, "source"))


def not_whole(case: Case) -> list[Row]:
    """Files that could not be read whole, each with what is known about why."""
    harmless = pl.col("verdict").is_in(["complete", "unsupported"])
    return rows(case.table("sources").filter(~harmless).sort("verdict", "source"))


def broken(case: Case, say: Callable[..., str]) -> str:
    """The files that could not be read whole in a few words; empty where all were.

    It stands beside the answer: what is cut off may hold another.
    """
    found = not_whole(case)
    named = [f"{row['source']} ({say(row['verdict'])})" for row in found[:2]]
    more = [f"+{len(found) - 2}"] if len(found) > 2 else []
    return ", ".join([*named, *more])


def no_logs(case: Case) -> list[Row]:
    """Files that are no log of a known format: hashed, and not read into events."""
    kept = pl.col("verdict") == "unsupported"
    return rows(case.table("sources").filter(kept).sort("source"))


# -- what is missing ----------------------------------------------------------
def gaps(case: Case) -> list[Row]:
    """Stretches without evidence, absent hops first, then by time."""
    present = pl.col("kind") != "absent"
    table = case.table("gaps").with_columns(pl.col("hop").cast(pl.String))
    return rows(table.sort(present, "start", "hop", "source", "kind", nulls_last=True))


# -- requests -----------------------------------------------------------------
def failed(case: Case, most: int) -> list[Row]:
    """Failed requests counted by who answered, cause, status and path."""
    keys = ["answered_by", "cause", "status", "path"]
    table = case.table("requests").with_columns(pl.col("answered_by").cast(pl.String))
    counted = table.group_by(keys).agg(
        pl.len().alias("count"),
        pl.col("client_ip").n_unique().alias("clients"),
        pl.col("time").min().alias("first"),
        pl.col("time").max().alias("last"),
    )
    order = counted.sort("count", *keys, descending=[True] + [False] * 4)
    return rows(order.head(most))


def failed_kinds(case: Case) -> int:
    """How many rows `failed` would have without a limit."""
    keys = ["answered_by", "cause", "status", "path"]
    counted = case.table("requests").select(pl.struct(keys).n_unique().alias("n"))
    return int(rows(counted)[0]["n"])


def waf_rules(case: Case, most: int) -> list[Row]:
    """Rules that ended requests, each with how many of its clients the WAF also let in.

    Someone who is let in at other times looks like a user, not like an attacker: a
    high share speaks for a false positive.
    """
    waf = case.events().filter(pl.col("hop") == "waf")
    let_in = pl.col("action").str.to_uppercase().is_in(["ALLOW", "COUNT"])
    allowed = waf.filter(let_in).select("client_ip").unique()
    ended = waf.filter(~let_in & pl.col("rule").is_not_null())
    keys = ["rule", "rule_group", "action"]
    known = allowed.with_columns(pl.lit(value=True).alias("known"))
    joined = ended.select(*keys, "client_ip", "time").join(
        known, on="client_ip", how="left"
    )
    users = pl.col("client_ip").filter(pl.col("known"))
    counted = joined.group_by(keys).agg(
        pl.len().alias("count"),
        pl.col("client_ip").n_unique().alias("clients"),
        users.n_unique().alias("also_allowed"),
        pl.col("time").min().alias("first"),
        pl.col("time").max().alias("last"),
    )
    order = counted.sort("count", *keys, descending=[True, False, False, False])
    return rows(order.head(most))


# -- the rest -----------------------------------------------------------------
def clocks(case: Case) -> list[Row]:
    """The clock of each source, the inferred ones first."""
    written = pl.col("basis") == "written"
    return rows(case.table("clocks").sort(written, "source", "first_line", "stamp"))


def whose(clock: Row) -> str:
    """The source of a clock, and which of its stamps it is, where it is not of all."""
    stamp = "envelope" if clock["stamp"] == "envelope" else None
    parts = [part for part in (clock["hostname"], clock["process"], stamp) if part]
    return f"{clock['source']} ({' '.join(parts)})" if parts else str(clock["source"])


def unparsed(case: Case, most: int) -> list[Row]:
    """Reasons for lines of logs that were not read, with a first sample of each."""
    foreign = case.table("sources").filter(pl.col("verdict") == "unsupported")
    table = case.table("unparsed").join(foreign, on="source", how="anti")
    table = table.sort("source", "offset")
    grouped = table.group_by("source", "reason").agg(
        pl.len().alias("count"),
        pl.col("line").sort_by("line").first(),
        pl.col("text").sort_by("line").first(),
    )
    order = grouped.sort("count", "source", "reason", descending=[True, False, False])
    return rows(order.head(most))


def reproduction(case: Case) -> list[tuple[str, str]]:
    """What it takes to get this report again: versions, arguments, the input's hash.

    Only what depends on the evidence and the question: no time of the run, no folder.
    """
    record = case.read_json("case.json")
    tool = record.get("tool") or {}
    libraries = record.get("libraries") or {}
    facts = [
        (
            "tool",
            " ".join(f"{tool[key]}" for key in ("name", "version") if key in tool),
        ),
        ("schema", str(tool.get("schema") or "")),
        ("libraries", ", ".join(f"{k} {v}" for k, v in sorted(libraries.items()))),
        ("command", command(record.get("arguments") or {})),
        ("input_hash", str(record.get("input_sha256") or "")),
    ]
    return [(name, value) for name, value in facts if value]


def command(arguments: Mapping[str, Any]) -> str:
    """The command line that made the case, archives by their names alone."""
    parts = [Path(path).name for path in arguments.get("archives") or []]
    for option, key in (
        ("--tz", "zones"),
        ("--year", "years"),
        ("--log-format", "log_formats"),
    ):
        for glob, value in arguments.get(key) or []:
            parts += [option, f"{glob}={value}"]
    question = arguments.get("question") or {}
    for key in ("at", "status", "path"):
        if question.get(key):
            parts += [f"--{key}", str(question[key])]
    return shlex.join(["forensic", "analyze", *parts]) if parts else ""
