"""Records that Elastic's integrations took apart: nginx, Apache, AWS WAF and ALB.

The line as it was is kept only on demand (`event.original`). Else it is put together
again, as far as its fields go, and read as a line of its own kind.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.fields.json_fields import value_at
from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]


def _first(record: dict[str, Any], *names: str) -> Any:
    return next(
        (v for n in names if (v := value_at(record, n)) not in (None, "")), None
    )


def _moment(record: dict[str, Any]) -> datetime:
    """Elasticsearch keeps times in UTC."""
    moment = datetime.fromisoformat(record["@timestamp"])
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(record: dict[str, Any], form: str) -> str:
    """The moment of the record as its program writes it, in UTC."""
    return _moment(record).strftime(form)


def _quoted(value: Any) -> str:
    return "-" if value is None else str(value).replace('"', r"\x22")


def _target(record: dict[str, Any]) -> str:
    whole = _first(record, "url.original")
    if whole is not None:
        return str(whole)
    query = _first(record, "url.query")
    path = str(_first(record, "url.path") or "-")
    return f"{path}?{query}" if query else path


def _access(record: dict[str, Any]) -> str | None:
    """A line of nginx or Apache."""
    status = _first(record, "http.response.status_code")
    if status is None:
        return None
    client = _first(record, "source.ip", "source.address", "client.ip") or "-"
    version = _first(record, "http.version")
    asked = f"{_first(record, 'http.request.method')} {_target(record)}"
    asked += f" HTTP/{version}" if version else ""
    parts = [
        f"{client} - {_first(record, 'user.name') or '-'}",
        _stamp(record, "[%d/%b/%Y:%H:%M:%S +0000]"),
        f'"{_quoted(asked)}" {status}',
        str(_first(record, "http.response.body.bytes") or "-"),
        f'"{_quoted(_first(record, "http.request.referrer"))}"',
        f'"{_quoted(_first(record, "user_agent.original"))}"',
    ]
    return " ".join(parts)


def _nginx_error(record: dict[str, Any]) -> str | None:
    text, level = value_at(record, "message"), value_at(record, "log.level")
    if not isinstance(text, str) or level is None:
        return None
    process = f"{_first(record, 'process.pid') or 0}"
    thread = f"{_first(record, 'process.thread.id') or process}"
    number = _first(record, "nginx.error.connection_id")
    connection = f"*{number} " if number is not None else ""
    when = _stamp(record, "%Y/%m/%d %H:%M:%S")
    return f"{when} [{level}] {process}#{thread}: {connection}{text}"


def _apache_error(record: dict[str, Any]) -> str | None:
    text, level = value_at(record, "message"), value_at(record, "log.level")
    if not isinstance(text, str) or level is None:
        return None
    module = _first(record, "apache.error.module") or ""
    client = _first(record, "source.address", "source.ip")
    port = _first(record, "source.port")
    where = f":{port}" if port else ""
    when = _stamp(record, "[%a %b %d %H:%M:%S.%f %Y]")
    pid = f"[pid {_first(record, 'process.pid') or 0}]"
    peer = f"[client {client}{where}] " if client else ""
    return f"{when} [{module}:{level}] {pid} {peer}{text}"


def _waf(record: dict[str, Any]) -> str | None:
    action = _first(record, "event.action")
    asked = {
        "clientIp": _first(record, "source.ip"),
        "country": _first(record, "source.geo.country_iso_code"),
        "uri": _first(record, "url.path"),
        "args": _first(record, "url.query") or "",
        "httpMethod": _first(record, "http.request.method"),
        "httpVersion": f"HTTP/{_first(record, 'http.version')}",
        "requestId": _first(record, "http.request.id"),
        "host": _first(record, "url.domain", "aws.waf.request.headers.host"),
    }
    whole = {
        "timestamp": round(_moment(record).timestamp() * 1000),
        "webaclId": _first(record, "aws.waf.arn", "aws.waf.id"),
        "terminatingRuleId": _first(record, "rule.id"),
        "terminatingRuleType": _first(record, "rule.ruleset"),
        "action": str(action).upper(),
        "httpSourceName": _first(record, "aws.waf.source.name"),
        "httpSourceId": _first(record, "aws.waf.source.id"),
        "responseCodeSent": _first(record, "http.response.status_code"),
        "ruleGroupList": _first(record, "aws.waf.rule_group_list") or [],
        "httpRequest": {
            key: value for key, value in asked.items() if value is not None
        },
    }
    return compact(whole) if action else None


def _balancer(record: dict[str, Any]) -> str | None:
    """A row of an application load balancer, by the names of its fields."""
    actions = _first(record, "aws.elb.action_executed")
    whole = {
        "time": value_at(record, "@timestamp"),
        "elb": _first(record, "aws.elb.name"),
        "client_ip": _first(record, "source.ip"),
        "target_ip": _first(record, "aws.elb.backend.ip"),
        "target_port": _first(record, "aws.elb.backend.port"),
        "request_processing_time": _first(
            record, "aws.elb.request_processing_time.sec"
        ),
        "target_processing_time": _first(record, "aws.elb.backend_processing_time.sec"),
        "response_processing_time": _first(
            record, "aws.elb.response_processing_time.sec"
        ),
        "elb_status_code": _first(record, "http.response.status_code"),
        "target_status_code": _first(
            record, "aws.elb.backend.http.response.status_code"
        ),
        "request_verb": _first(record, "http.request.method"),
        "request_url": _target(record),
        "user_agent": _first(record, "user_agent.original"),
        "trace_id": _first(record, "aws.elb.trace_id"),
        "domain_name": _first(record, "url.domain", "destination.domain"),
        "matched_rule_priority": _first(record, "aws.elb.matched_rule_priority"),
        "actions_executed": _listed(actions),
        "error_reason": _first(record, "aws.elb.error.reason"),
    }
    known = {key: value for key, value in whole.items() if value is not None}
    return compact(known) if "elb_status_code" in known else None


def _listed(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


_KINDS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "nginx.access": _access,
    "apache.access": _access,
    "nginx.error": _nginx_error,
    "apache.error": _apache_error,
    "aws.waf": _waf,
    "aws.elb_logs": _balancer,
}


def _read(record: Any) -> dict[str, Any] | None:
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if not isinstance(record, dict):
        return None
    kind = _KINDS.get(str(_first(record, "event.dataset", "data_stream.dataset")))
    if kind is None or not isinstance(value_at(record, "@timestamp"), str):
        return None
    whole = _first(record, "event.original")
    try:
        line = whole if isinstance(whole, str) else kind(record)
    except (ValueError, OverflowError):  # no such moment
        return None
    return {
        "stamp": record["@timestamp"],
        "hostname": _first(record, "host.name", "host.hostname"),
        "message": line,
        "extra": {"path": _first(record, "log.file.path")},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no record of Elastic's integrations")


FORMAT = Format(
    name="ecs_json",
    title="records of Elastic's integrations (nginx, Apache, AWS WAF, ALB)",
    hop=None,
    reference="https://www.elastic.co/docs/reference/ecs",
    head=(
        r'^\s*\{[\s\S]*"(?:event\.|data_stream\.)?dataset"\s*:\s*"'
        r'(?:(?:nginx|apache)\.(?:access|error)|aws\.(?:waf|elb_logs))"'
    ),
    parse=_parse,
    envelope=True,
    json=True,
    paths=r"(?i)elastic|filebeat|kibana",
)
