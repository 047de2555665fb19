"""Rule: people with full rights at work on the host."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return (
        frames.telling.filter(pl.col("hop") == "host", pl.col("process") == "sudo")
        .with_columns(
            who=pl.col("message").str.extract(r"^\s*(\S+) : "),
            command=pl.col("message").str.extract(r"COMMAND=(.*)$"),
        )
        .filter(pl.col("who").is_not_null(), pl.col("command").is_not_null())
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "host"}
    return line | columns


RULE = Rule(
    id="human-actions",
    title="Commands run with sudo",
    level="informational",
    description="What somebody did on the machine shortly before an error is often "
    "its cause.",
    falsepositives=["Scheduled jobs that use sudo"],
    references=["https://www.sudo.ws/docs/man/sudoers.man/"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        _rows,
        by=["who"],
        tops=["command", "hostname"],
        summary=pl.format(
            "{} ran {} with sudo: {}",
            "who",
            plural(pl.col("count"), "command"),
            "command_list",
        ),
    ),
    positives=[
        Example(
            title="a restart",
            events=[
                _line(
                    process="sudo",
                    message="alice : TTY=pts/0 ; PWD=/srv ; USER=root ; "
                    "COMMAND=/bin/systemctl restart nginx",
                )
            ],
        )
    ],
    negatives=[
        Example(
            title="no command",
            events=[
                _line(process="sudo", message="pam_unix(sudo:session): session opened")
            ],
        ),
        Example(
            title="another program", events=[_line(process="sshd", message="COMMAND=x")]
        ),
    ],
)
