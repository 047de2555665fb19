"""Cloud Run's log of requests: entries of Google's logging with `httpRequest`.

What the platform answers itself has a text that says why; what the service answered
has none. The stamp is when the request came.
"""

import polars as pl

from forensic.fields.columns import json_extra
from forensic.fields.http_request import KEYS, request
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = KEYS | {
    "log": "logName",
    "said": "textPayload",
    "level": "severity",
    "service": "resource.labels.service_name",
    "revision": "resource.labels.revision_name",
    "instance": "labels.instanceId",
}
_SAME = (
    "flags method request_id user_agent referrer bytes_sent bytes_received local_time "
    "utc_offset start_time scheme host path query http_version status duration trace_id"
).split()
_REQUESTS = "run.googleapis.com%2Frequests"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Cloud Run's requests."""
    rows = json_fields(lines, _KEYS, {"httpRequest", "logName"})
    other = ~pl.col("log").str.ends_with(_REQUESTS) | pl.col("method").is_null()
    short = pl.when(other.fill_null(value=True)).then(
        pl.lit("JSON, but no request of Cloud Run")
    )
    said = pl.when(pl.col("said") != "").then("said")
    return request(rows).select(
        *_SAME,
        level=pl.col("level").str.to_lowercase(),
        client_ip=pl.col("client"),
        upstream_status=pl.when(said.is_null()).then("status"),
        upstream=pl.when(pl.col("instance") != "").then("revision"),
        reason=said,
        extra=json_extra(
            service=pl.col("service"),
            revision=pl.col("revision"),
            instance=pl.col("instance"),
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="cloud_run",
    title="Cloud Run request log",
    hop="load_balancer",
    reference="https://cloud.google.com/run/docs/logging#log-types",
    head=r'^\s*\{[\s\S]*run\.googleapis\.com%2Frequests"',
    parse=parse,
    json=True,
    sure=True,
    paths=r"(?i)cloud.?run|gcp",
    stamps_start=True,
)
