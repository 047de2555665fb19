"""Notes ▶ requests: which error line, traceback or kill is about which request."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forensic.hops.kinds import COMPLAINT, KINDS, REFUSALS
from forensic.hops.pair import pair, spread

__all__ = ["ASKED", "LEAST_LIMIT", "WITH_IDS", "arrivals", "errors", "leaf", "tracebacks"]

_SECOND = 1_000_000
_SAME = (-1_500_000, 1_500_000)
#: A request that waited for its upstream: the line stands at the end of a try.
_TRIES = (-75 * _SECOND, 1_500_000)
#: Of refusals only that of a slow client comes late.
_LATE, _SLOW_CLIENT = 499, 408
#: Apache stamps when a request came: what it wrote of it follows.
_FOLLOWING = (-1_500_000, 305 * _SECOND)
#: How long after its start a request may fail that waited for something.
_WHILE = (-1_500_000, 65 * _SECOND)
#: Where a line names what was asked for.
ASKED = (
    r"(?:^|[\s\"'=(\[])(?:https?://[^/\s]+)?"
    r"(/[^\s\"'?,;)\]]*?)[.:]*(?:[\s\"'?,;)\]]|$)"
)
#: So long may a request last of which two lines have the id.
_ONE_REQUEST = 120 * _SECOND
#: Ids of fewer characters may be those of a counter.
_UNIQUE = 16
#: Whose records may have the id that the application writes before its lines.
WITH_IDS = ("application", "app_server", "web_server", "load_balancer")
_FOLDER = r"^(.*)/[^/]*$"
#: No one sets a worker's time limit below this (seconds).
LEAST_LIMIT = 1.0
_ABOUT_UPSTREAM = pl.col("cause").str.starts_with("upstream_") | (
    pl.col("cause") == "bad_gateway"
)


def _key(columns: Sequence[str]) -> pl.Expr:
    """One key of 64 bits from several columns, nulls included."""
    text = pl.concat_str(
        [pl.col(c).cast(pl.String).fill_null("\x00") for c in columns],
        separator="\x01",
    )
    return text.hash(3)


_PAIRS = {"request": pl.Int64, "note": pl.Int64}


def _pass(
    left: pl.DataFrame,
    right: pl.DataFrame,
    fields: Sequence[str],
    window: tuple[int, int],
) -> pl.DataFrame:
    """Pairs (`request`, `note`) of rows equal in `fields` and close in time."""
    keys = [
        side.select(_key(fields)).to_series().to_numpy()
        if fields
        else np.zeros(side.height, np.uint64)
        for side in (left, right)
    ]
    times = [side["time"].to_numpy() for side in (left, right)]
    fine = [bool((moments % _SECOND).any()) for moments in times]
    # Whole seconds tie: those of one are spread over it, so that none of a burst is
    # left over, or taken by the next second's.
    for side, tied in enumerate((fine[1] or not fine[0], not any(fine))):
        if tied:
            moments = times[side]
            moments = spread(keys[side], moments, moments % _SECOND == 0)
            # A line is written before the answer: of two as near it is the later's.
            times[side] = moments + side
    a, b = pair((keys[0], times[0]), (keys[1], times[1]), window)
    return pl.DataFrame(
        {"request": left["request"].gather(a), "note": right["note"].gather(b)}
    )


_Step = tuple[pl.DataFrame, pl.DataFrame, Sequence[str], tuple[int, int]]


def _passes(steps: Sequence[_Step]) -> pl.DataFrame:
    """The pairs of several passes; what one has paired is gone for the next."""
    found = pl.DataFrame(schema=_PAIRS)
    for requests, notes, fields, window in steps:
        if not requests.height or not notes.height:
            continue
        free = requests.join(found, on="request", how="anti", maintain_order="left")
        left = notes.join(found, on="note", how="anti", maintain_order="left")
        found = pl.concat([found, _pass(free, left, fields, window)])
    return found


def _one_a_try(notes: pl.DataFrame) -> pl.DataFrame:
    """The last line of each request that wrote several, one for each try.

    An upstream is tried again; that a request was refused is written once.
    """
    group = ["source", "pid", "connection", "client_ip", "method", "path", "query"]
    tried = pl.col("connection").is_not_null() & _ABOUT_UPSTREAM
    known, rest = notes.filter(tried), notes.filter(~tried)
    last = known.with_columns(slot=pl.col("time") // (120 * _SECOND)).unique(
        [*group, "slot"], keep="last", maintain_order=True
    )
    return pl.concat([last.drop("slot"), rest]).sort("source", "offset")


def errors(
    rows: pl.DataFrame, notes: pl.DataFrame, *, by_client: bool = True
) -> pl.DataFrame:
    """Which web server error line is about which answer: `request`, `note`.

    The line names client and request; the status that the client got must be one
    that this kind of line comes with. `by_client` is off where the answers are known
    from the hop in front only, which has another client address.
    """
    lines = _one_a_try(notes.filter(pl.col("hop") == "web_server"))
    named = pl.col("client_ip").is_not_null() | pl.col("path").is_not_null()
    lines = lines.with_columns(
        folder=pl.col("source").str.extract(_FOLDER, 1),
        # lighttpd names neither client nor request of a backend that fails.
        nameless=~named.any().over("source"),
    )
    folder = pl.col("source").str.extract(_FOLDER, 1)
    wanted = rows.filter(pl.col("status") >= 400).with_columns(folder=folder)
    found = [pl.DataFrame(schema=_PAIRS)]
    for status in sorted(wanted["status"].unique().to_list()):
        kinds = [kind.name for kind in KINDS if status in kind.statuses]
        said = lines.filter(pl.col("kind").is_in(kinds))
        answers = wanted.filter(pl.col("status") == status)
        pairs = _passes(_steps(answers, said, by_client=by_client))
        lines = lines.join(pairs, on="note", how="anti", maintain_order="left")
        found.append(pairs)
    return pl.concat(found).sort("request")


def _steps(
    answers: pl.DataFrame, said: pl.DataFrame, *, by_client: bool
) -> list[_Step]:
    """The passes that tie error lines to answers, the surest first.

    A status that the upstream sent is not of the web server's own making: only lines
    about the upstream can belong to it.
    """
    # What PHP writes about itself comes through the web server's log.
    waited = said.filter(_ABOUT_UPSTREAM | (pl.col("kind") == "script"))
    if not by_client:
        request = ["method", "path", "query"]
        return [(answers, said, request, _SAME), (answers, waited, request, _TRIES)]
    passed = (pl.col("upstream_status") == pl.col("status")).fill_null(value=False)
    own, through = answers.filter(~passed), answers.filter(passed)
    # A 500 that the upstream sent is no connection that it closed.
    tried = answers.filter(~passed | pl.col("status").is_in([502, 503, 504]))
    bare = said.filter(pl.col("path").is_null())
    # ModSecurity names the path of a request, not its method.
    unasked = said.filter(pl.col("method").is_null() & pl.col("path").is_not_null())
    request = ["client_ip", "method", "path", "query"]
    return [
        (own, said, ["folder", *request], _SAME),
        (through, waited, ["folder", *request], _SAME),
        (own, said, request, _SAME),
        (through, waited, request, _SAME),
        (tried, waited, request, _TRIES),
        (own, said, ["client_ip", "method", "path"], _SAME),
        (own, unasked, ["client_ip", "path"], _SAME),
        *_named_by_file(own, bare),
        (own, bare, ["client_ip"], _SAME),
        (own, waited.filter("nameless"), ["folder"], _SAME),
        *_following(answers, said),
    ]


def _named_by_file(answers: pl.DataFrame, bare: pl.DataFrame) -> list[_Step]:
    """The pass for lines that name a file: the request's path ends as it does."""
    filed = bare.filter(pl.col("leaf").is_not_null())
    ending = answers.with_columns(leaf=leaf(pl.col("path")))
    return [(ending, filed, ["client_ip", "leaf"], _SAME)]


