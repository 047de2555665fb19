"""Web server logs ▶ those whose every line another log of the archive has as well.

A file that is a copy byte for byte is told before (`sources.duplicate_of`). This is
about the same lines in another file: what an editor or grep left beside a log, a tail
of it, a rotation that was copied while it went on, a log store's export of it. And
about two logs that one server writes of the same requests, one as JSON perhaps.
"""

from collections.abc import Collection
from typing import Any

import polars as pl

from forensic.hops.facts import Facts

__all__ = ["PROXIES", "copies", "twins", "without"]

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

#: What two logs of one server have alike, whatever else each writes.
_ALIKE = ["method", "path", "query", "status"]
#: With fewer, a proxy's and its server's may be the same by chance.
_TWINS = 20
_SECOND = 1_000_000
_FOLDER = r"^(?:(.*)/)?[^/]*$"
#: Apache can write another client than its peer; who proxies, stamps otherwise.
_OWN_STAMPS = "apache_access"
#: To so many seconds one server's time of a request is alike in its logs.
_FINE = 0.0011
#: The hops whose logs may be copies or twins.
PROXIES = ["web_server", "load_balancer"]


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


def without(
    events: pl.LazyFrame,
    copied: Collection[str],
    hops: Collection[str] = ("web_server",),
) -> pl.LazyFrame:
    """The events, answers of these hops that are copies of others left out."""
    if not copied:
        return events
    web = pl.col("hop").is_in(list(hops)) & pl.col("status").is_not_null()
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


def twins(events: pl.LazyFrame, known: Facts) -> list[str]:
    """The sources of answers that the same server wrote beside, telling more of them.

    Each request stands in both, in the same second, and lasted as long: a proxy and
    what stands behind it differ in some, if only in those that the proxy answers
    itself, and in how long they took.
    """
    pairs = _beside(known)
    if pairs.is_empty():
        return []
    named = pl.col("source").is_in([*pairs["one"], *pairs["other"]])
    second = pl.col("time").dt.truncate("1s")
    told = {
        "requests": pl.struct(second, *_ALIKE),
        "clients": pl.col("client_ip"),
        "versions": pl.col("http_version"),
    }
    rows = (
        events.filter(
            named, pl.col("hop").is_in(PROXIES), pl.col("status").is_not_null()
        )
        .with_columns(filled=pl.sum_horizontal(pl.col(_SAYS).is_not_null()))
        .group_by("source")
        .agg(
            *(value.hash(7).sort().alias(name) for name, value in told.items()),
            unversed=pl.col("http_version").is_null().all(),
            own=(pl.col("format") == _OWN_STAMPS).all(),
            took=pl.col("duration").drop_nulls().sort(),
            filled=pl.col("filled").sum(),
        )
        .collect(engine="streaming")
    )
    logs = {row["source"]: row for row in rows.iter_rows(named=True)}
    alike = [
        min((log["filled"], log["source"]) for log in pair)[1]
        for pair in ([logs[name] for name in names] for names in pairs.rows())
        if _same(*pair)
    ]
    return sorted(set(alike))


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all requests of two logs are the same, as one server writes them."""
    clients = one["clients"] == other["clients"] or (one["own"] and other["own"])
    versions = one["versions"] == other["versions"]
    versions |= one["unversed"] or other["unversed"]
    same = clients and versions and one["requests"] == other["requests"]
    return bool(same and _took_as_long(one["took"], other["took"]))


def _took_as_long(one: list[float], other: list[float]) -> bool:
    """Whether the requests lasted as long in both logs, where both say so.

    One server writes one time into all its logs; a proxy waits for its server, and
    then some. Whole seconds are told of either where one has no more.
    """
    if len(one) != len(other):
        return True
    whole = any(all(value.is_integer() for value in log) for log in (one, other))
    unit = 1.0 if whole else _FINE
    return all(
        abs(value - told) <= unit for value, told in zip(one, other, strict=True)
    )


def _beside(known: Facts) -> pl.DataFrame:
    """Web server logs in one folder with as many answers over the same time."""
    web = known.profile.filter(
        pl.col("hop").is_in(PROXIES),
        pl.col("answers").is_between(_TWINS, _SAMPLE),
        pl.col("first").is_not_null(),
    ).select(
        *("hop", "answers"),
        pl.col("source").alias("one"),
        *(pl.col(name) // _SECOND for name in ("first", "last")),
        folder=pl.col("source").str.extract(_FOLDER, 1).fill_null(""),
    )
    alike = ["hop", "folder", "answers", "first", "last"]
    both = web.join(web.rename({"one": "other"}), on=alike)
    return both.filter(pl.col("one") < pl.col("other")).select("one", "other")
