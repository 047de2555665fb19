"""How much packed evidence may unpack to."""

from typing import Self

__all__ = ["Budget"]


class Budget:
    """How many bytes a walk may unpack: a bomb of good lines must end, too.

    Every stored byte allows more of them than any log that people write is packed by;
    `FREE` is for what is small and packs well.
    """

    FREE, RATIO = 4 << 30, 200

    def __init__(self, free: int = FREE, *, within: Self | None = None) -> None:
        """A budget for nothing stored yet; it may be part of a larger one."""
        self._left = free
        self._within = within

    @classmethod
    def of(cls, stored: int, *, within: Self | None = None) -> Self:
        """The budget of one file."""
        budget = cls(within=within)
        budget.allow(stored)
        return budget

    @property
    def left(self) -> int:
        """How many bytes may still be unpacked."""
        return min(self._left, self._within.left) if self._within else self._left

    def allow(self, stored: int) -> None:
        """So many more bytes are stored."""
        self._left += self.RATIO * stored

    def spend(self, count: int) -> None:
        """So many bytes were unpacked."""
        self._left -= count
        if self._within:
            self._within.spend(count)

    def problem(self) -> tuple[str, str]:
        """What to say of a file for which nothing is left."""
        detail = (
            f"unpacking stopped: evidence may unpack to {self.FREE >> 30} GiB and "
            f"{self.RATIO} times what it stores, lest a bomb fills the disk; a file "
            "that was unpacked before is read whole"
        )
        return ("over_budget", detail)
