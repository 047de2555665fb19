"""Responses ▶ chains: which records of different hops are of one request.

Each pair of neighbouring hops is joined one to one, in passes from the surest to the
loosest key; what a pass has joined is gone for the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.hops.pair import pair, perhaps, spread
from forensic.hops.responses import TIERS

__all__ = ["Links", "link"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SECOND = 1_000_000
#: A logged id is worth more than a clock: it may join what is minutes apart.
_IDENTITY_WINDOW = (-900 * _SECOND, 900 * _SECOND)
_CLOSE = (-2 * _SECOND - 500_000, 2 * _SECOND + 500_000)
_LOOSE = (-15 * _SECOND, 15 * _SECOND)
#: A WAF stamps the start, a web server often only the end.
_UNTIL_END = (-3 * _SECOND, 75 * _SECOND)
_MIX = np.uint64(0x9E3779B97F4A7C15)
#: The tries of one request, before its end.
_DURING = (-65 * _SECOND, _SECOND)
_TRIES = 3
#: Statuses by which an inner hop says that the outer one went away.
_LEFT = 499
#: Statuses that only an outer hop writes, for a client or a target that went away.
_OWN_STATUSES = [460, 502, 504]


@dataclass(frozen=True, slots=True)
class Links:
    """Which record stands in front of which."""

    #: Row ▶ the row of the next outer hop; -1 where there is none.
    outer_of: Ints
    #: Rows of earlier tries: their outer record has another, final partner.
    again: Flags


@dataclass(frozen=True, slots=True)
class _Columns:
    """The response table as arrays."""

    tier: npt.NDArray[np.int8]
    time: Ints
    start: Ints
    has_start: Flags
    timed: Flags
    coarse: Flags
    status: Ints
    expected: Ints
    dispatched: Flags
    error: Flags
    script: Flags
    keys: dict[str, npt.NDArray[np.uint64]]


_KEYS = ["method", "path", "query", "agent", "peer", "trace", "request"]
_SELF_ANSWERED = r"(?:waf|fixed-response|redirect|authenticate[a-z-]*|jwt-validation)$"

#: A script that answers for all paths: PHP-FPM writes its name, not what was asked.
_FRONT_SCRIPT = r"(?:^|/)(?:index|app)\.php$"
#: Words of gateways for what their firewall ended.
_FIREWALLED = ["WAF_FILTERED", "waf_prevention"]


def _columns(frame: pl.DataFrame) -> _Columns:
    answered_itself = (
        pl.col("action").str.contains(_SELF_ANSWERED).fill_null(value=False)
    )
    answered_itself |= pl.col("reason").is_in(_FIREWALLED).fill_null(value=False)
    waf = pl.col("tier") == TIERS["waf"]
    waf_passed = pl.col("action").str.to_uppercase().is_in(["ALLOW", "COUNT"])
    arrays = frame.select(
        "tier",
        "coarse",
        "error",
        time=pl.col("time").fill_null(0),
        start=pl.coalesce("start", "time").fill_null(0),
        has_start=pl.col("start").is_not_null() | waf,
        timed=pl.col("time").is_not_null(),
        script=pl.col("path").str.contains(_FRONT_SCRIPT).fill_null(value=False),
        status=pl.col("status").cast(pl.Int64).fill_null(-1),
        expected=pl.col("upstream_status").cast(pl.Int64).fill_null(-1),
        dispatched=pl.when(waf)
        .then(waf_passed.fill_null(value=False))
        .otherwise(~answered_itself),
    )
    return _Columns(
        **{name: arrays[name].to_numpy() for name in arrays.columns},
        keys={name: frame[f"{name}_key"].to_numpy() for name in _KEYS},
    )


class _Joiner:
    """The state of one join: who has which partner so far."""

    def __init__(self, columns: _Columns) -> None:
        """Nothing is joined yet."""
        size = columns.tier.size
        self.columns = columns
        self.outer_of = np.full(size, -1, np.int64)
        self.again = np.zeros(size, np.bool_)
        self.led = {tier: np.zeros(size, np.bool_) for tier in TIERS.values()}

    def free(self, outer: Flags, inner: Flags, tier: int) -> tuple[Ints, Ints]:
        """The rows of both sides that have no partner yet."""
        return (
            np.flatnonzero(outer & ~self.led[tier]),
            np.flatnonzero(inner & (self.outer_of < 0)),
        )

    def key(
        self, rows: Ints, fields: Sequence[str], status: Ints | None
    ) -> npt.NDArray[np.uint64]:
        """One key of 64 bits from several."""
        mixed = np.zeros(rows.size, np.uint64)
        for name in fields:
            mixed = (mixed ^ self.columns.keys[name][rows]) * _MIX
            mixed ^= mixed >> np.uint64(29)
        if status is not None:
            mixed = (mixed ^ status[rows].astype(np.uint64)) * _MIX
        return mixed

    def join_again(self, outer: Flags, inner: Flags, tier: int) -> None:
        """Give inner rows that are left to an outer row whose final try is another.

        A web server asks the next server when one fails: the client never saw the
        failed try, although its server logged an error.
        """
        columns = self.columns
        left = np.flatnonzero(outer & self.led[tier])
        right = np.flatnonzero(inner & columns.error & (self.outer_of < 0))
        if not left.size or not right.size:
            return
        fields = ["method", "path"]
        keys = self.key(right, fields, None)
        times = columns.time[right]
        for _ in range(_TRIES):
            a, b = pair(
                (self.key(left, fields, None), columns.time[left]),
                (keys, times),
                _DURING,
            )
            free = self.outer_of[right[b]] < 0
            a, b = a[free], b[free]
            if not a.size:
                return
            self.outer_of[right[b]] = left[a]
            self.again[right[b]] = True
            rest = np.setdiff1d(np.arange(right.size), b)
            right, keys, times = right[rest], keys[rest], times[rest]

    def join(
        self,
        outer: Flags,
        inner: Flags,
        tier: int,
        fields: Sequence[str],
        window: tuple[int, int],
        *,
        statuses: tuple[Ints, Ints] | None = None,
        starts: bool = False,
        outer_starts: bool = False,
    ) -> None:
        """One pass: pair what is free, close in time and equal in `fields`."""
        left, right = self.free(outer, inner, tier)
        if not left.size or not right.size:
            return
        columns = self.columns
        left_keys = self.key(left, fields, statuses[0] if statuses else None)
        right_keys = self.key(right, fields, statuses[1] if statuses else None)
        some, others = perhaps(left_keys, right_keys), perhaps(right_keys, left_keys)
        left, left_keys = left[some], left_keys[some]
        right, right_keys = right[others], right_keys[others]
        left_times = (columns.start if starts or outer_starts else columns.time)[left]
        right_times = (columns.start if starts else columns.time)[right]
        coarse = columns.coarse
        a, b = pair(
            (left_keys, spread(left_keys, left_times, coarse[left])),
            (right_keys, spread(right_keys, right_times, coarse[right])),
            window,
        )
        self.outer_of[right[b]] = left[a]
        self.led[tier][left[a]] = True

    def join_undated(self, outer: Flags, inner: Flags, tier: int) -> None:
        """Pair the rows of a log without stamps with those in front, by their order.

        Only where as many alike requests with that answer stand on both sides: uvicorn
        writes no times, but it writes every request.
        """
        columns = self.columns
        left, right = self.free(outer & columns.timed, inner & ~columns.timed, tier)
        if not left.size or not right.size:
            return
        knows = columns.expected >= 0
        passed = np.where(knows, columns.expected, columns.status)
        fields = ["method", "path", "query"]
        left_keys = self.key(left, fields, passed)
        right_keys = self.key(right, fields, columns.status)
        known, which, here = np.unique(
            left_keys, return_inverse=True, return_counts=True
        )
        theirs, there = np.unique(right_keys, return_counts=True)
        at = np.searchsorted(theirs, known).clip(max=theirs.size - 1)
        alike = (theirs[at] == known) & (there[at] == here)
        left, left_keys = left[alike[which]], left_keys[alike[which]]
        right = right[np.isin(right_keys, known[alike])]
        right_keys = self.key(right, fields, columns.status)
        a = left[np.lexsort((columns.time[left], left_keys))]
        b = right[np.lexsort((right, right_keys))]
        self.outer_of[b] = a
        self.led[tier][a] = True


def _shared(columns: _Columns, outer: Flags, inner: Flags, name: str) -> bool:
    """Whether both sides log a field for most of their records."""
    values = columns.keys[name]
    return all(
        side.any() and float((values[side] != 0).mean()) >= 0.5
        for side in (outer, inner)
    )


def _fields(columns: _Columns, outer: Flags, inner: Flags) -> list[list[str]]:
    """Sets of fields to join on, the surest first.

    A field that one side never logs cannot be compared; the user agent and the
    address are dropped last, one by one.
    """
    optional = [
        name
        for name in ("query", "peer", "agent")
        if _shared(columns, outer, inner, name) or name == "query"
    ]
    base = ["method", "path"]
    sets = [[*base, *optional]]
    for dropped in ("agent", "peer", "query"):
        if dropped in optional:
            optional = [name for name in optional if name != dropped]
            sets.append([*base, *optional])
    return [*sets, ["path"]]


def _by_identity(joiner: _Joiner, outer: Flags, inner: Flags, tier: int) -> None:
    for name in ("trace", "request"):
        known = joiner.columns.keys[name] != 0
        joiner.join(
            outer & known,
            inner & known,
            tier,
            [name, "path"],
            _IDENTITY_WINDOW,
        )
        joiner.join(outer & known, inner & known, tier, [name], _IDENTITY_WINDOW)


def _through(joiner: _Joiner, outer: Flags, inner: Flags, tier: int) -> None:
    """Join two hops of which the outer one passes the inner one's answer on."""
    columns = joiner.columns
    outer = outer & columns.dispatched & columns.timed
    inner = inner & columns.timed
    if not outer.any() or not inner.any():
        return
    _by_identity(joiner, outer, inner, tier)
    sets = _fields(columns, outer, inner)
    knows = columns.expected >= 0
    logs_upstream = _logs_upstream(columns, outer)
    expected = np.where(knows, columns.expected, columns.status)
    passed = outer & (knows | ~logs_upstream)
    cut = outer & ~passed
    statuses = (expected, columns.status)
    joiner.join(passed, inner, tier, sets[0], _CLOSE, statuses=statuses)
    # What a CDN got from its origin, a hop without a log may have made.
    blind = ~logs_upstream | (columns.tier == TIERS["cdn"])
    own = np.isin(columns.status, _OWN_STATUSES)
    left = cut | (outer & blind & own)
    alone = inner & (columns.status == _LEFT)
    joiner.join(left, alone, tier, sets[0], _CLOSE)
    for fields in sets[1:]:
        joiner.join(passed, inner, tier, fields, _CLOSE, statuses=statuses)
        if "query" in fields:
            joiner.join(left, alone, tier, fields, _CLOSE)
    joiner.join(passed, inner, tier, sets[0], _LOOSE, statuses=statuses)
    script = inner & columns.script
    joiner.join(passed, script, tier, ["method"], _CLOSE, statuses=statuses)
    # An outer answer of its own making: the inner hop may have said anything.
    unsure = left | (outer & ~logs_upstream & (columns.status >= _LEFT))
    joiner.join(unsure, inner, tier, sets[0], _CLOSE, starts=True)
    joiner.join(unsure, inner, tier, sets[0], _CLOSE)


