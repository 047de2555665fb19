"""How two units' zones hang together, and which offsets are zones at all."""

from dataclasses import dataclass

from forensic.clock.unit import Key

__all__ = ["ZONES", "Link", "is_zone", "nearest_zone"]

_HALVES = [
    -12600,
    -9000,
    -16200,
    -34200,
    12600,
    16200,
    19800,
    20700,
    23400,
    30600,
    31500,
]
_HALVES += [34200, 37800, 45900, 49500]
#: Every offset that some place on earth has, or in living memory had.
ZONES = {hours * 3600 for hours in range(-12, 15)} | set(_HALVES)


@dataclass(frozen=True, slots=True)
class Link:
    """The offset of `left` minus the offset of `right`, and how that is known."""

    left: Key
    right: Key
    step: int
    strength: float
    confidence: str
    method: str
    count: int
    against: int = 0


def is_zone(seconds: int) -> bool:
    """Whether any place on earth has, or in living memory had, that offset."""
    return seconds in ZONES


def nearest_zone(seconds: int) -> int:
    """Real offset next to one that no place has."""
    return min(ZONES, key=lambda real: (abs(real - seconds), abs(real)))
