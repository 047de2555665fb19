"""AWS WAF log records (web ACLs v2 and Classic)."""

import polars as pl

from forensic.fields.rowwise import first_that_parses
from forensic.format import Format
from forensic.formats.aws_waf.fast import rows
from forensic.formats.aws_waf.tolerant import row
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = [
    "local_time",
    "utc_offset",
    "envelope_local",
    "envelope_offset",
    "client_ip",
    "forwarded_for",
    "method",
    "scheme",
    "host",
    "path",
    "query",
    "http_version",
    "status",
    "user_agent",
    "referrer",
    "trace_id",
    "request_id",
    "action",
    "rule",
    "rule_group",
    "rule_type",
    "labels",
    "reason",
    "extra",
    "flags",
    "refused",
]
_SCHEMA = {name: PARSED[name] for name in _COLUMNS}


def _tolerant(lines: pl.Series) -> pl.DataFrame:
    """The columns of records in any spelling."""
    return pl.DataFrame([row(line) for line in lines.to_list()], schema=_SCHEMA)


def _parse(lines: pl.Series) -> pl.DataFrame:
    return first_that_parses(lines, [rows, _tolerant])


FORMAT = Format(
    name="aws_waf",
    title="AWS WAF log",
    hop="waf",
    reference="https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html",
    head=(
        r'^\s*\{[\s\S]*?(?i:httpRequest|terminatingRuleId|"Request"\s*:'
        r'|"action"\s*:\s*"(?:ALLOW|BLOCK|COUNT|CAPTCHA|CHALLENGE)")'
    ),
    parse=_parse,
    json=True,
    paths=r"(?i)waf",
)
