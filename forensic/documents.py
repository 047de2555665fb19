"""JSON records that are not one a line: where each begins and ends in the bytes.

Pretty-printed objects, arrays, `{…}{…}` on one line, and the objects that tools of
AWS and Kubernetes wrap records in (`{"events": […]}`). Only brackets, strings and the
keys of wrappers are looked at; whether a record is sound JSON is for its format to
say. Nothing is recursive, and a string never crosses a line end (JSON forbids it), so
that damage stays local: scanning resumes at the next line that starts a value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import orjson

__all__ = ["Broken", "Records", "is_document", "records"]

#: Deeper nesting is refused: no log has it, and readers of JSON differ beyond it.
_DEEPEST = 512
#: Unclosed values in one stream after which the rest is given up: each costs a scan.
_UNCLOSED = 8

#: Wrapper key ▶ the only other keys that may stand beside it.
_WRAPPERS: dict[bytes, frozenset[str]] = {
    key.encode(): frozenset([key, *others.split()])
    for key, others in {
        "events": "searchedLogStreams nextToken nextForwardToken nextBackwardToken "
        "ResponseMetadata min_id max_id reached_beginning reached_record_limit "
        "reached_time_limit min_time_at tz_offset sawmill",
        "Records": "",
        "Events": "NextToken",
        "logEvents": "messageType owner logGroup logStream subscriptionFilters "
        "policyLevel",
        "results": "queryLanguage statistics status encryptionKey ResponseMetadata"
        " preview init_offset messages fields highlighted post_process_count",
        "SampledRequests": "PopulationSize TimeWindow",
        "items": "apiVersion kind metadata",
        "hits": "took timed_out num_reduce_phases _shards total max_score "
        "_scroll_id pit_id aggregations _clusters",
        "data": "meta links status totalCount next errors extensions",
        "logs": "nextLogId status requestId",
        "resourceLogs": "",
        "streams": "",
        "log": "",
        "tasks": "failures",
        "services": "failures",
        "TargetHealthDescriptions": "",
        "Activities": "NextToken",
        "AlarmHistoryItems": "NextToken",
        "StackEvents": "NextToken",
    }.items()
}
#: A wrapper's key and the bracket behind it, where the records lie deeper than in a
#: list at that key ▶ the depth of their lists, and the key of these: Elasticsearch's
#: answers, Loki's and Cloudflare's, what Loki is sent, OpenTelemetry's, a browser's,
#: ECS's services.
_DEEP = {
    (b"hits", 0x7B): {(2, b"hits")},
    (b"data", 0x7B): {(4, b"values"), (5, b"firewallEventsAdaptive")},
    (b"streams", 0x5B): {(3, b"values")},
    (b"resourceLogs", 0x5B): {(5, b"logRecords")},
    (b"log", 0x7B): {(2, b"entries")},
    (b"services", 0x5B): {(3, b"events")},
}
#: Brackets whose places are kept: as many as stand around the deepest record, and one.
_KEPT = max(depth for lists in _DEEP.values() for depth, _ in lists) + 2

_WRAPPER_KEYS = frozenset(key.decode() for key in _WRAPPERS)

_TEXT = rb'[^"{}\[\]]*+(?:"(?:[^"\\\n]++|\\[^\n])*+"[^"{}\[\]]*+)*+'
#: Up to the next bracket, over whole strings; at a `"`, the string does not close.
_NEXT = re.compile(_TEXT + rb'([{}\[\]"]?)')
_KEY = re.compile(rb'"([^"\\]{1,24})"\s*:\s*\Z')
#: An object that may be a wrapper: its first key is one of theirs.
_MAY_WRAP = re.compile(
    rb'\{\s*+"(?:%s)"' % "|".join(sorted(set().union(*_WRAPPERS.values()))).encode()
)
_BRACKET = re.compile(rb"[{\[]")
_SPACE = re.compile(rb"[\s,\x1e\]}]*+")
_START = re.compile(rb"[ \t\r,]*+(?=[{\[])")
#: A value that only JSON begins so; an ordinary line may begin with `[` too.
_OPENING = re.compile(rb'\s*+(\{(?=\s*+["}])|\[(?=\s*+(?:[\[{]|\]\s*\Z)))')
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that belong to no record, and why."""

    start: int
    end: int
    reason: str


