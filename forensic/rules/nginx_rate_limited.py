"""Rule: nginx limits how often clients may ask."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "web_server",
        pl.col("reason").is_in(["limiting_requests", "limiting_connections"]),
        pl.col("format").str.starts_with("nginx").fill_null(value=True),
    ).with_columns(
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
    id="nginx-rate-limited",
    title="nginx limited requests or connections",
    level="medium",
    description="The client got 503 or 429 without the application being asked. Where"
    " the key is a private address, it is the proxy's, and all users "
    "share one allowance.",
    falsepositives=["A flood that the limit is there to stop"],
    references=["https://nginx.org/en/docs/http/ngx_http_limit_req_module.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        _rows,
        by=["shared", "zone"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "nginx limited {} (zone {}): path {}; client {}.{}",
            plural(pl.col("count"), "request"),
            pl.col("zone").fill_null("unknown"),
            "path_list",
            "client_ip_list",
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
        ask_for=["limit_req_zone and limit_conn_zone: which variable is the key"],
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
