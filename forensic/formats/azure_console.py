"""What an application prints on Azure App Service: a line in `resultDescription`."""

from typing import Any

import polars as pl

from forensic.exported import exported
from forensic.format import Format

__all__ = ["FORMAT"]

_CATEGORIES = {"AppServiceConsoleLogs", "AppServiceAppLogs", "ContainerAppConsoleLogs"}


def _read(record: Any) -> dict[str, Any] | None:
    if not isinstance(record, dict) or str(record.get("category")) not in _CATEGORIES:
        return None
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


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no console line of Azure's")


FORMAT = Format(
    name="azure_console",
    title="console of an application on Azure",
    hop=None,
    reference="https://learn.microsoft.com/azure/azure-monitor/reference/tables/appserviceconsolelogs",
    head=r'^\s*\{[\s\S]*"(?:AppService(?:Console|App)|ContainerAppConsole)Logs"',
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)appservice|containerapp",
)
