"""nginx_access: the fast path, tails, templates, hostile lines."""

import re
import time

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forensic.events.rows import parse_rows
from forensic.fields.combined import combined
from forensic.fields.combined.strict import strict as reference
from forensic.formats import all_formats, load

LINE = (
    '192.0.2.1 - - [06/Feb/2025:14:32:07 +0900] "GET /a?b=c HTTP/1.1" 200 512'
    ' "-" "curl/8.5.0"'
)


def parse(*lines: str, key: str = "nginx_access") -> list[dict[str, object]]:
    return load(key).parse(pl.Series(lines, dtype=pl.String)).to_dicts()


_EDITS = st.tuples(
    st.integers(0, 3),  # the line
    st.integers(0, len(LINE)),  # the place
    st.integers(0, 3),  # how many characters go
    st.sampled_from(
        ["", '"', " ", "\\", "?", ",", "-", "[", "9", "é", '" "', " - - ["]
    ),
)


@given(st.lists(_EDITS, max_size=8))
@example([(0, 0, 9, "-")])
@example([(0, 0, 0, ",")])
def test_the_fast_path_says_what_the_strict_one_says(
    edits: list[tuple[int, int, int, str]],
) -> None:
    texts = [LINE] * 4
    for number, place, gone, new in edits:
        text = texts[number]
        texts[number] = text[:place] + new + text[place + gone :]
    lines = pl.Series([*texts, LINE])
    fast = combined(lines)
    strict = reference(lines).select(fast.columns)
    assert fast["refused"].to_list() == strict["refused"].to_list()
    read = pl.col("refused").is_null()  # of a refused line the rest means nothing
    assert fast.filter(read).to_dicts() == strict.filter(read).to_dicts()


def test_a_stamp_that_no_calendar_has_is_null() -> None:
    (row,) = parse(LINE.replace("06/Feb", "31/Feb"))
    assert row["local_time"] is None
    assert row["status"] == 200


def test_the_last_try_counts_and_all_times_add_up() -> None:
    (row,) = parse(LINE + ' rt=1.5 us="502, 200" urt="0.500 : 1.000" ua="192.0.2.9:80"')
    assert (row["upstream_status"], row["upstream_duration"]) == (200, 1.5)
    assert (row["upstream"], row["duration"]) == ("192.0.2.9:80", 1.5)


def test_a_record_behind_another_in_its_line_is_told_and_read_into_none() -> None:
    """T23: a line end that was lost joins two requests; the second is flagged."""
    other = LINE.replace('"x"', '"y"').replace(" 200 ", " 502 ")
    for between in ("", "\r", " "):
        (row,) = parse(LINE + between + other + ' rt=9.000 us="504"')
        assert row["flags"] == ["joined_lines"]
        assert (row["status"], row["upstream_status"]) == (200, None)
        assert row["duration"] is None
        assert "502" in str(row["extra"])


def test_an_unknown_tail_is_kept() -> None:
    (row,) = parse(LINE + " 0.5 what")
    assert row["extra"] == '{"tail":"0.5 what"}'


def test_a_template_reads_json_that_is_none() -> None:
    fields = '"t":$msec,"r":"$request","s":$status,"u":$upstream_status'
    key = f"nginx_access:escape=json {{{fields}}}"
    row, other = parse(
        r'{"t":1738819935.001,"r":"GET /\"x HTTP/1.1","s":499,"u":}',
        r'{"t":1738819935.001,"r":"GET / HTTP/1.1","s":200,"u":502, 200}',
        key=key,
    )
    assert (row["status"], row["path"], row["utc_offset"]) == (499, '/"x', 0)
    assert row["extra"] == '{"upstream_status":"-"}'
    assert other["upstream_status"] == 200


def test_an_error_that_the_cache_gave_is_called_so() -> None:
    tail = ' cs=HIT rt=0.000 ua="-" us="-"'
    line = '192.0.2.1 - - [06/Feb/2025:14:32:07 +0900] "GET /x HTTP/1.1" {} 5 "-" "-"'
    rows = parse(*(line.format(status) + tail for status in (404, 200)))
    assert [row["reason"] for row in rows] == ["cached_error", None]


@pytest.mark.parametrize(
    "line",
    [
        "a," * 4000,
        "a, " * 3000,
        "x " * 4000,
        "192.0.2.1 - - [" * 600,
        LINE + ' k="v",' * 2000,
        LINE + " k=v,k=v" * 2000 + '"',
        LINE[:46] + '" 200 5 ' * 2000,
    ],
)
def test_hostile_lines_take_no_time(line: str) -> None:
    begun = time.process_time()
    for form in all_formats():
        re.match(form.head, line)
    parse(line)
    assert time.process_time() - begun < 5


def test_an_address_is_not_cut_at_its_first_colon() -> None:
    """`2001:` in front of a line that broke off is no number that grep gave it."""
    broken = pl.Series(['2001:db8::7 - - [06/Feb/2025:12:00:58 +0900] "G'])
    assert parse_rows(broken, ["nginx_access"], [])["refused"].count() == 1
    line = '192.0.2.1 - - [06/Feb/2025:12:00:58 +0900] "GET / HTTP/1.1" 200 5'
    numbered = pl.Series([f"{number}:{line}" for number in (17, 2001, 20010)])
    rows = parse_rows(numbered, ["carried_line"], ["nginx_access"])
    assert rows["client_ip"].to_list() == ["192.0.2.1"] * 3


@pytest.mark.parametrize(
    "twice",
    [
        '"status":"200"',
        '"status"  :"200"',
        '"status"\t:200,"x":"\\":"',
        '"x":"\\"\\u003a","status":"200"',
        '"st\\u0061tus":"200"',
    ],
)
def test_a_status_that_stands_twice_is_none(twice: str) -> None:
    """A log_format that escapes nothing lets a client write a status of its own."""
    line = (
        '{"time_iso8601":"2025-02-06T14:32:07+09:00","remote_addr":"203.0.113.9",'
        f'"request_uri":"/a","request_time":"0.1","status":"403",{twice}}}'
    )
    rows = load("nginx_json").parse(pl.Series("text", [line, '"{"'], pl.String))
    assert rows["refused"].to_list() == [
        "no access record, as it has status twice",
        "no access record",
    ]
    own = line.replace('"status":"403",', "").replace("200", "403")
    (row,) = load("nginx_json").parse(pl.Series("text", [own], pl.String)).to_dicts()
    assert row["status"] == 403
    assert row["flags"] is None


def test_of_tries_in_a_tail_that_nothing_declares_the_last_counts() -> None:
    (row,) = parse(f'{LINE} to "10.0.2.5:8000 : 10.0.3.9:9000" "500 : 200" end')
    assert (row["upstream"], row["upstream_status"]) == ("10.0.3.9:9000", 200)


def test_a_label_that_comes_twice_is_not_believed() -> None:
    """A client may write one into what it sends, such as the name of the host."""
    honest, forged = " host=example.com us=502 rt=0.1", " host=a,us=200 us=502 rt=0.1"
    (alone,) = parse(LINE + forged)
    assert alone["upstream_status"] is None
    _, behind = parse(LINE + honest, LINE + forged)
    assert behind["upstream_status"] == 502
