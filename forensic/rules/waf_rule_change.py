"""Rule: a path that the WAF allowed is refused from a moment on."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, leading, plural, report

#: Allowed this often before, and refused this often since, says that a rule changed.
_BEFORE = 5
_SINCE = 3
_KEYS = ["rule_group", "rule", "path"]


def _stopped(passed: pl.LazyFrame, onset: pl.LazyFrame) -> pl.LazyFrame:
    """The refusals after whose `onset` no request to the path passed any more.

    With how many did `before`, and of how many `users`, who are counted last.
    """
    paths = onset.select("path").unique()
    known = passed.join(paths, on="path", how="semi")
    counted = known.group_by("path").agg(
        before=pl.len().cast(pl.Int64), last=pl.col("time").max()
    )
    changed = (
        onset.join(counted, on="path")
        .filter(pl.col("before") >= _BEFORE, pl.col("last") < pl.col("onset"))
        .select(*_KEYS, "before")
        .collect(engine="streaming")
        .lazy()
    )
    whom = passed.join(changed.select("path").unique(), on="path", how="semi")
    users = whom.group_by("path").agg(
        users=pl.col("client_ip").n_unique().cast(pl.Int64)
    )
    return changed.join(users, on="path").collect(engine="streaming").lazy()


def _query(frames: Frames) -> pl.LazyFrame:
    """Paths with many ALLOWs before the first refusal and none after it."""
    timed = (pl.col("hop") == "waf") & pl.col("time").is_not_null()
    refused = frames.telling.filter(timed, pl.col("action") == "BLOCK")
    onset = refused.group_by(_KEYS).agg(onset=pl.col("time").min())
    passed = frames.of("waf").filter(timed, pl.col("action") == "ALLOW")
    allowed = _stopped(passed, onset.collect(engine="streaming").lazy())
    hit = refused.join(allowed, on=_KEYS, nulls_equal=True)
    groups = gather(frames, hit, _KEYS).filter(pl.col("count") >= _SINCE)
    clients = leading(hit, _KEYS, "client_ip")
    return report(
        groups.join(allowed, on=_KEYS, nulls_equal=True).join(
            clients, on=_KEYS, how="left", nulls_equal=True
        ),
        summary=pl.format(
            "{} was allowed {} for {} and from {} on never again: {} refused "
            "{} since. The rule, its version or what it may do changed about then",
            pl.col("path").fill_null("(path not logged)"),
            plural(pl.col("before"), "time"),
            plural(pl.col("users"), "client"),
            pl.col("first_seen").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            pl.col("rule").fill_null("a rule"),
            plural(pl.col("count"), "request"),
        ),
        ask_for=["who changed the web ACL at that time (CloudTrail: UpdateWebACL)"],
    )


def _records(*actions: str) -> list[dict[str, object]]:
    return [
        {
            "hop": "waf",
            "action": action,
            "rule": "AdminProtection_URIPATH" if action == "BLOCK" else None,
            "path": "/app/admin",
            "client_ip": f"203.0.113.{number}",
            "time": f"2025-02-06T05:{number:02}:00+00:00",
        }
        for number, action in enumerate(actions)
    ]


RULE = Rule(
    id="waf-rule-change",
    title="The WAF began to refuse a path that it had allowed",
    level="high",
    description="Everything on the path passed before one moment, nothing after it: "
    "a change of the rule set, not of the users.",
    falsepositives=["One user who left, and one attacker who came"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/waf-managed-rule-groups-versioning.html"
    ],
    tags=["waf", "change"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(title="a step", events=_records(*["ALLOW"] * 6, *["BLOCK"] * 4)),
    ],
    negatives=[
        Example(
            title="both all along",
            events=_records(*["ALLOW"] * 6, *["BLOCK"] * 4, "ALLOW"),
        ),
        Example(title="never allowed", events=_records(*["BLOCK"] * 9)),
        Example(title="once", events=_records(*["ALLOW"] * 6, "BLOCK")),
    ],
)
