"""Numbers ▶ the evidence that should exist and does not: per hop, log and stretch.

A log is measured against its own rate, hour by hour: a quiet night is no gap, a
silent minute in a busy hour is one.
"""

from datetime import UTC, timedelta
from typing import Any

import polars as pl

from forensic.answers import CLIENT
from forensic.census import EXPECTED, MINUTE, formats_of, moment, span_of
from forensic.counted import plural
from forensic.estate import addressed
from forensic.hops.explain import NAMES
from forensic.rotation import lacking, log_of
from forensic.schema import GAP, HOPS
from forensic.wish import ask

__all__ = ["find", "spans"]

_MINUTE = timedelta(minutes=1)
#: An ALB writes one object for each of its nodes every five minutes.
_OBJECT = r"^(.*_elasticloadbalancing_.*?)_(\d{8}T\d{4})Z_([^_/]+)_[^_/]*$"
#: Objects of an hour or some minutes: Azure's, CloudFront's, AWS WAF's.
_DELIVERED = (
    r"^(.*?)(?:/y=\d{4}/m=\d\d/d=\d\d(?:/h=\d\d)?(?:/m=\d\d)?/[^/]*"
    r"|\.\d{4}-\d\d-\d\d-\d\d\.[0-9A-Za-z]{8}(?:\.gz)?"
    r"|/\d{4}/\d\d/\d\d(?:/\d\d){0,2}/[^/]*_waflogs_[^/]*)$"
)
_SLOT = timedelta(minutes=5)
#: The rate is taken from this many minutes on either side.
_AROUND = 30
_MOST = 500
#: A rate is only known of a log that wrote in so many of the minutes around.
_BUSY = 3
#: Of a log that does not write every response down, its bursts tell no rate: it must
#: write in this share of all its minutes.
_STEADY = 0.2
_ANSWERS = ["cdn", "waf", "load_balancer", "web_server"]
_BE = {False: "is", True: "are"}


def _family(source: pl.Expr) -> pl.Expr:
    """The log that a file is a rotation, or one of a provider's objects, of."""
    one_balancer = source.str.extract(_OBJECT, 1).str.replace(r"/\d{4}/\d\d/\d\d/", "/")
    delivered = source.str.extract(_DELIVERED, 1)
    return pl.coalesce(one_balancer, delivered, log_of(source))


def spans(counts: pl.DataFrame) -> pl.DataFrame:
    """Events a minute of each log: `family`, `hop`, `minute`, `events`, `first_source`.

    `answers` counts those among them that record a response.

    Sorted by family and minute.
    """
    return (
        counts.drop_nulls(["minute", "hop"])
        # A browser asks when somebody sits before it.
        .filter(pl.col("hop") != CLIENT)
        .with_columns(
            pl.col("hop").cast(pl.Enum(HOPS)),
            family=_family(pl.col("source")),
            minute=moment(pl.col("minute") * MINUTE),
        )
        .group_by("family", "hop", "minute")
        .agg(
            events=pl.col("events").sum(),
            answers=pl.col("responses").sum(),
            first_source=pl.col("source").min(),
            last_source=pl.col("source").max(),
        )
        .sort("family", "hop", "minute")
    )


def _silences(minutes: pl.DataFrame) -> pl.DataFrame:
    """Stretches without a line in which the log's own rate would have given many."""
    log = ["family", "hop"]
    span = pl.col("next") - pl.col("minute")
    count = pl.col("events").cast(pl.Float64)
    index = pl.col("minute")
    window = f"{_AROUND}m"
    rates = (
        minutes.sort(*log, "minute")
        .with_columns(
            next=pl.col("minute").shift(-1).over(log),
            next_source=pl.col("first_source").shift(-1).over(log),
            before=count.rolling_sum_by(index, window, closed="both").over(log),
        )
        .with_columns(
            busy=(count > 0)
            .cast(pl.Int64)
            .rolling_sum_by(index, window, closed="both")
            .over(log),
            seen=(
                (pl.col("minute") - pl.col("minute").min().over(log)).dt.total_minutes()
                + 1
            ).clip(1, _AROUND),
        )
        .with_columns(rate=pl.col("before") / pl.col("seen"))
        .with_columns(after=pl.col("rate").shift(-_AROUND).over(log))
    )
    all_minutes = (
        pl.col("minute").max() - pl.col("minute").min()
    ).dt.total_minutes() + 1
    steady = pl.len().over(log) / all_minutes.over(log) >= _STEADY
    # What these hops write besides answers are errors, and no errors are no gap.
    steady &= ~pl.col("hop").is_in(_ANSWERS)
    known = (pl.col("answers").sum().over(log) > 0) | steady
    silent = span.dt.total_minutes() - 1
    rate = pl.min_horizontal("rate", pl.coalesce("after", "rate"))
    return (
        rates.filter((silent >= 1) & known & (pl.col("busy") >= _BUSY))
        .with_columns(expected=silent * rate)
        .filter(pl.col("expected") >= EXPECTED)
        .select(
            "hop",
            source="last_source",
            kind=pl.when(pl.col("next_source") != pl.col("last_source"))
            .then(pl.lit("rotation_hole"))
            .otherwise(pl.lit("gap")),
            start=pl.col("minute") + _MINUTE,
            end=pl.col("next"),
            expected=pl.col("expected").round(1),
        )
    )


