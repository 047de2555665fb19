"""A web server's silence ▶ what it is worth by its configuration.

Of some requests nginx writes no line (`access_log off`), or it writes them to a log
that nobody handed over; nginx and Apache may write some requests only. Then it proves
nothing that the others have none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from forensic.hops.absence import Silence
from forensic.hops.configured import aside, refusing
from forensic.hops.nginx_blocks import Place, around, holding, names, readable, serving
from forensic.hops.question import Question
from forensic.hops.selective import apache_leaves_out, leaves_out
from forensic.nginx_conf import alike

__all__ = ["unwritten"]

_NONE = {"off", "/dev/null"}
#: Where a log goes that no file of that name shows.
_STREAMS = ("syslog:", "/dev/", "pipe:", "memory:")


def unwritten(
    quiet: Mapping[str, Silence],
    question: Question,
    files: Mapping[str, bytes],
    events: pl.LazyFrame,
    sources: pl.DataFrame,
) -> dict[str, Silence]:
    """The silences; that of a web server which writes no such requests proves nothing.

    Every server that may be the one must leave them out; where no site was asked for,
    one whose log is missing is enough to doubt.
    """
    web, path = quiet.get("web_server"), _first(question.path)
    if web is None or web.seen or path is None or not files:
        return dict(quiet)
    status = question.status or 0
    apache = apache_leaves_out(files, _logs(sources, "apache"), path, status)
    if apache and not _written(events, question, status):
        log, why = apache
        more = replace(web, covered=False, proof=[log.evidence()], why=why)
        return {**quiet, "web_server": more}
    outer = around(files, "access_log")
    every = serving(files, question.host)
    paths = [
        log.directive.words[1]
        for served in serving(files, None)
        for log in _everywhere(served, outer)
    ]
    missing = _missing(paths, sources)
    told: list[tuple[Place, Place, str]] = []
    left = 0
    for served in every:
        if status and aside(served, path, status):
            continue
        logs = holding(served, path, "access_log", outer)
        some = [leaves_out(log, files, path, status) for log in logs]
        why = _why(served, logs, missing) or (some[0] if some and all(some) else "")
        told += [(served, logs[0], why)] if why else []
        left += not why
    away = [one for one in told if one[1].directive.words[1] in missing]
    if left and not question.host:
        told = away
    elif left:
        told = []
    some_only = told and "if=" in told[0][2]
    if not told or (
        not away and _written(events, question, status if some_only else 0)
    ):
        return dict(quiet)
    served, log, why = told[0]
    refuses = refusing(served, path, status)
    if refuses:
        why += f" The configuration has {refuses}: it may have answered so itself."
    return {
        **quiet,
        "web_server": replace(
            web,
            covered=False,
            proof=[log.evidence()],
            why=why,
            likely=bool(refuses),
            ask_for=[f"{_shown(log)} of that web host"] if away else [],
        ),
    }


def _first(path: str | None) -> str | None:
    """A path before its wildcards; nothing where too little is left to choose by."""
    if path is None:
        return None
    plain = path.split("*")[0].split("?")[0]
    return plain if plain.startswith("/") and plain != "/" else None


def _everywhere(served: Place, outer: Sequence[Place]) -> list[Place]:
    """Each access log that a server or one of its locations writes."""
    found, left = [*outer], [served.directive]
    while left:
        block = left.pop()
        for held in block.inside:
            if held.words[0] == "access_log" and len(held.words) > 1:
                found.append(served._replace(directive=held))
            left += [held] if held.inside else []
    return [log for log in found if len(log.directive.words) > 1]


def _logs(sources: pl.DataFrame, form: str) -> list[str]:
    """The access logs of the archive that a server of that kind wrote."""
    own = pl.col("format").str.starts_with(form) & (pl.col("format") != f"{form}_error")
    return sources.filter(own)["source"].to_list()


def _missing(paths: Sequence[str], sources: pl.DataFrame) -> set[str]:
    """The logs of the configuration that are not in the archive.

    None where some access log has a name that the configuration does not give: then
    files were renamed, or are of another machine.
    """
    own = (pl.col("hop").cast(pl.String) == "web_server") & (
        pl.col("format") != "nginx_error"
    )
    files = {path for path in paths if path not in _NONE}
    here: set[str] = set()
    for source in sources.filter(own)["source"]:
        scores = {path: alike(source, path) for path in files}
        best = max(scores.values(), default=0)
        if not best:
            return set()
        here |= {path for path, score in scores.items() if score == best}
    return {path for path in files - here if not path.startswith(_STREAMS)}


def _why(served: Place, logs: Sequence[Place], missing: set[str]) -> str:
    """Why no log of the archive has the requests of a server, or nothing."""
    words = [log.directive.words[1:2] for log in logs]
    if not logs or not all(words):
        return ""
    if any({*word} & _NONE for word in words):
        return (
            f" nginx's configuration has {logs[0].words()}: it writes no such request"
            " down, and its silence proves nothing."
        )
    if not all({*word} <= missing for word in words):
        return ""
    site = " ".join(names(served.directive)[:3]) or "one of its servers"
    return (
        f" By its configuration nginx writes requests for {readable(site)} to"
        f" {_shown(logs[0])}"
        f" ({logs[0].source}:{logs[0].line}), which is not in the archive: that its"
        " other logs have none proves nothing."
    )


def _shown(log: Place) -> str:
    """The file that a directive names."""
    return readable(log.directive.words[1])


def _written(events: pl.LazyFrame, question: Question, status: int = 0) -> bool:
    """Whether the web server's log has that path at any time, and belies it.

    With a status: one answered so.
    """
    web = pl.col("hop").cast(pl.String) == "web_server"
    if status:
        web &= pl.col("status") == status
    rows: pl.LazyFrame = events.filter(web, question.matches_path())
    found: Any = rows.select("status").head(1).collect(engine="streaming")
    return bool(found.height)
