"""Rule: Kubernetes says that pods were killed, unhealthy, or could not start."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

#: Reasons of events that are of level warning, and the one that is not.
_REASONS = [
    *("Unhealthy", "BackOff", "CrashLoopBackOff", "Failed", "FailedScheduling"),
    *("FailedMount", "FailedCreatePodSandBox", "ErrImagePull", "ImagePullBackOff"),
    *("OOMKilling", "OOMKilled", "SystemOOM", "Evicted", "NodeNotReady", "Preempting"),
    *("ProbeError", "FailedPreStopHook", "FailedPostStartHook", "BackoffLimitExceeded"),
    "Killing",
]


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("process") == "kubernetes", pl.col("reason").is_in(_REASONS)
    ).with_columns(
        thing=pl.col("message").str.extract(r"^(\S+) ").fill_null("a pod"),
        said=pl.col("message").str.extract(r"^\S+ \S+: (.*)"),
    )


def _line(reason: str) -> dict[str, object]:
    return {
        "hop": "host",
        "process": "kubernetes",
        "reason": reason,
        "message": f"pod/web-6c8d {reason}: text",
    }


RULE = Rule(
    id="pod-in-trouble",
    title="Kubernetes killed pods, found them unhealthy, or could not start them",
    level="medium",
    description="While a pod is not ready it gets no requests, and those that it had "
    "are broken off; with none left, what stands in front answers 502 or 503.",
    falsepositives=["A rolling update, which kills the old pods"],
    references=[
        "https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/"
    ],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        _rows,
        by=["reason", "thing"],
        tops=["said"],
        summary=pl.format(
            "{} {} of {}: {}",
            plural(pl.col("count"), "event"),
            "reason",
            "thing",
            "said_list",
        ),
        ask_for=["`kubectl describe` of that pod, and the log of its last container"],
    ),
    positives=[
        Example(title="a probe that failed", events=[_line("Unhealthy")]),
        Example(title="a container that ends", events=[_line("BackOff")]),
    ],
    negatives=[
        Example(title="an image was pulled", events=[_line("Pulled")]),
        Example(
            title="another program's word",
            events=[{"hop": "host", "process": "x", "reason": "BackOff"}],
        ),
    ],
)
