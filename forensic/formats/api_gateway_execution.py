"""API Gateway's execution log: each step of a request, `(request id) text`.

CloudWatch stamps the lines. The method and the resource, what the integration answered,
what went wrong and the status stand on lines of their own; the request id joins them.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix, seconds
from forensic.format import Format

__all__ = ["FORMAT"]

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: What the log says ▶ the type of the gateway's own response that it means.
_REASONS = {
    r"^Gateway response type: ([A-Z0-9_]+) with status code": None,
    r"^Execution failed due to configuration error": "API_CONFIGURATION_ERROR",
    r"^Execution failed due to a timeout error": "INTEGRATION_TIMEOUT",
    r"^Execution failed due to (?:an? )?(?:internal|network)": "INTEGRATION_FAILURE",
    r"^Unauthorized request: ": "UNAUTHORIZED",
    r"^API Key .*not authorized": "INVALID_API_KEY",
    r"(?i)throttle limit exceeded": "THROTTLED",
    r"(?i)quota limit exceeded": "QUOTA_EXCEEDED",
}


def _reason(text: pl.Expr) -> pl.Expr:
    """The type of the response that the line announces, if it does."""
    return pl.coalesce(
        text.str.extract(pattern, 1)
        if word is None
        else pl.when(text.str.contains(pattern)).then(pl.lit(word))
        for pattern, word in _REASONS.items()
    )


def _header(name: str, shape: str) -> pl.Expr:
    """A header of the request, where the log writes them."""
    wrote = pl.col("rest").str.starts_with("Method request headers: ")
    return pl.when(wrote).then(
        pl.col("rest").str.extract(rf"[{{ ](?:{name})=({shape})", 1)
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the steps."""
    head = prefix(lines, rf"\((?P<id>{_ID})\) ")
    text = pl.col("rest")
    asked = text.str.extract_groups(r"^HTTP Method: ([A-Z]+), Resource Path: (\S+)")
    route = asked.struct.field("2")
    came = text.str.extract_groups(
        r"^Received response\. Status: ([1-5][0-9]{2}), Integration latency: ([0-9]+)"
    ).struct
    ended = text.str.extract(r"^Method completed with status: ([1-5][0-9]{2})")
    address = r"[0-9A-Fa-f.:]+"
    return head.select(
        request_id="id",
        method=asked.struct.field("1"),
        # A resource with a `{name}` in it stands for many paths.
        path=pl.when(~route.str.contains("{", literal=True)).then(route),
        status=ended.cast(pl.Int16, strict=False),
        upstream_status=came.field("1").cast(pl.Int16, strict=False),
        upstream_duration=seconds(came.field("2"), 1e3),
        reason=_reason(text),
        host=_header("Host", r"[^,}]+"),
        user_agent=_header("User-Agent", r"[^,}]+(?:, like Gecko[^,}]+)?"),
        forwarded_for=_header("X-Forwarded-For", rf"{address}(?:, {address})*"),
        trace_id=_header("X-Amzn-Trace-Id", r"(?:Root=)?1-[0-9a-f-]+").str.strip_prefix(
            "Root="
        ),
        message="rest",
        extra=json_extra(resource=route),
        refused=pl.when(text.is_null()).then(pl.lit("no step of an execution")),
    )


FORMAT = Format(
    name="api_gateway_execution",
    title="API Gateway execution log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
    head=rf"^\({_ID}\) ",
    parse=parse,
    paths=r"(?i)API-Gateway-Execution-Logs",
)
