"""What programs print on Azure, as App Service, AKS and Container Apps keep it.

A line in `resultDescription` of a diagnostic record; in a row of Log Analytics, as `az
monitor log-analytics query` prints it; in `Log`, as `az containerapp logs show`; or in
`properties.log`, as the control plane of AKS and Spring Apps have it.
"""

import re
from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.fields.json_text import load
from forensic.format import Format

__all__ = ["FORMAT"]

_ZONED = re.compile(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$")
_CATEGORIES = {"AppServiceConsoleLogs", "AppServiceAppLogs", "ContainerAppConsoleLogs"}


#: Columns of tables of Log Analytics that hold a line, and the record's own stamp.
_LINES = "LogMessage LogEntry Log_s ResultDescription SyslogMessage Message Log".split()
_STAMPS = ("time_t", "TimeGenerated")
#: Columns of records, whose `Message` is one of their fields.
_OF_A_REQUEST = re.compile(r"(?i)client_?ip|requesturi|csuristem|httpstatus|ruleid")
_HOSTS = ("PodName", "ContainerGroupName_s", "Host", "HostName", "Computer")
_PODS = ("pod", "InstanceName", "containerID")
_KEPT = ("ContainerName", "ContainerName_s", "PodNamespace", "_ResourceId", "Type")


def _read(record: Any) -> dict[str, Any] | None:
    if not isinstance(record, dict):
        return None
    if "properties" in record and "category" in record:
        return _plane(record)
    if str(record.get("category")) not in _CATEGORIES:
        return _row(record)
    text = record.get("resultDescription")
    if not isinstance(text, str):
        return None
    return {
        "stamp": record.get("time"),
        "hostname": record.get("Host"),
        # One blank is put before what the process wrote.
        "message": text.removeprefix(" ").rstrip("\r\n"),
        "extra": {"resource": record.get("resourceId"), "level": record.get("level")},
    }


def _plane(record: dict[str, Any]) -> dict[str, Any] | None:
    """A diagnostic record whose properties, an object or its text, hold a line."""
    told = record["properties"]
    if isinstance(told, str):
        told, _ = load(told)
    text = told.get("log", told.get("Log")) if isinstance(told, dict) else None
    if not isinstance(text, str):
        return None
    return {
        "stamp": record.get("time"),
        "hostname": next(
            (told[n] for n in _PODS if isinstance(told.get(n), str)), None
        ),
        "message": text.rstrip("\r\n"),
        "extra": {name: record.get(name) for name in ("category", "resourceId")},
    }


def _row(record: dict[str, Any]) -> dict[str, Any] | None:
    """A row of a table: its columns are named as Azure names them."""
    if any(_OF_A_REQUEST.match(name) for name in record):
        return None
    names = ("TimeStamp",) if record.keys() == {"TimeStamp", "Log"} else _STAMPS
    text = next((v for n in _LINES if isinstance(v := record.get(n), str)), None)
    stamp = next((record[name] for name in names if record.get(name)), None)
    if text is None or not isinstance(stamp, str):
        return None
    return {
        # UTC, whether it says so or not.
        "stamp": stamp if _ZONED.search(stamp) else f"{stamp}Z",
        "hostname": next((record[n] for n in _HOSTS if record.get(n)), None),
        "message": text.rstrip("\r\n"),
        "extra": {name: record.get(name) for name in _KEPT},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no console line of Azure's")


FORMAT = Format(
    name="azure_console",
    title="console of an application on Azure",
    hop=None,
    reference="https://learn.microsoft.com/azure/azure-monitor/reference/tables/appserviceconsolelogs",
    head=(
        r'^\s*\{[\s\S]*"(?:(?:AppService(?:Console|App)|ContainerAppConsole)Logs"'
        r'|(?:time_t|TimeGenerated|TimeStamp)"\s*:)'
        r'|^\s*\{[\s\S]*"properties"\s*:\s*"?\{[\s\S]*"[Ll]og\\?"\s*:'
    ),
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)appservice|containerapp",
)
