"""Rule: a disk is full."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, hop_words, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("reason").is_in(["no_space_left", "disk_full"])
        | (
            pl.col("hop").is_in(["application", "app_server"])
            & pl.col("message").str.contains("No space left on device", literal=True)
        )
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "host"}
    return line | columns


RULE = Rule(
    id="disk-full",
    title="No space left on a device",
    level="critical",
    description="Whatever must be written fails, logs included: silence afterwards "
    "may be the disk's.",
    falsepositives=["A small file system that is meant to fill up"],
    references=["https://man7.org/linux/man-pages/man3/errno.3.html"],
    tags=["host"],
    hop=None,
    needs=["host|web_server|application|app_server"],
    query=counting(
        _rows,
        by=["hop"],
        tops=["message", "hostname"],
        summary=pl.format(
            "{} at {}: {}",
            plural(pl.col("count"), "line"),
            hop_words().fill_null("unknown"),
            "message_list",
        ),
        ask_for=["use of each file system over that day"],
    ),
    positives=[
        Example(
            title="nginx", events=[_line(hop="web_server", reason="no_space_left")]
        ),
        Example(
            title="the application",
            events=[
                _line(
                    hop="application",
                    message="OSError: [Errno 28] No space left on device",
                )
            ],
        ),
    ],
    negatives=[Example(title="something else", events=[_line(reason="disk_error")])],
)
