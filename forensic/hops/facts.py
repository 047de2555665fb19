"""Numbers ▶ facts about the archive as a whole: what its logs can show at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from forensic.census import EXPECTED, MINUTE
from forensic.hops.machine import machine
from forensic.rotation import lacking, log_of

__all__ = ["Facts", "gather"]

#: Servers that log requests among their own lines, in the layout of web servers.
_MIXING = ["puma"]
#: What looks after workers: an application's exceptions seldom come that far, since
#: its framework catches them. A queue's worker has those of its tasks.
_ARBITERS = ["gunicorn_error", "celery"]
#: Tomcat's own log: what a web application throws goes to that of its host.
_OWN = r"(?:^|/)catalina[^/]*$"
#: So many times as many private peers as public ones: a few ask it past the proxy.
_NEARLY_ALL = 19


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sources of an archive log."""

    #: source, hop, family, events, answers, upstreams, sent_on (answers that tell what
    #: they were sent on to), actions, enveloped (see there), complaints (lines of an
    #: error log), orphans (see `dialogue`), programs (whether an envelope names them),
    #: doubtful (whether its clock is a guess), first, last (µs).
    profile: pl.DataFrame
    #: Minutes since 1970 in which an application log has an event, and one beside.
    app_minutes: pl.Series
    #: Of these, such in which one that writes more than requests has a line.
    app_words: pl.Series
    #: Of these again, such where what the application throws would stand.
    app_own_words: pl.Series

    def has(self, *hops: str, column: str = "events") -> bool:
        """Whether a source of one of these hops, or of any, has such events."""
        own = pl.col("hop").is_in(list(hops)) if hops else pl.lit(value=True)
        return bool((self.profile.filter(own)[column] > 0).any())

    def answering(self) -> set[str]:
        """The hops that log answers."""
        told = (pl.col("answers") > 0) | (pl.col("actions") > 0)
        return set(self.profile.filter(told)["hop"].drop_nulls())

    def families(self, column: str, *hops: str) -> list[str]:
        """The sources whose log, rotations included, ever fills that column.

        With hops, in lines of these: one file may carry the logs of several.
        """
        rows = self.profile.filter(pl.col("hop").is_in(list(hops)) | (not hops))
        known = pl.col(column).sum().over("family") > 0
        return rows.filter(known)["source"].to_list()

    def complained(self, moment: pl.Expr, source: pl.Expr) -> pl.Expr:
        """Whether an error log of a web server spans that moment (µs).

        Of the machine of that access log, where folders are machines: where one holds
        logs of both kinds, that of another machine says nothing of it.
        """
        erring = pl.col("complaints") > 0
        folder = machine(pl.col("source"))
        web = self.profile.filter(pl.col("hop") == "web_server")
        both = web.group_by(folder.alias("machine")).agg(
            (erring.any() & (pl.col("answers") > 0).any()).alias("both")
        )
        if not both["both"].any():
            return self._spanned(moment, erring)
        spanned = pl.lit(value=False)
        for name in web.filter(erring).select(folder).unique().to_series().sort():
            mine = self._spanned(moment, erring & (folder == name))
            spanned |= (machine(source) == name).fill_null(value=False) & mine
        return spanned

    def served(self, moment: pl.Expr, families: list[str] | None = None) -> pl.Expr:
        """Whether an access log of a web server, or one of these, spans that moment."""
        named = pl.lit(families is None) | pl.col("family").is_in(families or [])
        return self._spanned(moment, named & (pl.col("answers") > 0))

    def fronted(self) -> bool:
        """Whether web servers name only private peers, and no log is of those."""
        web = self.profile.filter(pl.col("hop") == "web_server")
        near, far = web["private"].sum(), web["public"].sum()
        return near > far * _NEARLY_ALL and not self.has("load_balancer")

    def _spanned(self, moment: pl.Expr, wanted: pl.Expr) -> pl.Expr:
        """Whether a web server's log of that kind, rotations included, spans it."""
        web = (pl.col("hop") == "web_server") & wanted & ~pl.col("doubtful")
        spanned = pl.lit(value=False)
        for first, last in _stretches(self.profile.filter(web)).rows():
            spanned |= moment.is_between(first, last)
        return spanned.fill_null(value=False)


def _stretches(profile: pl.DataFrame) -> pl.DataFrame:
    """`first` and `last` (µs) of the times over which logs were written without a hole.

    Between two rotations lies one where the number of a third is left out, or where
    both were written at a rate that would have given some lines.
    """
    files = profile.drop_nulls(["first", "last"]).sort("family", "first", "source")
    unwritten = lacking(files.rename({"first": "first_time", "last": "last_time"}))
    rate = pl.col("events") / (pl.col("last") - pl.col("first") + MINUTE)
    before = pl.col("last").cum_max().shift(1).over("family")
    hole = (pl.col("first") - before) * pl.min_horizontal(
        rate, rate.shift(1).over("family")
    )
    cut = (hole >= EXPECTED) | pl.col("source").is_in(unwritten["newer"].implode())
    return (
        files.with_columns(cut=cut.fill_null(value=False))
        .with_columns(stretch=pl.col("cut").cum_sum().over("family"))
        .group_by("family", "stretch")
        .agg(pl.col("first").min(), pl.col("last").max())
        .select("first", "last")
        .sort("first", "last")
    )


def gather(counts: pl.DataFrame, doubtful: Sequence[str] = ()) -> Facts:
    """The facts, by the numbers of `census`.

    `doubtful` are sources whose clock is a guess: what they do not say at a moment
    shows nothing.
    """
    told = [
        "events",
        "answers",
        "sent_on",
        "upstreams",
        "actions",
        "enveloped",
        "complaints",
        "orphans",
        "public",
    ]
    profile = (
        counts.group_by("source", "hop")
        .agg(
            pl.col(told).sum(),
            statuses=pl.col("upstream_statuses").sum(),
            private=pl.col("near").sum(),
            programs=pl.col("programs").sum() > 0,
            mixes=pl.col("format").is_in(_MIXING).any(),
            first=pl.col("first").min(),
            last=pl.col("last").max(),
        )
        .with_columns(
            family=log_of(pl.col("source")),
            doubtful=pl.col("source").is_in(list(doubtful)),
        )
        .sort("source", "hop")
    )
    apps = counts.filter(
        pl.col("hop").is_in(["app_server", "application"])
        & ~pl.col("source").is_in(list(doubtful))
    )
    speaking = apps.filter(pl.col("words") > 0)
    looks_after = pl.col("format").is_in(_ARBITERS)
    looks_after |= (pl.col("format") == "tomcat") & pl.col("source").str.contains(_OWN)
    own = speaking.filter(~looks_after.fill_null(value=False))
    return Facts(profile, _around(apps), _around(speaking), _around(own))


def _around(counts: pl.DataFrame) -> pl.Series:
    """The minutes that are counted, and those beside them."""
    minutes = counts["minute"].drop_nulls().unique()
    return pl.concat([minutes - 1, minutes, minutes + 1]).unique().sort()
