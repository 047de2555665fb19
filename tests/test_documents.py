"""The law of documents: every record found once, every other byte accounted for."""

import itertools
import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forensic.documents import is_document, records


def texts(data: bytes, *, final: bool = True) -> list[bytes]:
    return [data[start:end] for start, end in records(data, final=final).spans]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}{"b":2}\n', True),
        (b'{"a":1},\n{"b":2}\n', True),
        (b'{\n  "a": 1\n}\n', True),
        (b'[{"a":1}]', True),
        (b'\xef\xbb\xbf[\n{"a":1}]', True),
        (b'{"events":[{"message":"x"}],"nextToken":"t"}', True),
        (b'{"searchedLogStreams":[],"events":[{"message":"x', True),
        (b'{"took":1,"hits":{"total":1,"hits":[{"_source":{}}]}}', True),
        (b'{"log":{"version":"1.2","pages":[{}],"entries":[{"a":1}]}}', True),
        (b'{"log":"a line\\n","stream":"stdout"}\n{"log":"two\\n","strea', False),
        (b'{"log":{"level":"info"},"a":1}\n{"log":{"level":"warn"},"a":2}\n', False),
        (b'{"a":1}\n{"b":2}\n', False),
        (b'{"time":1,"events":[{"a":1}]}\n{"time":2}\n', False),
        (b'{"a":"cut\n{"b":2}\n', False),
        (b'{"level":"info","data":{"a":1}}\n{"level":"info","data":{"a', False),
        (b'{"a":{"b":"one long line without an end', False),
        (b"[2025-02-06 05:32:07 +0000] [7] [INFO] Booting\n", False),
        (b"{ not json }\n", False),
        (b"", False),
    ],
)
def test_is_document(data: bytes, expected: bool) -> None:
    assert is_document(data) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"events":[{"a":1},{"b":"}"}]}{"events":[]}', [b'{"a":1}', b'{"b":"}"}']),
        (b'{"x":1,"events":[{"a":1}]}', [b'{"x":1,"events":[{"a":1}]}']),
        (b'[{"events":[{"a":1}]},{"b":[2]}]', [b'{"a":1}', b'{"b":[2]}']),
        (b'{"results":[[{"field":"a"}]],"status":"x"}', [b'[{"field":"a"}]']),
        (b'{"hits":{"hits":[{"a":[1]},{"b":2}]}}', [b'{"a":[1]}', b'{"b":2}']),
        (b'{"kind":"List","items":[{"a":1}]}', [b'{"a":1}']),
        (b'{"tasks":[{"a":[1]}],"failures":[]}', [b'{"a":[1]}']),
        (
            b'{"services":[{"n":[1],"events":[{"a":1},{"b":2}]}]}',
            [b'{"a":1}', b'{"b":2}'],
        ),
        (
            b'{"log":{"pages":[{"b":2}],"entries":[{"a":[1]},{}]}}',
            [b'{"a":[1]}', b"{}"],
        ),
        (b'{"data":[{"a":[1]},{"b":2}],"meta":{"p":{}}}', [b'{"a":[1]}', b'{"b":2}']),
        (
            (
                b'{"status":"success","data":{"resultType":"streams","result":['
                b'{"stream":{"a":"b"},"values":[["1","x"],["2","y"]]},{"values":[["3",""]]}'
                b'],"stats":{}}}'
            ),
            [b'["1","x"]', b'["2","y"]', b'["3",""]'],
        ),
        (
            (
                b'{"data":{"viewer":{"zones":[{"firewallEventsAdaptive":[{"a":[1]},{}]},'
                b'{"firewallEventsAdaptive":[{"b":2}]}]}},"errors":null}'
            ),
            [b'{"a":[1]}', b"{}", b'{"b":2}'],
        ),
        (b'{"streams":[{"stream":{},"values":[["1","[x"]]}]}', [b'["1","[x"]']),
        (
            (
                b'{"resourceLogs":[{"resource":{"attributes":[{"key":"a"}]},"scopeLogs":[{'
                b'"logRecords":[{"body":{"kvlistValue":{"values":[{}]}}},{"b":[[[2]]]}]},{'
                b'"scope":{},"logRecords":[{"c":3}]}]},{"scopeLogs":[]}]}'
            ),
            [b'{"body":{"kvlistValue":{"values":[{}]}}}', b'{"b":[[[2]]]}', b'{"c":3}'],
        ),
        (b'{"resourceLogs":[{"a":1}],"x":1}', [b'{"resourceLogs":[{"a":1}],"x":1}']),
        (b'{"a":"\\"{"}{"b":"\xff"}', [b'{"a":"\\"{"}', b'{"b":"\xff"}']),
    ],
)
def test_records(data: bytes, expected: list[bytes]) -> None:
    assert texts(data) == expected


