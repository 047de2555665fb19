"""Rows of Log Analytics, where Azure's services send their logs: one flat object each.

`AzureDiagnostics` puts the type of a value behind its name (`httpStatus_d`) and joins
names with `_`; tables of their own (`AGWAccessLogs`) begin names with a capital. The
record that the service had sent is put together again. A row that carries a line of
some log is a console's.
"""

import re
from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMPS = ["TimeGenerated [UTC]", "TimeGenerated"]
#: Where tables of texts keep them.
_TEXTS = ["LogMessage", "LogEntry", "Log_s", "ResultDescription", "SyslogMessage"]
_TYPED = re.compile(r"(\w+)_[sdgbt]\Z")
#: Columns of the store itself.
_OWN = {*_STAMPS, "TenantId", "SourceSystem", "TableName", "Category", "Type"}


def _read(record: Any) -> dict[str, Any] | None:
    if not isinstance(record, dict):
        return None
    stamp = next((record[name] for name in _STAMPS if record.get(name)), None)
    if stamp is None:
        return None
    if any(isinstance(record.get(name), str) for name in _TEXTS):
        return None
    category = str(record.get("Category") or record.get("Type") or "")
    whole = {"time": _iso(stamp), "category": category, "properties": _sent(record)}
    return {"stamp": _iso(stamp), "message": compact(whole)}


def _sent(record: dict[str, Any]) -> dict[str, Any]:
    """What the service had sent, under the names that it gives itself."""
    typed = any(_TYPED.match(name) for name in record)
    sent: dict[str, Any] = {}
    for name in (name for name in record if name not in _OWN):
        found = _TYPED.match(name)
        short = found[1] if found else name
        if not typed and not record.get("CsUriStem"):
            # App Service's HTTP log alone has capitals in its own records.
            short = short[:1].lower() + short[1:]
        if record[name] not in (None, ""):
            sent["message" if short == "Message" else short] = record[name]
    return sent


def _iso(stamp: Any) -> str | None:
    """The stamp, if it is not one that a portal wrote for people."""
    return stamp if re.match(r"[0-9]{4}-", str(stamp)) else None


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no row of Log Analytics")


FORMAT = Format(
    name="azure_tables",
    title="rows of Azure's Log Analytics",
    hop=None,
    reference="https://learn.microsoft.com/azure/azure-monitor/reference/tables/azurediagnostics",
    head=r'^\s*\{[\s\S]*"TimeGenerated(?: \[UTC\])?"\s*:',
    parse=_parse,
    envelope=True,
    json=True,
    paths=r"(?i)azure|loganalytics|query_data",
)
