"""Responses ▶ chains: which records of different hops are of one request.

Each pair of neighbouring hops is joined one to one, in passes from the surest to the
loosest key; what a pass has joined is gone for the next.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from forensic.hops.partners import Columns, Flags, Ints, Partners, columns_of
from forensic.hops.responses import TIERS

__all__ = ["Links", "link"]

_SECOND = 1_000_000
#: A logged id is worth more than a clock: it may join what is minutes apart.
_IDENTITY_WINDOW = (-900 * _SECOND, 900 * _SECOND)
_CLOSE = (-2 * _SECOND - 500_000, 2 * _SECOND + 500_000)
_AT_ONCE = (-1_500_000, 1_500_000)
_LOOSE = (-15 * _SECOND, 15 * _SECOND)
#: A WAF stamps the start, a web server often only the end.
_UNTIL_END = (-3 * _SECOND, 75 * _SECOND)
#: Statuses by which an inner hop says that the outer one went away: nginx's, Envoy's.
_LEFT = 499
_GONE = [_LEFT, 0]
#: Statuses that only an outer hop writes, for a client or a target that went away.
_OWN_STATUSES = [460, 502, 503, 504]


@dataclass(frozen=True, slots=True)
class Links:
    """Which record stands in front of which."""

    #: Row ▶ the row of the next outer hop; -1 where there is none.
    outer_of: Ints
    #: Rows of earlier tries: their outer record has another, final partner.
    again: Flags


def _shared(columns: Columns, outer: Flags, inner: Flags, name: str) -> bool:
    """Whether both sides log a field for most of their records."""
    values = columns.keys[name]
    return all(
        side.any() and float((values[side] != 0).mean()) >= 0.5
        for side in (outer, inner)
    )


def _fields(columns: Columns, outer: Flags, inner: Flags) -> list[list[str]]:
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


def _by_identity(partners: Partners, outer: Flags, inner: Flags, tier: int) -> None:
    for name in ("trace", "request"):
        known = partners.columns.keys[name] != 0
        partners.join(
            outer & known,
            inner & known,
            tier,
            [name, "path"],
            _IDENTITY_WINDOW,
        )
        partners.join(outer & known, inner & known, tier, [name], _IDENTITY_WINDOW)


def _through(partners: Partners, outer: Flags, inner: Flags, tier: int) -> None:
    """Join two hops of which the outer one passes the inner one's answer on."""
    columns = partners.columns
    outer = outer & columns.dispatched & columns.timed
    inner = inner & columns.timed
    if not outer.any() or not inner.any():
        return
    _by_identity(partners, outer, inner, tier)
    sets = _fields(columns, outer, inner)
    knows = columns.expected >= 0
    logs_upstream = _logs_upstream(columns, outer)
    expected = np.where(knows, columns.expected, columns.status)
    passed = outer & (knows | ~logs_upstream)
    cut = outer & ~passed
    statuses = (expected, columns.status)
    partners.join(passed, inner, tier, sets[0], _CLOSE, statuses=statuses)
    # What a CDN got from its origin, a hop without a log may have made.
    blind = ~logs_upstream | (columns.tier == TIERS["cdn"])
    own = np.isin(columns.status, _OWN_STATUSES)
    left = cut | (outer & blind & own)
    alone = inner & np.isin(columns.status, _GONE)
    partners.join(left, alone, tier, sets[0], _CLOSE)
    exact = [fields for fields in sets if "query" in fields]
    for fields in exact[1:]:
        partners.join(passed, inner, tier, fields, _CLOSE, statuses=statuses)
        partners.join(left, alone, tier, fields, _CLOSE)
    for fields in exact:
        _started(partners, passed, inner, tier, fields, statuses)
        _started(partners, left, alone, tier, fields)
    for fields in sets[len(exact) :]:
        partners.join(passed, inner, tier, fields, _CLOSE, statuses=statuses)
    partners.join(passed, inner, tier, sets[0], _LOOSE, statuses=statuses)
    script = inner & columns.script
    partners.join(passed, script, tier, ["method"], _CLOSE, statuses=statuses)
    _rewritten(partners, passed, inner, tier, statuses)
    # An outer answer of its own making: the inner hop may have said anything.
    unsure = left | (outer & ~logs_upstream & (columns.status >= _LEFT))
    # Of several logs behind it one may have no user agents; the address still tells.
    peers = [fields for fields in exact if "peer" in fields]
    for fields in peers or sets[:1]:
        partners.join(unsure, inner, tier, fields, _CLOSE, starts=True)
        partners.join(unsure, inner, tier, fields, _CLOSE)


