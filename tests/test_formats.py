"""All formats: their goldens, and the laws of forensic.format."""

import dataclasses
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic.format import Format
from forensic.format import parsed as safely
from forensic.formats import all_formats
from forensic.schema import HOPS, PARSED
from tests.goldens import fixtures, golden_of, parsed, rendered

FORMATS = all_formats()
LOGS = [path for path in fixtures() if path.suffix != ".format"]
LINES = [
    line
    for path in LOGS
    for line in path.read_bytes().decode("utf-8", "backslashreplace").split("\n")
]
#: Whole lines of every format, pieces of them, and what no log should hold.
ODD = st.one_of(
    st.sampled_from(LINES),
    st.builds(
        lambda a, b, i: a[:i] + b[i:],
        *[st.sampled_from(LINES)] * 2,
        st.integers(0, 200),
    ),
    st.text(max_size=60),
    st.builds(
        lambda c, n: c * n, st.sampled_from('"\\[{ -:%\0\x1b0'), st.integers(0, 3000)
    ),
)


@pytest.mark.parametrize("fixture", LOGS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_fixture_gives_its_golden(fixture: Path) -> None:
    events = parsed(fixture).events
    assert golden_of(fixture).read_bytes() == rendered(events)
    # `columns.target` splits what a log has in one.
    assert not events["path"].str.contains("?", literal=True).any()


@pytest.mark.parametrize("fixture", LOGS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_spans_of_a_fixture_tile_it(fixture: Path) -> None:
    data = fixture.read_bytes()
    found = parsed(fixture)
    row = found.ledger.row(0, named=True)
    kinds = ["events", "continuation", "blank", "header", "unparsed"]
    assert row["lines"] == sum(row[f"{kind}_lines"] for kind in kinds)
    assert len(data) == sum(row[f"{kind}_bytes"] for kind in kinds)
    spans = [*found.events.select("offset", "length").rows()]
    spans += found.unparsed.select("offset", "length").rows()
    ends = 0
    for offset, length in sorted(spans):
        assert offset >= ends
        ends = offset + length
    assert ends <= len(data)


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_format_has_a_fixture_of_its_own(fmt: Format) -> None:
    own = [path for path in LOGS if path.parent.name == fmt.name]
    assert own
    seen = {name for path in own for name in parsed(path).events["format"].unique()}
    assert fmt.name in seen, "others took its lines: see `narrow`, `sure`, `paths`"


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
@settings(max_examples=25, deadline=None)
@given(lines=st.lists(ODD, min_size=1, max_size=12))
def test_parse_is_aligned_and_never_raises(fmt: Format, lines: list[str]) -> None:
    text = pl.Series("text", [line.replace("\n", " ") for line in lines], pl.String)
    found = fmt.parse(text)
    assert len(text) == len(found)
    assert "refused" in found.columns
    assert set(found.columns) <= set(PARSED)
    for name, dtype in PARSED.items():
        if name in found.columns:
            found[name].cast(dtype)


#: A JSON value in a record, and what may stand in its place.
VALUE = re.compile(r':\s*("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|null|true|false)')
VALUES = ["[null]", '{"":1}', f'"{"9" * 400}"', "9" * 400, "1e999", '"\\u0000"']
VALUES += ["[" * depth + "]" * depth for depth in (300, 1020)]
VALUES += ['{"a":' * 1000 + "1" + "}" * 1000]


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_no_value_of_a_record_breaks_its_format(fmt: Format) -> None:
    lines = [
        next((line for line in text.split("\n") if line.startswith("{")), "")
        for path in LOGS
        if path.parent.name == fmt.name
        for text in [path.read_text("utf-8", "replace")]
    ]
    bent = [
        line[: found.start(1)] + value + line[found.end(1) :]
        for line in lines
        for found in list(VALUE.finditer(line))[:40]
        for value in VALUES
    ]
    assert len(fmt.parse(pl.Series("text", bent, pl.String))) == len(bent)


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_a_key_that_stands_twice_is_told(fmt: Format) -> None:
    """Readers differ on it: whoever reads the event must know."""
    own = [path for path in LOGS if path.parent.name == fmt.name]
    text = "\n".join(path.read_text("utf-8", "replace") for path in own)
    text = "\n".join(line for line in text.split("\n") if re.match(fmt.head, line))
    twice = re.sub(r"(\{)(?=\s*\")", r'\1"zz":1,"zz":2,', text)
    lines = pl.Series("text", twice.split("\n"), pl.String)
    rows = fmt.parse(lines.filter(lines.str.contains('^\\s*\\{"zz":1,"zz":2,')))
    if "flags" not in rows.columns:
        rows = rows.with_columns(flags=pl.lit(None, pl.List(pl.String)))
    told = pl.col("flags").list.contains("duplicate_key").fill_null(value=False)
    assert rows.filter(pl.col("refused").is_null() & ~told).is_empty()


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_head_lets_through_what_parse_reads(fmt: Format) -> None:
    """Of every line of every fixture; what is bent together may go unasked."""
    text = pl.Series("text", LINES, pl.String)
    good = fmt.parse(text)["refused"].is_null()
    unasked = text.filter(good & ~text.str.contains(fmt.head))
    assert unasked.to_list() == []


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_one_line_alone_parses_as_among_others(fmt: Format) -> None:
    text = pl.Series("text", LINES[::7][:200], pl.String)
    whole = fmt.parse(text)
    for row in range(0, len(text), 11):
        alone = fmt.parse(text.slice(row, 1)).row(0, named=True)
        among = whole.row(row, named=True)
        # Why it was refused may be put otherwise: on the fast path or the strict one.
        refused = alone.pop("refused")
        assert (refused is None) == (among.pop("refused") is None)
        if refused is None:
            kept = {name: value for name, value in alone.items() if value is not None}
            assert kept == {n: value for n, value in among.items() if value is not None}


def _durations(fmt: Format, lines: list[str]) -> list[float | None]:
    """The duration of each line; null where there is none, or it is refused."""
    rows = fmt.parse(pl.Series(lines, dtype=pl.String))
    told = rows.get_column("duration", default=pl.repeat(None, len(rows), eager=True))
    return list(told.zip_with(rows["refused"].is_null(), pl.Series([None])))


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_a_duration_is_the_same_alone_and_among_others(fmt: Format) -> None:
    """Polars divides one row, and multiplies several by the reciprocal."""
    logs = [path for path in LOGS if path.parent.name == fmt.name]
    texts = [path.read_bytes().decode("utf-8", "backslashreplace") for path in logs]
    lines = [line for text in texts for line in text.split("\n")]
    told = zip(lines, _durations(fmt, lines), strict=True)
    odd = [
        f"{line[: found.start()]}205{line[found.end() :]}"
        for line in [line for line, duration in told if duration is not None][:1]
        for found in list(re.finditer(r"(?<![0-9.])[0-9]{1,6}(?![0-9.])", line))[-12:]
    ]
    alone = [duration for line in odd for duration in _durations(fmt, [line])]
    assert _durations(fmt, odd) == alone


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_metadata_is_complete(fmt: Format) -> None:
    assert fmt.hop is None or fmt.hop in HOPS
    assert fmt.title
    assert fmt.reference
    assert fmt.head.startswith(("^", "(?"))


def _breaks_on_x(lines: pl.Series) -> pl.DataFrame:
    if lines.str.contains("x").any():
        message = "a bug"
        raise ArithmeticError(message)
    return pl.select(message=lines, refused=pl.lit(None, pl.String))


def test_a_bug_of_a_format_costs_the_line_that_shows_it() -> None:
    """T50: the line is refused with the error; many of them are the format's fault."""
    broken = dataclasses.replace(FORMATS[0], parse=_breaks_on_x)
    lines = pl.Series(["a"] * 500 + ["x"] + ["b"] * 500)
    found = safely(broken, lines)
    assert found["message"].to_list() == ["a"] * 500 + [None] + ["b"] * 500
    assert [r for r in found["refused"] if r] == [f"{broken.name} broke on it: a bug"]
    with pytest.raises(ArithmeticError):
        safely(broken, pl.Series(["x"] * 100))


#: What a client may call itself: it looks like other fields, of whatever log.
_FORGED = [
    " status=299 code=299 client_ip=203.0.113.77 action=allow level=info ",
    " 203.0.113.77:80 299 0.999 us=299 rt=9.999 status: 299, client: 203.0.113.77, ",
    " HTTP/1.1 299 7 - - [01/Jan/2001:00:00:00 +0000] ",
]
#: Another text of the same line; of the agent of CloudFront, S3 knows the hop.
_MAY_CHANGE = {"user_agent", "message", "extra", "refused", "flags", "hop"}


def _forged(line: str, agent: str | None) -> list[str]:
    """The line with more behind the agent in quotes; none where it has no such."""
    place = line.rfind(f'{agent}"') if agent else -1
    if place < 0 or agent is None:
        return []
    end = place + len(agent)
    return [line[:end] + text + line[end:] for text in _FORGED]


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_what_a_client_calls_itself_makes_no_other_field(fmt: Format) -> None:
    logs = [path for path in LOGS if path.parent.name == fmt.name]
    texts = [path.read_bytes().decode("utf-8", "backslashreplace") for path in logs]
    lines = [line for text in texts for line in text.split("\n")]
    honest = fmt.parse(pl.Series(lines)).to_dicts()
    pairs = [
        (row, other)
        for line, row in zip(lines, honest, strict=True)
        if row["refused"] is None
        for other in _forged(line, row.get("user_agent"))
    ]
    found = fmt.parse(pl.Series([line for _, line in pairs], dtype=pl.String))
    for (row, line), other in zip(pairs, found.to_dicts(), strict=True):
        if other["refused"] is None:
            changed = {name for name, value in other.items() if value != row.get(name)}
            assert changed <= _MAY_CHANGE, line


_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.name)
def test_no_number_breaks_a_format(fmt: Format) -> None:
    r"""T26: each number of a line as 40 digits, and in digits that only `\d` knows."""
    lines = [
        line
        for path in LOGS
        if path.parent.name == fmt.name
        for line in path.read_bytes().decode("utf-8", "backslashreplace").split("\n")
    ]
    odd = []
    for line in dict.fromkeys(lines[:12]):
        for found in [*re.finditer(r"\d+", line)][:24]:
            start, end = found.span()
            values = ["9" * 40, found[0].translate(_ARABIC), "-0"]
            odd += [line[:start] + value + line[end:] for value in values]
    assert len(fmt.parse(pl.Series(odd, dtype=pl.String))) == len(odd)
