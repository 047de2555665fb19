"""JSON records of one shape: what their keys alone decide is sought once for all.

A log's records share a few shapes. Where a value stands, and whether there is one, is
the same in all records of a shape; what the values are is not.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["DEPTH", "ByShape", "at"]

Record = dict[str, Any]
Found = TypeVar("Found")

#: Shapes that are remembered: a log whose every record has another one must not grow.
_REMEMBERED = 1 << 10
#: So many objects within one another belong to the shape.
DEPTH = 4


def _shape(record: Record, depth: int = DEPTH) -> Hashable:
    """The keys in order and the types of their values, objects inside likewise."""
    values = record.values()
    kinds = tuple(map(type, values))
    if dict not in kinds or not depth:
        return tuple(record), kinds
    inside = tuple(_shape(v, depth - 1) for v in values if type(v) is dict)
    return tuple(record), kinds, inside


def at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value to which keys lead; null where they lead nowhere."""
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class ByShape(Generic[Found]):
    """What `seek` found in the first record of each shape, for all the others of it.

    `seek` may look at keys, at the types of values and into objects, down to the fourth
    within one another; never at what else a value is.
    """

    def __init__(self, seek: Callable[[Record], Found]) -> None:
        self._seek = seek
        self._found: dict[Hashable, Found] = {}

    def of(self, record: Record) -> Found:
        """What was found for records of this one's shape."""
        shape = _shape(record)
        known = self._found.get(shape)
        if known is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            known = self._found[shape] = self._seek(record)
        return known
