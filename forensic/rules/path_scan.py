"""Rule: clients that try one path after the other."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, hop_words, plural, report

#: Different paths that one client asked for in vain, and their share of what it asked.
_PATHS = 50
_SHARE = 0.8


def _mostly(
    frames: Frames, asked: pl.Expr, vain: pl.Expr, clients: pl.LazyFrame
) -> pl.LazyFrame:
    """The clients, of these, most of whose requests are in vain."""
    some = clients.collect(engine="streaming")
    if some.is_empty():
        return some.lazy()
    keys = some.columns
    asking = frames.of("load_balancer", "web_server").filter(asked)
    requests = asking.join(some.lazy(), on=keys, how="semi")
    shares = requests.group_by(keys).agg(share=vain.mean())
    return shares.filter(pl.col("share") >= _SHARE).select(keys)


def _query(frames: Frames) -> pl.LazyFrame:
    """The clients of each hop that mostly meet 400, 403, 404 or 405."""
    asked = (
        pl.col("hop").is_in(["load_balancer", "web_server"])
        & (pl.col("client_scope") == "public")
        & pl.col("path").is_not_null()
        & pl.col("status").is_not_null()
    )
    vain = pl.col("status").is_in([400, 403, 404, 405])
    keys = ["hop", "client_ip"]
    missed = frames.telling.filter(asked, vain)
    wide = missed.group_by(keys).agg(paths=pl.col("path").n_unique())
    many = wide.filter(pl.col("paths") >= _PATHS).select(keys)
    scans = missed.join(_mostly(frames, asked, vain, many), on=keys, how="semi")
    return report(
        gather(frames, scans, ["hop"], tops=["client_ip", "user_agent", "path"]),
        summary=pl.format(
            "{} at the {} are scans by {}, each for {} paths or more: client {}; agent "
            "{}; path {}. They explain these errors and say nothing about users",
            plural(pl.col("count"), "error"),
            hop_words(),
            plural(pl.col("client_ip_count"), "client"),
            pl.lit(_PATHS),
            "client_ip_list",
            "user_agent_list",
            "path_list",
        ),
    )


def _lines(paths: int, found: int, scope: str = "public") -> list[dict[str, object]]:
    return [
        {
            "hop": "web_server",
            "client_ip": "203.0.113.66",
            "client_scope": scope,
            "path": f"/{number}",
            "status": 404 if number < paths else 200,
        }
        for number in range(paths + found)
    ]


RULE = Rule(
    id="path-scan",
    title="Clients that try one path after the other",
    level="informational",
    description="Scanners cause most 404s of a public server; knowing them keeps them "
    "apart from broken links.",
    falsepositives=["A link checker or a search engine after a site was rebuilt"],
    references=["https://owasp.org/www-project-automated-threats-to-web-applications/"],
    tags=["security"],
    needs=["web_server|load_balancer"],
    query=_query,
    positives=[Example(title="sixty", events=_lines(60, 3))],
    negatives=[
        Example(title="a few", events=_lines(9, 0)),
        Example(title="mostly found", events=_lines(60, 90)),
        Example(title="behind a proxy", events=_lines(60, 0, "private")),
    ],
)
