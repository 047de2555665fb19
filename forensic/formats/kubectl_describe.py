"""What `kubectl describe pod` prints: how the containers of a pod ended the last time.

One record a pod, with everything that stands below its name. Its stamp is that of the
end it tells of: of one for want of memory, if there is one.
"""

import re
from dataclasses import replace

import polars as pl

from forensic.fields.columns import json_extra, moments
from forensic.format import Format
from forensic.zones import MONTHS

__all__ = ["FORMAT"]

_NAME = r"^Name: +([a-z0-9][a-z0-9.-]*)\s*(?:\n|$)"
#: The end of a container, `why` it ended being one or any reason.
_ENDED = (
    r"State: +Terminated\n +Reason: +({why})\n(?: +(?:Message|Signal): [^\n]*\n)*"
    r" +Exit Code: +(-?[0-9]+)\n +Started: +[^\n]*\n +Finished: +([^\n]+)"
)
_POD = re.compile(
    rb"^Name: +[a-z0-9][^\n]*\n(?:[^\n]+\n){0,200}?Containers:\s", re.MULTILINE
)


def _end(why: str, part: int) -> pl.Expr:
    return pl.col("text").str.extract(_ENDED.format(why=why), part)


def _stamp(finished: pl.Expr) -> pl.Expr:
    """`Thu, 06 Feb 2025 05:32:07 +0000` as ISO has it."""
    parts = finished.str.extract_groups(
        r"^[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9:]{8})"
        r" ([+-][0-9]{4})"
    ).struct
    day, month, year, clock, zone = (parts.field(str(n)) for n in range(1, 6))
    number = month.replace_strict(MONTHS, default=None)
    return pl.format("{}-{}-{}T{}{}", year, number, day, clock, zone)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of pods."""
    memory = _end("OOMKilled", 1).is_not_null()
    why, code, finished = (
        pl.when(memory).then(_end("OOMKilled", n)).otherwise(_end(r"\S+", n))
        for n in (1, 2, 3)
    )
    frame = pl.DataFrame({"text": lines})
    rows = frame.select(
        name=pl.col("text").str.extract(_NAME),
        why=why,
        code=code,
        at=_stamp(finished),
        restarts=pl.col("text").str.extract(r"\n +Restart Count: +([0-9]+)"),
        node=pl.col("text").str.extract(r"\nNode: +(\S+)"),
        pod=pl.col("text").str.contains(r"\nContainers:"),
    )
    stamps = moments(rows["at"])
    ended = pl.format(
        "pod/{} {}: a container ended, exit code {}", "name", "why", "code"
    )
    return rows.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.when(pl.col("why") == "OOMKilled").then(pl.lit("warning")),
        process=pl.when(pl.col("name").is_not_null()).then(pl.lit("kubernetes")),
        reason="why",
        message=pl.coalesce(ended, pl.format("pod/{} described", "name")),
        extra=json_extra(
            restarts=pl.col("restarts"),
            node=pl.col("node"),
        ),
        refused=pl.when(pl.col("name").is_null() | ~pl.col("pod")).then(
            pl.lit("no pod described")
        ),
    )


def _announced(lines: pl.Series) -> pl.DataFrame:
    """The same, in a file that is known for what it is: a name begins a pod."""
    alone = pl.lit(lines.str.contains(_NAME) & ~lines.str.contains("\n", literal=True))
    return parse(lines).with_columns(refused=pl.when(~alone).then("refused"))


def templates(head: bytes) -> list[str]:
    """One for a file in which a pod is described: much else has a name."""
    return ["pods"] if _POD.search(head) else []


def from_template(_: str) -> Format:
    """The format of a file that `templates` knows."""
    return replace(FORMAT, parse=_announced)


FORMAT = Format(
    name="kubectl_describe",
    title="kubectl describe pod",
    hop="host",
    reference="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_describe/",
    head=_NAME,
    header=r"^\$ kubectl ",
    parse=parse,
    multiline=True,
    whole=True,
    payload=False,
    templates=templates,
    paths=r"(?i)describe|kube|k8s",
)
