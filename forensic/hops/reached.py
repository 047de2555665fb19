"""How far a web server came with its upstream, as the times in its access log show.

nginx writes `-` for the time of what did not happen: no connection, or no header of an
answer. So two 502 after as many milliseconds differ. Apache answers 502, too, where
its ProxyTimeout is over.
"""

import polars as pl

from forensic.hops.facts import Facts

__all__ = ["ANSWERED", "CONNECTED", "LIMITED", "NEVER", "table"]

_GATEWAY = [502, 504]
_KEYS = {"source": "web_source", "offset": "web_offset"}
_REACHED = pl.col("reached")
#: Its answer's header came: the status is the upstream's own.
ANSWERED = (_REACHED == "answered").fill_null(value=False)
#: There was a connection, and no header came.
CONNECTED = (_REACHED == "connected").fill_null(value=False)
#: There was no connection.
NEVER = (_REACHED == "never").fill_null(value=False)
#: It took as long as a time limit is (`limit`, seconds).
LIMITED = (_REACHED == "limit").fill_null(value=False)
#: One value for each server that was asked.
_VALUES = r"((?:(?:[0-9.]+|-)(?:(?:, | : )(?:[0-9.]+|-))*)?)"
#: Time limits are whole numbers of seconds, mostly of five; what waited for one is
#: hardly later.
_STEP, _LATER = 5.0, 0.1
_MICRO = 1e-6


def _last(names: str) -> pl.Expr:
    """The time of the last server that was asked; null where it is not logged.

    By its name in `extra`, or by its label in a tail that stands there as it is.
    """
    shape = rf'\b(?:{names})\\?"?[=:]\\?"?{_VALUES}'
    return pl.col("extra").str.extract(shape).str.extract(r"([^, ]*)$")


def _limit() -> pl.Expr:
    """The time limit (seconds) that an answer seems to have waited for; else null.

    A number alone behind the user agent is Apache's `%D` most often: where several
    failures have such a one, at least. nginx writes decimals.
    """
    apache = pl.col("format").str.starts_with("apache_")
    tail = pl.col("extra").str.extract(r'"tail":"([0-9]{7,10})"').cast(pl.Float64)
    timed = pl.when(apache).then("duration")
    waited = pl.coalesce(timed, tail * _MICRO)
    limit = (waited / _STEP).floor() * _STEP
    late = waited - limit
    fits = (pl.col("status") == 502) & (limit > 0) & (late <= _LATER)
    found = pl.when(fits).then(limit)
    several = found.is_not_null().sum().over("source", found) > 1
    return pl.when(timed.is_not_null() | several).then(found)


def table(events: pl.LazyFrame, known: Facts) -> pl.DataFrame:
    """`web_source`, `web_offset`, `reached` and `limit`, of the failures that tell."""
    connect = _last("upstream_connect_time|uct")
    header = _last("upstream_header_time|uht")
    # An error page may have put another status in the place of its own.
    gave = pl.col("status").is_in(_GATEWAY) | pl.col("upstream_status").is_in(_GATEWAY)
    web = (pl.col("hop") == "web_server") & gave
    names = [*_KEYS, "status", "format", "duration", "extra"]
    answers = (pl.col("hop") == "web_server") & (pl.col("answers") > 0)
    logs = known.profile.filter(answers)["source"].unique().sort()
    rows = events.filter(pl.col("source").is_in(logs.implode()), web).select(names)
    failed = rows.collect(engine="streaming")
    found = failed.sort(*_KEYS).select(
        *_KEYS,
        limit=_limit(),
        connected=connect.str.contains(r"^\d"),
        headed=header.str.contains(r"^\d"),
    )
    reached = (
        pl.when("headed")
        .then(pl.lit("answered"))
        .when("connected")
        .then(pl.lit("connected"))
        .when(~pl.col("connected"))
        .then(pl.lit("never"))
        .when(pl.col("limit").is_not_null())
        .then(pl.lit("limit"))
    )
    told = found.select(*_KEYS, "limit", reached=reached)
    return told.filter(_REACHED.is_not_null()).rename(_KEYS)
