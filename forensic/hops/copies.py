"""Web server logs ▶ those whose every line another log of the archive has as well.

A file that is a copy byte for byte is told before (`sources.duplicate_of`). This is
about the same lines in another file: what an editor or grep left beside a log, a tail
of it, a rotation that was copied while it went on, a log store's export of it.
"""

from collections.abc import Collection

import polars as pl

from forensic.hops.facts import Facts

__all__ = ["copies", "without"]

#: Rows that are compared; with more logs than this, pairs are too many.
_SAMPLE = 50_000
_MOST = 40
#: Two servers may well write one equal line: a monitor's, in the same second.
_FEW = 3
#: Of so many lines one may be another: a copy may be cut within its last.
_CUT = 10
#: What a line of an access log says; a proxy's own differs from its server's in some.
_SAYS = [
    *("client_ip", "method", "host", "path", "query", "http_version", "status"),
    *("bytes_sent", "duration", "upstream", "user_agent", "referrer", "forwarded_for"),
    *("trace_id", "request_id"),
]


def copies(events: pl.LazyFrame, known: Facts) -> dict[str, str]:
    """The sources of a web server's answers that stand, line for line, in another.

    Each with that other one.
    """
    pairs = _pairs(known)
    if pairs.is_empty():
        return {}
    lines = _lines(events, known, [*pairs["copy"], *pairs["log"]])
    other = lines.rename({"source": "log", "len": "there"})
    both = (
        pairs.lazy()
        .join(lines.rename({"source": "copy"}).lazy(), on="copy")
        .join(other.lazy(), on=["log", "key"], how="left")
        .group_by("copy", "log")
        .agg(
            lines=pl.col("len").sum(),
            other=(pl.col("len").cast(pl.Int64) - pl.col("there").fill_null(0))
            .clip(0)
            .sum(),
        )
        .filter(
            pl.col("other") <= (pl.col("lines") >= _CUT).cast(pl.Int64),
            pl.col("lines") >= _FEW,
        )
        .collect()
    )
    return _settled(set(both.select("copy", "log").rows()))


def _pairs(known: Facts) -> pl.DataFrame:
    """Logs and such as begin no later and end no earlier, with as many answers."""
    web = known.profile.filter(
        pl.col("hop") == "web_server",
        pl.col("answers") > 0,
        pl.col("first").is_not_null(),
    ).select("source", "answers", "first", "last")
    if not 1 < web.height <= _MOST:
        return pl.DataFrame(schema={"copy": pl.String(), "log": pl.String()})
    both = web.rename({"source": "copy"}).join(web, how="cross", suffix="_there")
    return both.filter(
        pl.col("copy") != pl.col("source"),
        pl.col("first") >= pl.col("first_there"),
        pl.col("last") <= pl.col("last_there"),
        pl.col("answers") <= pl.col("answers_there"),
    ).select("copy", log="source")


def _lines(events: pl.LazyFrame, known: Facts, sources: list[str]) -> pl.DataFrame:
    """How often each of the logs has each line, by a hash of what it says."""
    named = pl.col("source").is_in(sources)
    answers = known.profile.filter(named & (pl.col("hop") == "web_server"))["answers"]
    part = max(1, int(answers.sum()) // _SAMPLE)
    return (
        events.filter(
            named,
            pl.col("hop") == "web_server",
            pl.col("status").is_not_null(),
            # Few moments are looked at: of the others nothing else is read.
            pl.col("time").hash(7) % part == 0,
        )
        .select("source", key=pl.struct("time", *_SAYS).hash(7))
        .group_by("source", "key")
        .len()
        .collect(engine="streaming")
    )


def without(events: pl.LazyFrame, copied: Collection[str]) -> pl.LazyFrame:
    """The events, answers that are copies of others left out."""
    if not copied:
        return events
    web = (pl.col("hop") == "web_server") & pl.col("status").is_not_null()
    twice = pl.col("source").is_in(list(copied)) & web
    return events.filter(~twice.fill_null(value=False))


def _settled(pairs: set[tuple[str, str]]) -> dict[str, str]:
    """The copies among the pairs; of equal logs the one that lies deepest stays."""

    def rank(source: str) -> tuple[int, str]:
        return -source.count("/"), source

    gone: dict[str, list[str]] = {}
    for copy, log in sorted(pairs):
        if (log, copy) not in pairs or rank(log) < rank(copy):
            gone.setdefault(copy, []).append(log)
    return {copy: min(logs, key=rank) for copy, logs in gone.items()}
