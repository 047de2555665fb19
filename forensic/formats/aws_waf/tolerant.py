"""One WAF record in any spelling ▶ its columns: exact, but slow.

Accepts what copies of WAF logs went through: lower-cased keys and objects as text
(Athena), numbers as strings, the shape of `get-sampled-requests`, abbreviated and
flattened records, and records that stand as text inside other objects.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from forensic.fields.json_text import NotJsonError, compact, load
from forensic.formats.aws_waf.presto import shown
from forensic.formats.aws_waf.verdict import judge

__all__ = ["is_canonical", "row"]

_LEVELS = 4
_INSIDE = (
    "message",
    "@message",
    "_source",
    "log",
    "event",
    "original",
    "data",
    "record",
    "aws",
    "waf",
)
_SPELLING = """timestamp formatVersion webaclId terminatingRuleId terminatingRuleType
action terminatingRuleMatchDetails httpSourceName httpSourceId ruleGroupList
rateBasedRuleList nonTerminatingMatchingRules requestHeadersInserted
responseCodeSent httpRequest labels captchaResponse challengeResponse
oversizeFields requestBodySize requestBodySizeInspectedByWAF ja3Fingerprint
ja4Fingerprint clientAsn forwardedAsn cfDistributionTenantId webaclName
ruleGroupId terminatingRule excludedRules ruleId overriddenAction
ruleMatchDetails exclusionType customerConfig failureReason responseCode
solveTimestamp clientIp country headers uri args httpVersion httpMethod
requestId fragment scheme host name value conditionType sensitivityLevel
location matchedData matchedFieldName limitKey limitValue maxRateAllowed
evaluationWindowSec customValues rateBasedRuleId rateBasedRuleName key"""
#: Lower-cased key ▶ canonical key.
_NAMES = {name.lower(): name for name in _SPELLING.split()} | {
    "httpuri": "uri",
    "method": "httpMethod",
    "request": "httpRequest",
    "rulenamewithinrulegroup": "ruleNameWithinRuleGroup",
}
#: Where a text in an object of Athena's ends.
_MEMBER = re.compile(rf"\}}|, (?:{'|'.join(sorted(_NAMES))})=", re.IGNORECASE)
#: Keys of a request that stand beside the action in a flattened record.
_FLAT = ["clientIp", "country", "uri", "args", "httpMethod", "httpVersion", "requestId"]
_FLAT_NAMES = {"rule": "terminatingRuleId", "client_ip": "clientIp", "ip": "clientIp"}
_ACTIONS = {"ALLOW", "BLOCK", "COUNT", "CAPTCHA", "CHALLENGE"}
_TRACE = re.compile(r"(?:Root=)?(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})\Z")
_HEADERS = {
    "user-agent": "user_agent",
    "referer": "referrer",
    "x-forwarded-for": "forwarded_for",
    "host": "host",
}


def row(text: str) -> dict[str, Any]:
    """The columns of the record on a line, or why there is none as `refused`."""
    try:
        value, duplicates = load(text)
        record, stamp = _unwrap(value, duplicates)
    except NotJsonError as error:
        return {"refused": str(error)}
    record = _whole(
        _canonical({key: _told(item, duplicates) for key, item in record.items()})
    )
    sampled = "ruleNameWithinRuleGroup" in record or "Weight" in record
    flags = ["duplicate_key"] if duplicates else []
    moment, bad = _moment(record.get("timestamp"), sampled)
    flags += ["bad_time"] if bad else []
    request = record.get("httpRequest")
    request = request if isinstance(request, dict) else {}
    verdict = judge(_with_aliases(record))
    rest = verdict.extra | _rest(request)
    rest |= {"sampled": True} if sampled else {}
    rest |= {"duplicates": duplicates} if duplicates else {}
    rest |= {"timestamp": record["timestamp"]} if bad else {}
    return {
        **_request(request),
        **verdict._asdict(),
        "local_time": moment,
        "utc_offset": None if moment is None else 0,
        "envelope_local": stamp,
        "envelope_offset": None if stamp is None else 0,
        "extra": compact(rest),
        "flags": flags or None,
    }


def _lowered(value: dict[str, Any]) -> set[str]:
    return {key.lower() for key in value}


def _is_record(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    keys = _lowered(value)
    marks = {"webaclid", "terminatingruleid", "action", "rulegrouplist", "weight"}
    if "httprequest" in keys:
        return bool(keys & marks)
    if "request" in keys:  # get-sampled-requests
        return {"action", "weight"} <= keys
    if {"clientip", "client_ip", "ip"} & keys and "uri" in keys:  # single fields
        return str(value.get("action")).upper() in _ACTIONS
    return {"terminatingruleid", "webaclid", "action"} <= keys


def _told(item: Any, duplicates: dict[str, list[Any]]) -> Any:
    """The object or list that a text shows, or what was given."""
    if not isinstance(item, str) or item[:1] not in ("{", "["):
        return item
    try:
        told, inner = load(item)
    except NotJsonError:
        told, inner = shown(item, _MEMBER), {}
    duplicates.update(inner)
    return item if told is None else told


def _whole(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its request in one object, also where it was flattened."""
    if "httpRequest" in record:
        return record
    named = {_FLAT_NAMES.get(key, key): item for key, item in record.items()}
    request = {key: named.pop(key) for key in _FLAT if key in named}
    return named | {"httpRequest": request}


