"""Evidence ▶ anchors and links between units: the votes before they are counted."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping

import polars as pl

from forensic.clock.link import Link, is_zone
from forensic.clock.names import series
from forensic.clock.options import Overrides, chosen, offset_text, zone_offset
from forensic.clock.pairs import STEP
from forensic.clock.place import host_root
from forensic.clock.unit import Borders, Key, Unit
from forensic.clock.votes import Vote
from forensic.counted import plural

__all__ = [
    "continuity_links",
    "epoch_votes",
    "host_links",
    "inner_evidence",
    "named_zone_votes",
]

Anchors = dict[Key, list[Vote]]
#: A rule of daylight saving needs a date; this one serves where none is known.
_USUAL = dt.datetime(2025, 1, 1)  # noqa: DTZ001 - a local time


def named_zone_votes(
    found: Mapping[Key, Unit],
    overrides: Overrides,
    configured: Mapping[str, tuple[str, str]],
) -> tuple[Anchors, dict[Key, str]]:
    """Count what `--tz` and the machine's configuration say; name those zones."""
    votes: Anchors = defaultdict(list)
    names: dict[Key, str] = {}
    for key, unit in found.items():
        when = unit.high or _USUAL
        source = min(unit.lines)
        zone = chosen(overrides.tz, source)
        if zone is not None:
            offset = zone_offset(zone, when)
            text = f"--tz says {zone} for {source}"
            strength, sure, method = 1000.0, "certain", "option"
            basis = "written"
        elif host_root(source) in configured and unit.hop not in (
            "waf",
            "load_balancer",
        ):
            zone, path = configured[host_root(source)]
            offset = zone_offset(zone, when)
            text = f"{path} says {zone}"
            system = key.stamp == "envelope" or unit.hop in ("web_server", "host")
            strength, sure = (12.0, "strong") if system else (7.5, "weak")
            method, basis = "configuration", "inferred"
        else:
            continue
        if offset is not None:
            names[key] = zone
            votes[key].append(Vote(offset, strength, sure, method, text, basis=basis))
    return votes, names


def _modal(counts: Counter[int]) -> tuple[int, int, int]:
    """Commonest value, how often it stands, and how often another does."""
    value, n = min(counts.items(), key=lambda item: (-item[1], abs(item[0]), item[0]))
    return value, n, counts.total() - n


def _inner_counts(
    inner: pl.DataFrame, borders: Borders
) -> dict[tuple[str, str | None, str | None, int, str], Counter[int]]:
    """(series, host, program, segment, which stamp is written) ▶ step ▶ rows."""
    counts: dict[tuple[str, str | None, str | None, int, str], Counter[int]]
    counts = defaultdict(Counter)
    for row in inner.iter_rows(named=True):
        segment = borders.segment(row["source"], row["hostname"], row["first_line"])
        step, kind = row["step"], "neither"
        if row["envelope_offset"] is not None:
            step, kind = row["envelope_offset"] + step, "envelope"
        elif row["utc_offset"] is not None:
            step, kind = row["utc_offset"] - step, "event"
        group = (series(row["source"]), row["hostname"], row["process"], segment, kind)
        counts[group][step] += row["n"]
    return counts


def inner_evidence(
    inner: pl.DataFrame, borders: Borders, found: Mapping[Key, Unit]
) -> tuple[Anchors, list[Link]]:
    """Count what payloads inside envelopes say: anchors where one of both is written.

    A receiver writes its own offset into whole-second stamps that it relays, so such
    an envelope is believed less, and least where several hosts stand in one log.
    """
    relays = _relays(found)
    anchors: Anchors = defaultdict(list)
    links = []
    for group, counts in _inner_counts(inner, borders).items():
        name, host, process, segment, kind = group
        event = Key(name, host, process, "event", segment)
        envelope = event._replace(stamp="envelope")
        value, n, rest = _modal(counts)
        share = n / (n + rest)
        sure = "certain" if n >= 3 else "strong"
        if kind == "neither":
            method = "payload inside its envelope"
            links.append(
                Link(event, envelope, value, 90 * share, sure, method, n, rest)
            )
        elif is_zone(value):
            written = "envelope" if kind == "envelope" else "payload"
            text = f"the {written} of {plural(n, 'line')} writes its offset"
            strength = 100.0
            if kind == "envelope" and not (envelope in found and found[envelope].fine):
                strength, sure = 45.0, "weak" if name in relays else "strong"
            method = f"written {written} offset"
            vote = Vote(value, strength * share, sure, method, text, n, rest)
            anchors[event if kind == "envelope" else envelope].append(vote)
    return anchors, links


def _relays(found: Mapping[Key, Unit]) -> set[str]:
    """Series that hold lines of several hosts."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for key in found:
        if key.hostname is not None:
            hosts[key.series].add(key.hostname)
    return {name for name, names in hosts.items() if len(names) > 1}


def epoch_votes(marks: pl.DataFrame, borders: Borders) -> Anchors:
    """Count what epochs in request ids say; they can be forged, so most must agree."""
    counts: dict[Key, Counter[int]] = defaultdict(Counter)
    rows = marks.filter(pl.col("epoch").is_not_null() & pl.col("offset").is_null())
    wanted = ["source", "hostname", "process", "stamp", "line", "local", "epoch"]
    for source, host, process, stamp, line, local, epoch in rows.select(
        wanted
    ).iter_rows():
        segment = borders.segment(source, host, line)
        gap = (local - dt.datetime(1970, 1, 1)).total_seconds() - epoch  # noqa: DTZ001
        value = round(gap / STEP) * STEP
        counts[Key(series(source), host, process, stamp, segment)][value] += 1
    votes: Anchors = defaultdict(list)
    for key, tally in counts.items():
        value, n, rest = _modal(tally)
        if not is_zone(value) or n < rest:
            continue
        share = n / (n + rest)
        sure = "certain" if n >= 5 and share > 0.8 else "strong" if n >= 2 else "weak"
        text = f"{plural(n, 'request id')} with the epoch of {offset_text(value)}"
        votes[key].append(
            Vote(value, 60 * share, sure, "trace id epoch", text, n, rest)
        )
    return votes


def continuity_links(found: Mapping[Key, Unit], jumped: set[Key]) -> list[Link]:
    """One clock goes on across a border, unless it is the one that jumped there.

    Where the envelope's clock of one program jumped, that of the whole host did.
    """
    hosts = {key._replace(process=None) for key in jumped if key.stamp == "envelope"}
    links = []
    for key in found:
        later = key._replace(segment=key.segment + 1)
        leaps = later in jumped or later._replace(process=None) in hosts
        if later in found and not leaps:
            link = Link(key, later, 0, 25, "strong", "the same clock before", 1)
            links.append(link)
    return links


def host_links(found: Mapping[Key, Unit]) -> list[Link]:
    """Programs of one host have one envelope clock, unless evidence parts them."""
    hosts: dict[Key, list[Key]] = defaultdict(list)
    for key in found:
        if key.stamp == "envelope":
            hosts[key._replace(process=None)].append(key)
    links = []
    for keys in hosts.values():
        centre = max(keys, key=lambda k: (found[k].bare, k.process or ""))
        links += [
            Link(key, centre, 0, 12, "strong", "the same host's envelope", 1)
            for key in keys
            if key != centre
        ]
    return links