@dataclass(slots=True)
class Records:
    """The records of a stretch of bytes.

    `consumed` bytes are settled; the rest is the beginning of a value whose end has
    not been seen, for the caller to put before the next bytes.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    consumed: int = 0


@dataclass(slots=True)
class _Value:
    """One top-level value as far as it could be scanned."""

    start: int
    end: int  # where scanning stopped: the value's end if `reason` is empty
    reason: str = ""
    unfinished: bool = False  # the data ended before the value did
    #: spans of the values directly inside
    children: list[tuple[int, int]] = field(default_factory=list)
    #: spans of the elements, where the value is a list or may be a wrapper
    elements: list[tuple[int, int]] = field(default_factory=list)
    wrapper: bytes = b""
    #: where the wrapper's lists are
    deep: set[tuple[int, bytes]] = field(default_factory=set)
    resume: int = 0  # start of the innermost element that was not finished


def _key_before(data: bytes, position: int) -> bytes:
    """The object key that the value at `position` belongs to, if it is short."""
    found = _KEY.search(data[max(0, position - 48) : position])
    return found.group(1) if found else b""


def _in_place(data: bytes, position: int, parent: int) -> bool:
    """Whether a value may begin here: after `:` in an object, `[` or `,` in a list."""
    before = data[position - 1]
    if before in b" \t\r\n":
        before = (data[max(0, position - 4096) : position].rstrip() or b" ")[-1]
    return before == 0x3A if parent == 0x7B else before in b"[,"


def _collects(data: bytes, value: _Value, position: int, stack: list[int]) -> int:
    """The depth of the elements of the list that opens here; 0 for other lists."""
    depth = len(stack)
    if depth == 0:
        return 1
    if stack[0] != 0x7B or depth >= _KEPT:
        return 0
    key = _key_before(data, position)
    if depth == 1 and key in _WRAPPERS and (key, 0x5B) not in _DEEP:
        value.wrapper = key
        return 2
    return depth + 1 if (depth, key) in value.deep else 0


def _scan(data: bytes, start: int) -> _Value:  # noqa: C901, PLR0912
    """The value that begins with a bracket at `start`.

    One loop, however long: a call for every bracket would double its cost.
    """
    value = _Value(start, start)
    stack: list[int] = []  # the open brackets
    opened: list[int] = []  # where each of the outermost stands
    collect = 0
    position = start
    while True:
        found = _NEXT.match(data, position)
        assert found is not None  # noqa: S101 - every part of it is optional
        at = found.end() - 1
        bracket = data[at] if found.group(1) else 0
        if bracket in (0x7B, 0x5B):
            if stack and not _in_place(data, at, stack[-1]):
                return _stop(value, at, "a value where none may stand", opened, collect)
            if len(stack) >= _DEEPEST:
                return _stop(value, at, "nested too deeply", opened, collect)
            if len(stack) == 1:
                key = _key_before(data, at)
                if deep := _DEEP.get((key, bracket)):
                    value.wrapper, value.deep = key, deep
            if bracket == 0x5B and not collect:
                collect = _collects(data, value, at, stack)
            stack.append(bracket)
            if len(stack) <= _KEPT:
                opened.append(at)
        elif bracket in (0x7D, 0x5D):
            if stack.pop() != bracket - 2:
                return _stop(value, at, "brackets do not match", opened, collect)
            depth = len(stack)
            if depth < _KEPT:
                inside = (opened.pop(), at + 1)
                if depth == collect and collect:
                    value.elements.append(inside)
                if depth == 1:
                    value.children.append(inside)
                if depth == 0:
                    value.end = at + 1
                    return value
                collect = 0 if depth < collect else collect
        elif bracket:
            unfinished = data.find(b"\n", at) < 0
            stopped = _stop(value, at, "a string does not end", opened, collect)
            stopped.unfinished = unfinished
            return stopped
        else:
            stopped = _stop(value, len(data), "a value does not end", opened, collect)
            stopped.unfinished = True
            return stopped
        position = at + 1


def _stop(
    value: _Value, at: int, reason: str, opened: list[int], collect: int
) -> _Value:
    """The value, given up at `at`; its finished elements stay good."""
    value.end, value.reason = at, reason
    whole = value.elements[-1][1] if value.elements else value.start
    value.resume = opened[collect] if 0 < collect < len(opened) else whole
    return value


def _is_wrapper(data: bytes, value: _Value) -> bool:
    """Whether an object holds nothing but its list of records and known company."""
    if not value.wrapper:
        return False
    pieces = []
    position = value.start
    for start, end in value.children:
        pieces.append(data[position:start])
        position = end
    rest = data[position : value.end]
    if value.reason:  # cut short: judge what is there
        cut = value.children[-1][1] if value.children else value.start
        rest = b"}" if cut > value.start else b"{}"
        if not value.children:
            return bool(value.elements)
    try:
        keys = orjson.loads(b"null".join([*pieces, rest]))
    except orjson.JSONDecodeError:
        return bool(value.reason and value.elements)
    return isinstance(keys, dict) and _WRAPPERS[value.wrapper].issuperset(keys)


def _spans(data: bytes, value: _Value) -> Iterator[tuple[int, int]]:
    """The records in a value: its elements, or itself."""
    if data[value.start] == 0x5B:
        for start, end in value.elements:
            page = _scan(data, start) if _MAY_WRAP.match(data, start) else None
            if page and _is_wrapper(data, page):
                yield from page.elements
            else:
                yield start, end
    elif _is_wrapper(data, value):
        yield from value.elements
    elif not value.reason:
        yield value.start, value.end


def _strangers(data: bytes, value: _Value) -> Iterator[Broken]:
    """What stands between the elements of a list and is neither object nor list."""
    borders = [(value.start, value.start + 1), *value.elements]
    if not value.reason:
        borders.append((value.end - 1, value.end))
    if data[value.start] != 0x5B:
        borders = [*value.elements] if _is_wrapper(data, value) else []
    broken = _broken_from(data, value)
    if value.reason and borders and broken > borders[-1][1]:
        borders.append((broken, broken))  # from where on it is told as a whole
    for (_, end), (start, _) in pairwise(borders):
        if value.deep and _BRACKET.search(data, end, start):
            continue  # from one list to the next, with what is said of that one
        between = _SPACE.match(data, end, start)
        if between and between.end() < start:
            yield Broken(between.end(), start, "no JSON object")


def _next_line(data: bytes, position: int) -> int:
    """Where the next line begins that starts a value; the end of data without one."""
    while (newline := data.find(b"\n", position)) >= 0:
        found = _START.match(data, newline + 1)
        if found:
            return found.end()
        position = newline + 1
    return len(data)


def records(data: bytes, final: bool) -> Records:
    """The records in `data`; with `final`, an unfinished value counts as broken."""
    result = Records()
    position = len(_BOM) if data.startswith(_BOM) else 0
    unclosed = 0
    while True:
        found = _SPACE.match(data, position)
        position = found.end() if found else position
        result.consumed = position
        if position >= len(data):
            return result
        if data[position] not in b"{[":
            start, position = position, _next_line(data, position)
            if position == len(data) and not final:
                return result
            result.broken.append(Broken(start, position, "no JSON value"))
            continue
        value = _scan(data, position)
        if value.unfinished and not final:
            return result
        result.spans += _spans(data, value)
        result.broken += _strangers(data, value)
        position = value.end
        if value.reason:
            unclosed += value.unfinished
            start = _broken_from(data, value)
            after = start if value.unfinished else value.end
            position = len(data) if unclosed > _UNCLOSED else _next_line(data, after)
            if start < position:  # else only the closing bracket is missing
                result.broken.append(Broken(start, position, value.reason))


def _broken_from(data: bytes, value: _Value) -> int:
    """Where the bytes begin that an unsound value leaves without a record."""
    good = data[value.start] == 0x5B or _is_wrapper(data, value)
    return max(value.start, value.resume) if good else value.start


def _is_record(line: bytes) -> bool:
    """Whether a line is one JSON object, and surely no list of records in one."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and not any(
        isinstance(found[key], dict | list) for key in _WRAPPER_KEYS & found.keys()
    )


def is_document(head: bytes) -> bool:
    """Whether a stream that begins so holds JSON that is not one record a line."""
    position = len(_BOM) if head.startswith(_BOM) else 0
    while found := _OPENING.match(head, position):
        start = found.start(1)
        if head[start] == 0x5B:
            return True
        line_end = head.find(b"\n", start) % (len(head) + 1)  # without one: the end
        if _is_record(head[start:line_end]):
            position = line_end + 1
            continue
        value = _scan(head, start)
        cut = value.unfinished and _MAY_WRAP.match(head, start)
        if value.wrapper and (cut or _is_wrapper(head, value)):
            return True
        if value.unfinished or not value.reason:
            if line_end < value.end:
                return True  # one value over several lines
            rest = head[value.end : line_end].strip()
            if rest[:1] in (b"{", b"[") or (rest == b"," and line_end < len(head)):
                return True
        position = line_end + 1
    return False
