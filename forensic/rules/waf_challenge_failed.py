"""Rule: CAPTCHA or challenge on requests whose senders cannot solve it."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

#: A browser solves a puzzle on a page that it loads, not in the middle of these.
_NO_PAGE = r"(?i)(^|/)(api|graphql|rest|webhook|v\d+)(/|$)|\.(json|xml|js|css|png)$"


def _query(frames: Frames) -> pl.LazyFrame:
    unsolvable = frames.telling.filter(
        pl.col("hop") == "waf",
        pl.col("action").is_in(["CAPTCHA", "CHALLENGE"]),
        ~pl.col("method").is_in(["GET", "HEAD"])
        | pl.col("path").str.contains(_NO_PAGE),
    )
    groups = gather(
        frames,
        unsolvable,
        ["action", "rule"],
        tops=["method", "path", "client_ip", "reason"],
    )
    return report(
        groups,
        summary=pl.format(
            "{} by {} met {} that load no page and so cannot solve it: method {}; path "
            "{}; client {}; token {}",
            "action",
            pl.col("rule").fill_null("a rule"),
            plural(pl.col("count"), "request"),
            "method_list",
            "path_list",
            "client_ip_list",
            "reason_list",
        ),
    )


def _record(method: str, path: str, action: str = "CHALLENGE") -> dict[str, object]:
    return {
        "hop": "waf",
        "action": action,
        "rule": "bots",
        "method": method,
        "path": path,
        "reason": "TOKEN_MISSING",
    }


RULE = Rule(
    id="waf-challenge-failed",
    title="CAPTCHA or challenge where nobody can solve it",
    level="medium",
    description="Forms that are sent, API calls and files of a page get the puzzle as "
    "their answer and fail; users see a broken page.",
    falsepositives=["Bots that call the API directly"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-best-practices.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(title="a form", events=[_record("POST", "/order")]),
        Example(title="an API", events=[_record("GET", "/api/items", "CAPTCHA")]),
    ],
    negatives=[
        Example(title="a page", events=[_record("GET", "/order")]),
        Example(title="allowed", events=[_record("POST", "/order", "ALLOW")]),
    ],
)
