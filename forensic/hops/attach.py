"""Notes ▶ requests: which error line, or line that took one in, is about which."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forensic.hops.kinds import KINDS
from forensic.hops.pair import pair, spread
from forensic.hops.servers import NO_SCRIPT

__all__ = [
    "ASKED",
    "LEAST_LIMIT",
    "PAIRS",
    "SAME",
    "Step",
    "about_upstream",
    "arrivals",
    "errors",
    "leaf",
    "passes",
]

_SECOND = 1_000_000
#: Two programs write of one moment.
SAME = (-1_500_000, 1_500_000)
#: A request that waited for its upstream: the line stands at the end of a try.
_TRIES = (-75 * _SECOND, 1_500_000)
#: Of refusals only that of a slow client comes late.
_LATE, _SLOW_CLIENT = 499, 408
#: Apache stamps when a request came: what it wrote of it follows.
_FOLLOWING = (-1_500_000, 305 * _SECOND)
#: Who is refused need not wait, but for other servers that are tried first.
_REFUSED = (-1_500_000, 10 * _SECOND)
#: An id tells whose line it is, whenever that was written.
_ANY = (-305 * _SECOND, 305 * _SECOND)
#: Where a line names what was asked for.
ASKED = (
    r"(?:^|[\s\"'=(\[])(?:https?://[^/\s]+)?"
    r"(/[^\s\"'?,;)\]]*?)[.:]*(?:[\s\"'?,;)\]]|$)"
)
_FOLDER = r"^(.*)/[^/]*$"
#: No one sets a worker's time limit below this (seconds).
LEAST_LIMIT = 1.0


def about_upstream(cause: pl.Expr) -> pl.Expr:
    """Whether a line of that cause is about what a server asked, not about itself."""
    return cause.str.starts_with("upstream_") | (cause == "bad_gateway")


_ABOUT_UPSTREAM = about_upstream(pl.col("cause"))


def _key(columns: Sequence[str]) -> pl.Expr:
    """One key of 64 bits from several columns, nulls included."""
    text = pl.concat_str(
        [pl.col(c).cast(pl.String).fill_null("\x00") for c in columns],
        separator="\x01",
    )
    return text.hash(3)


#: Which note is about which request.
PAIRS = {"request": pl.Int64, "note": pl.Int64}


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


Step = tuple[pl.DataFrame, pl.DataFrame, Sequence[str], tuple[int, int]]


def passes(steps: Sequence[Step]) -> pl.DataFrame:
    """The pairs of several passes; what one has paired is gone for the next."""
    found = pl.DataFrame(schema=PAIRS)
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


def _shortened(lines: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The lines, with addresses as short as the access log beside them has them.

    Who may keep no visitor's address writes a 0 for its last part, and forgets the
    error log.
    """
    cut = pl.col("client_ip").str.ends_with(".0")
    folders = (
        rows.filter(pl.col("client_ip").str.contains(".", literal=True))
        .group_by(folder=pl.col("source").str.extract(_FOLDER, 1))
        .agg(cut=cut.all())
        .filter("cut")["folder"]
    )
    if not folders.len():
        return lines
    beside = pl.col("source").str.extract(_FOLDER, 1).is_in(folders.implode())
    short = pl.col("client_ip").str.replace(r"^((?:\d{1,3}\.){3})\d{1,3}$", "${1}0")
    return lines.with_columns(
        client_ip=pl.when(beside).then(short).otherwise("client_ip")
    )


def errors(
    rows: pl.DataFrame, notes: pl.DataFrame, *, by_client: bool = True
) -> pl.DataFrame:
    """Which web server error line is about which answer: `request`, `note`.

    The line names client and request; the status that the client got must be one
    that this kind of line comes with. `by_client` is off where the answers are known
    from the hop in front only, which has another client address.
    """
    lines = notes.filter(pl.col("hop") == "web_server")
    wanted = rows.filter(pl.col("status") >= 400)
    if not lines.height or not wanted.height:
        return pl.DataFrame(schema=PAIRS)
    lines = _one_a_try(lines)
    lines = _shortened(lines, rows)
    named = pl.col("client_ip").is_not_null() | pl.col("path").is_not_null()
    known = rows.get_column("request_id", default=pl.Series([], dtype=pl.String))
    owned = pl.col("request_id").is_in(known.drop_nulls().unique().implode())
    lines = lines.with_columns(
        folder=pl.col("source").str.extract(_FOLDER, 1),
        # Its id tells whose line it is: of no other request.
        owned=owned.fill_null(value=False),
        # lighttpd names neither client nor request of a backend that fails, nor does
        # Apache of one that it does not even try: a line for each request.
        nameless=~named.any().over("source") | (~named & (pl.col("kind") == "no_live")),
    )
    folder = pl.col("source").str.extract(_FOLDER, 1)
    wanted = wanted.with_columns(folder=folder)
    found: list[tuple[tuple[int, int, int], Step]] = []
    # A 500 is most often the application's own: it is asked last.
    met = sorted(wanted["status"].unique().to_list(), key=lambda n: (n == 500, n))
    for rank, status in enumerate(met):
        answers = wanted.filter(pl.col("status") == status)
        # A line goes to the status that it comes with most before it goes to another.
        usual = [kind.name for kind in KINDS if kind.statuses[:1] == (status,)]
        other = [kind.name for kind in KINDS if status in kind.statuses[1:]]
        for turn, kinds in enumerate((usual, other)):
            said = lines.filter(pl.col("kind").is_in(kinds))
            if said.height:
                steps = _steps(answers, said, by_client=by_client)
                found += [((at, turn, rank), step) for at, step in enumerate(steps)]
    # Pass after pass: what one status would take late, another's line is exactly.
    sure_first = [step for _, step in sorted(found, key=lambda ranked: ranked[0])]
    return passes(sure_first).sort("request")


