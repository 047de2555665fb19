"""Rule: requests that no rule allowed were refused by the web ACL's default."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "waf",
        pl.col("action") == "BLOCK",
        pl.col("rule") == "Default_Action",
    )


def _record(action: str, rule: str) -> dict[str, object]:
    return {"hop": "waf", "action": action, "rule": rule, "path": "/shop"}


RULE = Rule(
    id="waf-default-block",
    title="The web ACL's default action refused requests",
    level="medium",
    description="The ACL allows only what a rule allows; these requests matched none.",
    falsepositives=["An allow list that is meant to refuse everybody else"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-default-action.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=counting(
        _rows,
        tops=["path", "client_ip"],
        summary=pl.format(
            "The web ACL's default action refused {} of {}: no rule allowed them. "
            "Path {}; client {}",
            plural(pl.col("count"), "request"),
            plural(pl.col("client_ip_count"), "client"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["the web ACL's default action and its allow rules"],
    ),
    positives=[
        Example(title="default", events=[_record("BLOCK", "Default_Action")]),
    ],
    negatives=[
        Example(title="a rule", events=[_record("BLOCK", "geo")]),
        Example(title="allowed", events=[_record("ALLOW", "Default_Action")]),
    ],
)
