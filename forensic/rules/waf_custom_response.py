"""Rule: the WAF answers with a status that does not look like a WAF's."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "waf",
        pl.col("action") == "BLOCK",
        pl.col("status").is_not_null(),
        pl.col("status") != 403,
    )


def _record(action: str, status: int | None) -> dict[str, object]:
    return {"hop": "waf", "action": action, "rule": "hide", "status": status}


RULE = Rule(
    id="waf-custom-response",
    title="The WAF refuses with another status than 403",
    level="medium",
    description="A custom response hides the WAF behind a 404 or 503.",
    falsepositives=["A maintenance page that the WAF serves on purpose"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-for-blocked-requests.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=counting(
        _rows,
        by=["rule", "status"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} refused {} with the custom status {}: users and monitors take it for "
            "an answer of the application. Path {}; client {}",
            pl.col("rule").fill_null("A rule"),
            plural(pl.col("count"), "request"),
            "status",
            "path_list",
            "client_ip_list",
        ),
    ),
    positives=[Example(title="404", events=[_record("BLOCK", 404)])],
    negatives=[
        Example(title="403", events=[_record("BLOCK", 403)]),
        Example(title="not logged", events=[_record("BLOCK", None)]),
        Example(title="captcha", events=[_record("CAPTCHA", 405)]),
    ],
)
