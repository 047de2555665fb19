"""Events ▶ requests: who answered each error, why, how sure, on which lines."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from forensic.census import MINUTE, census
from forensic.clock.pairs import MOST_SKEW
from forensic.hops import (
    arrivals,
    attach,
    balancers,
    chain,
    copies,
    facts,
    gate,
    incident,
    join,
    notes,
    proxies,
    reached,
    responses,
    traces,
    windows,
)
from forensic.hops.decide import decide
from forensic.hops.explain import explain
from forensic.hops.facts import Facts
from forensic.hops.kept import kept
from forensic.hops.moment import doubtful, instant, settled
from forensic.hops.proxied import PROXIED
from forensic.hops.quoted import thrown, words
from forensic.hops.refusals import REFUSED
from forensic.hops.scored import COLUMNS as SCORED
from forensic.schema import REQUEST

__all__ = ["correlate", "correlated"]

#: So much later than the outermost record, an inner one was written at the end.
_LONG = 2_000_000
#: What the server behind a web server answered, and it sent on.
_PASSED_ON = pl.col("inner_web_status") == pl.col("web_server_status")
_PASSED_ON = _PASSED_ON.fill_null(value=False)
#: Of these notes the words stand in the answer's sentence.
_QUOTED = [*REFUSED, *(kind.name for kind in PROXIED)]
#: Windows share this much, so that a request on a border has all its records.
_OVERLAP = 3 * MINUTE


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
        name: pl.when(_PASSED_ON)
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
    with_reach = named.join(
        reach, on=["web_source", "web_offset"], how="left", maintain_order="left"
    )
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


def _noted(
    requests: pl.DataFrame, frame: pl.DataFrame, said: pl.DataFrame
) -> pl.DataFrame:
    """The requests with the notes that are about them."""
    web = frame.with_row_index("request").with_columns(pl.col("request").cast(pl.Int64))
    tiers = [responses.TIERS["web_server"], responses.TIERS["inner_web"]]
    web = web.filter(pl.col("tier").is_in(tiers) & pl.col("time").is_not_null())
    direct = attach.errors(web, said)
    bare = requests.filter(
        pl.col("web_server_row").is_null()
        & pl.col("load_balancer_upstream_status").is_not_null()
        & pl.col("time").is_not_null()
    ).select(
        "method",
        "path",
        "query",
        "client_ip",
        "time",
        request="root",
        source=pl.lit(None, pl.String),
        status="load_balancer_upstream_status",
    )
    rest = said.join(direct, on="note", how="anti", maintain_order="left")
    behind = attach.errors(bare, rest, by_client=False)
    lines = said.select(
        "note",
        *(
            pl.col(c).alias(f"note_{c}")
            for c in (
                *("kind", "cause", "rule", "source", "line", "offset", "time"),
                *("upstream", "format"),
            )
        ),
        note_words=pl.concat_str(
            words(pl.col("message")),
            pl.format("; matched before: {}", "scored").fill_null(""),
        ),
        scored_note=pl.when(pl.col("scored_line").is_not_null()).then("note"),
        **{name: name for name in SCORED[1:]},
        note_named=pl.col("client_ip").is_not_null() | pl.col("path").is_not_null(),
        note_path=pl.col("path").is_not_null(),
        note_client=pl.col("client_ip").is_not_null(),
        note_leaf="leaf",
    )
    by_row = direct.join(lines, on="note", maintain_order="left")
    direct_rows = direct["request"].implode()
    by_root = behind.join(lines, on="note", maintain_order="left")
    own = pl.col("inner_web_row").is_in(direct_rows)
    # The server that it asked in vain was not the last one: another answered so.
    tried = pl.col("web_server_row").is_in(
        by_row.filter(attach.about_upstream(pl.col("note_cause")))["request"].implode()
    )
    row = pl.coalesce(
        pl.when(own).then("inner_web_row"),
        pl.when(~(tried & _PASSED_ON)).then("web_server_row"),
    )
    found = requests.with_columns(request=row).join(
        by_row, on="request", how="left", maintain_order="left"
    )
    also = found.drop("request").join(
        by_root.rename({"request": "root"}),
        on="root",
        how="left",
        maintain_order="left",
        suffix="_behind",
    )
    columns = list(lines.columns)
    return also.with_columns(
        *(pl.coalesce(c, f"{c}_behind") for c in columns),
        note_direct=pl.col("note").is_not_null(),
    ).drop(f"{c}_behind" for c in columns)


def _told(requests: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The requests with the traceback and the worker's death that are about them."""
    source = pl.coalesce("inner_web_source", "web_server_source")
    inner = pl.coalesce("app_server_time", "inner_web_time", "web_server_time")
    own = requests.with_columns(
        request="root",
        web_source=source,
        # A load balancer may stamp the start; what failed is told at the end.
        time=pl.when(inner - pl.col("time") > _LONG).then(inner).otherwise("time"),
    )
    timed = own.filter(pl.col("time").is_not_null())
    traced = traces.tracebacks(own, said).rename({"request": "root", "note": "trace"})
    deaths = incident.incidents(timed, said).rename({"request": "root"})
    places = ["hop", "source", "line", "offset"]
    trace = said.select(
        trace="note",
        trace_kind="kind",
        trace_path="path",
        trace_status="status",
        trace_named=pl.col("path").is_not_null(),
        trace_id="request_id",
        trace_words=pl.coalesce(
            thrown(pl.col("message")),
            "named",
            pl.when(pl.col("kind").is_in(_QUOTED)).then(words(pl.col("message"))),
        ),
        **{f"trace_{c}": c for c in places},
        thrown=pl.when(pl.col("named").is_not_null()).then("note"),
        thrown_source="source",
        thrown_line="named_line",
        thrown_offset="named_offset",
    )
    death = said.select(
        incident_note="note",
        incident_kind="kind",
        incident_format="format",
        incident_words=words(pl.col("message")),
        **{f"incident_{c}": c for c in places},
    )
    with_trace = requests.join(traced, on="root", how="left", maintain_order="left")
    with_trace = with_trace.join(trace, on="trace", how="left", maintain_order="left")
    same_id = pl.any_horizontal(
        pl.col(f"{tier}_request_id") == pl.col("trace_id") for tier in traces.WITH_IDS
    )
    with_trace = with_trace.with_columns(
        trace_named=pl.col("trace_named") | same_id.fill_null(value=False)
    ).drop("trace_id")
    with_trace = gate.refused(with_trace)
    joined = with_trace.join(deaths, on="root", how="left", maintain_order="left")
    return joined.join(death, on="incident_note", how="left", maintain_order="left")


