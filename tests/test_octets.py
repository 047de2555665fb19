"""Places of lines as words, held against what Python says; fast paths against slow."""

import re

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic.fields.names import names
from forensic.fields.octets import Octets, digits, pair, shape, word
from forensic.formats import gunicorn_error, python_logging, syslog
from forensic.lines import octets_at

_WORD = shape(8, value=0)
LINES = st.lists(st.text(alphabet="ab: é[]/", max_size=12), min_size=1, max_size=40)


@given(lines=LINES, text=st.sampled_from([b"a", b": ", b"ab: ab: a"]))
def test_what_stands_at_the_start_is_found(lines: list[str], text: bytes) -> None:
    octets = Octets.of(pl.Series(lines, dtype=pl.String))
    inside = octets.start + len(text) <= octets.end
    found = octets.stands(text, octets.start) & inside
    assert found.tolist() == [line.encode().startswith(text) for line in lines]


@given(lines=LINES)
def test_a_beginning_is_the_text_up_to_its_end(lines: list[str]) -> None:
    octets = Octets.of(pl.Series(lines, dtype=pl.String))
    rows = np.ones(len(lines), np.bool_)
    words = names(octets, octets.start, rows, re.compile(b"([^:]*b[^:]*): "))
    found = words.column()
    for line, word_, size in zip(lines, found, words.length.tolist(), strict=True):
        match = re.match("([^:]*b[^:]*): ", line)
        assert word_ == (match and match[1])
        assert size == (len(match[0].encode()) if match else 0)


@given(lines=LINES, first=st.integers(0, 5), second=st.integers(0, 14))
def test_cuts_are_slices(lines: list[str], first: int, second: int) -> None:
    ascii_ = [line.replace("é", "e") for line in lines]
    octets = Octets.of(pl.Series(ascii_, dtype=pl.String))
    start = np.minimum(octets.start + first, octets.end)
    end = np.minimum(octets.start + second, octets.end)
    found = octets.cut(start, end).to_list()
    assert found == [line[first : max(second, first)] for line in ascii_]


@given(texts=st.lists(st.text("0189:/.;? é", min_size=8, max_size=8), min_size=1))
def test_digits_are_read_where_the_layout_is_kept(texts: list[str]) -> None:
    octets = Octets.of(pl.Series(texts, dtype=pl.String))
    values, fits = digits(octets.at(octets.start, _WORD)["value"], "00:00:00")
    for row, text in enumerate(texts):
        sound = re.match(rb"[0-9]{2}:[0-9]{2}:[0-9]{2}", text.encode()) is not None
        assert bool(fits[row]) == sound
        if sound:
            assert pair(values, 0)[row] == int(text[:2])
            assert pair(values, 6)[row] == int(text[6:8])


def test_a_word_is_little_endian() -> None:
    assert word("ab") == np.uint64(0x6261)


_STAMP = "2025-02-06 14:32:45,136"
_USUAL = [
    f"INFO {_STAMP} [app] Request: GET http://h.example:443/a?b=c",
    f"{_STAMP} WARNING app.views: text",
    f"{_STAMP} - production. - WARNING - text",
    f"{_STAMP} ERROR app] some text",
    f"{_STAMP} ERROR [app] some text",
    f"{_STAMP} DEBUG some text",
    f"{_STAMP} - app - INFO - some text - more",
    f"[{_STAMP}] [INFO] [app.views] text",
    f"[{_STAMP}] [INFO] [app.views] /a/b.c took 3 ms",
    f"[{_STAMP}] ERROR in_app: text",
    f"[{_STAMP}] [ERROR] /a/b.c failed",
    f"{_STAMP} ERROR 192.0.2.1 is gone",
    f"{_STAMP} INFO Done. Text",
    "2025-02-06 14:32:45 [INFO] app.views: text",
    f"{_STAMP}789 INFO app.views text",
    "[2025-02-06 14:32:07 +0900] [812] [INFO] Booting worker with pid: 812",
    "Feb  6 05:32:07 web1 gunicorn[812]: text",
    "2025-02-06T05:32:07.123456+09:00 web1 kernel: text",
]
_DAMAGE = st.sampled_from(
    [*" -[]:.,|0aA9é\t/", "", "  ", "INFO", "- ", "29", "T", "in ", "] ", "a.py:1 "]
)
_DAMAGED = st.builds(
    lambda line, at, gone, put: (
        line[: at % len(line)] + put + line[at % len(line) + gone :]
    ),
    st.sampled_from(_USUAL),
    st.integers(0, 200),
    st.integers(0, 3),
    _DAMAGE,
)
#: The quick parser of each format, and what reads its lines without it.
_PATHS = [
    (python_logging, "_cut", "_slow"),
    (gunicorn_error, "_cut", "_matched"),
    (syslog, "cut", "_slow"),
]


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(_DAMAGED, min_size=1, max_size=20))
def test_quick_path_says_what_the_slow_one_says(lines: list[str]) -> None:
    text = pl.Series([*lines, *_USUAL], dtype=pl.String)
    for module, quick, slow in _PATHS:
        found, want = getattr(module, quick)(text), getattr(module, slow)(text)
        good = found["refused"].is_null()
        nothing = pl.Series([None]).new_from_index(0, len(text))
        assert good.any()
        for name in {*found.columns, *want.columns}:
            was, now = (
                frame.get_column(name, default=nothing).filter(good).to_list()
                for frame in (want, found)
            )
            assert was == now, name


@given(st.binary(max_size=40), st.lists(st.integers(-60, 100)), st.integers(1, 30))
def test_bytes_outside_the_block_are_zero(
    block: bytes, places: list[int], size: int
) -> None:
    padded = bytes(100) + block + bytes(200)
    found = octets_at(
        np.frombuffer(block, np.uint8), np.array(places, np.int64), np.dtype(f"V{size}")
    )
    shown = [value.tobytes() for value in found]
    assert shown == [padded[100 + place :][:size] for place in places]
