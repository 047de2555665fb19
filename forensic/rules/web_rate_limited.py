"""Rule: the web server limits how often clients may ask."""

import polars as pl

from forensic.complaints import complaints, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    names = ["limiting_requests", "limiting_connections"]
    return complaints(frames, names, causes=["rate_limited"]).with_columns(
        shared=pl.col("client_scope")
        .cast(pl.String)
        .is_in(["private", "shared"])
        .fill_null(value=False),
        zone=pl.col("extra").str.json_path_match("$.zone"),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "web_server", "path": "/login"}
    return line | columns


RULE = Rule(
    id="web-rate-limited",
    title="The web server limited requests or connections",
    level="medium",
    description="The client got 503, 429 or 403 without the application being asked. "
    "Where the key is a private address, it is the proxy's, and all users share one "
    "allowance.",
    falsepositives=["A flood that the limit is there to stop"],
    references=["https://nginx.org/en/docs/http/ngx_http_limit_req_module.html"],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        _rows,
        by=["server", "shared", "zone"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} limited {}{}{}.{}",
            "server",
            plural(pl.col("count"), "request"),
            pl.format(" (zone {})", "zone").fill_null(""),
            said("path", "client_ip"),
            pl.when("shared")
            .then(
                pl.lit(
                    " These addresses are private: the limit may count a proxy, not "
                    "its users."
                )
            )
            .otherwise(pl.lit("")),
        ),
        level=pl.when("shared").then(pl.lit("high")).otherwise(pl.lit("medium")),
        ask_for=["configuration of the limit: what it counts"],
    ),
    positives=[
        Example(
            title="a client",
            events=[_line(reason="limiting_requests", client_scope="public")],
        ),
        Example(
            title="the proxy",
            events=[_line(reason="limiting_connections", client_scope="private")],
        ),
    ],
    negatives=[
        Example(title="dry run", events=[_line(reason="dry_run")]),
        Example(title="delayed", events=[_line(reason="delaying_requests")]),
    ],
)