def test_damage_costs_no_neighbour() -> None:
    data = b'{"a":1}\n{"b":"cut\n{"c":3}\nnoise\n[{"d":4},\n{"e":'
    found = records(data, final=True)
    assert texts(data) == [b'{"a":1}', b'{"c":3}', b'{"d":4}']
    assert [data[b.start : b.end] for b in found.broken] == [
        b'{"b":"cut\n',
        b"noise\n",
        b'{"e":',
    ]
    assert found.consumed == len(data)


def test_an_unfinished_value_waits_for_more() -> None:
    data = b'{"a":1} {"b":{"c":[1,'
    found = records(data, final=False)
    assert (found.spans, found.consumed, found.broken) == ([(0, 7)], 8, [])


def test_depth_is_refused_quickly() -> None:
    began = time.perf_counter()
    for data in (b"[" * 1_000_000, b'{"a":' * 200_000):
        assert [b.reason for b in records(data, final=True).broken] == [
            "nested too deeply"
        ]
    assert time.perf_counter() - began < 1


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=5), st.sampled_from([None, 2]))
def test_a_list_and_its_elements_back_to_back(
    objects: list[dict[str, object]], indent: int | None
) -> None:
    whole = json.dumps(objects, indent=indent).encode()
    apart = "".join(json.dumps(each, indent=indent) for each in objects).encode()
    for data in (whole, apart):
        found = texts(data)
        if not any(key in data for key in (b'"hits"', b'"events"', b'"Records"')):
            assert [json.loads(text) for text in found] == objects


def test_a_list_of_other_things_is_accounted_for() -> None:
    data = b'[1, {"a":1}, "text", {"b":2}, null]'
    found = records(data, final=True)
    assert texts(data) == [b'{"a":1}', b'{"b":2}']
    strangers = [data[b.start : b.end].strip(b", ") for b in found.broken]
    assert strangers == [b"1", b'"text"', b"null"]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b":", b",", b"a"])
        | st.binary(max_size=3)
        | st.sampled_from([b'"events"', b'{"a":1}', b'{"events":[']),
        max_size=30,
    ).map(b"".join),
    st.booleans(),
)
@example(b'["events",{{', False)
@example(b'{"events":[{"a":1},"x",{{', True)
def test_any_bytes(data: bytes, final: bool) -> None:
    found = records(data, final=final)
    spans = sorted([*found.spans, *((b.start, b.end) for b in found.broken)])
    assert all(low < high for low, high in spans)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    position = 0
    for low, high in [*spans, (found.consumed, found.consumed)]:
        gap = data[position:low].strip(b" \t\r\n\v\f\x1e,[]{}\xef\xbb\xbf")
        assert not gap or b":" in gap  # only structure lies between
        position = high
    assert found.consumed == len(data) or not final
    is_document(data)


def test_what_is_said_of_the_next_stream_is_no_stranger() -> None:
    """Loki keeps each stream's lines in a list of its own, below its labels."""
    one = '{"stream":{"job":"a"},"values":[["1","x"]]}'
    two = one.replace('"a"', '"b"')
    data = f'{{"status":"success","data":{{"result":[{one},\n{two}]}}}}'
    found = records(data.encode(), final=True)
    assert len(found.spans) == 2
    assert found.broken == []
