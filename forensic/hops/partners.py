"""The state of a join of responses: who has which partner so far, and how it gets one.

What a pass has joined is gone for the next; `join` says which passes there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.hops.attach import leaf
from forensic.hops.pair import pair, perhaps, spread
from forensic.hops.responses import TIERS, hashed
from forensic.rotation import log_of

__all__ = ["Columns", "Flags", "Ints", "Partners", "columns_of"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SECOND = 1_000_000
_MIX = np.uint64(0x9E3779B97F4A7C15)
#: The tries of one request, before its end.
_DURING = (-65 * _SECOND, _SECOND)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """The response table as arrays."""

    tier: npt.NDArray[np.int8]
    log: Ints  # a number for each log
    time: Ints
    start: Ints
    has_start: Flags
    has_end: Flags
    timed: Flags
    coarse: Flags
    status: Ints
    expected: Ints
    dispatched: Flags
    #: Whether it says that it asked what is behind it, if not what that answered.
    asked: Flags
    error: Flags
    script: Flags
    keys: dict[str, npt.NDArray[np.uint64]]


_KEYS = ["method", "path", "query", "agent", "peer", "trace", "request"]
_SELF_ANSWERED = r"(?:waf|fixed-response|redirect|authenticate[a-z-]*|jwt-validation)$"

#: A script that answers for all paths: PHP-FPM writes its name, not what was asked.
_FRONT_SCRIPT = r"(?:^|/)(?:index|app)\.php$"
#: A firewall that works within the web server, which logs what it refuses as well.
_WITHIN = "signal_sciences"
#: Words of gateways for what their firewall ended.
_FIREWALLED = ["WAF_FILTERED", "WAF_BLOCK", "waf_prevention"]


def _log() -> pl.Expr:
    """What stands for a log: rotations are one, and all of a provider's objects."""
    inside = pl.col("tier") >= TIERS["web_server"]
    family = log_of(pl.col("source"))
    return pl.when(inside).then(family).otherwise(pl.col("tier").cast(pl.String))


def columns_of(frame: pl.DataFrame) -> Columns:
    """The responses (`responses.collect`) as arrays, row by row."""
    answered_itself = (
        pl.col("action").str.contains(_SELF_ANSWERED).fill_null(value=False)
    )
    answered_itself |= pl.col("reason").is_in(_FIREWALLED).fill_null(value=False)
    # A login proxy that is only asked has the id of a request that came another way.
    login = pl.col("format").str.starts_with("oauth2_proxy")
    login &= pl.col("path").str.ends_with("/auth")
    answered_itself |= (login & pl.col("upstream").is_null()).fill_null(value=False)
    waf = pl.col("tier") == TIERS["waf"]
    within = pl.col("format").str.starts_with(_WITHIN)
    waf_passed = pl.col("action").str.to_uppercase().is_in(["ALLOW", "COUNT"])
    # Squid writes the same of its own error page and of what it passes on.
    either = pl.col("format").str.starts_with("squid")
    either &= pl.col("upstream").is_not_null() & pl.col("status").is_in([502, 503, 504])
    arrays = frame.select(
        "tier",
        "coarse",
        "error",
        log=_log().rank("dense").cast(pl.Int64),
        time=pl.coalesce("end", "time").fill_null(0),
        start=pl.coalesce("start", "time").fill_null(0),
        has_start=pl.col("start").is_not_null() | waf,
        has_end=pl.col("end").is_not_null(),
        timed=pl.col("time").is_not_null(),
        script=pl.col("path").str.contains(_FRONT_SCRIPT).fill_null(value=False),
        status=pl.col("status").cast(pl.Int64).fill_null(-1),
        expected=pl.coalesce("upstream_status", pl.when(either).then("status"))
        .cast(pl.Int64)
        .fill_null(-1),
        asked=pl.any_horizontal(
            pl.col("upstream_status", "upstream", "upstream_duration").is_not_null()
        ),
        dispatched=pl.when(waf)
        .then((waf_passed | within).fill_null(value=False))
        .otherwise(~answered_itself),
    )
    # Only errors are joined by the last name of their paths.
    error = arrays["error"].to_numpy()
    leaves = np.zeros(frame.height, np.uint64)
    last = frame.filter("error").select(hashed(leaf(pl.col("path"))))
    leaves[error] = last.to_series().to_numpy()
    return Columns(
        **{name: arrays[name].to_numpy() for name in arrays.columns},
        keys={name: frame[f"{name}_key"].to_numpy() for name in _KEYS}
        | {"leaf": leaves},
    )


class Partners:
    """The state of one join: who has which partner so far."""

    def __init__(self, columns: Columns) -> None:
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
