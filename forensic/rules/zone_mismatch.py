"""Rule: logs whose stamps stand in different zones, or whose zone nothing tells."""

import polars as pl

from forensic.rule import Example, Frames, Rule, report, tally


def _zoned(frames: Frames) -> pl.LazyFrame:
    """Clocks with a known zone, the provider's own logs aside: they are always UTC."""
    remote = ["cdn", "waf", "load_balancer"]
    hops = frames.sources.select("source", "hop", "first_time", "last_time")
    clocks = frames.clocks.join(hops, on="source", how="left")
    local = ~pl.col("hop").is_in(remote).fill_null(value=False)
    return clocks.filter(local).with_columns(
        basis=pl.col("basis").cast(pl.String),
        stamp=pl.col("stamp").cast(pl.String),
        first="first_time",
        last="last_time",
        all=pl.lit(value=True),
    )


def _differing(frames: Frames) -> pl.LazyFrame:
    """One row where the zones of one archive are not all the same."""
    rows = _zoned(frames).filter(
        pl.col("zone").is_not_null(), pl.col("basis") != "assumed"
    )
    part = pl.when(pl.col("stamp") == "envelope").then(pl.lit(" (outer stamps)"))
    named = rows.with_columns(
        named=pl.concat_str("source", part, pl.lit(" "), "zone", ignore_nulls=True)
    )
    zones = rows.group_by("all").agg(zones=pl.col("zone").n_unique())
    groups = tally(named, ["all"], tops=["named"]).join(zones, on="all")
    return report(
        groups.filter(pl.col("zones") > 1),
        summary=pl.format(
            "Stamps stand in {} zones: {}. The time column is UTC throughout",
            "zones",
            pl.col("named_list").str.replace_all(r" \(\d+\)", ""),
        ),
        confidence="strong",
    )


def _unproven(frames: Frames) -> pl.LazyFrame:
    """One row where a zone is assumed, or evidence disagrees about it."""
    against = pl.col("votes_against") * 3 > pl.col("votes_for")
    doubt = (pl.col("basis") == "assumed") | (against & (pl.col("basis") == "inferred"))
    rows = _zoned(frames).filter(pl.col("utc_offset").is_not_null(), doubt)
    named = rows.with_columns(
        named=pl.concat_str("source", pl.lit(": "), "detail", ignore_nulls=True)
    )
    return report(
        tally(named, ["all"], tops=["named"]),
        summary=pl.format(
            "The zone is not proven: {}",
            pl.col("named_list").str.replace_all(r" \(\d+\)", ""),
        ),
        confidence="weak",
        level="medium",
        ask_for=["etc/timezone or timedatectl of the host, or --tz GLOB=ZONE"],
    )


def _query(frames: Frames) -> pl.LazyFrame:
    return pl.concat([_differing(frames), _unproven(frames)]).sort("summary")


_JAPAN = {
    "source": "app.log",
    "stamp": "event",
    "utc_offset": 32400,
    "zone": "+09:00",
    "basis": "inferred",
    "votes_for": 9,
    "votes_against": 0,
    "detail": "9 requests also stand in access.log",
}
_UNIVERSAL = _JAPAN | {"source": "syslog", "utc_offset": 0, "zone": "+00:00"}
_BALANCER = _UNIVERSAL | {"source": "alb.log", "basis": "written", "utc_offset": None}

RULE = Rule(
    id="zone-mismatch",
    title="Logs are stamped in different or unproven time zones",
    level="informational",
    description="Lines of one moment carry different hours. Who searches the raw files "
    "by the hour finds nothing; the case has every event in UTC.",
    falsepositives=["Hosts that really stand in different zones"],
    references=["https://www.rfc-editor.org/rfc/rfc5424#section-6.2.3"],
    tags=["clock"],
    query=_query,
    positives=[
        Example(title="UTC and Japan", clocks=[_JAPAN, _UNIVERSAL]),
        Example(title="assumed", clocks=[_JAPAN | {"basis": "assumed"}]),
        Example(title="disputed", clocks=[_JAPAN | {"votes_against": 8}]),
    ],
    negatives=[
        Example(title="one zone", clocks=[_JAPAN, _JAPAN | {"source": "b.log"}]),
        Example(
            title="only the load balancer is in UTC",
            clocks=[_JAPAN, _BALANCER],
            sources=[{"source": "alb.log", "hop": "load_balancer"}],
        ),
    ],
)