def leaf(path: pl.Expr) -> pl.Expr:
    """The last name of a path, without its query; null of what has none."""
    return path.str.extract(r"([^/?]+)/?(?:\?.*)?$")


def _following(answers: pl.DataFrame, said: pl.DataFrame) -> list[_Step]:
    """The passes for servers that stamp the start, and write why they failed later."""
    if "format" not in answers.columns:
        return []
    slow = pl.col("kind").is_in(["client_slow", "client_gone", "script"])
    waited = said.filter(_ABOUT_UPSTREAM | slow)
    started = answers.filter(pl.col("format") == "apache_access")
    named = waited.filter(pl.col("path").is_not_null())
    bare = waited.filter(pl.col("path").is_null())
    return [
        (started, named, ["client_ip", "path"], _FOLLOWING),
        (started, bare, ["client_ip"], _FOLLOWING),
    ]


def arrivals(
    heard: pl.DataFrame,
    unheard: pl.DataFrame,
    lines: pl.DataFrame,
    machines: frozenset[str],
) -> pl.DataFrame:
    """Which line by which an application took a request in is about which request.

    It stands before the request's end, by as long as that took, and on its machine,
    if that is one of those given. Those of `heard` go first. What was refused was
    refused at once: a line long before it is of a request that went well.
    """
    local = pl.col("machine").is_in(sorted(machines))
    late = (pl.col("status") >= _LATE) | (pl.col("status") == _SLOW_CLIENT)
    steps: list[_Step] = []
    for requests in (heard, unheard):
        near, far = requests.filter(local), requests.filter(~local)
        for window in (_SAME, _TRIES):
            if window == _TRIES:
                near, far = near.filter(late), far.filter(late)
            steps += [
                (near, lines, ["machine", "method", "path"], window),
                (far, lines, ["method", "path"], window),
            ]
    return _passes(steps)


