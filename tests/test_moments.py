"""Stamps read as words say what the calendar says, or that they do not fit."""

import datetime as dt
import re

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from forensic.fields import moments
from forensic.fields.octets import Octets
from forensic.schema import YEARLESS

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 local
_MICROSECOND = dt.timedelta(microseconds=1)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Foo".split()
_CLOCK = st.tuples(st.integers(0, 25), st.integers(0, 61), st.integers(0, 61))
_DATE = st.tuples(st.integers(1968, 2101), st.integers(0, 13), st.integers(0, 32))
_DAMAGE = st.tuples(st.integers(0, 40), st.sampled_from("0: -T/x+"))


def _octets(texts: list[str]) -> Octets:
    return Octets.of(pl.Series(texts, dtype=pl.String))


def _moment(*parts: int) -> int | None:
    try:
        return (dt.datetime(*parts) - _EPOCH) // _MICROSECOND  # type: ignore[arg-type] # noqa: DTZ001
    except ValueError:
        return None


def _damaged(text: str, damage: tuple[int, str] | None) -> str:
    if damage is None:
        return text
    place = damage[0] % len(text)
    return text[:place] + damage[1] + text[place + 1 :]


@given(st.lists(st.tuples(_DATE, _CLOCK, st.none() | _DAMAGE), min_size=1))
def test_iso_stamps(rows: list[tuple[tuple[int, ...], tuple[int, ...], None]]) -> None:
    texts = []
    for (year, month, day), (hour, minute, second), damage in rows:
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        texts.append(_damaged(text, damage) + " and more")
    octets = _octets(texts)
    values, fits = moments.iso(octets.at(octets.start, moments.ISO), "T")
    shape = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)"
    for text, value, fit in zip(texts, values, fits, strict=True):
        parts = re.match(shape, text)
        want = _moment(*map(int, parts.groups())) if parts else None
        usual = parts is not None and 1970 <= int(parts[1]) <= 2099
        assert bool(fit) == (want is not None and usual)
        assert not fit or value == want


@given(
    st.lists(
        st.tuples(
            st.sampled_from(_MONTHS), st.integers(0, 32), _CLOCK, st.none() | _DAMAGE
        ),
        min_size=1,
    )
)
def test_stamps_without_a_year(
    rows: list[tuple[str, int, tuple[int, ...], None]],
) -> None:
    texts = []
    for month, day, (hour, minute, second), damage in rows:
        text = f"{month} {day:2} {hour:02}:{minute:02}:{second:02} "
        texts.append(_damaged(text, damage) + "host")
    octets = _octets(texts)
    values, fits = moments.bsd(octets, octets.start)
    shape = r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) "
    for text, value, fit in zip(texts, values, fits, strict=True):
        parts = re.match(shape, text)
        want = None
        if parts and parts[1] in _MONTHS[:12]:
            number = _MONTHS.index(parts[1]) + 1
            want = _moment(YEARLESS, number, *map(int, parts.groups()[1:]))
        assert bool(fit) == (want is not None)
        assert not fit or value == want


def test_fractions_and_zones() -> None:
    texts = [".123456+09:00 h", ".123-0330 host", "Z host", "+09:60 h", "+15:00 h", "x"]
    octets = _octets([f"{text:16}" for text in texts])
    tails = octets.at(octets.start, moments.ISO)["date"]
    micros, size = moments.fraction(tails)
    assert micros.tolist() == [123_456, 123_000, 0, 0, 0, 0]
    assert size.tolist() == [7, 4, 0, 0, 0, 0]
    seconds, width = moments.zone(octets, octets.start + size)
    assert seconds.tolist() == [32_400, -12_600, 0, 0, 0, 0]
    assert width.tolist() == [6, 5, 1, 0, 0, 0]
    assert moments.naive(np.array([0]))[0] == _EPOCH
