"""Azure App Service's HTTP log: IIS's fields as JSON, in `properties`.

The properties are an object, or a text that holds one; spaces stand as `+` only where
the service runs on Windows.
"""

from typing import Any

import polars as pl

from forensic.fields.columns import http_status, moments, seconds
from forensic.fields.json_fields import json_rows
from forensic.fields.json_text import load
from forensic.format import Format

__all__ = ["FORMAT"]

_NAMES = {
    "client_ip": "CIp",
    "method": "CsMethod",
    "path": "CsUriStem",
    "query": "CsUriQuery",
    "host": "CsHost",
    "status": "ScStatus",
    "substatus": "ScSubStatus",
    "windows": "ScWin32Status",
    "bytes_sent": "ScBytes",
    "bytes_received": "CsBytes",
    "millis": "TimeTaken",
    "user_agent": "UserAgent",
    "referrer": "Referer",
    "user": "CsUsername",
    "hostname": "ComputerName",
    "protocol": "Protocol",
}
_CATEGORY = "AppServiceHTTPLogs"
_SCHEMA = dict.fromkeys([*_NAMES, "stamp"], pl.String())


def _read(record: Any) -> dict[str, Any] | str:
    if not isinstance(record, dict) or record.get("category") != _CATEGORY:
        return "JSON, but no HTTP log of App Service"
    given = record.get("properties")
    fields, twice = load(given) if isinstance(given, str) else (given, {})
    if not isinstance(fields, dict) or "ScStatus" not in fields:
        return "JSON, but without a status"
    row = {
        column: str(fields[name])
        for column, name in _NAMES.items()
        if fields.get(name) not in (None, "", "-")
    }
    extra = {name: fields[name] for name in ("Result", "SPort") if name in fields}
    extra |= {"resource": record["resourceId"]} if record.get("resourceId") else {}
    stamp = record.get("time", record.get("EventTime"))
    return row | {"stamp": str(stamp), "extra": extra, "duplicates": twice}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    rows = json_rows(lines, _read, _SCHEMA)
    stamps = moments(rows["stamp"])
    sub = pl.col("substatus").str.extract(r"^([1-9][0-9]*)$")
    windows = pl.col("windows").str.extract(r"^(12[0-9]{3})$")
    whole = pl.concat_str("status", pl.lit("."), sub)
    return rows.select(
        *("client_ip", "method", "path", "query", "referrer", "user", "hostname"),
        *("extra", "flags", "refused"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        host=pl.col("host").str.replace(r":\d+$", ""),
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("millis"), 1e3),
        user_agent=pl.when(pl.col("user_agent").str.contains(" ", literal=True))
        .then("user_agent")
        .otherwise(pl.col("user_agent").str.replace_all("+", " ", literal=True)),
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        reason=pl.coalesce(pl.concat_str(whole, pl.lit(" "), windows), whole),
    )


FORMAT = Format(
    name="azure_app_service",
    title="Azure App Service HTTP log",
    hop="web_server",
    reference="https://learn.microsoft.com/azure/azure-monitor/reference/tables/appservicehttplogs",
    head=rf'^\s*\{{[\s\S]*"{_CATEGORY}"',
    parse=parse,
    json=True,
    stamps_end=True,
    paths=r"(?i)appservicehttp",
)
