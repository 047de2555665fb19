"""Events ▶ facts about the archive as a whole: what its logs can show at all."""

from dataclasses import dataclass

import polars as pl

__all__ = ["ROTATION", "Facts", "gather"]

_MINUTE = 60_000_000
#: A rotated file is the same log: `access.log.2.gz` tells of `access.log`.
ROTATION = r"(?:[.-]\d{1,8})?(?:\.(?:gz|zst|bz2|xz))?$"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sources of an archive log."""

    #: source, hop, family, events, answers, upstreams, actions, complaints (lines of
    #: an error log), programs (whether an envelope names them), first, last (µs).
    profile: pl.DataFrame
    #: Minutes since 1970 in which an application log has an event, and one beside.
    app_minutes: pl.Series

    def has(self, *hops: str, column: str = "events") -> bool:
        """Whether a source of one of these hops has such events."""
        rows = self.profile.filter(pl.col("hop").is_in(list(hops)))
        return bool((rows[column] > 0).any())

    def answering(self) -> set[str]:
        """The hops that log answers."""
        told = (pl.col("answers") > 0) | (pl.col("actions") > 0)
        return set(self.profile.filter(told)["hop"].drop_nulls())

    def families(self, column: str) -> list[str]:
        """The sources whose log, rotations included, ever fills that column."""
        known = pl.col(column).sum().over("family") > 0
        return self.profile.filter(known)["source"].to_list()

    def complained(self, moment: pl.Expr) -> pl.Expr:
        """Whether an error log of a web server spans that moment (µs)."""
        web = (pl.col("hop") == "web_server") & (pl.col("complaints") > 0)
        logs = self.profile.filter(web).group_by("family")
        spans = logs.agg(pl.col("first").min(), pl.col("last").max()).drop_nulls()
        spanned = pl.lit(value=False)
        for first, last in spans.select("first", "last").sort("first", "last").rows():
            spanned |= moment.is_between(first, last)
        return spanned.fill_null(value=False)


def gather(events: pl.LazyFrame) -> Facts:
    """The facts, in two passes over narrow columns."""
    moment = pl.col("time").dt.epoch("us")
    hop = pl.col("hop").cast(pl.String)
    profile = (
        events.group_by("source", hop=hop)
        .agg(
            events=pl.len(),
            # An error line about a refusal names a status, and is no answer's record.
            answers=(
                pl.col("status").is_not_null()
                & (pl.col("level").is_null() | (pl.col("hop") != "web_server"))
            ).sum(),
            upstreams=(
                pl.col("upstream_status").is_not_null()
                | pl.col("upstream").is_not_null()
            ).sum(),
            statuses=pl.col("upstream_status").is_not_null().sum(),
            actions=pl.col("action").is_not_null().sum(),
            complaints=(
                pl.col("level").is_not_null() & pl.col("status").is_null()
            ).sum(),
            private=pl.col("client_scope")
            .cast(pl.String)
            .is_in(["private", "shared", "loopback"])
            .sum(),
            public=(pl.col("client_scope") == "public").sum(),
            programs=pl.col("process").is_not_null().any(),
            first=moment.min(),
            last=moment.max(),
        )
        .collect(engine="streaming")
        .with_columns(family=pl.col("source").str.replace(ROTATION, ""))
        .sort("source", "hop")
    )
    minutes = (
        events.filter(hop.is_in(["app_server", "application"]))
        .select(minute=moment // _MINUTE)
        .unique()
        .collect(engine="streaming")["minute"]
        .drop_nulls()
    )
    around = pl.concat([minutes - 1, minutes, minutes + 1]).unique().sort()
    return Facts(profile, around)