def _unwrap(
    value: Any, duplicates: dict[str, list[Any]]
) -> tuple[dict[str, Any], datetime | None]:
    """The WAF record in a value, with the stamp of the outermost object around it."""
    stamp = None
    for _ in range(_LEVELS + 1):
        if _is_record(value):
            return value, stamp
        if not isinstance(value, dict):
            break
        if stamp is None:
            written = value.get("@timestamp", value.get("timestamp"))
            stamp = _moment(written, seconds=False)[0]
        value = next((value[key] for key in _INSIDE if value.get(key)), None)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value, inner = load(value)
            duplicates.update(inner)
    reason = "JSON, but no WAF record"
    raise NotJsonError(reason)


def _canonical(value: Any) -> Any:
    """The value with known keys in the spelling of the documentation."""
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {
            _NAMES.get(key.lower(), key): _canonical(item)
            for key, item in value.items()
        }
    return value


def is_canonical(record: dict[str, Any]) -> bool:
    """Whether keys are spelled, and stand, as the documentation has them."""
    return _with_aliases(_canonical(record)) == record


def _with_aliases(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the ACL fields where `judge` expects them."""
    record = dict(record)
    whole = record.pop("terminatingRule", None)
    if isinstance(whole, dict):
        for key, name in [
            ("ruleId", "terminatingRuleId"),
            ("action", "action"),
            ("ruleMatchDetails", "terminatingRuleMatchDetails"),
        ]:
            record.setdefault(name, whole.get(key))
    elif isinstance(whole, str):
        record.setdefault("terminatingRuleId", whole)
    for alias, name in [
        ("ruleId", "terminatingRuleId"),
        ("responseCode", "responseCodeSent"),
        ("ruleGroupId", "ruleGroupList"),
    ]:
        if alias in record:
            value = record.pop(alias)
            if record.get(name) in (None, "", "-", "null", []):
                record[name] = value
    inner = record.pop("ruleNameWithinRuleGroup", None)
    if isinstance(inner, str) and inner:
        group, _, rule = inner.rpartition("#")
        record.setdefault("terminatingRuleId", group or rule)
        record.setdefault("terminatingRuleType", "GROUP" if group else None)
        if group:
            record["ruleGroupList"] = [
                {"ruleGroupId": group, "terminatingRule": {"ruleId": rule}}
            ]
    return record


def _moment(written: Any, seconds: bool) -> tuple[datetime | None, bool]:
    """The UTC moment of a stamp, and whether a stamp is there that is none."""
    if written in (None, "", "-", "null"):
        return None, False
    if isinstance(written, str) and not re.fullmatch(r"\d{1,16}(?:\.\d+)?", written):
        return _iso(written)
    try:
        number = float(written)
    except (TypeError, ValueError, OverflowError):
        return None, True
    if seconds and number < 1e11:
        number *= 1000
    if not 631152000000 <= number < 4102444800000:  # 1990 up to 2100
        return None, True
    return datetime(1970, 1, 1) + timedelta(milliseconds=round(number, 3)), False  # noqa: DTZ001 - columns are naive


def _iso(written: str) -> tuple[datetime | None, bool]:
    try:
        moment = datetime.fromisoformat(written.removesuffix(" UTC"))
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None, True
    inside = 1990 <= moment.year < 2100
    return moment if inside else None, not inside


def _headers(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    headers = request.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict):
            name, value = header.get("name"), header.get("value")
            if isinstance(name, str) and isinstance(value, str):
                yield name.lower(), value


def _request(request: dict[str, Any]) -> dict[str, Any]:
    """The columns of the request itself."""
    given = {
        key: value if isinstance(value, str) and value not in ("-", "null") else None
        for key, value in request.items()
    }
    columns: dict[str, Any] = dict.fromkeys(_HEADERS.values())
    forwarded = []
    for name, value in _headers(request):
        if name == "x-forwarded-for":
            forwarded.append(value)
        elif name in _HEADERS and columns[_HEADERS[name]] is None:
            columns[_HEADERS[name]] = value
    uri, mark, query = (given.get("uri") or "").partition("?")
    identity = given.get("requestId") or None
    trace = _TRACE.match(identity or "")
    version = given.get("httpVersion")
    host = given.get("host") or columns["host"]
    return columns | {
        "client_ip": given.get("clientIp"),
        "method": given.get("httpMethod"),
        "path": uri or None,
        "query": given.get("args") or (query if mark else None),
        "http_version": version.rpartition("/")[2] if version else None,
        "scheme": given.get("scheme") or None,
        "host": re.sub(r":\d*\Z", "", host) if host else None,
        "forwarded_for": ", ".join(forwarded) or None,
        "request_id": identity,
        "trace_id": trace.group(1) if trace else None,
    }


def _rest(request: dict[str, Any]) -> dict[str, Any]:
    """What the request holds beyond the columns."""
    return {
        key: value
        for key in ("country", "fragment")
        if (value := request.get(key)) not in (None, "", "-")
    }
