"""Tracebacks and refusals ▶ requests: which of an application's notes is about which.

By the id that both have, by where the lines stand, by path, and by the moment.
"""

import polars as pl

from forensic.hops.attach import PAIRS, SAME, Step, passes
from forensic.hops.kind import COMPLAINT
from forensic.hops.notes import ABOVE
from forensic.hops.refusals import REFUSALS
from forensic.hops.servers import FULL
from forensic.hops.thrown import IS_THROWN, NEAR, THROWN, behind, failures

__all__ = ["WITH_IDS", "tracebacks"]

_SECOND = 1_000_000
#: Stacks without a stamp, which a program printed between the lines of its log.
_BARE = (
    (pl.col("format") == "bare_stack")
    # What a worker of php-fpm prints, and chi of a panic.
    | (pl.col("format").is_in(["php", "go_access"]) & pl.col("time").is_null())
).fill_null(value=False)
#: So long may a request last of which two lines have the id.
_ONE_REQUEST = 120 * _SECOND
#: Ids of fewer characters may be those of a counter.
_UNIQUE = 16
#: Whose records may have the id that the application writes before its lines.
WITH_IDS = ("application", "app_server", "web_server", "load_balancer")
#: Notes of other kinds are about no request of an application.
_TOLD = [
    *(*THROWN, "said_no", "invalid_request", FULL, COMPLAINT.name),
    *(kind.name for kind in REFUSALS),
]
#: No application has it.
_UNLOGGED = pl.col("application_row").is_null()
#: An application could not reach those that it asks.
_PROXIED = pl.col("kind").str.starts_with("proxied_")


