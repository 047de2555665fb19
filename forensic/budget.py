"""How much packed evidence may unpack to."""

from typing import Self

__all__ = ["Budget"]


class Budget:
    """How many bytes a walk may unpack: a bomb of good lines must end, too.

    Every stored byte allows more of them than any log that people write is packed by;
    `FREE` is for what is small and packs well.
    """

    FREE, RATIO = 4 << 30, 200

    def __init__(self, free: int = FREE) -> None:
        """A budget for nothing stored yet."""
        self.left = free

    @classmethod
    def of(cls, stored: int) -> Self:
        """The budget of one file alone."""
        budget = cls()
        budget.allow(stored)
        return budget

    def allow(self, stored: int) -> None:
        """So many more bytes are stored."""
        self.left += self.RATIO * stored

    def problem(self) -> tuple[str, str]:
        """What to say of a file for which nothing is left."""
        detail = (
            f"unpacking stopped: evidence may unpack to {self.FREE >> 30} GiB and "
            f"{self.RATIO} times what it stores, lest a bomb fills the disk; a file "
            "that was unpacked before is read whole"
        )
        return ("over_budget", detail)
