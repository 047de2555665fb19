"""What was thrown ▶ the passes that tie it to requests that failed.

By path, by its log, then by the moment alone.
"""

import polars as pl

from forensic.hops.attach import ASKED, LEAST_LIMIT, SAME, Step, passes

__all__ = ["IS_THROWN", "NEAR", "THROWN", "behind", "failures"]

_SECOND = 1_000_000
#: When a line about an answer is written, before and behind the answer's own record.
NEAR = (-3 * _SECOND, 2 * _SECOND)
#: How long after its start a request may fail that waited for something.
_WHILE = (-1_500_000, 65 * _SECOND)
#: An application may go on for a while after what was thrown.
_BEFORE_END = (-12 * _SECOND, 2 * _SECOND)
THROWN = ["exception", "abort", "harakiri"]
IS_THROWN = pl.col("kind").is_in(THROWN)
#: What a program that goes on says of a request to which it gives no answer.
_HANGS_UP = r"^http: panic serving "
#: What a server in front makes of such a request.
_MADE_IN_FRONT = pl.col("status").is_in([502, 503, 504])


def failures(
    failed: pl.DataFrame, named: pl.DataFrame, nameless: pl.DataFrame
) -> list[Step]:
    """The passes for what was thrown: by path, by its log, then by the moment alone."""
    thrown, bare = named.filter(IS_THROWN), nameless.filter(IS_THROWN)
    ended = _ended(failed)
    bare = _clear(bare, thrown, ended)
    # Go's own server hangs up on it: whoever got a 500 was answered.
    hung_up = bare["message"].str.contains(_HANGS_UP).fill_null(value=False)
    dropped, bare = bare.filter(hung_up), bare.filter(~hung_up)
    unanswered = failed.filter(_MADE_IN_FRONT)
    spoken = bare.with_columns(path=pl.col("message").str.extract(ASKED))
    slow = failed.filter(pl.col("status") == 500, pl.col("duration") >= LEAST_LIMIT)
    # One of a log that has the request itself is of that one, whatever else failed.
    recorded = ended.with_columns(source="application_source")
    recorded = recorded.filter(pl.col("source").is_not_null())
    # What was thrown is a 500 before it is a 502 that the web server made itself, and
    # one that the application's own log has before another.
    logged = pl.col("application_status").is_not_null()
    logged |= pl.col("app_server_status").is_not_null()
    own = ended.filter(pl.col("status") == 500)
    begun = failed.filter(
        pl.col("duration").is_null(),
        (pl.col("web_server_format") == "apache_access").fill_null(value=False),
    )
    aimed = pl.concat([thrown, spoken.select(thrown.columns)])
    return [
        *_begun_first(begun, aimed),
        (failed, thrown, ["method", "path"], (-3 * _SECOND, _SECOND)),
        (failed, thrown, ["path"], _BEFORE_END),
        (behind(failed), thrown, ["path"], NEAR),
        (failed, spoken, ["path"], SAME),
        *((begun, lines, ["path"], _WHILE) for lines in (thrown, spoken)),
        (recorded, bare, ["source"], SAME),
        (own.filter(logged), bare, [], SAME),
        (own, bare, [], SAME),
        (ended, bare, [], SAME),
        (unanswered, dropped, [], SAME),
        # The web server gave it another path.
        (slow, named.filter(pl.col("kind") == "abort"), [], SAME),
    ]


def _ended(failed: pl.DataFrame) -> pl.DataFrame:
    """The requests at their ends: Apache stamps the start, and may say how long."""
    started = pl.col("web_server_format") == "apache_access"
    started &= pl.col("web_server_time") == pl.col("time")
    lasted = (pl.col("duration") * _SECOND).cast(pl.Int64, strict=False)
    return failed.with_columns(
        time=pl.when(started & lasted.is_not_null())
        .then(pl.col("time") + lasted)
        .otherwise("time")
    )


def _clear(
    bare: pl.DataFrame, thrown: pl.DataFrame, failed: pl.DataFrame
) -> pl.DataFrame:
    """Those of `bare` that the moment can tie to a request.

    In a second of which the access log says no more, order tells: unless more requests
    failed than threw, or fewer, and what was thrown is not the same each time.
    """
    if not bare.height:
        return bare
    second = pl.col("time") // _SECOND
    asked = (
        failed.filter(pl.col("status") == 500)
        .group_by(second=second)
        .agg(asked=pl.len(), coarse=(pl.col("time") % _SECOND == 0).all())
    )
    named = thrown.group_by(second=second).agg(named=pl.len())
    said = pl.coalesce("named", pl.col("message").str.extract(r"^([^\n]*)"))
    told = bare.group_by(second=second).agg(told=pl.len(), words=said.n_unique())
    unclear = (
        told.join(asked, on="second")
        .join(named, on="second", how="left")
        .filter(
            "coarse",
            pl.col("words") > 1,
            pl.col("asked") > 1,
            pl.col("asked") != pl.col("told") + pl.col("named").fill_null(0),
        )
    )
    return bare.filter(~second.is_in(unclear["second"].implode()))


def _begun_first(begun: pl.DataFrame, aimed: pl.DataFrame) -> list[Step]:
    """The pass for requests that were stamped at their start, where they were.

    Most logs of that layout are Apache's, some nginx's, which stamps the end: what is
    thrown follows the start, and comes before the end or with it.
    """
    follows: Step = (begun, aimed, ["path"], _WHILE)
    precedes: Step = (begun, aimed, ["path"], _BEFORE_END)
    return [follows] if passes([follows]).height > passes([precedes]).height else []


def behind(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests that a proxy gave another path, by the one that came out of it."""
    other = pl.col("behind_path") != pl.col("path")
    return requests.filter(other).with_columns(path="behind_path")