def _logs_upstream(columns: _Columns, outer: Flags) -> Flags:
    """Rows of hops that write down what the hop below answered."""
    found = np.zeros(columns.tier.size, np.bool_)
    for tier in np.unique(columns.tier[outer]):
        rows = columns.tier == tier
        found |= rows & bool((columns.expected[rows] >= 0).any())
    return found


def _beside_waf(joiner: _Joiner, front: Flags, waf: Flags) -> None:
    """Join the WAF to the hop that asked it: it answers beside that hop, not behind."""
    columns = joiner.columns
    tier = TIERS["waf"]
    _by_identity(joiner, front, waf, tier)
    fields = ["path", "peer"]
    for passed in (False, True):
        outer = front & columns.timed & (columns.dispatched == passed)
        inner = waf & columns.timed & (columns.dispatched == passed)
        joiner.join(outer, inner, tier, fields, _CLOSE, starts=True)
    # A CDN does not write whether its WAF or an origin answered.
    outer = front & columns.timed & columns.error & (columns.tier == TIERS["cdn"])
    inner = waf & columns.timed & ~columns.dispatched
    joiner.join(outer, inner, tier, fields, _CLOSE, starts=True)


def _at_origin(joiner: _Joiner, cdn: Flags, waf: Flags) -> None:
    """Join what the CDN got from an origin whose WAF stopped it, unseen by others.

    Such a WAF sees the CDN's address and often its user agent; another one may have
    let the request pass at the edge. It stands for the origin.
    """
    columns = joiner.columns
    tier = TIERS["load_balancer"]
    outer = cdn & columns.timed & columns.error & ~joiner.led[TIERS["web_server"]]
    inner = waf & columns.timed & ~columns.dispatched
    for fields in (["method", "path", "query", "agent"], ["method", "path", "query"]):
        joiner.join(outer, inner, tier, fields, _CLOSE, starts=True)


