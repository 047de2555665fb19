"""Rule: the error that the user saw is in no inner log that covers the moment."""

from datetime import timedelta

import polars as pl

from forensic.rule import (
    Example,
    Frames,
    Rule,
    asked_at,
    gather,
    glob_regex,
    hop_words,
    plural,
    report,
)
from forensic.wish import OUTER, ask

#: How far a reported moment, or a clock, may be off.
_NEAR = timedelta(minutes=5)
#: Lines must stand on both sides of the moment within this time.
_AROUND = timedelta(minutes=15)
_INNER = ["web_server", "app_server", "application"]


def _query(frames: Frames) -> pl.LazyFrame:
    """Per inner hop: it logged requests around the moment, but not this one."""
    moment = asked_at(frames.question)
    path = frames.question.get("path")
    status = frames.question.get("status")
    # Of these the configuration says that they do not write such requests down.
    unheard = frames.question.get("unheard") or []
    if moment is None or (path is None and status is None):
        return report(gather(frames, frames.events.head(0)), summary=pl.lit(""))
    hop = pl.col("hop")
    then = frames.events.filter(
        pl.col("time").is_between(moment - _AROUND, moment + _AROUND)
    )
    around = then.filter(
        hop.is_in([one for one in _INNER if one not in unheard]),
        pl.col("path").is_not_null(),
        pl.col("status").is_not_null() | (hop == "application"),
    )
    same = pl.lit(value=True)
    if path is not None:
        same &= pl.col("path").str.contains(glob_regex(path))
    else:
        same &= pl.col("status") == status
    near = pl.col("time").is_between(moment - _NEAR, moment + _NEAR)
    proof = around.group_by("hop").agg(
        before=(pl.col("time") < moment).sum(),
        after=(pl.col("time") >= moment).sum(),
        near=near.sum(),
        same=(same & near).sum(),
    )
    known = frames.events.filter(
        pl.col("time").is_between(moment - _NEAR, moment + _NEAR),
        same,
        pl.lit(value=True) if status is None else pl.col("status") == status,
    ).select(known=pl.len() > 0)
    covered = (pl.col("before") > 0) & (pl.col("after") > 0) & (pl.col("same") == 0)
    groups = gather(frames, around, ["hop"], tops=["path"])
    joined = groups.join(proof.filter(covered), on="hop").join(known, how="cross")
    formats = frames.formats
    held = then.select(pl.col("hop").cast(pl.String).unique())
    here = set(held.collect(engine="streaming").to_series().to_list())
    wishes = [ask(hop, moment, moment, formats) for hop in OUTER if hop not in here]
    return _describe(joined, wishes, path, status)


def _describe(
    groups: pl.LazyFrame, wishes: list[str], path: str | None, status: int | None
) -> pl.LazyFrame:
    asked = " with status ".join(str(v) for v in (path, status) if v is not None)
    minutes = int(_AROUND.total_seconds() // 60)
    return report(
        groups,
        summary=pl.format(
            "The {} logged {} within {} minutes of the reported moment, {} before and "
            "{} after it, but not {}: {}. What it did log: {}",
            hop_words(),
            plural(pl.col("count"), "request"),
            pl.lit(minutes),
            "before",
            "after",
            pl.lit(asked if path is not None else f"status {status}"),
            pl.when("known")
            .then(
                pl.lit(
                    "it did not come to an answer there, and a hop further out gave one"
                )
            )
            .otherwise(
                pl.lit(
                    "a hop further out answered it, or the time, the path or the status"
                    " is another"
                )
            ),
            "path_list",
        ),
        # Where another hop has the request, this only adds to what that one says; else
        # it tells what is absent, which is no error of anybody yet.
        level=pl.when("known")
        .then(pl.lit("informational"))
        .when(pl.col("near") > 0)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low")),
        confidence=pl.when(pl.col("near") > 0)
        .then(pl.lit("strong"))
        .otherwise(pl.lit("weak")),
        ask_for=pl.when(~pl.col("known"))
        .then(pl.lit(wishes))
        .otherwise(pl.lit([], pl.List(pl.String))),
    )


def _line(time: str, path: str, **columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "web_server", "status": 200, "method": "GET"}
    return line | {"time": time, "path": path} | columns


_ASKED = {"at": "2025-02-06T14:32:00+09:00", "status": 403, "path": "/app/*"}
_OTHERS = [
    _line("2025-02-06T05:31:07+00:00", "/api/ping"),
    _line("2025-02-06T05:32:37+00:00", "/api/ping"),
]

RULE = Rule(
    id="missing-upstream-error",
    title="The reported error is missing in an inner log that covers the moment",
    level="medium",
    description="A request that a log would hold, had it arrived, is not there while "
    "its neighbours are. A silent error log alone proves nothing and is not used.",
    falsepositives=[
        "The location has its access log switched off or filtered",
        "The request went to another server whose logs are not in the archive",
        "The reported moment or the path is wrong",
    ],
    references=["https://nginx.org/en/docs/http/ngx_http_log_module.html"],
    tags=["topology", "coverage"],
    needs=["web_server|app_server|application"],
    query=_query,
    positives=[
        Example(title="never arrived", events=_OTHERS, question=_ASKED),
        Example(
            title="status only",
            events=_OTHERS,
            question={"at": _ASKED["at"], "status": 403},
        ),
    ],
    negatives=[
        Example(title="nothing asked", events=_OTHERS),
        Example(
            title="it arrived",
            events=[
                *_OTHERS,
                _line("2025-02-06T05:32:08+00:00", "/app/admin", status=403),
            ],
            question=_ASKED,
        ),
        Example(title="no line after", events=_OTHERS[:1], question=_ASKED),
        Example(
            title="only the error log covers it",
            events=[line | {"status": None} for line in _OTHERS],
            question=_ASKED,
        ),
    ],
)
