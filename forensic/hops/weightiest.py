"""Requests ▶ those of the error that matters most, where nobody asked for one."""

import polars as pl

__all__ = ["weightiest"]

_WEIGHTS = {"certain": 3, "strong": 2, "weak": 1, "none": 0}


def weightiest(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests of the archive's most weighty error: one status, hop and cause.

    Server errors weigh more than refusals, many more than few, sure more than unsure;
    what scanners and clients cause themselves weighs least, in whatever number. Where
    no response is an error, those count that stand in the place of one.
    """
    if not requests.height:
        return requests
    group = ["answered_by", "cause", "status"]
    weight = (
        pl.when(pl.col("status") >= 500)
        .then(20.0)
        .when((pl.col("status") == 404) | (pl.col("cause") == "file_not_found"))
        .then(0.1)
        .when(pl.col("cause") == "bad_request")
        .then(0.2)
        .when(pl.col("cause") == "client_closed")
        .then(0.3)
        .when(pl.col("cause") == "waf_rule")
        .then(4.0)
        .otherwise(2.0)
    )
    sure = (
        pl.col("confidence")
        .cast(pl.String)
        .replace_strict(_WEIGHTS, return_dtype=pl.Int64)
    )
    failed = (pl.col("status") >= 400) | (pl.col("status") == 0)
    failed |= pl.col("cause") == "waf_rule"
    hidden = (pl.col("answered_by") == "web_server") & (pl.col("cause") != "unknown")
    any_ = requests.select(failed.any()).item()
    groups = (
        requests.filter(failed if any_ else hidden)
        .with_columns(weight=weight * (0.5 + sure / 4))
        .group_by(group)
        .agg((pl.col("weight").mean() * (pl.len() + 1).log()).round(3))
        .sort("weight", *group, descending=[True, False, False, False], nulls_last=True)
        .head(1)
    )
    return requests.join(
        groups, on=group, how="semi", nulls_equal=True, maintain_order="left"
    )
