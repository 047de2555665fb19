"""Who ended a request, from the ACL part of a WAF record.

The record names the entry of the web ACL that ended the request; the rule inside a
group that did it stands elsewhere. A group that is overridden to COUNT shows a
terminating rule too, although it ended nothing: only a rule whose action is the
record's own counts.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Verdict", "judge"]

#: What the client gets where no custom response is configured.
_STATUS = {"BLOCK": 403, "CAPTCHA": 405, "CHALLENGE": 202, "MONETIZE": 402}
_GROUP_TYPES = {"GROUP", "MANAGED_RULE_GROUP"}
#: Keys whose content is in columns, in `counted`, or of no use to a reader.
_IN_COLUMNS = {
    "action",
    "formatVersion",
    "httpRequest",
    "labels",
    "nonTerminatingMatchingRules",
    "responseCodeSent",
    "ruleGroupList",
    "terminatingRuleType",
    "timestamp",
}


class Verdict(NamedTuple):
    """The columns that the ACL part of a record decides."""

    action: str | None
    rule: str | None
    rule_group: str | None
    rule_type: str | None
    status: int | None
    reason: str | None
    labels: list[str] | None
    extra: dict[str, Any]


def judge(record: dict[str, Any]) -> Verdict:
    """The verdict of a record in canonical spelling."""
    action = _text(record.get("action"))
    action = action.upper() if action else None
    kind = _text(record.get("terminatingRuleType"))
    rule, group = _ended_by(record, action, kind)
    status, source = _status(record, action)
    extra = {
        key: value
        for key, value in record.items()
        if key not in _IN_COLUMNS and value not in (None, [], {}, "", "-")
    }
    if source:
        extra["status_source"] = source
    if counted := list(_counted(record, action, group)):
        extra["counted"] = counted
    return Verdict(
        action,
        rule,
        group,
        kind,
        status,
        _failure(record),
        _labels(record),
        extra,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in ("", "-", "null") else None


def _objects(value: Any, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, of a single object, or of plain names."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, str) and item:
            yield {name: item}


def _bare(name: str) -> str:
    """The name of a group without vendor, version and ARN."""
    arn = re.match(r"arn:[^/]*/rulegroup/([^/]+)", name)
    bare = arn.group(1) if arn else re.sub(r"^AWS[-#]", "", name)
    return bare.split("#Version", 1)[0].rsplit("#", 1)[-1].lower()


def _ended_by(
    record: dict[str, Any], action: str | None, kind: str | None
) -> tuple[str | None, str | None]:
    """The rule that ended the request, and the group it stands in."""
    entry = _text(record.get("terminatingRuleId"))
    if kind not in {None, *_GROUP_TYPES} or entry == "Default_Action":
        return entry, None
    ended = []
    names = []
    for group in _objects(record.get("ruleGroupList"), "ruleGroupId"):
        name = _text(group.get("ruleGroupId"))
        names += [name] if name else []
        for rule in _objects(group.get("terminatingRule"), "ruleId"):
            did = _text(rule.get("action"))
            inner = _text(rule.get("ruleId"))
            if inner and (did is None or did.upper() == action):
                ended.append((inner, name))
    if entry is None:  # a shortened copy: only the group tells
        return ended[-1] if ended else (None, None)
    same = [pair for pair in ended if pair[1] and _bare(pair[1]) == _bare(entry)]
    if same or ended:
        return (same or ended)[-1]
    known = next((name for name in names if _bare(name) == _bare(entry)), None)
    is_group = kind in _GROUP_TYPES or entry.startswith(("AWS-", "AWS#"))
    return entry, known or (entry if is_group else None)


def _status(
    record: dict[str, Any], action: str | None
) -> tuple[int | None, str | None]:
    """What the client got, and whether that is logged or follows from the action."""
    code = record.get("responseCodeSent")
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code[:4])
    if isinstance(code, int) and not isinstance(code, bool) and 100 <= code <= 999:
        return code, "logged"
    derived = _STATUS.get(action or "")
    return derived, "derived" if derived else None


def _failure(record: dict[str, Any]) -> str | None:
    """Why a CAPTCHA or challenge was not passed."""
    for key in ("captchaResponse", "challengeResponse"):
        response = record.get(key)
        if isinstance(response, dict) and (why := _text(response.get("failureReason"))):
            return why
    return None


def _labels(record: dict[str, Any]) -> list[str] | None:
    names = [
        item["name"]
        for item in _objects(record.get("labels"), "name")
        if isinstance(item.get("name"), str)
    ]
    return names or None


def _counted(
    record: dict[str, Any], action: str | None, group: str | None
) -> Iterator[dict[str, Any]]:
    """Rules that matched without ending the request, with their group."""
    for rule in _objects(record.get("nonTerminatingMatchingRules"), "ruleId"):
        yield _kept(rule)
    for item in _objects(record.get("ruleGroupList"), "ruleGroupId"):
        name = {"group": item.get("ruleGroupId")}
        for rule in _objects(item.get("nonTerminatingMatchingRules"), "ruleId"):
            yield name | _kept(rule)
        for rule in _objects(item.get("excludedRules"), "ruleId"):
            yield name | _kept(rule)
        for rule in _objects(item.get("terminatingRule"), "ruleId"):
            did = _text(rule.get("action"))
            if item.get("ruleGroupId") == group and (
                did is None or did.upper() == action
            ):
                if matches := rule.get("ruleMatchDetails"):
                    yield name | _kept(rule) | {"matches": matches, "ended": True}
            else:
                yield name | _kept(rule) | {"overridden_group": True}


def _kept(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if value not in (None, [], "")}
