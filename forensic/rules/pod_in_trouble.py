"""Rule: Kubernetes or ECS say that containers were killed, unhealthy, not started."""

import polars as pl

from forensic.hops.symptoms import ORCHESTRATORS
from forensic.rule import Example, Frames, Rule, counting, plural

#: Reasons of events that are of level warning, and the one that is not.
_REASONS = [
    *("Unhealthy", "BackOff", "CrashLoopBackOff", "Failed", "FailedScheduling"),
    *("FailedMount", "FailedCreatePodSandBox", "ErrImagePull", "ImagePullBackOff"),
    *("OOMKilling", "OOMKilled", "SystemOOM", "Evicted", "NodeNotReady", "Preempting"),
    *("ProbeError", "FailedPreStopHook", "FailedPostStartHook", "BackoffLimitExceeded"),
    *("Error", "NotReady", "FailedPlacement", "DeploymentFailed"),
    *("Failover", "Restarted"),
    "Killing",
]


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("process").is_in(ORCHESTRATORS), pl.col("reason").is_in(_REASONS)
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
    title="Servers or containers were killed, found unhealthy, or could not start",
    level="medium",
    description="While a pod or task is not ready it gets no requests, and those that "
    "it had are broken off; with none left, what stands in front answers 502 or 503.",
    falsepositives=["A rolling update, which kills the old pods"],
    references=[
        "https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/",
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html",
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
        ask_for=["the log of the container that ended, and how it was described then"],
    ),
    positives=[
        Example(title="a probe that failed", events=[_line("Unhealthy")]),
        Example(title="a container that ends", events=[_line("BackOff")]),
        Example(title="of ECS", events=[_line("Failed") | {"process": "ecs"}]),
        Example(
            title="a node's own", events=[_line("Evicted") | {"process": "kubelet"}]
        ),
    ],
    negatives=[
        Example(title="an image was pulled", events=[_line("Pulled")]),
        Example(
            title="another program's word",
            events=[{"hop": "host", "process": "x", "reason": "BackOff"}],
        ),
    ],
)
