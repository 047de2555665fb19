"""Events ▶ notes: what programs wrote about requests besides answering them.

Each is of one of the `kinds`, and speaks of a request, or of a process, at a moment.
"""

from collections.abc import Sequence

import polars as pl

from forensic.answers import AUDITS
from forensic.hops.attach import ASKED, leaf
from forensic.hops.below import NEIGHBOURS, of_neighbours
from forensic.hops.facts import Facts
from forensic.hops.kind import COMPLAINT, UNNAMED, WEB, Kind, ascii_classes
from forensic.hops.kinds import KINDS
from forensic.hops.moment import corrected
from forensic.hops.proxied import ASKED_OF_IT
from forensic.hops.refusals import REFUSALS, THROWN_REFUSALS
from forensic.hops.responses import TIERS, hashed
from forensic.hops.scored import scored
from forensic.hops.spread import named

__all__ = ["ABOVE", "as_responses", "collect", "speakers", "suspects"]


#: Whose records may hold an exception in a field of their own.
_THROWS = ["app_server", "application"]
_PATH = (
    r"(?:returned by|Exception on|Internal Server Error:"
    r"|Error handling request(?: [A-Z]+)?"
    r"|Forbidden(?: \([^)]*\))?:|Not Found:|Bad Request:|Unauthorized:|\([A-Z]+\):) "
    r"(?:https?://[^/\s]+)?(/[^\s?\[]*)"
)
_FIREWALL_RULE = r"ModSecurity: [^\n]*\[id \"(\d+)\"\]"
_EVERY = [*THROWN_REFUSALS, *KINDS, *REFUSALS, COMPLAINT]
#: The file that Apache refused or did not find: the request's path ends like it.
_REFUSED_FILE = (
    r"(?:server configuration: (?:proxy:\w+://[^/\s]+)?|Cannot serve directory "
    r"|not accessible: |does not exist: |server access: |^script ')(/[^\s:',]*)"
)
#: A request with its status, or the status and how long it took, as Rails writes it.
_ANSWER = (
    r"^(?:\"?[A-Z]+ \S+ HTTP/[0-9.]+\"|(?:\[[^\]\n]*\] )*Completed [1-5][0-9]{2} )"
)
#: How Perl ends what was thrown (perldoc -f die): Mojolicious, Dancer2 and Catalyst log
#: it as an error; a warning ends alike.
_PERL = (
    r" at (?:/|\.|template )?[^\s:]*\.(?:p[lm]|psgi|f?cgi|ep|tt2?) line [0-9]+"
    r"(?:\.|, (?:near|<)[^\n]*)\s*$"
)
_METHOD = r"(?:Error handling request ([A-Z]+) /|Exception on \S+ \[([A-Z]+)\])"


def _kind(kinds: Sequence[Kind]) -> pl.Expr:
    """The name of the first of the kinds whose phrase the message holds.

    JSON logs have the exception in a field of its own, and say so in `reason`.
    """
    hop = pl.col("hop").cast(pl.String).fill_null(UNNAMED)
    thrown = hop.is_in(_THROWS) & (pl.col("reason") == "exception")
    thrown |= hop.is_in(_THROWS) & _is_bad() & pl.col("message").str.contains(_PERL)
    thrown &= pl.col("status").is_null() | (pl.col("status") >= 500)
    chain = pl.when(_complains()).then(pl.lit(COMPLAINT.name)).otherwise(None)
    chain = pl.when(thrown).then(pl.lit("exception")).otherwise(chain)
    for kind in reversed(kinds):
        said = _says(kind) | _classed(kind.reasons)
        said &= hop.is_in(kind.hops.split())
        if kind in REFUSALS:
            said &= ~_is_answer()
        chain = pl.when(said).then(pl.lit(kind.name)).otherwise(chain)
    # A record that names its request and what was thrown is no line of another's stack.
    own = thrown & (chain == "named") & pl.col("path").is_not_null()
    chain = pl.when(own).then(pl.lit("exception")).otherwise(chain)
    # An audit log says it in whatever words.
    firewalled = _classed(("modsecurity_denied",)) & (hop == WEB)
    return pl.when(firewalled).then(pl.lit("firewall")).otherwise(chain)


