"""Rule: software was installed or removed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

_CHANGED = (
    r"^(?:Installed|Updated|Upgraded|Erased|Removed|Downgraded): \S+-\d"
    r"|(?:^| )status installed \S+:\S+ |^Packages that (?:were|will be) upgraded"
)


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "host", pl.col("message").str.contains(_CHANGED)
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "host"}
    return line | columns


RULE = Rule(
    id="host-packages-changed",
    title="Packages were installed, upgraded or removed",
    level="informational",
    description="A change of software shortly before an error is often its cause.",
    falsepositives=["Unattended security updates without effect"],
    references=["https://manpages.debian.org/stable/dpkg/dpkg.1.en.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        _rows,
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} about packages on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
    ),
    positives=[
        Example(
            title="yum",
            events=[
                _line(process="yum", message="Updated: nginx-1:1.26.2-1.el9.x86_64")
            ],
        )
    ],
    negatives=[Example(title="news", events=[_line(message="Updated index")])],
)
