"""Events ▶ requests: who answered each error, why, how sure, on which lines."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from forensic.census import MINUTE, census
from forensic.hops import (
    arrivals,
    balancers,
    chain,
    copies,
    facts,
    join,
    notes,
    proxies,
    reached,
    responses,
    windows,
)
from forensic.hops.about import PASSED_ON, noted, told
from forensic.hops.decide import decide
from forensic.hops.explain import explain
from forensic.hops.facts import Facts
from forensic.hops.joined import joined
from forensic.hops.kept import kept
from forensic.hops.moment import doubtful, settled
from forensic.hops.reader import Keep, Reader, Records
from forensic.schema import REQUEST

__all__ = ["correlate", "correlated"]


def _context(
    requests: pl.DataFrame,
    known: Facts,
    inner_logs: list[str],
    reach: pl.DataFrame,
    *,
    all_arrivals: bool,
) -> pl.DataFrame:
    """The requests with what the archive as a whole can show about each."""
    behind = [stream.split("\n")[0] for stream in inner_logs]
    passing = known.families("upstreams")
    judged = [*known.families("statuses"), *known.families("actions")]
    minute = pl.col("time") // MINUTE
    web = {
        name: pl.when(PASSED_ON)
        .then(f"inner_web_{name}")
        .otherwise(f"web_server_{name}")
        for name in (
            "status",
            "upstream",
            "upstream_status",
            "upstream_duration",
            "duration",
            "bytes_sent",
            "format",
            "source",
            "offset",
        )
    }
    web_name = {f"web_{name}": value for name, value in web.items()}
    named = requests.with_columns(**web_name)
    with_reach = joined(named, reach, ["web_source", "web_offset"])
    return with_reach.with_columns(
        # An address or a wait says that one was asked, not what it answered.
        logs_upstream=pl.col("web_source")
        .is_in(known.families("sent_on", "web_server"))
        .fill_null(value=False)
        & (
            pl.col("web_upstream_status").is_not_null()
            | pl.col("web_upstream").is_null()
            & pl.col("web_upstream_duration").is_null()
        ),
        balancer_passes=~pl.col("load_balancer_source").is_in(judged),
        web_known=pl.lit(known.has("web_server")),
        web_served=known.served(pl.col("time")),
        inner_served=known.served(pl.col("time"), behind),
        fronted=pl.lit(known.fronted()),
        web_complains=known.complained(pl.col("time"), pl.col("web_source")),
        waf_known=pl.lit(known.has("waf")),
        origin_known=pl.lit(known.has("load_balancer", "web_server", column="answers")),
        proxies=pl.lit(known.has("app_server", "application") or bool(passing)),
        app_speaks=minute.is_in(known.app_own_words.implode()).fill_null(value=False)
        & ~_of_another(named),
        app_logs_requests=pl.lit(
            all_arrivals or known.has("app_server", "application", column="answers")
        ),
        deaths_show=pl.lit(known.has("app_server"))
        & minute.is_in(known.app_words.implode()).fill_null(value=False),
        app_covered=minute.is_in(known.app_minutes.implode()).fill_null(value=False),
    )


def _of_another(requests: pl.DataFrame) -> pl.Expr:
    """Requests whose upstream has no line in the applications' logs, as others have.

    One of several applications speaks there: what it is silent of tells nothing of
    another, whose log is not here.
    """
    told = pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("application_row", "app_server_row")
    )
    told |= pl.col("trace").is_not_null()
    heard = requests.filter(told)["web_upstream"].drop_nulls().unique()
    if not heard.len():
        return pl.lit(value=False)
    return ~pl.col("web_upstream").is_in(heard.implode()).fill_null(value=True)


def _outer(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests with the time, status and duration that the client saw.

    The WAF comes last: it stamps when it was asked, not when the client was answered.
    """
    order = [tier for tier in responses.TIERS if tier != "waf"] + ["waf"]
    values = {
        name: pl.coalesce(f"{tier}_{name}" for tier in order)
        for name in ("status", "duration")
    }
    # A stamp of the start alone does not tell when the answer came; one behind may.
    seen = [f"{tier}_{name}" for name in ("end", "time") for tier in order]
    values["time"] = pl.coalesce(seen)
    return requests.with_columns(**values)


