"""Rule: somebody removed or emptied logs."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

_CLEARS = (
    r"COMMAND=.*(?:\b(?:rm|shred|truncate|unlink)\b.*/var/log"
    r"|journalctl .*--vacuum|> ?/var/log)"
)


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "host", pl.col("message").str.contains(_CLEARS)
    ).with_columns(command=pl.col("message").str.extract(r"COMMAND=(.*)$"))


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "host"}
    return line | columns


RULE = Rule(
    id="logs-cleared",
    title="A command removed or emptied logs",
    level="high",
    description="Evidence may be missing on purpose or by accident; what is left has "
    "to be read with that in mind.",
    falsepositives=["Clean-up of old logs by a script"],
    references=["https://attack.mitre.org/techniques/T1070/002/"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        _rows,
        by=["process"],
        tops=["command", "hostname"],
        summary=pl.format(
            "{} that clear logs ({}): {}",
            plural(pl.col("count"), "command"),
            pl.col("process").fill_null("unknown program"),
            "command_list",
        ),
        ask_for=["copies of these logs elsewhere: backups, log shipping, the provider"],
    ),
    positives=[
        Example(
            title="truncate",
            events=[
                _line(
                    process="sudo",
                    message="alice : USER=root ; COMMAND=/usr/bin/truncate -s 0 "
                    "/var/log/nginx/access.log",
                )
            ],
        )
    ],
    negatives=[
        Example(
            title="reading",
            events=[
                _line(
                    process="sudo",
                    message="alice : USER=root ; COMMAND=/usr/bin/less /var/log/syslog",
                )
            ],
        )
    ],
)
