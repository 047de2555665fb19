"""Rule: lines of known logs that no format could read."""

import polars as pl

from forensic.rule import Example, Frames, Rule, plural, report, tally

#: Share of a log's lines above which its answers become doubtful.
_MUCH = 0.01


def _query(frames: Frames) -> pl.LazyFrame:
    share = pl.col("unparsed_lines") / pl.max_horizontal("lines", 1)
    odd = frames.sources.filter(
        pl.col("format").is_not_null(), pl.col("unparsed_lines") > 0
    ).with_columns(first="first_time", last="last_time", much=share > _MUCH)
    sums = odd.group_by("much").agg(
        unread=pl.col("unparsed_lines").sum(), whole=pl.col("lines").sum()
    )
    return report(
        tally(odd, ["much"], tops=["source"]).join(sums, on="much"),
        summary=pl.format(
            "{} of {} in {} could not be read as the log's own format: {}. They are "
            "kept in unparsed.parquet",
            "unread",
            plural(pl.col("whole"), "line"),
            plural(pl.col("count"), "file"),
            pl.col("source_list").str.replace_all(" (1)", "", literal=True),
        ),
        level=pl.when("much").then(pl.lit("medium")).otherwise(pl.lit("low")),
        confidence="certain",
    )


def _source(**columns: object) -> dict[str, object]:
    source: dict[str, object] = {"source": "a.log", "format": "nginx_access"}
    return source | columns


RULE = Rule(
    id="unparsed-lines",
    title="Lines that could not be read",
    level="low",
    description="Lines of a recognised log that do not have its shape.",
    falsepositives=["Banners and blank forms that programs write between records"],
    references=["https://nginx.org/en/docs/http/ngx_http_log_module.html"],
    tags=["coverage"],
    query=_query,
    positives=[
        Example(title="some", sources=[_source(lines=1000, unparsed_lines=3)]),
        Example(title="many", sources=[_source(lines=10, unparsed_lines=3)]),
    ],
    negatives=[
        Example(title="none", sources=[_source(lines=10, unparsed_lines=0)]),
        Example(
            title="no log at all",
            sources=[_source(format=None, lines=10, unparsed_lines=10)],
        ),
    ],
)