#: Responses, notes, and lines by which an application took a request in.
_Records = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def _decided(
    records: _Records,
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
    frame = notes.as_responses(frame, said, known)
    frame = proxies.tiered(frame, inner, proxies.app_streams(known, inner))
    frame = balancers.raised(frame, outer)
    if not frame.height:
        return pl.DataFrame()
    links = join.link(frame)
    found = chain.requests(frame, links, everything=everything)
    found = kept(_outer(found))
    found = _noted(found, frame, said)
    found = arrivals.tied(_told(found, said), arrived, habit.machines)
    return decide(_context(found, known, inner, reach, all_arrivals=habit.all))


def _reach(clocks: pl.DataFrame) -> tuple[pl.Expr, int]:
    """By which time windows are cut, and how far (µs) they overlap.

    Clocks that are some seconds off widen the overlap. One that is hours off would
    make a window of everything: then each record is put on the one clock first.
    """
    lead = float(clocks["skew"].abs().max() or 0.0)  # type: ignore[arg-type]
    if lead >= MOST_SKEW:
        return instant(clocks), _OVERLAP
    return windows.TIME, _OVERLAP + round(lead * 1_000_000)


def _parts(
    events: pl.LazyFrame,
    counts: pl.DataFrame,
    clocks: pl.DataFrame,
    known: Facts,
    *,
    everything: bool,
) -> Iterator[pl.DataFrame]:
    """The request table, window by window."""
    time, overlap = _reach(clocks)
    inner = proxies.inner_streams(events, clocks, known)
    outer = balancers.outer_balancers(events, clocks, known)
    alone = len(known.answering()) < 2 and not inner and not outer
    habit = arrivals.habit(events, known)
    speakers = notes.speakers(known)
    reach = reached.table(events, known)

    pieces = windows.pieces(events, counts)
    timed = events.filter(time.is_not_null()) if pieces else events

    def read(span: windows.Window) -> _Records:
        every = events if isinstance(span, windows.Lines) else timed
        window = windows.between(every, span, overlap, time)
        frame = responses.collect(
            window,
            clocks,
            alone=alone,
            orphans=known.has(column="orphans"),
            enveloped_too=known.has("web_server", column="enveloped"),
            everything=everything,
        )
        asking = window.filter(pl.col("source").is_in(habit.logs.implode()))
        arrived = arrivals.collect(asking, clocks, frame)
        speaking = window.filter(pl.col("source").is_in(speakers.implode()))
        return frame, notes.collect(speaking, clocks), arrived

    spans: list[windows.Window] = [*windows.spans(counts), *pieces]
    with ThreadPoolExecutor(1) as ahead:  # reads a window while one is decided
        coming = ahead.submit(read, spans[0])
        for span, after in zip(spans, [*spans[1:], None], strict=True):
            records = coming.result()
            if after is not None:
                coming = ahead.submit(read, after)
            part = _decided(
                records,
                known,
                inner,
                outer,
                reach,
                habit=habit,
                everything=everything,
            )
            del records  # while the next window's are on their way
            if part.height:
                told = explain(windows.own(part, span), known)
                yield told.sort("time", nulls_last=True, maintain_order=True)


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
) -> Iterator[pl.DataFrame]:
    """The request table of the events in parts, by time.

    One row a response with status >= 400 at any hop, or over which hops disagree;
    `all_requests` keeps the others too. `time` is on the reference clock: a source
    that is ahead (`clocks.skew`) is set back. Time is walked in windows, so that
    memory does not grow with the archive. `counts` is the events' `census`, where
    that is known already.
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
    yield from _parts(own, counts, clocks, known, everything=all_requests)