def _started(
    partners: Partners,
    outer: Flags,
    inner: Flags,
    tier: int,
    fields: list[str],
    statuses: tuple[Ints, Ints] | None = None,
) -> None:
    """Join slow answers of which one side or both have no stamp of the end.

    By the starts where both sides know theirs; else the inner end follows the outer
    start by as long as it took.
    """
    columns = partners.columns
    slow = (columns.status >= _LEFT) | (columns.status == 0)
    outer, inner = outer & slow, inner & slow
    began, ended = columns.has_start, columns.has_end
    for one, two in ((outer & ~ended, inner & began), (outer & began, inner & ~ended)):
        partners.join(one, two, tier, fields, _CLOSE, statuses=statuses, starts=True)
    partners.join(
        outer & ~ended,
        inner & ~began,
        tier,
        fields,
        _UNTIL_END,
        statuses=statuses,
        outer_starts=True,
    )


def _rewritten(
    partners: Partners,
    passed: Flags,
    inner: Flags,
    tier: int,
    statuses: tuple[Ints, Ints],
) -> None:
    """Join errors that an inner hop has under another path: a proxy rewrote it.

    Only where no record there has its path: by the last name of the path, and then,
    if the outer hop says that it asked what is behind it, by the moment.
    """
    columns = partners.columns
    failed, asked = columns.error, passed & columns.asked
    # A web server between them may ask others at that moment, such as who may come in.
    direct = asked & ~partners.led[TIERS["web_server"]]
    web = columns.tier == TIERS["web_server"]
    quiet = passed & web & (columns.keys["leaf"] != 0)
    for outer, fields in (
        (asked, ["method", "leaf", "query"]),
        (quiet, ["method", "leaf", "query"]),
        (direct, ["method", "query"]),
    ):
        partners.join(
            outer & failed, inner & failed, tier, fields, _AT_ONCE, statuses=statuses
        )


def _logs_upstream(columns: Columns, outer: Flags) -> Flags:
    """Rows of logs that write down what the hop below answered."""
    logs = columns.log
    told = np.bincount(logs, outer & (columns.expected >= 0), logs.max() + 1) > 0
    found: Flags = told[logs]
    return found


def _beside_waf(partners: Partners, front: Flags, waf: Flags) -> None:
    """Join the WAF to the hop that asked it: it answers beside that hop, not behind."""
    columns = partners.columns
    tier = TIERS["waf"]
    _by_identity(partners, front, waf, tier)
    fields = ["path", "peer"]
    for passed in (False, True):
        outer = front & columns.timed & (columns.dispatched == passed)
        inner = waf & columns.timed & (columns.dispatched == passed)
        partners.join(outer, inner, tier, fields, _CLOSE, starts=True)
    # A CDN does not write whether its WAF or an origin answered, nor do balancers whose
    # records share no id with it.
    mute = (columns.expected < 0) & (columns.keys["trace"] == 0)
    outer = front & columns.timed & columns.error
    outer &= mute | (columns.tier == TIERS["cdn"])
    inner = waf & columns.timed & ~columns.dispatched
    partners.join(outer, inner, tier, fields, _CLOSE, starts=True)


