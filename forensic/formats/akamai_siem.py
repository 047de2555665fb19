"""Akamai's security events (SIEM integration): one JSON object a request.

The rules stand as a list of objects; as the interface itself sends them, as lists in
base64 and percent-encoded, parted by semicolons.
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

import polars as pl

from forensic.fields.json_fields import json_rows
from forensic.fields.percent import decoded_text
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = (
    "local_time utc_offset client_ip forwarded_for method http_version status host path"
    " query user_agent bytes_sent request_id action rule rule_group rule_type reason"
    " message"
).split()
_SCHEMA = {name: PARSED[name] for name in _COLUMNS}
_NAMES = ("rule", "ruleAction", "ruleMessage", "ruleTag")
_LISTS = ("rules", "ruleActions", "ruleMessages", "ruleTags")
_ACTIONS = {"alert": "COUNT", "monitor": "COUNT", "none": "ALLOW", "allow": "ALLOW"}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _list(value: Any) -> list[str]:
    """The texts of a list in base64."""
    found = []
    for part in decoded_text(str(value or "")).split(";"):
        try:
            found.append(
                base64.b64decode(part.replace(" ", ""), validate=True).decode(
                    "utf-8", "replace"
                )
            )
        except (binascii.Error, ValueError):
            found.append(part)
    return found


def _rules(attack: dict[str, Any]) -> list[dict[str, str | None]]:
    given = attack.get("rules")
    if isinstance(given, list):
        return [
            {name: _text(_dict(rule).get(name)) for name in _NAMES} for rule in given
        ]
    lists = [_list(attack.get(name)) for name in _LISTS]
    return [
        {
            name: values[place] if place < len(values) else None
            for name, values in zip(_NAMES, lists, strict=True)
        }
        for place in range(len(lists[0]))
        if lists[0][place]
    ]


def _headers(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {k.lower(): str(v) for k, v in value.items()}
    text = decoded_text(str(value or ""))
    lines = re.findall(r"(?m)^([A-Za-z0-9-]+): *([^\r\n]*)", text)
    return {name.lower(): value for name, value in lines}


def _action(word: str | None) -> str | None:
    """What was done, in the words of the other firewalls."""
    if not word:
        return None
    return _ACTIONS.get(word, "BLOCK" if re.match("deny|abort|tarpit", word) else word)


def _number(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _moment(value: Any) -> datetime | None:
    """The naive time of seconds since 1970, which may have a fraction."""
    text = str(value or "")
    if not re.fullmatch(r"1[0-9]{9}(?:\.[0-9]{1,6})?", text):
        return None
    whole, _, part = text.partition(".")
    moment = datetime.fromtimestamp(int(whole), UTC).replace(tzinfo=None)
    return moment.replace(microsecond=int(part.ljust(6, "0")))


def _read(record: Any) -> dict[str, Any] | str:
    """The columns of one record, or why it is none."""
    attack = _dict(_dict(record).get("attackData"))
    told = _dict(_dict(record).get("httpMessage"))
    if not attack or not told:
        return "JSON, but no security event of Akamai"
    rules = _rules(attack)
    ended = [rule for rule in rules if _action(rule["ruleAction"]) == "BLOCK"]
    applied = _action(_text(attack.get("appliedAction")))
    action = applied or ("BLOCK" if ended else "COUNT" if rules else None)
    decisive = (ended or rules or [dict.fromkeys(_NAMES)])[-1 if ended else 0]
    moment = _moment(told.get("start"))
    status = _number(told.get("status"))
    headers = _headers(told.get("requestHeaders"))
    return {
        "local_time": moment,
        "utc_offset": moment and 0,
        "client_ip": _text(attack.get("clientIP")),
        "forwarded_for": headers.get("x-forwarded-for"),
        "method": _text(told.get("method")),
        "http_version": re.sub("(?i)^http/", "", _text(told.get("protocol")) or "")
        or None,
        "status": status if status and 100 <= status <= 599 else None,
        "host": _text(told.get("host")),
        "path": _text(told.get("path")),
        "query": _text(told.get("query")),
        "user_agent": headers.get("user-agent"),
        "bytes_sent": _number(told.get("bytes")),
        "request_id": _text(told.get("requestId")),
        "action": action,
        "rule": decisive["rule"],
        "rule_group": _text(attack.get("policyId")),
        "rule_type": decisive["ruleTag"],
        "reason": decisive["ruleMessage"],
        "message": decisive["ruleMessage"],
        "extra": {
            "config": _text(attack.get("configId")),
            "rules": [
                f"{rule['rule']} {rule['ruleAction']}: {rule['ruleMessage']}"
                for rule in rules
            ],
        },
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of security events."""
    return json_rows(lines, _read, _SCHEMA)


FORMAT = Format(
    name="akamai_siem",
    title="Akamai security events",
    hop="waf",
    reference="https://techdocs.akamai.com/siem-integration/reference/get-configid",
    head=r'^\s*\{[\s\S]*"attackData"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)akamai",
)
