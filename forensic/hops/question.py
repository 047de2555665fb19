"""What a user saw: when, which status, on which path."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

import polars as pl

from forensic.errors import UsageError
from forensic.hops import when

__all__ = ["Question"]


def _glob(path: str) -> str:
    """The regular expression of a path pattern: `*` any text, `?` one character.

    What browsers encode on the way fits either way: `é`, `%C3%A9` and `%c3%a9`.
    """
    parts = {"*": ".*", "?": ".", " ": r"(?: |%20|\+)"}
    return "".join(parts.get(c) or _either(c) for c in path)


def _either(character: str) -> str:
    """A character as it is, or as a browser sends it."""
    if character.isascii():
        return re.escape(character)
    return f"(?:{character}|(?i:{_escaped(character)}))"


def _escaped(character: str) -> str:
    """Return the character's bytes as `%xx`."""
    return "".join(f"%{byte:02x}" for byte in character.encode())


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


def _path(written: str) -> str:
    """The path of what may be a whole address, as copied from a browser."""
    bare = _ADDRESS.sub("", written.strip(), count=1) if "://" in written else written
    return bare.partition("#")[0] or "/"


def _bare(path: str) -> str:
    """The path without its query and the slashes at its end.

    A `?` that no `=` follows is more likely a wildcard than a query.
    """
    return re.sub(r"\?[^?]*=.*$", "", path).rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One error that somebody saw; what is not known is None."""

    #: The time as it was given.
    at: str | None = None
    #: The span that it means, UTC; where no zone was given, as if it were UTC.
    start: datetime | None = None
    end: datetime | None = None
    zone_written: bool = True
    #: Seconds east of UTC of the zone in which the time is read.
    offset: int = 0
    #: The zone that was written: its offset may be another on another day.
    zone: tzinfo | None = None
    #: So much later the zone's clocks showed the same time again (daylight saving).
    again: timedelta = timedelta(0)
    #: `date` or `year` where the time was given without one.
    lacks: str = ""
    #: How the time was read where it could mean several.
    note: str = ""
    status: int | None = None
    #: A pattern; `*` and `?` as in a shell.
    path: str | None = None
    #: Whether case, a slash at the end of the path and a query make no difference.
    loose: bool = False

    @classmethod
    def parse(
        cls, at: str | None = None, status: int | None = None, path: str | None = None
    ) -> "Question":
        """The question of `--at`, `--status`, `--path`; raises UsageError.

        A time to the minute means that minute, with seconds that second, a day alone
        the whole day.
        """
        if status is not None and not 100 <= status <= 999:
            message = f"{status} is no HTTP status"
            raise UsageError(message)
        if path is not None and not path.strip():
            message = "--path is empty: leave it out, or write / for the first page"
            raise UsageError(message)
        seen = cls(status=status, path=path and _path(path))
        if at is None:
            return seen
        said = when.read(at)
        local = said.start.replace(tzinfo=said.zone or UTC)
        start = local.astimezone(UTC)
        return replace(
            seen,
            at=at.strip(),
            start=start,
            end=start + said.size,
            zone_written=said.zone is not None,
            zone=said.zone,
            offset=round((local.utcoffset() or timedelta(0)).total_seconds()),
            again=local.replace(fold=1).astimezone(UTC) - start,
            lacks=said.lacks,
            note=said.note,
        )

    def placed(self, offset: int) -> "Question":
        """The question with its wall-clock time read `offset` seconds east of UTC."""
        if self.start is None or self.end is None or self.zone_written:
            return self
        there = self.moved(-timedelta(seconds=offset))
        return replace(there, offset=self.offset + offset)

    def on(self, start: datetime) -> "Question":
        """The question about another day, `start` being as if its offset held there."""
        if self.start is None or self.end is None or self.zone is None:
            return self.moved(start - self.start) if self.start else self
        wall = (start + timedelta(seconds=self.offset)).replace(tzinfo=self.zone)
        offset = round((wall.utcoffset() or timedelta(0)).total_seconds())
        there = self.moved(wall.astimezone(UTC) - self.start)
        return replace(there, offset=offset)

    def moved(self, later: timedelta) -> "Question":
        """The question about a time that is so much later."""
        if self.start is None or self.end is None:
            return self
        return replace(self, start=self.start + later, end=self.end + later)

    def matches_path(self) -> pl.Expr:
        """Whether `path`, alone or with its query, is the one asked for."""
        if self.path is None:
            return pl.lit(value=True)
        pattern = f"^{_glob(self.path)}$"
        if self.loose:
            pattern = f"(?i)^{_glob(_bare(self.path))}/?$"
        whole = pl.concat_str("path", pl.lit("?"), pl.col("query").fill_null(""))
        found = pl.col("path").str.contains(pattern) | whole.str.contains(pattern)
        return found.fill_null(value=False)

    def within(self, moment: pl.Expr, slack: timedelta = timedelta(0)) -> pl.Expr:
        """Whether a moment lies in the span, or that near to it."""
        if self.start is None or self.end is None:
            return pl.lit(value=True)
        low, high = self.start - slack, self.end + slack
        return ((moment >= low) & (moment < high)).fill_null(value=False)
