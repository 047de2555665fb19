"""AWS WAF as Security Lake keeps it: OCSF's HTTP activity, class 4002, as JSON.

What the rows have of the WAF's record is put together again as that record.
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.fields.json_fields import value_at
from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]

_CLASS = 4002
#: Where the WAF's own word is not kept: OCSF's numbers of what was done.
_DONE = {"1": "ALLOW", "2": "BLOCK"}
_WORDS = {"allowed": "ALLOW", "denied": "BLOCK", "blocked": "BLOCK"}
_REQUEST = {
    "clientIp": "src_endpoint.ip",
    "country": "src_endpoint.location.country",
    "uri": "http_request.url.path",
    "args": "http_request.args",
    "httpMethod": "http_request.http_method",
    "httpVersion": "http_request.version",
    "requestId": "http_request.uid",
    "host": "http_request.url.hostname",
}


def _read(record: Any) -> dict[str, Any] | None:
    if not isinstance(record, dict) or record.get("class_uid") != _CLASS:
        return None
    if "WAF" not in str(value_at(record, "metadata.product.name")):
        return None
    said = str(record.get("action") or "")
    done = _DONE.get(str(record.get("action_id")))
    action = _WORDS.get(said.lower(), said.upper()) or done
    asked = {key: value_at(record, name) for key, name in _REQUEST.items()}
    whole = {
        "timestamp": record.get("time"),
        "webaclId": value_at(record, "metadata.product.feature.uid"),
        "terminatingRuleId": value_at(record, "firewall_rule.uid"),
        "terminatingRuleType": value_at(record, "firewall_rule.type"),
        "action": action,
        "responseCodeSent": value_at(record, "http_response.code"),
        "httpRequest": {
            key: value for key, value in asked.items() if value is not None
        },
    }
    return {
        "stamp": record.get("time"),
        "message": compact({key: v for key, v in whole.items() if v is not None}),
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no HTTP activity of AWS WAF")


FORMAT = Format(
    name="ocsf_waf",
    title="AWS WAF in Security Lake (OCSF)",
    hop=None,
    reference="https://schema.ocsf.io/1.1.0/classes/http_activity",
    head=r'^\s*\{[\s\S]*"class_uid"\s*:\s*4002\b',
    parse=_parse,
    envelope=True,
    json=True,
    paths=r"(?i)ocsf|securitylake|security_lake",
)