def _steps(answers: pl.DataFrame, said: pl.DataFrame, *, by_client: bool) -> list[Step]:
    """The passes that tie error lines to answers, the surest first.

    A status that the upstream sent is not of the web server's own making: only lines
    about the upstream can belong to it.
    """
    owned, said = said.filter("owned"), said.filter(~pl.col("owned"))
    # What PHP writes about itself comes through the web server's log.
    scripts = pl.col("kind").is_in(["script", NO_SCRIPT])
    waited = said.filter(_ABOUT_UPSTREAM | scripts)
    if not by_client:
        request = ["method", "path", "query"]
        return [(answers, said, request, SAME), (answers, waited, request, _TRIES)]
    passed = (pl.col("upstream_status") == pl.col("status")).fill_null(value=False)
    own, sent = answers.filter(~passed), answers.filter(passed)
    # An upstream that fails stands there as 502 or 504: what else it sent is its own.
    failed = pl.col("status").is_in([502, 504])
    through, tried = sent.filter(failed), answers.filter(~passed | failed)
    script = said.filter(scripts)
    bare = said.filter(pl.col("path").is_null())
    # ModSecurity names the path of a request, not its method.
    unasked = said.filter(pl.col("method").is_null() & pl.col("path").is_not_null())
    # lighttpd names the request whose backend is down, and not its client.
    anybody = unasked.filter(pl.col("client_ip").is_null())
    request = ["client_ip", "method", "path", "query"]
    return [
        (answers, owned, ["request_id"], _ANY),
        (own, said, ["folder", *request], SAME),
        (through, waited, ["folder", *request], SAME),
        (sent, script, ["folder", *request], SAME),
        (own, said, request, SAME),
        (through, waited, request, SAME),
        (sent, script, request, SAME),
        (tried, waited, request, _TRIES),
        (own, said, ["client_ip", "method", "path"], SAME),
        (own, unasked, ["client_ip", "path"], SAME),
        (own, anybody, ["folder", "path"], SAME),
        *_named_by_file(own, bare),
        (own, bare, ["client_ip"], SAME),
        (own, waited.filter("nameless"), ["folder"], SAME),
        *_following(answers, said),
    ]


def _named_by_file(answers: pl.DataFrame, bare: pl.DataFrame) -> list[Step]:
    """The pass for lines that name a file: the request's path ends as it does."""
    filed = bare.filter(pl.col("leaf").is_not_null())
    ending = answers.with_columns(leaf=leaf(pl.col("path")))
    return [(ending, filed, ["client_ip", "leaf"], SAME)]


def leaf(path: pl.Expr) -> pl.Expr:
    """The last name of a path, without its query; null of what has none."""
    return path.str.extract(r"([^/?]+)/?(?:\?.*)?$")


def _following(answers: pl.DataFrame, said: pl.DataFrame) -> list[Step]:
    """The passes for servers that stamp the start, and write why they failed later."""
    if "format" not in answers.columns:
        return []
    slow = pl.col("kind").is_in(["client_slow", "client_gone", "script"])
    waited = said.filter(_ABOUT_UPSTREAM | slow)
    apache = answers.filter(pl.col("format") == "apache_access")
    # Where it writes how long it took, the line stands at that end.
    ended = apache.filter(pl.col("duration").is_not_null()).with_columns(
        time=pl.col("time") + (pl.col("duration") * _SECOND).cast(pl.Int64)
    )
    started = apache.filter(pl.col("duration").is_null())
    named = waited.filter(pl.col("path").is_not_null())
    bare = waited.filter(pl.col("path").is_null())
    refused = pl.col("kind").is_in(["refused", "no_live"])
    return [
        (ended, named, ["client_ip", "path"], SAME),
        (ended, bare, ["client_ip"], SAME),
        (ended, waited.filter("nameless"), ["folder"], SAME),
        (started, named, ["client_ip", "path"], _FOLLOWING),
        (started, bare.filter(refused), ["client_ip"], _REFUSED),
        (started, bare.filter(~refused), ["client_ip"], _FOLLOWING),
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
    if not lines.height:
        return pl.DataFrame(schema=PAIRS)
    local = pl.col("machine").is_in(sorted(machines))
    late = (pl.col("status") >= _LATE) | (pl.col("status") == _SLOW_CLIENT)
    late &= pl.col("duration").is_null() | (pl.col("duration") > LEAST_LIMIT)
    steps: list[Step] = []
    for requests in (heard, unheard):
        near, far = requests.filter(local), requests.filter(~local)
        for window in (SAME, _TRIES):
            if window == _TRIES:
                near, far = near.filter(late), far.filter(late)
            steps += [
                (near, lines, ["machine", "method", "path"], window),
                (far, lines, ["method", "path"], window),
            ]
    return passes(steps)
