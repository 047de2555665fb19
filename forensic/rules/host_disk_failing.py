"""Rule: the file system failed."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-disk-failing",
    title="The file system failed or became read-only",
    level="critical",
    description="Logs and data can no longer be written; what is missing afterwards "
    "is missing because of it.",
    falsepositives=["A medium that was pulled out on purpose"],
    references=["https://www.kernel.org/doc/html/latest/filesystems/ext4/index.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["disk_error"]),
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of the kernel on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        ask_for=["SMART data or the volume's metrics"],
    ),
    positives=[
        Example(title="disk error", events=[{"hop": "host", "reason": "disk_error"}]),
    ],
    negatives=[
        Example(title="disk full", events=[{"hop": "host", "reason": "disk_full"}]),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "disk_error"}]),
    ],
)
