"""Audit log of HashiCorp Vault and OpenBao: what was asked of it, and what it refused.

A request is written when it comes and when it is answered; values are hashed. It names
paths of secrets, none of a website.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "time",
    "type": "type",
    "error": "error",
    "whom": "auth.display_name",
    "operation": "request.operation",
    "secret": "request.path",
    "client": "request.remote_address",
    "id": "request.id",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    rows = json_fields(lines, _KEYS, ["time", "type", "request"])
    stamps = moments(rows["stamp"])
    error = pl.col("error").str.strip_chars().str.replace_all(r"\s*\n\s*(?:\* )?", " ")
    failed = (error != "").fill_null(value=False)
    asked = pl.format("{} of {}", "operation", "secret")
    said = pl.format("{}: {}", asked, error)
    known = pl.col("type").is_in(["request", "response"]) & asked.is_not_null()
    short = pl.when(~known.fill_null(value=False)).then(
        pl.lit("JSON, but no audit record of Vault")
    )
    return rows.select(
        "flags",
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.lit("vault"),
        level=pl.when(failed).then(pl.lit("error")).otherwise(pl.lit("info")),
        client_ip="client",
        user="whom",
        request_id="id",
        message=pl.when(failed).then(said).otherwise(asked),
        reason=pl.when(failed).then(pl.lit("vault_refused")),
        extra=json_extra(
            type=pl.col("type"),
            operation=pl.col("operation"),
            vault_path=pl.col("secret"),
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="vault_audit",
    title="Vault's audit log",
    hop="host",
    reference="https://developer.hashicorp.com/vault/docs/audit",
    head=r'^\s*\{[\s\S]*"type"\s*:\s*"(?:request|response)"[\s\S]*"request"\s*:\s*\{',
    parse=parse,
    json=True,
    narrow=True,
    paths=r"(?i)vault|openbao",
)