def _says(*kinds: Kind) -> pl.Expr:
    """Whether the message holds the phrase of one of the kinds."""
    phrases = (f"(?:{ascii_classes(kind.phrase)})" for kind in kinds)
    return pl.col("message").str.contains("|".join(phrases))


def _thrown_status() -> pl.Expr:
    """The status with which a framework answers what it threw; null for failures."""
    found = pl.lit(None, pl.Int16)
    for kind in reversed(THROWN_REFUSALS):
        said = _says(kind)
        found = pl.when(said).then(pl.lit(kind.statuses[0], pl.Int16)).otherwise(found)
    return found


def _is_answer() -> pl.Expr:
    """Whether the message is a request with its status, whose name tells no reason."""
    request = pl.col("message").str.contains(_ANSWER)
    return (request & pl.col("status").is_not_null()).fill_null(value=False)


def _classed(reasons: Sequence[str]) -> pl.Expr:
    """Whether the format gives the line one of these classes."""
    return pl.col("reason").is_in(list(reasons)).fill_null(value=False)


def _is_bad() -> pl.Expr:
    """Whether the program calls it an error."""
    levels = ["error", "critical", "fatal", "alert", "emergency"]
    return pl.col("level").is_in(levels).fill_null(value=False)


def _complains() -> pl.Expr:
    """Whether an application tells of an error, and perhaps a path with it."""
    hop = pl.col("hop").cast(pl.String).is_in(_THROWS)
    bad = _is_bad()
    named = pl.col("message").str.contains("/", literal=True)
    named |= pl.col("path").is_not_null()
    return (hop & bad & pl.col("status").is_null() & named).fill_null(value=False)


#: Apache's second line about a failed backend names client or request, the first why.
_SUMMARIES = ["backend_unreachable", "upstream_failed"]
_AT_ONCE = 1_000_000


def _explained(found: pl.DataFrame) -> pl.DataFrame:
    """The notes, with the kind that the line before gives to Apache's summary of it.

    That line is spent by it: no other request of the client is what it is about.
    """
    summary = _classed(_SUMMARIES)
    if not found.select(summary.any()).item():
        return found
    same = ["source", "pid"]
    why = ~summary & (pl.col("kind") != "disabled")
    # A line without a client is not of the client that a line before it names.
    values = {
        "kind": pl.col("kind"),
        "time": pl.col("time"),
        "client": pl.col("client_ip").fill_null(""),
        "row": pl.col("row"),
    }
    last = {
        f"last_{name}": pl.when(why).then(value).forward_fill().over(same)
        for name, value in values.items()
    }
    # What was written of another client's request meanwhile is not the reason.
    own = (pl.col("last_client") == "") | (pl.col("last_client") == pl.col("client_ip"))
    at_once = pl.col("time") - pl.col("last_time") < _AT_ONCE
    tied = summary & own & at_once & pl.col("last_kind").is_not_null()
    rows = found.with_row_index("row")
    told = rows.with_columns(**last).with_columns(
        kind=pl.when(tied).then("last_kind").otherwise("kind"),
        spent=pl.when(tied & pl.col("path").is_not_null()).then("last_row"),
    )
    spent = pl.col("row").is_in(told["spent"].drop_nulls().implode())
    left = told.filter(~(spent & pl.col("path").is_null()))
    return left.drop(*last, "row", "spent")


def _hop() -> pl.Expr:
    """Who speaks: a log of which nothing is known but its stamps is an application's.

    The phrases are narrow enough that nobody else writes them.
    """
    return pl.col("hop").fill_null("application")


#: What `collect` reads of an event.
_READ = (
    "source line lines offset length hostname pid process hop format level client_ip "
    "host method path query status message reason upstream request_id rule extra "
    "time local_time start_time"
).split()


def suspects(events: pl.LazyFrame) -> pl.LazyFrame:
    """The events that can be notes at all, with what `collect` reads of them."""
    speaks = _hop().is_in(_SPEAKERS) & pl.col("message").is_not_null()
    return events.filter(speaks & _suspect()).select(_READ)