def _at_origin(partners: Partners, cdn: Flags, waf: Flags) -> None:
    """Join what the CDN got from an origin whose WAF stopped it, unseen by others.

    Such a WAF sees the CDN's address and often its user agent; another one may have
    let the request pass at the edge. It stands for the origin.
    """
    columns = partners.columns
    tier = TIERS["load_balancer"]
    outer = cdn & columns.timed & columns.error & ~partners.led[TIERS["web_server"]]
    inner = waf & columns.timed & ~columns.dispatched
    for fields in (["method", "path", "query", "agent"], ["method", "path", "query"]):
        partners.join(outer, inner, tier, fields, _CLOSE, starts=True)


def _behind_client(partners: Partners, client: Flags, at: dict[str, Flags]) -> None:
    """Join what a browser saved to the outermost record of each of its requests.

    It knows no address of its own, and a WAF's record has no status. Where the browser
    has none, it gave up, or took an answer for none.
    """
    if not client.any():
        return
    columns = partners.columns
    exact = ["method", "path", "query", "agent"], ["method", "path", "query"]
    for tier in [name for name in TIERS if name not in {"client", "waf"}]:
        alone = client & ~np.any(list(partners.led.values()), axis=0)
        _through(partners, alone, at[tier], TIERS[tier])
        none, inner = alone & (columns.status == 0), at[tier] & columns.timed
        for fields in exact:
            partners.join(none, inner, TIERS[tier], fields, _CLOSE)
    waf = at["waf"] & columns.timed
    for stopped in (True, False):
        alone = client & ~np.any(list(partners.led.values()), axis=0)
        outer = alone & (columns.error | ~np.bool_(stopped))
        inner = waf & (columns.dispatched != stopped)
        for fields in (exact[0], ["method", "path"]):
            partners.join(outer, inner, TIERS["waf"], fields, _CLOSE, starts=True)


def _behind_waf(partners: Partners, waf: Flags, inner: Flags) -> None:
    """Join the WAF to what it let through, where no load balancer log says so."""
    columns = partners.columns
    tier = TIERS["web_server"]
    outer = waf & columns.dispatched & columns.timed
    _by_identity(partners, outer, inner, tier)
    inner = inner & columns.timed
    began = columns.has_start
    for fields in _fields(columns, outer, inner)[:-1]:
        partners.join(outer, inner & began, tier, fields, _CLOSE, starts=True)
        partners.join(outer, inner & ~began, tier, fields, _CLOSE, outer_starts=True)
        partners.join(
            outer, inner & ~began, tier, fields, _UNTIL_END, outer_starts=True
        )


def link(frame: pl.DataFrame) -> Links:
    """Join the records of neighbouring hops, from the client inwards."""
    columns = columns_of(frame)
    partners = Partners(columns)
    at = {name: columns.tier == tier for name, tier in TIERS.items()}
    for front in ("outer_balancer", "load_balancer", "cdn"):
        _beside_waf(partners, at[front], at["waf"])
    for outer, inner in (
        ("cdn", "outer_balancer"),
        ("outer_balancer", "load_balancer"),
        ("cdn", "load_balancer"),
        ("load_balancer", "web_server"),
        ("outer_balancer", "web_server"),
        ("cdn", "web_server"),
        ("web_server", "inner_web"),
        ("inner_web", "app_server"),
        ("web_server", "app_server"),
        ("app_server", "application"),
        ("inner_web", "application"),
        ("web_server", "application"),
        ("load_balancer", "app_server"),
        ("load_balancer", "application"),
        ("outer_balancer", "app_server"),
        ("outer_balancer", "application"),
    ):
        _through(partners, at[outer], at[inner], TIERS[inner])
    for outer in ("web_server", "inner_web", "load_balancer"):
        for inner in ("app_server", "application"):
            reached = at[outer] & columns.dispatched
            partners.join_undated(reached, at[inner], TIERS[inner])
    _behind_waf(partners, at["waf"], at["web_server"])
    _at_origin(partners, at["cdn"], at["waf"])
    _behind_client(partners, at["client"], at)
    for outer, inner in (
        ("web_server", "app_server"),
        ("web_server", "application"),
        ("inner_web", "application"),
        ("web_server", "inner_web"),
    ):
        partners.join_again(at[outer], at[inner], TIERS[inner])
    return Links(partners.outer_of, partners.again)