def tracebacks(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Which traceback or application line is about which request."""
    if not notes.select((pl.col("kind").is_in(_TOLD) | _PROXIED).any()).item():
        return pl.DataFrame(schema=PAIRS)
    failed = requests.filter(pl.col("status") >= 500)
    refused = requests.filter(
        pl.col("path").is_not_null(), pl.col("status").is_between(400, 499)
    )
    placed = _placed(failed, refused, notes)
    # What is not tied by its place is by its time.
    requests = requests.filter(pl.col("time").is_not_null())
    failed, refused = (
        rows.filter(pl.col("time").is_not_null()).join(
            placed, on="request", how="anti", maintain_order="left"
        )
        for rows in (failed, refused)
    )
    lines = notes.filter(pl.col("kind").is_in([*THROWN, "said_no", "invalid_request"]))
    timed = lines.filter(pl.col("time").is_not_null())
    named, nameless = (
        side.join(placed, on="note", how="anti", maintain_order="left")
        for side in (timed.filter(pl.col("path").is_not_null()), _nameless(timed))
    )
    proxied = notes.filter(_PROXIED)
    steps = [
        (failed, proxied.filter(pl.col("path").is_not_null()), ["path"], SAME),
        # Its log names nobody; the status may be one of the site's own.
        (failed.filter(_UNLOGGED), notes.filter(pl.col("kind") == FULL), [], SAME),
        *failures(failed, named, nameless),
        (refused, named.filter(~IS_THROWN), ["path"], NEAR),
        (behind(refused), named.filter(~IS_THROWN), ["path"], NEAR),
        (_unread(requests), nameless.filter(~IS_THROWN), [], SAME),
        *_refusals(refused, notes),
        # Django's word about a host names no path, whoever logged the answer.
        (
            refused.filter(pl.col("status") == 400),
            nameless.filter(pl.col("kind") == "said_no"),
            [],
            SAME,
        ),
        (
            failed.filter(pl.col("status").is_in(COMPLAINT.statuses)),
            notes.filter(
                pl.col("kind") == COMPLAINT.name, pl.col("path").is_not_null()
            ),
            ["path"],
            NEAR,
        ),
    ]
    return pl.concat([placed, passes(steps)]).sort("request")


def _placed(
    failed: pl.DataFrame, refused: pl.DataFrame, notes: pl.DataFrame
) -> pl.DataFrame:
    """What an id or the place of lines ties to a request, whatever the time."""
    thrown = notes.filter(IS_THROWN)
    words = notes.filter(pl.col("kind").is_in([kind.name for kind in REFUSALS]))
    owned = notes.filter(IS_THROWN | _PROXIED)
    placed = pl.concat([_of_its_id(failed, owned), _of_its_id(refused, words)])
    if not thrown.height:
        return placed
    for tie in (_next_line, _line_above, _neighbours):
        rest = failed.join(placed, on="request", how="anti", maintain_order="left")
        placed = pl.concat([placed, tie(rest, thrown)])
    # What a framework answers with 4xx may be thrown like any other: its id tells.
    rest = refused.join(placed, on="request", how="anti", maintain_order="left")
    free = thrown.join(placed, on="note", how="anti", maintain_order="left")
    return pl.concat([placed, _of_its_id(rest, free)])


def _nameless(timed: pl.DataFrame) -> pl.DataFrame:
    """Lines without a path that do not follow one with a path of the same process."""
    beside = timed.filter(pl.col("path").is_not_null()).select(
        "source", "pid", beside=pl.col("time")
    )
    return (
        timed.filter(pl.col("path").is_null())
        .sort("time", "note")
        .join_asof(
            beside.sort("beside", "source"),
            left_on="time",
            right_on="beside",
            by=["source", "pid"],
            strategy="backward",
            tolerance=_SECOND,
            check_sortedness=False,
        )
        .filter(pl.col("beside").is_null())
        .sort("source", "offset")
    )


def _unread(requests: pl.DataFrame) -> pl.DataFrame:
    """Requests that the application server could not read.

    They have no path in its words, and the application never saw them; Tomcat has them
    in its access log all the same.
    """
    unwritten = pl.col("app_server_row").is_null()
    unwritten |= pl.col("app_server_format").eq_missing(pl.lit("apache_access"))
    return requests.filter(
        pl.col("path").is_not_null(),
        pl.col("status") == 400,
        pl.col("application_row").is_null(),
        unwritten,
        pl.col("web_server_upstream_status").fill_null(400) == 400,
    )


def _of_its_id(failed: pl.DataFrame, thrown: pl.DataFrame) -> pl.DataFrame:
    """Exceptions or refusals that carry the id of the record that they are about.

    Rails writes it before every line of them, and no stamp; it may be the one that
    its proxy gave. Ids of a counter come again: short ones hold within a log, and
    none for requests that are far apart.
    """
    named = thrown.select("note", "request_id", where="source", at="time")
    named = named.filter(pl.col("request_id").is_not_null())
    if not named.height:
        return pl.DataFrame(schema=PAIRS)
    found = [
        failed.select(
            "request",
            source=f"{tier}_source",
            request_id=f"{tier}_request_id",
            time=f"{tier}_time",
        )
        .drop_nulls("request_id")
        .join(named, on="request_id", maintain_order="left")
        for tier in WITH_IDS
    ]
    apart = (pl.col("time") - pl.col("at")).abs()
    unique = pl.col("request_id").str.len_bytes() >= _UNIQUE
    own = unique | (pl.col("source") == pl.col("where"))
    near = pl.concat(found).filter(own & (apart.fill_null(0) <= _ONE_REQUEST))
    once = near.sort("request", "note").unique(
        "request", keep="first", maintain_order=True
    )
    once = once.unique("note", keep="first", maintain_order=True)
    return once.select("request", "note")


def _next_line(failed: pl.DataFrame, thrown: pl.DataFrame) -> pl.DataFrame:
    """Exceptions without a stamp that follow the record that they are about.

    So uvicorn writes them, as lines below it, and Rails, as the rest of the record.
    """
    undated = thrown.filter(pl.col("time").is_null() & ~_BARE)
    undated = undated.select("note", "source", "line")
    found = [
        failed.select(
            "request",
            source=f"{tier}_source",
            line=pl.col(f"{tier}_line") + below,
        ).join(undated, on=["source", "line"], maintain_order="left")
        for tier in ("app_server", "application")
        for below in (0, 1)
    ]
    pairs = pl.concat(found).select("request", "note")
    return pairs.unique("request", keep="first", maintain_order=True)


def _line_above(failed: pl.DataFrame, thrown: pl.DataFrame) -> pl.DataFrame:
    """Exceptions right above the record that they are about, as uWSGI has them.

    ASP.NET Core has a line of its own between: the record's category. Hono's stand
    below the line of the request that came, without a stamp.
    """
    came = pl.col("format") == "request_line"
    came &= pl.col("time").is_null() & pl.col("path").is_not_null()
    ends = thrown.filter(pl.col("format").is_in(ABOVE) | came)
    ends = ends.select("note", "source", "below", asked=pl.when(came).then("path"))
    found = [
        failed.filter(pl.col(f"{tier}_status") >= 500)
        .select(
            "request",
            source=f"{tier}_source",
            path="path",
            below=pl.col(f"{tier}_line") - between,
        )
        .join(ends, on=["source", "below"], maintain_order="left")
        .filter(pl.col("asked").is_null() | (pl.col("asked") == pl.col("path")))
        for tier in ("app_server", "application")
        for between in (0, 1)
    ]
    pairs = pl.concat(found).select("request", "note")
    return pairs.unique("request", keep="first", maintain_order=True)


def _neighbours(failed: pl.DataFrame, thrown: pl.DataFrame) -> pl.DataFrame:
    """Stacks that were printed between the records of a log, and the record beside.

    Some print the stack first, some the record, and the two may be of different
    requests: in each log the side counts on which more stacks have a failed one. With
    as many on both sides, those count that have one on one side alone.
    """
    stacks = thrown.filter(_BARE).select("note", "source", "format", "line", "below")
    # chi's have an empty line before them, and one of blanks behind.
    spaced = stacks.filter(pl.col("format") == "go_access").with_columns(
        pl.col("line") - 1, pl.col("below") + 1
    )
    stacks = pl.concat([stacks, spaced])
    records = pl.concat(
        failed.filter(pl.col(f"{tier}_status") >= 500).select(
            "request",
            source=f"{tier}_source",
            line=f"{tier}_line",
        )
        for tier in ("web_server", "app_server", "application")
    ).drop_nulls("line")
    sides = [
        stacks.with_columns(beside=place).join(
            records.rename({"line": "beside"}),
            on=["source", "beside"],
            maintain_order="left",
        )
        for place in (pl.col("line") - 1, pl.col("below"))
    ]
    before, behind = (
        side.group_by("source").agg(many=pl.col("note").n_unique()) for side in sides
    )
    votes = before.join(behind, on="source", how="full", coalesce=True, suffix="_below")
    votes = votes.with_columns(pl.col("many", "many_below").fill_null(0))
    tied = votes.filter(pl.col("many") == pl.col("many_below"))["source"].implode()
    more = [
        votes.filter(pl.col("many") > pl.col("many_below"))["source"].implode(),
        votes.filter(pl.col("many") < pl.col("many_below"))["source"].implode(),
    ]
    pairs = pl.concat(
        side.filter(
            pl.col("source").is_in(own)
            | (
                pl.col("source").is_in(tied)
                & ~pl.col("note").is_in(other["note"].implode())
            )
        )
        for side, other, own in zip(sides, reversed(sides), more, strict=True)
    ).select("request", "note")
    pairs = pairs.unique("request", keep="first", maintain_order=True)
    return pairs.unique("note", keep="first", maintain_order=True)


def _refusals(refused: pl.DataFrame, notes: pl.DataFrame) -> list[Step]:
    """The passes for words of refusal: by path, then by the moment alone.

    What stands in a log of which nothing is known has to name the request, or to be of
    a class that tells the status.
    """
    named, told = pl.col("path").is_not_null(), pl.col("status").is_not_null()
    steps: list[Step] = []
    for kind in REFUSALS:
        lines = notes.filter(pl.col("kind") == kind.name)
        if not lines.height:
            continue
        answers = refused.filter(pl.col("status").is_in(kind.statuses))
        steps += [
            (answers, lines.filter(named), ["path"], NEAR),
            (behind(answers), lines.filter(named), ["path"], NEAR),
            (answers, lines.filter(~named & told), ["status"], SAME),
            (answers, lines.filter(~named & ~told & pl.col("known_log")), [], SAME),
        ]
    return steps