def _decided(
    records: Records,
    known: Facts,
    inner: list[str],
    outer: list[str],
    reach: pl.DataFrame,
    *,
    habit: arrivals.Habit,
    everything: bool,
) -> pl.DataFrame:
    """The decided requests of one window."""
    frame, said, arrived = records
    del records  # nobody holds them but this
    frame = notes.as_responses(frame, said, known)
    frame = proxies.tiered(frame, inner, proxies.app_streams(known, inner))
    frame = balancers.raised(frame, outer)
    if not frame.height:
        return pl.DataFrame()
    links = join.link(frame)
    found = chain.requests(frame, links, everything=everything)
    found = kept(_outer(found))
    found = noted(found, frame, said)
    del frame, links  # what follows makes as much of the errors alone
    found = arrivals.tied(told(found, said), arrived, habit.machines)
    return decide(_context(found, known, inner, reach, all_arrivals=habit.all))


def _parts(
    events: pl.LazyFrame,
    counts: pl.DataFrame,
    clocks: pl.DataFrame,
    known: Facts,
    *,
    everything: bool,
    keep: Keep,
) -> Iterator[pl.DataFrame]:
    """The request table, window by window."""
    inner = proxies.inner_streams(events, clocks, known)
    outer = balancers.outer_balancers(events, clocks, known)
    alone = len(known.answering()) < 2 and not inner and not outer
    reach = reached.table(events, known)
    reader = Reader(
        events, counts, clocks, known, alone=alone, everything=everything, keep=keep
    )

    def rows(span: windows.Window, held: list[Records]) -> pl.DataFrame:
        part = _decided(
            held.pop(),
            known,
            inner,
            outer,
            reach,
            habit=reader.habit,
            everything=everything,
        )
        if not part.height:
            return part
        told = explain(windows.own(part, span), known)
        return told.sort("time", nulls_last=True, maintain_order=True)

    spans = reader.windows
    with ThreadPoolExecutor(1) as ahead:  # reads a window while one is decided
        coming = ahead.submit(reader.read, spans[0])
        for span, after in zip(spans, [*spans[1:], None], strict=True):
            held = [coming.result()]
            if after is not None:
                coming = ahead.submit(reader.read, after)
            found = rows(span, held)
            if found.height:
                yield found


def correlate(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    sources: pl.DataFrame,
    counts: pl.DataFrame | None = None,
    *,
    all_requests: bool = False,
) -> pl.DataFrame:
    """The request table (`schema.REQUEST`) of the events, see `correlated`."""
    parts = correlated(events, clocks, sources, counts, all_requests=all_requests)
    return pl.concat([pl.DataFrame(schema=REQUEST), *parts])


def correlated(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    sources: pl.DataFrame,
    counts: pl.DataFrame | None = None,
    *,
    all_requests: bool = False,
    keep: Keep = lambda _name, rows: rows,
) -> Iterator[pl.DataFrame]:
    """The request table of the events in parts, by time.

    One row a response with status >= 400 at any hop, or over which hops disagree;
    `all_requests` keeps the others too. `time` is on the reference clock: a source
    that is ahead (`clocks.skew`) is set back. Time is walked in windows, so that
    memory does not grow with the archive. `counts` is the events' `census`, where
    that is known already; `keep` holds what is read once of very many events.
    """
    same = sources.filter(pl.col("duplicate_of").is_not_null())["source"]
    own = events.filter(~pl.col("source").is_in(same.implode()))
    if counts is None:
        counts = census(events)
    counts = counts.filter(~pl.col("source").is_in(same.implode()))
    guessed = doubtful(clocks)
    known = facts.gather(counts, guessed)
    again, beside = copies.copies(own, known), copies.twins(own, known)
    if again or beside:
        own = copies.without(own, again)
        own = copies.without(own, beside, copies.PROXIES)
        counts = census(own)
        known = facts.gather(counts, guessed)
    clocks = settled(clocks, sources)
    yield from _parts(own, counts, clocks, known, everything=all_requests, keep=keep)