def _objects(sources: pl.DataFrame) -> pl.DataFrame:
    """Five-minute slots of a load balancer for which no node's object is there."""
    named = sources.filter(pl.col("source").str.contains(_OBJECT)).select(
        family=pl.col("source").str.extract(_OBJECT, 1).str.replace(r"^.*/", ""),
        slot=pl.col("source")
        .str.extract(_OBJECT, 2)
        .str.to_datetime("%Y%m%dT%H%M", strict=False, time_zone="UTC"),
        events=pl.col("events").fill_null(0),
    )
    slots = (
        named.drop_nulls("slot")
        .group_by("family", "slot")
        .agg(pl.col("events").sum())
        .sort("family", "slot")
    )
    step = int(_SLOT.total_seconds())
    return (
        slots.with_columns(next=pl.col("slot").shift(-1).over("family"))
        .filter((pl.col("next") - pl.col("slot")).dt.total_seconds() > step)
        .with_columns(
            rate=pl.col("events"),
            missing=(pl.col("next") - pl.col("slot")).dt.total_seconds() // step - 1,
        )
        .select(
            "family",
            start="slot",
            end=pl.col("next") - _SLOT,
            expected=(pl.col("missing") * pl.col("rate")).cast(pl.Float64),
        )
    )


def _signs(counts: pl.DataFrame) -> dict[str, int]:
    """Which hops the archive has, and which its lines speak of."""

    def told(hop: str, name: str) -> pl.Expr:
        return pl.col(name).filter(pl.col("hop") == hop).sum()

    return counts.select(
        **{f"has_{name}": told(name, "events") for name in HOPS},
        access=told("web_server", "statuses"),
        inside=told("web_server", "inside"),
        checks=told("web_server", "checks"),
        asked_waf=told("load_balancer", "asked_waf"),
        targets=told("load_balancer", "upstream_names"),
        upstreams=told("web_server", "behind"),
        # Of one request that fails, an error log may name a server twice.
        passed=told("web_server", "behind_answered"),
    ).row(0, named=True)


def _absent(counts: pl.DataFrame, formats: frozenset[str]) -> list[dict[str, Any]]:
    """Hops that the archive's lines speak of and of which it has no log."""
    signs = _signs(counts)
    start, end = span_of(counts) or (None, None)
    found: list[tuple[str, str]] = []
    proxied = signs["access"] and signs["inside"] >= 0.9 * signs["access"]
    if not signs["has_load_balancer"] and (proxied or signs["checks"]):
        why = (
            plural(signs["checks"], "health check") + " of a load balancer"
            if signs["checks"]
            else f"{signs['inside']} of {plural(signs['access'], 'client')}"
            " with a private address"
        )
        found.append(("load_balancer", f"The web server's log shows one: {why}."))
    if not signs["has_waf"]:
        if signs["asked_waf"]:
            why = f"The load balancer asked one {plural(signs['asked_waf'], 'time')}."
            found.append(("waf", why))
        elif (proxied or signs["checks"]) and not signs["has_load_balancer"]:
            # A load balancer that is logged says itself whether it asked one.
            why = (
                "A load balancer or proxy stands in front: whether it asks a WAF, its"
                " log shows."
            )
            found.append(("waf", why))
    if signs["targets"] and not signs["access"]:
        why = (
            f"The load balancer sent {plural(signs['targets'], 'request')} to targets."
        )
        found.append(("web_server", why))
    if signs["upstreams"] and not signs["has_application"] + signs["has_app_server"]:
        why = "The web server's error log names servers behind it."
        if signs["passed"]:
            passed = plural(signs["passed"], "request")
            why = f"The web server passed {passed} on."
        found.append(("application", why))
    return [
        {
            "hop": hop,
            "source": None,
            "kind": "absent",
            "start": start,
            "end": end,
            "expected": None,
            "detail": why,
            "ask_for": ask(hop, start, end, formats),
        }
        for hop, why in found
    ]


