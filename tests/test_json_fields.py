"""json_fields: keys by name or path, what is left, what is refused."""

import json
from collections.abc import Iterator

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from forensic.fields.json_fields import json_fields
from forensic.fields.json_text import compact, load, nested

NAMES = {"status": "st status", "agent": "h.ua", "took": "t"}


def row(text: str, **more: object) -> dict[str, object]:
    lines = pl.Series("text", [text])
    return json_fields(lines, NAMES, {"t"}, **more).row(0, named=True)  # type: ignore[arg-type]


def test_a_key_is_taken_by_its_best_name_and_the_rest_is_extra() -> None:
    found = row('{"status":403,"st":404,"t":1.5,"h":{"ua":"x"},"a.b":true,"n":null}')
    assert found["status"] == "404"
    assert found["took"] == "1.5"
    assert found["agent"] == "x"
    assert found["extra"] == '{"status":403,"h":{"ua":"x"},"a.b":true}'
    assert found["refused"] is None


def test_kept_columns_stay_in_extra() -> None:
    assert row('{"st":404,"t":1}', kept=("status",))["extra"] == '{"st":404}'


def test_values_that_are_no_text_become_text() -> None:
    assert row('{"t":[1,2]}')["took"] == '{"":[1,2]}'
    assert row('{"t":false}')["took"] == "false"


def test_a_key_written_twice_is_flagged() -> None:
    found = row('{"t":1,"st":1,"st":2}')
    assert found["status"] is None
    assert found["flags"] == ["duplicate_key"]
    assert found["extra"] == '{"duplicates":{"st":[1,2]}}'


def test_what_lacks_a_mark_or_is_no_object_is_refused() -> None:
    for text in ('{"st":404}', "[1]", "null", '{"t":1', "", "[" * 5000):
        assert row(text)["refused"] is not None


def test_a_number_that_grows_hides_no_key_that_stands_twice() -> None:
    """`1E6` is written back as long as it and the pair before it were."""
    value, duplicates = load('{"a":1,"a":2,"n":1E6}')
    assert value == {"a": None, "n": 1e6}
    assert duplicates == {"a": [1, 2]}


_KEYS = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"a\\":"', '""'])
_ATOMS = st.sampled_from(
    [
        *("1", "-0", "1E6", "9223372036854775807", "-9223372036854775809", "null"),
        *(
            "18446744073709551616",
            "1.50",
            "true",
            '"x"',
            '"\\":"',
            '"\\"\\u003a"',
            '"\\u0022:"',
            '"é"',
        ),
        *('"\\u00e9"', '" :"', '"\\\\"', '"-1234567890123456789"'),
    ]
)
_SPACES = st.sampled_from(["", " ", "\t", "\n"])


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(_KEYS, _SPACES, _SPACES, values).map(
        lambda parts: f"{parts[0]}{parts[1]}:{parts[2]}{parts[3]}"
    )
    return st.lists(pair, max_size=4).map(lambda pairs: "{" + ",".join(pairs) + "}")


@given(_objects(st.recursive(_ATOMS, _objects, max_leaves=6)))
def test_no_shortcut_reads_what_the_long_way_does_not(text: str) -> None:
    """Keys that stand twice and numbers without end, however they are written."""
    seen: list[str] = []

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in found]
        seen.extend({name for name in names if names.count(name) > 1})
        alike = {name: [value for key, value in found if key == name] for name in names}
        return {
            n: v[-1] if all(x == v[0] for x in v) else None for n, v in alike.items()
        }

    wanted = json.loads(text, object_pairs_hook=pairs)
    value, duplicates = load(text)
    assert list(_flat(value)) == list(_flat(wanted))
    assert set(duplicates) == set(seen)


def _flat(value: object) -> Iterator[object]:
    """The keys and values, integers told from floats."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key
            yield from _flat(inside)
    else:
        yield type(value), value


def test_a_name_of_a_thousand_parts_is_one() -> None:
    name = "a." * 1000 + "b"
    assert compact(nested({name: 1, "c.d": 2})) == f'{{"{name}":1,"c":{{"d":2}}}}'


def test_neither_blanks_nor_an_escaped_colon_hide_what_stands_twice() -> None:
    """An escaped colon is written back as one more, as if nothing were dropped."""
    assert load('{"a": 1, "b": 2, "c": "x:y"}')[1] == {}
    for text in (
        '{"a": 1, "a": 2}',
        '{"a":1,"a":2,"b":"\\u003a"}',
        '{"a":1,"a":2,"b":"\\"\\u003a"}',
    ):
        assert load(text)[1] == {"a": [1, 2]}


def test_a_number_beyond_64_bits_is_kept_to_its_last_digit() -> None:
    assert load('{"a": 123456789012345678901234}')[0] == {"a": 123456789012345678901234}


def test_half_a_character_hides_no_record() -> None:
    r"""JSON.stringify writes `\ud83d` where a text was cut within an emoji."""
    assert load('{"a":"x\\ud83d","b":"\\ud83d\\ude00"}')[0] == {
        "a": "x\\ud83d",
        "b": "\U0001f600",
    }
    assert load('{"a":"\\\\ud83d \\uDE00"}')[0] == {"a": "\\ud83d \\uDE00"}
    value, duplicates = load('{"a":"\\udc00","a":1}')
    assert value == {"a": None}
    assert duplicates == {"a": ["\\udc00", 1]}
