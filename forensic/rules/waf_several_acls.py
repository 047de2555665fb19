"""Rule: records of more than one web ACL; the change must go to the right one."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

_SIGN = '"webaclId":"'
_acl = pl.col("extra").str.extract(rf'{_SIGN}([^"]+)"')


def _is_one(records: pl.LazyFrame) -> bool:
    """Whether all of them name the web ACL that the first one names, as nearly always.

    To look for a name known is far cheaper than to take each record's out.
    """
    first = records.select(_acl).head(1).collect(engine="streaming")
    if first.is_empty():
        return True
    own = f'{_SIGN}{first.item()}"'
    same = pl.col("extra").str.contains(own, literal=True).all()
    return bool(records.select(same).collect(engine="streaming").item())


def _query(frames: Frames) -> pl.LazyFrame:
    named = pl.col("extra").str.contains(_SIGN, literal=True)
    records = frames.of("waf").filter(named)
    if _is_one(records.select("extra")):
        records = records.clear()  # no need to count and to pick
    known = records.with_columns(acl=_acl).filter(pl.col("acl").is_not_null())
    return report(
        gather(frames, known, tops=["acl"]),
        summary=pl.format(
            "The records are of {}: {}. A rule must be changed in the one that ended "
            "the request; behind a CDN a request may pass two",
            plural(pl.col("acl_count"), "web ACL"),
            "acl_list",
        ),
        confidence="certain",
    )


def _record(name: str) -> dict[str, object]:
    acl = f"arn:aws:wafv2:ap-northeast-1:123456789012:regional/webacl/{name}/0"
    return {"hop": "waf", "action": "ALLOW", "extra": f'{{"webaclId":"{acl}"}}'}


RULE = Rule(
    id="waf-several-acls",
    title="Records of several web ACLs",
    level="informational",
    description="Names the web ACLs whose records the archive holds.",
    falsepositives=["Logs of unrelated systems in one archive"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[Example(title="two", events=[_record("prod"), _record("edge")])],
    negatives=[
        Example(title="one", events=[_record("prod"), _record("prod")]),
        Example(title="unknown", events=[{"hop": "waf", "action": "ALLOW"}]),
    ],
)