def _told(row: dict[str, Any], formats: frozenset[str]) -> dict[str, Any]:
    """A gap with its sentence and what to ask for."""
    start = row["start"].astimezone(UTC)
    end = row["end"].astimezone(UTC)
    hop = str(row["hop"])
    whose = NAMES.get(hop, f"the {hop}")
    texts = {
        "gap": f"The log of {whose} is silent",
        "rotation_hole": f"Between two rotated files the log of {whose} is silent",
        "missing_object": f"No 5-minute object of any node of {whose} is there",
    }
    until = end.strftime("%H:%M" if end.date() == start.date() else "%Y-%m-%d %H:%M")
    lost = plural(round(row["expected"]), "event")
    detail = (
        f"{texts[row['kind']]} from {start:%Y-%m-%d %H:%M} to {until} UTC;"
        f" at its own rate, about {lost} would be there."
    )
    wish = ask(hop, start, end, formats)
    return {**row, "detail": detail, "ask_for": wish}


def _lacking(sources: pl.DataFrame) -> list[dict[str, Any]]:
    """Rotations of which an older and a newer one are there."""
    found = lacking(sources.filter(pl.col("hop").is_not_null()))
    return [
        {
            "hop": row["hop"],
            "source": row["older"],
            "kind": "rotation_hole",
            "start": row["start"],
            "end": row["end"],
            "expected": None,
            "detail": f"{_and(row['names'])} {_BE[len(row['names']) > 1]} not in the"
            f" archive, {row['newer']} and {row['older']} are.",
            "ask_for": f"{_and(row['names'])} (perhaps compressed):"
            f" {row['start'].astimezone(UTC):%Y-%m-%d %H:%M} to"
            f" {row['end'].astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        }
        for row in found.to_dicts()
    ]


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _named(
    holes: list[dict[str, Any]], lost: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The holes; one in which a file is known to be lacking is told with its name.

    That the rate tells how much is lost, and the numbers which file.
    """
    by_file = {row["source"]: row for row in lost}
    told = []
    for hole in holes:
        file = None
        if hole["kind"] == "rotation_hole":
            file = by_file.pop(hole["source"], None)
        more = {"ask_for": file["ask_for"]} if file else {}
        detail = f"{file['detail']} {hole['detail']}" if file else hole["detail"]
        told.append({**hole, "detail": detail, **more})
    return [*told, *by_file.values()]


def _cut(sources: pl.DataFrame) -> list[dict[str, Any]]:
    """Files that end before their end."""
    broken = sources.filter(
        pl.col("verdict").cast(pl.String).is_in(["truncated", "changed", "over_budget"])
        & pl.col("hop").is_not_null()
    )
    return [
        {
            "hop": row["hop"],
            "source": row["source"],
            "kind": "truncated",
            "start": row["last_time"],
            "end": None,
            "expected": None,
            "detail": row["detail"] or "The file could not be read to its end.",
            "ask_for": f"a whole copy of {row['source']}",
        }
        for row in broken.sort("source").to_dicts()
    ]


def find(
    counts: pl.DataFrame, sources: pl.DataFrame, clocks: pl.DataFrame
) -> pl.DataFrame:
    """The gaps (`schema.GAP`), by hop, kind and start; `counts` is the `census`.

    `clocks` is part of the stage's contract; gaps are told on each log's own clock,
    because that is the clock by which its owner looks for the missing file.
    """
    del clocks
    # Of what is delivered in objects, one that is not there tells more.
    silent = _silences(spans(counts)).filter(
        ~((pl.col("kind") == "rotation_hole") & pl.col("source").str.contains(_OBJECT))
    )
    objects = _objects(sources).select(
        pl.lit("load_balancer").cast(pl.Enum(HOPS)).alias("hop"),
        source="family",
        kind=pl.lit("missing_object"),
        start="start",
        end="end",
        expected="expected",
    )
    columns = ["hop", "source", "kind", "start", "end", "expected"]
    both = pl.concat([silent.select(columns), objects.select(columns)])
    largest = both.sort(
        "expected", *columns[:-1], descending=[True, *([False] * 5)]
    ).head(_MOST)
    formats = formats_of(counts)
    rows = [_told(row, formats) for row in largest.to_dicts()]
    holes = _named(rows, _lacking(sources))
    every = [*_absent(counts, formats), *holes, *_cut(sources)]
    wishes = addressed([row["ask_for"] for row in every], sources["source"].to_list())
    told = [row | {"ask_for": wish} for row, wish in zip(every, wishes, strict=True)]
    return pl.DataFrame(told, schema=GAP).sort(
        "hop", "kind", "start", "source", nulls_last=True
    )
