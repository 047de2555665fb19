"""ModSecurity's and Coraza's audit records as JSON: version 3's, version 2's, Coraza's.

Version 3 does not say whether it ended the request. That is certain only where the
rule that adds the scores up is among the matches and the answer is an error.
"""

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import polars as pl

from forensic.fields.columns import target
from forensic.fields.json_fields import json_rows
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = (
    "local_time utc_offset level client_ip method http_version status host user_agent"
    " referrer forwarded_for request_id action rule reason message"
).split()
_SCHEMA = {name: PARSED[name] for name in _COLUMNS} | {"url": pl.String()}
#: The rules of the Core Rule Set that refuse by the sum of all scores; those of its
#: correlation (980…) only report, also of requests that were let through.
_SUMS = {"949110", "949111", "959100", "959101"}
#: Traces of applications have transactions, too, without a peer.
_IDS = {"unique_id", "transaction_id", "id"}
_PEERS = {"client_ip", "remote_address"}
_ASKED = re.compile(r"([A-Z][A-Z_-]{1,20}) (\S+)(?: HTTP/([0-9.]+))?\Z")
_ID = re.compile(r'\[id "([^"]*)"\]')
_STAMPS = (
    "%a %b %d %H:%M:%S %Y",
    "%Y/%m/%d %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S.%f %z",
    "%d/%b/%Y:%H:%M:%S %z",
)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or value == "" else str(value)


def _stamp(record: dict[str, Any]) -> tuple[datetime | None, int | None]:
    """The stamp and its offset; Coraza adds nanoseconds since 1970."""
    nanos = record.get("unix_timestamp")
    if isinstance(nanos, int) and 10**17 < nanos < 10**19:
        moment = datetime.fromtimestamp(nanos // 10**9, UTC).replace(tzinfo=None)
        return moment.replace(microsecond=nanos % 10**9 // 1000), 0
    for name in ("time_stamp", "timestamp", "time"):
        # Some versions of the module write a minus twice.
        text = str(record.get(name)).replace(" --", " -")
        for shape in _STAMPS:
            try:
                found = datetime.strptime(text, shape)  # noqa: DTZ007 - a zone that is not written stays unknown
            except ValueError:
                continue
            zone = found.utcoffset()
            seconds = None if zone is None else int(zone.total_seconds())
            return found.replace(tzinfo=None), seconds
    return None, None


def _said(record: dict[str, Any], deal: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The ids of the rules that matched, and what each said, in their order."""
    ids, words = [], []
    for entry in _list(deal.get("messages")) + _list(record.get("messages")):
        inside = _dict(_dict(entry).get("details")) or _dict(_dict(entry).get("data"))
        rule = _text(inside.get("ruleId", inside.get("id")))
        word = _text(_dict(entry).get("message")) or _text(inside.get("msg"))
        ids.append(rule or "")
        words.append(word or "")
    for entry in _list(_dict(record.get("audit_data")).get("messages")):
        found = _ID.search(str(entry))
        ids.append(found[1] if found else "")
        words.append(str(entry))
    return ids, words


def _denied(record: dict[str, Any], ids: list[str], status: int | None) -> bool:
    deal = _dict(record.get("transaction"))
    action = _dict(_dict(record.get("audit_data")).get("action"))
    if "is_interrupted" in deal:
        return deal["is_interrupted"] is True
    if action:
        return action.get("intercepted") is True
    engine = str(_dict(deal.get("producer")).get("secrules_engine", "Enabled"))
    summed = any(rule in _SUMS for rule in ids)
    return summed and engine == "Enabled" and status is not None and status >= 400


def _read(record: Any) -> dict[str, Any] | str:
    """The columns of one record, or why it is none."""
    deal = _dict(_dict(record).get("transaction"))
    if not (deal.keys() & _IDS and deal.keys() & _PEERS):
        return "JSON, but no audit record"
    request = _dict(deal.get("request")) or _dict(record.get("request"))
    response = _dict(deal.get("response")) or _dict(record.get("response"))
    headers = {k.lower(): _text(v) for k, v in _dict(request.get("headers")).items()}
    asked = _ASKED.match(str(request.get("request_line")))
    method, url, version = asked.groups() if asked else (None, None, None)
    code = response.get("http_code", response.get("status"))
    status = code if isinstance(code, int) and 100 <= code <= 599 else None
    ids, words = _said(record, deal)
    denied = _denied(record, ids, status)
    last = next((n for n in reversed(range(len(ids))) if ids[n]), None)
    if denied:
        ended = (n for n, word in enumerate(words) if word.startswith("Access denied"))
        summed = (n for n, rule in enumerate(ids) if rule in _SUMS)
        last = next(itertools.chain(ended, summed), last)
    rule, word = (None, None) if last is None else (ids[last], words[last])
    said = f'{word} [id "{rule}"]' if rule and not _ID.search(word or "") else word
    opening = f"Access denied with code {status} " if denied else "Warning. "
    if said and said.startswith(("Access denied", "Warning")):
        opening = ""
    moment, zone = _stamp(deal)
    more = {
        "rules": " ".join(dict.fromkeys(filter(None, ids))),
        "producer": deal.get("producer"),
    }
    return {
        "local_time": moment,
        "utc_offset": zone,
        "level": "error" if denied else "warn",
        "client_ip": _text(deal.get("client_ip", deal.get("remote_address"))),
        "method": method or _text(request.get("method")),
        "url": url or _text(request.get("uri")),
        "http_version": version
        or (_text(request.get("http_version")) or "").removeprefix("HTTP/")
        or None,
        "status": status,
        "host": headers.get("host"),
        "user_agent": headers.get("user-agent"),
        "referrer": headers.get("referer"),
        "forwarded_for": headers.get("x-forwarded-for"),
        "request_id": _text(
            deal.get("unique_id", deal.get("transaction_id", deal.get("id")))
        ),
        "action": "block" if denied else None,
        "rule": rule,
        "reason": "modsecurity_denied"
        if denied
        else "modsecurity_warning"
        if ids
        else None,
        "message": f"ModSecurity: {opening}{said}" if said else None,
        "extra": {name: value for name, value in more.items() if value},
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    rows = json_rows(lines, _read, _SCHEMA)
    url = target(pl.col("url"))
    return rows.select(
        pl.exclude("url", "host"),
        host=pl.coalesce(pl.col("host").str.replace(r":\d+$", ""), url["host"]),
        path=url["path"],
        query=url["query"],
    )


FORMAT = Format(
    name="modsec_json",
    title="ModSecurity or Coraza audit log as JSON",
    hop="web_server",
    reference="https://github.com/owasp-modsecurity/ModSecurity/wiki/Reference-Manual-(v3.x)",
    head=r'^\s*\{[\s\S]*"transaction"\s*:\s*\{',
    parse=parse,
    json=True,
    paths=r"(?i)modsec|audit|coraza",
)