def _suspect() -> pl.Expr:
    """One cheap look before the many phrases."""
    thrown = (pl.col("reason") == "exception").fill_null(value=False)
    classed = _classed([reason for kind in _EVERY for reason in kind.reasons])
    return _says(*_EVERY) | thrown | classed | _complains()


#: What proves no cause by itself, and says what was up.
_STATES = ["booted", "stopped", "quit"]
#: Whose lines may be notes.
_SPEAKERS = ["web_server", "app_server", "application", "host"]


def speakers(known: Facts) -> pl.Series:
    """The logs that may hold notes: of the others nothing need be read."""
    return known.profile.filter(_hop().is_in(_SPEAKERS))["source"].unique().sort()


def collect(
    events: pl.LazyFrame, clocks: pl.DataFrame, suspected: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Every note, by source and offset, with its `kind` and `cause`.

    `suspected` are the events' `suspects`, where they were picked before.

    `time` is in µs since 1970 on the corrected clock; `victim` is the process that a
    line speaks of, `pid` the one that wrote it.
    """
    moment, _ = corrected(clocks)
    message = pl.col("message")
    path = pl.coalesce(
        "path", message.str.extract(_PATH, 1), message.str.extract(ASKED_OF_IT, 1)
    )
    method = pl.coalesce(
        "method", message.str.extract(_METHOD, 1), message.str.extract(_METHOD, 2)
    )
    picked = suspects(events) if suspected is None else suspected
    held = picked.collect(engine="streaming").sort("source", "offset")
    # To compile a phrase costs as much as to look for it in thousands of messages.
    hops = set(held["hop"].cast(pl.String).fill_null(UNNAMED).unique())
    kinds = [kind for kind in _EVERY if not hops.isdisjoint(kind.hops.split())]
    found = (
        held.lazy()
        .select(
            "source",
            "line",
            "offset",
            "length",
            "hostname",
            "pid",
            "format",
            "level",
            "client_ip",
            "host",
            "query",
            "message",
            "reason",
            "upstream",
            "request_id",
            rules=pl.when(pl.col("format").is_in(AUDITS)).then(
                pl.col("extra").str.json_path_match("$.rules")
            ),
            rule=pl.coalesce("rule", message.str.extract(_FIREWALL_RULE, 1)),
            hop=_hop(),
            known_log=pl.col("hop").is_not_null(),
            status=pl.coalesce("status", _thrown_status()),
            time=moment,
            kind=_kind(kinds),
            path=path,
            method=method,
            victim=message.str.extract(
                r"(?:\(pid: ?|pid=|[Kk]ill(?:ed)? process |\bchild |Status: pid )(\d+)",
                1,
            ).cast(pl.Int64, strict=False),
            leaf=leaf(message.str.extract(_REFUSED_FILE)),
            connection=message.str.extract(r"^\*(\d+) ", 1),
            below=pl.col("line") + pl.col("lines"),
        )
        .filter(pl.col("kind").is_not_null())
        .collect()
    )
    beside = events.with_columns(time=moment).select(NEIGHBOURS)
    found = scored(named(of_neighbours(_of_the_next(found), beside)))
    own_words = [kind.name for kind in (*REFUSALS, COMPLAINT)]
    refusal = pl.col("kind").is_in(own_words)
    causes = {kind.name: kind.cause for kind in _EVERY}
    known = (
        _explained(found)
        .with_columns(
            path=pl.coalesce("path", pl.when(refusal).then(_asked())),
            cause=pl.col("kind").replace_strict(causes, return_dtype=pl.String),
        )
        .filter((pl.col("cause") != "none") | pl.col("kind").is_in(_STATES))
    )
    return known.with_row_index("note").with_columns(pl.col("note").cast(pl.Int64))


def _asked() -> pl.Expr:
    """What a message says was asked for, which the file that threw it is not."""
    where = r"(?: (?:at|in)|#\d+) /[^\s\"]+(?:\.php|:\d+)|File \"/[^\"]+\", line \d+"
    return pl.col("message").str.replace_all(where, "").str.extract(ASKED, 1)


#: What they throw stands above the record of the request, behind that of another one.
ABOVE = ["uwsgi", "aspnet_console"]
_NAMES = ["client_ip", "host", "query", "status", "path", "method"]


def _of_the_next(found: pl.DataFrame) -> pl.DataFrame:
    """The notes; an exception behind a request's record has not that one's names."""
    record = pl.col("format").is_in(ABOVE) & pl.col("status").is_not_null()
    thrown = record & (pl.col("kind") == "exception")
    if not found.select(thrown.any()).item():
        return found
    return found.with_columns(
        pl.when(~thrown).then(name).alias(name) for name in _NAMES
    )


#: So near to a refusal stands the application's record of the answer (µs).
_OWN_RECORD = 3_000_000
_ON_DISK = r"^/(?:var|srv|usr|etc|home|opt|tmp|run|proc|dev|root|mnt|lib|sys)/"


def _unanswered(refusals: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The words of refusal beside which no record has the answer.

    Those about a file of the machine are no answers to anybody.
    """
    of_file = pl.col("path").str.contains(_ON_DISK)
    of_file |= pl.col("message").str.contains(r"Errno|EACCES")
    answered = frame.select("path_key", "time", near="time").drop_nulls().sort("time")
    found = (
        refusals.filter(~of_file)
        .with_columns(path_key=hashed(pl.col("path")))
        .drop_nulls("time")
        .sort("time", "note")
        .join_asof(
            answered,
            on="time",
            by="path_key",
            strategy="nearest",
            tolerance=_OWN_RECORD,
            check_sortedness=False,
        )
    )
    return found.filter(pl.col("near").is_null()).select(refusals.columns)


def as_responses(
    frame: pl.DataFrame, notes: pl.DataFrame, known: Facts
) -> pl.DataFrame:
    """The responses, with error lines in the place of an access log that is absent.

    A line that names a request and can only come with one status tells as much.
    """
    named = notes.filter(pl.col("path").is_not_null())
    inner: list[pl.DataFrame] = []
    said_no = [kind.name for kind in REFUSALS]
    first: dict[str, int | None] = dict.fromkeys(said_no)
    first |= {kind.name: kind.statuses[0] for kind in KINDS if kind.statuses}
    if not known.has("cdn", "load_balancer", "web_server", column="answers"):
        inner.append(named.filter(pl.col("hop") == "web_server"))
        words = named.filter(pl.col("kind").is_in(said_no))
        inner.append(_unanswered(words, frame))
    answers = ["load_balancer", "web_server", "app_server", "application", "cdn"]
    if not known.has(*answers, column="answers"):
        # A traceback alone tells that something failed, though not which request.
        told = pl.col("path").is_not_null() | (pl.col("kind") == "exception")
        inside = pl.col("hop").is_in(["app_server", "application"])
        refusal = pl.col("kind").is_in(said_no)
        thrown = refusal & pl.col("status").is_not_null()
        inner.append(notes.filter(inside & ((told & ~refusal) | thrown)))
    lines = pl.concat([notes.head(0), *inner]).filter(pl.col("kind").is_in(list(first)))
    lines = lines.unique("note", maintain_order=True)
    if not lines.height:
        return frame
    made = lines.select(
        "source",
        "line",
        "offset",
        "time",
        "method",
        "path",
        "query",
        "host",
        "client_ip",
        reason=pl.when(pl.col("kind").is_in(said_no))
        .then(pl.lit("refusal"))
        .when(pl.col("path").is_null())
        .then(pl.lit("traceback")),
        tier=pl.col("hop").cast(pl.String).replace_strict(TIERS, return_dtype=pl.Int8),
        coarse=pl.lit(value=True),
        error=pl.lit(value=True),
        status=pl.coalesce(
            "status", pl.col("kind").replace_strict(first, return_dtype=pl.Int16)
        ),
        method_key=hashed(pl.col("method").str.to_uppercase()),
        path_key=hashed(pl.col("path")),
        query_key=hashed(pl.col("query")),
        **{
            f"{name}_key": pl.lit(0, pl.UInt64)
            for name in ("agent", "peer", "trace", "request")
        },
    )
    return pl.concat([frame, made], how="diagonal").sort("source", "offset")
