"""Groups of events that were never all in memory are those of all events."""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic import crowd
from forensic.crowd import ORDER, counted, grouped

_ROW = st.fixed_dictionaries(
    {
        "hop": st.sampled_from(["waf", "web_server", None]),
        "status": st.sampled_from([200, 404, None]),
        "time": st.one_of(st.none(), st.integers(0, 9)),
    }
)
_SCHEMA = {"hop": pl.String, "status": pl.Int16, "time": pl.Int64}
_PLACES = ["source", "offset"]


@settings(deadline=None)
@given(
    st.lists(_ROW, min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=6),
    st.sampled_from([0, 3, 50_000]),
)
def test_batches_give_the_groups_of_all_rows(
    rows: list[dict[str, object]], cuts: Sequence[int], apart: int
) -> None:
    table = pl.DataFrame(rows, schema=_SCHEMA).with_columns(
        source=pl.lit("a.log"), offset=pl.int_range(pl.len())
    )
    table = table.with_columns(_order=pl.coalesce("time", "offset"))
    borders = sorted({0, *(min(c, len(rows)) for c in cuts), len(rows)})
    batches = [table[a:b] for a, b in pairwise(borders)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "_APART", apart)
        groups, numbers = grouped(iter(batches), ["hop"], ["status"], _PLACES, 3)
    wanted = table.group_by("hop").agg(
        count=pl.len().cast(pl.Int64),
        first_seen=pl.col("time").min(),
        last_seen=pl.col("time").max(),
        evidence=pl.struct(_PLACES).bottom_k_by(ORDER, 3),
    )
    assert groups.sort("hop").equals(wanted.sort("hop"))
    told = counted(table, ["hop"], "status")
    assert numbers["status"].sort("hop", "status").equals(told.sort("hop", "status"))
