"""The hops of a case from the client inwards, logged or known to lack a log."""

from collections.abc import Iterable

import orjson
import polars as pl

from forensic.answers import CLIENT
from forensic.case import Case
from forensic.census import moment, of_case
from forensic.reports.digest import Row, gaps, verdict
from forensic.schema import HOPS

__all__ = ["hops"]

#: Fields of `events.extra` that name a piece of the stack.
_NAMES = [
    "elb", "webacl", "webaclId", "web_acl", "acl", "distribution",
    "target_group_arn", "server", "framework", "virtual_host", "x_host_header",
]  # fmt: skip
_SAMPLE = 2_000


def hops(case: Case) -> list[Row]:
    """The hops from the client inwards that have logs or are known to lack them.

    `state` is logged or no_log; `names` are the machines, load balancers and ACLs
    that the hop's own lines name.
    """
    return list(case.known("hops", lambda: _hops(case)))


def _hops(case: Case) -> list[Row]:
    scoped = pl.col("scoped").sum()
    table = (
        of_case(case)
        .group_by("hop")
        .agg(
            pl.col("events").sum(),
            # Of a hop that logs no status, none is no number of errors.
            pl.when(pl.col("statuses").sum() > 0).then(pl.col("errors").sum()),
            moment(pl.col("first").min()),
            moment(pl.col("last").max()),
            pl.col("format").drop_nulls().unique().sort().alias("formats"),
            pl.when(scoped > 0).then(pl.col("private").sum() / scoped),
        )
    )
    logged = {row["hop"]: row for row in table.to_dicts() if row["hop"]}
    lacking = _absent(case) - logged.keys()
    found = []
    for hop in [CLIENT, *HOPS]:
        if hop in logged:
            row = logged[hop]
            names = [] if hop == CLIENT else _names(case, hop)
            found.append({**row, "state": "logged", "names": names})
        elif hop in lacking:
            found.append({"hop": hop, "state": "no_log", "names": [], "events": 0})
    return found


def _absent(case: Case) -> set[str]:
    """Hops that must exist and have no log at all."""
    said = {row["hop"] for row in gaps(case) if row["kind"] == "absent"}
    said |= set(verdict(case).get("missing") or [])
    return said & set(HOPS)


def _names(case: Case, hop: str) -> list[str]:
    """What a sample of the hop's events calls the hop's machines and parts."""
    mine = case.events().filter(pl.col("hop") == hop)
    columns = ["source", "offset", "hostname", "process", "extra"]
    sample = mine.select(columns).head(_SAMPLE).collect().sort("source", "offset")
    names: dict[str, int] = {}
    for column in ("hostname", "process"):
        for name in sample.get_column(column).drop_nulls().to_list():
            names[name] = names.get(name, 0) + 1
    for text in sample.get_column("extra").drop_nulls().to_list():
        for name in _extra_names(text):
            names[name] = names.get(name, 0) + 1
    ranked = sorted(names, key=lambda name: (-names[name], name))
    return ranked[:4]


def _extra_names(text: str) -> Iterable[str]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(fields, dict):
        return []
    values = (fields.get(name) for name in _NAMES)
    return [_short(value) for value in values if isinstance(value, str) and value]


def _short(name: str) -> str:
    """The telling part of an ARN or a path-like name."""
    if name.startswith("arn:"):
        parts = name.split("/")
        return parts[-2] if len(parts) > 2 else parts[-1]
    return name