def _behind_waf(joiner: _Joiner, waf: Flags, inner: Flags) -> None:
    """Join the WAF to what it let through, where no load balancer log says so."""
    columns = joiner.columns
    tier = TIERS["web_server"]
    outer = waf & columns.dispatched & columns.timed
    _by_identity(joiner, outer, inner, tier)
    inner = inner & columns.timed
    began = columns.has_start
    for fields in _fields(columns, outer, inner)[:-1]:
        joiner.join(outer, inner & began, tier, fields, _CLOSE, starts=True)
        joiner.join(outer, inner & ~began, tier, fields, _CLOSE, outer_starts=True)
        joiner.join(outer, inner & ~began, tier, fields, _UNTIL_END, outer_starts=True)


def link(frame: pl.DataFrame) -> Links:
    """Join the records of neighbouring hops, from the client inwards."""
    columns = _columns(frame)
    joiner = _Joiner(columns)
    at = {name: columns.tier == tier for name, tier in TIERS.items()}
    for front in ("load_balancer", "cdn"):
        _beside_waf(joiner, at[front], at["waf"])
    for outer, inner in (
        ("cdn", "load_balancer"),
        ("load_balancer", "web_server"),
        ("cdn", "web_server"),
        ("web_server", "inner_web"),
        ("inner_web", "app_server"),
        ("web_server", "app_server"),
        ("app_server", "application"),
        ("inner_web", "application"),
        ("web_server", "application"),
        ("load_balancer", "app_server"),
        ("load_balancer", "application"),
    ):
        _through(joiner, at[outer], at[inner], TIERS[inner])
    for outer in ("web_server", "inner_web", "load_balancer"):
        for inner in ("app_server", "application"):
            reached = at[outer] & columns.dispatched
            joiner.join_undated(reached, at[inner], TIERS[inner])
    _behind_waf(joiner, at["waf"], at["web_server"])
    _at_origin(joiner, at["cdn"], at["waf"])
    for outer, inner in (
        ("web_server", "app_server"),
        ("web_server", "application"),
        ("inner_web", "application"),
        ("web_server", "inner_web"),
    ):
        joiner.join_again(at[outer], at[inner], TIERS[inner])
    return Links(joiner.outer_of, joiner.again)
