"""S3's words for its errors, where a bucket is what a CDN or a browser asks."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said(
        "^AccessDenied$",
        "access_forbidden",
        "the bucket does not let the caller read it, or list it to see it is absent",
    ),
    Said(
        "^(?:AllAccessDisabled|AccountProblem|InvalidAccessKeyId|SignatureDoesNotMatch)$",
        "access_forbidden",
        "the bucket refused the caller",
    ),
    Said(
        "^NoSuch(?:Key|Bucket|WebsiteConfiguration)$",
        "file_not_found",
        "no such object",
    ),
    Said("^SlowDown$", "rate_limited", "the bucket was asked too often"),
]


def lines() -> list[Line]:
    """The lines about what a bucket answers."""
    return spoken("web_server", "s3_access", _WORDS)