def tracebacks(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Which traceback or application line is about which request."""
    lines = notes.filter(
        pl.col("kind").is_in(["exception", "abort", "said_no", "invalid_request"])
    )
    timed = lines.filter(pl.col("time").is_not_null())
    named = timed.filter(pl.col("path").is_not_null())
    beside = named.select("source", "pid", beside=pl.col("time")).sort(
        "beside", "source"
    )
    nameless = (
        timed.filter(pl.col("path").is_null())
        .sort("time", "note")
        .join_asof(
            beside,
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
    thrown = pl.col("kind").is_in(["exception", "abort"])
    failed = requests.filter(pl.col("status") >= 500)
    readable = requests.filter(pl.col("path").is_not_null())
    refused = readable.filter(pl.col("status").is_between(400, 499))
    words = notes.filter(pl.col("kind").is_in([kind.name for kind in REFUSALS]))
    known = pl.concat(
        [_of_its_id(failed, lines.filter(thrown)), _of_its_id(refused, words)]
    )
    refused = refused.join(known, on="request", how="anti", maintain_order="left")
    failed = failed.join(known, on="request", how="anti", maintain_order="left")
    below = _next_line(failed, lines.filter(thrown))
    failed = failed.join(below, on="request", how="anti", maintain_order="left")
    above = _line_above(failed, lines.filter(thrown))
    failed = failed.join(above, on="request", how="anti", maintain_order="left")
    placed = pl.concat([known, below, above])
    named, nameless = (
        side.join(placed, on="note", how="anti", maintain_order="left")
        for side in (named, nameless)
    )
    # What gunicorn could not read has no path, and the application never saw it;
    # Tomcat has it in its access log all the same.
    unwritten = pl.col("app_server_row").is_null()
    unwritten |= pl.col("app_server_format").eq_missing(pl.lit("apache_access"))
    unread = readable.filter(
        (pl.col("status") == 400)
        & pl.col("application_row").is_null()
        & unwritten
        & (pl.col("web_server_upstream_status").fill_null(400) == 400)
    )
    slow = failed.filter(
        (pl.col("status") == 500) & (pl.col("duration") >= LEAST_LIMIT)
    )
    # One of a log that has the request itself is of that one, whatever else failed.
    recorded = failed.with_columns(source="application_source")
    recorded = recorded.filter(pl.col("source").is_not_null())
    aborted = named.filter(pl.col("kind") == "abort")
    complaints = notes.filter(pl.col("kind") == COMPLAINT.name)
    spoken = nameless.filter(thrown).with_columns(
        path=pl.col("message").str.extract(ASKED)
    )
    begun = failed.filter(
        pl.col("duration").is_null()
        & (pl.col("web_server_format") == "apache_access").fill_null(value=False)
    )
    steps: list[_Step] = [
        (failed, named.filter(thrown), ["method", "path"], (-3 * _SECOND, _SECOND)),
        (failed, named.filter(thrown), ["path"], (-12 * _SECOND, 2 * _SECOND)),
        (failed, spoken, ["path"], _SAME),
        *((begun, lines, ["path"], _WHILE) for lines in (named.filter(thrown), spoken)),
        (recorded, nameless.filter(thrown), ["source"], _SAME),
        (failed, nameless.filter(thrown), [], _SAME),
        (slow, aborted, [], _SAME),  # the web server gave it another path
        (refused, named.filter(~thrown), ["path"], (-3 * _SECOND, 2 * _SECOND)),
        (unread, nameless.filter(~thrown), [], _SAME),
        *_refusals(refused, notes),
        # Django's word about a host names no path, whoever logged the answer.
        (
            refused.filter(pl.col("status") == 400),
            nameless.filter(pl.col("kind") == "said_no"),
            [],
            _SAME,
        ),
        (
            failed.filter(pl.col("status").is_in(COMPLAINT.statuses)),
            complaints.filter(pl.col("path").is_not_null()),
            ["path"],
            (-3 * _SECOND, 2 * _SECOND),
        ),
    ]
    return pl.concat([placed, _passes(steps)]).sort("request")


def _of_its_id(failed: pl.DataFrame, thrown: pl.DataFrame) -> pl.DataFrame:
    """Exceptions or refusals that carry the id of the record that they are about.

    Rails writes it before every line of them, and no stamp; it may be the one that
    its proxy gave. Ids of a counter come again: short ones hold within a log, and
    none for requests that are far apart.
    """
    named = thrown.select("note", "request_id", where="source", at="time")
    named = named.filter(pl.col("request_id").is_not_null())
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
    undated = thrown.filter(pl.col("time").is_null()).select("note", "source", "line")
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
    """Exceptions right above the record that they are about, as uWSGI has them."""
    ends = thrown.filter(pl.col("format") == "uwsgi").select("note", "source", "below")
    own = failed.filter(pl.col("app_server_status") >= 500).select(
        "request", source="app_server_source", below="app_server_line"
    )
    pairs = own.join(ends, on=["source", "below"], maintain_order="left")
    return pairs.select("request", "note")


def _refusals(refused: pl.DataFrame, notes: pl.DataFrame) -> list[_Step]:
    """The passes for words of refusal: by path, then by the moment alone.

    What stands in a log of which nothing is known has to name the request.
    """
    named = pl.col("path").is_not_null()
    steps: list[_Step] = []
    for kind in REFUSALS:
        answers = refused.filter(pl.col("status").is_in(kind.statuses))
        lines = notes.filter(pl.col("kind") == kind.name)
        near = (-3 * _SECOND, 2 * _SECOND)
        steps += [
            (answers, lines.filter(named), ["path"], near),
            (answers, lines.filter(~named & pl.col("known_log")), [], _SAME),
        ]
    return steps
