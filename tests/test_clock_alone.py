"""The times of a source under one clock: by arithmetic as by the general way."""

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from forensic.clock.alone import alone
from forensic.clock.apply import _by_clock
from forensic.schema import CLOCK, EVENT, YEARLESS

_DAYS = st.sampled_from([(1, 1), (2, 28), (3, 1), (7, 9), (12, 31)])
_STAMPS = st.one_of(
    st.none(),
    st.builds(
        lambda year, day, second: (
            dt.datetime(year, *day) + dt.timedelta(seconds=second)  # noqa: DTZ001 local
        ),
        st.sampled_from([YEARLESS, 2024, 2025]),
        _DAYS,
        st.sampled_from([0, 1, 86_399]),
    ),
)
_OFFSETS = st.sampled_from([None, 0, 32_400, -12_600])
_ROWS = st.tuples(_STAMPS, _OFFSETS, _STAMPS, _OFFSETS, st.booleans())
_CLOCKS = st.dictionaries(
    st.sampled_from(["event", "envelope"]),
    st.tuples(_OFFSETS, st.sampled_from([None, 2023, 2024])),
)


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Events with the stamps; some copy their envelope's, some have their time."""
    found = []
    for number, (local, offset, outer, outer_offset, copied) in enumerate(rows, 1):
        row = {
            "source": "a.log",
            "line": number,
            "local_time": outer if copied else local,
            "utc_offset": outer_offset if copied else offset,
            "envelope_local": outer,
            "envelope_offset": outer_offset,
            "time": dt.datetime(2025, 1, 1, tzinfo=dt.UTC) if number % 5 == 0 else None,
            "time_basis": "written" if number % 5 == 0 else None,
        }
        found.append(row)
    return pl.DataFrame(found, schema_overrides=EVENT).with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in EVENT.items()
        if name not in found[0]
    )


@given(rows=st.lists(_ROWS, min_size=1, max_size=12), clocks=_CLOCKS)
def test_one_clock_gives_what_the_general_way_gives(
    rows: list[tuple[object, ...]], clocks: dict[str, tuple[int | None, int | None]]
) -> None:
    frame = _frame(rows)
    spans = pl.DataFrame(
        [
            {"source": "a.log", "stamp": stamp, "first_line": 1, "last_line": len(rows)}
            | {"utc_offset": offset, "year": year, "basis": "inferred"}
            for stamp, (offset, year) in clocks.items()
        ],
        schema=CLOCK,
    )
    names = [*EVENT, "_missing"]
    found, want = alone(frame, spans), _by_clock(frame, spans)
    assert found is not None
    assert found.select(names).equals(want.select(names))


def test_a_leap_day_two_clocks_or_two_sources_are_not_alone() -> None:
    leap = dt.datetime(YEARLESS, 2, 29)  # noqa: DTZ001 local
    plain = dt.datetime(YEARLESS, 3, 1)  # noqa: DTZ001 local
    none = pl.DataFrame(schema=CLOCK)
    assert alone(_frame([(plain, None, None, None, False)]), none) is not None
    assert alone(_frame([(leap, None, None, None, False)]), none) is None
    two = _frame([(plain, None, None, None, False)] * 2)
    other = two.with_columns(source=pl.Series(["a.log", "b.log"]))
    assert alone(other, none) is None
    span = {"source": "a.log", "stamp": "event", "utc_offset": 0}
    spans = [span | {"first_line": n, "last_line": n} for n in (1, 2)]
    assert alone(two, pl.DataFrame(spans, schema=CLOCK)) is None
