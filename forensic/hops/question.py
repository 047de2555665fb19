"""What a user saw: when, which status, on which path."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

import polars as pl

from forensic.errors import UsageError
from forensic.hops import pasted, when

__all__ = ["Question"]


#: What a browser or a proxy may encode, or leave.
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SPACE = r"(?: |%20|\+)"
_WILD = {"*": ".*", "?": ".", " ": _SPACE, "+": rf"(?:{_SPACE}|%2[Bb])"}


def _glob(path: str) -> str:
    """The regular expression of a path pattern: `*` any text, `?` one character.

    What is encoded on the way fits either way: `é`, `%C3%A9` and `%c3%a9`, `#`, `%23`.
    """
    pattern, place = "", 0
    for found in _ENCODED.finditer(path):
        pattern += "".join(map(_fits, path[place : found.start()]))
        pattern += _decoded(found[0])
        place = found.end()
    return pattern + "".join(map(_fits, path[place:]))


def _decoded(encoded: str) -> str:
    """The expression of characters that were encoded; of no UTF-8, as they are."""
    try:
        text = bytes.fromhex(encoded.replace("%", "")).decode()
    except UnicodeDecodeError:
        return f"(?i:{re.escape(encoded)})"
    return "".join(_WILD[c] if c == " " else _either(c) for c in text)


def _fits(character: str) -> str:
    plain = character == "/" or (character.isascii() and character.isalnum())
    return _WILD.get(character) or (character if plain else _either(character))


def _either(character: str) -> str:
    """A character as it is, or as it is encoded."""
    escaped = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape(character)}|(?i:{escaped}))"


def _bare(path: str) -> str:
    """The path without its query, parameters of its parts, and needless slashes.

    A `?` that no `=` follows is more likely a wildcard than a query.
    """
    path = re.sub(r"\?[^?]*=.*$", "", path)
    return re.sub(r"/{2,}", "/", re.sub(_PARAMETERS, "", path)).rstrip("/")


#: `;jsessionid=…` and the like, at the end of a part of the path.
_PARAMETERS = r";[^/?*]*"
#: Characters that some hop wrote encoded, and another did not.
_ASCII = [f"%{code:02X}" for code in range(0x21, 0x7F)]
_PLAIN = [chr(code) for code in range(0x21, 0x7F)]
#: A path as long as this may have been cut where it was logged.
_LONG = 200


def _plain(path: pl.Expr) -> pl.Expr:
    """Logged paths, written as `_bare` and `_glob` write one that was asked for."""
    decoded = path.str.replace_many(
        [*_ASCII, *map(str.lower, _ASCII)], [*_PLAIN, *_PLAIN]
    )
    bare = decoded.str.replace_all(_PARAMETERS, "").str.replace_all(r"/{2,}", "/")
    return bare.str.strip_chars_end("/")


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
    #: Where it had none: when it was on the other days with such a response.
    days: tuple[datetime, ...] = ()
    #: How the time was read where it could mean several.
    note: str = ""
    status: int | None = None
    #: A pattern; `*` and `?` as in a shell.
    path: str | None = None
    #: The same with `#` and what followed it, which may be a fragment or not.
    whole: str | None = None
    #: What else the address, the log line or the command said that was pasted.
    host: str | None = None
    method: str | None = None
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
        # 0 is what is logged of a request that got no answer.
        if status and not 100 <= status <= 999:
            message = f"{status} is no HTTP status"
            raise UsageError(message)
        if path is not None and not path.strip():
            message = "--path is empty: leave it out, or write / for the first page"
            raise UsageError(message)
        seen = cls(status=status)
        if path is not None:
            given = pasted.read(path)
            seen = replace(seen, **given._asdict())
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

    @property
    def failed(self) -> bool:
        """Whether it asks for an error; 0 is that there was no answer."""
        return self.status is not None and (self.status >= 400 or not self.status)

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
        every = [self.path, *([self.whole] if self.whole else [])]
        logged = pl.concat_str("path", pl.lit("?"), pl.col("query").fill_null(""))
        if self.loose:
            pattern = "|".join(_glob(_bare(path)) for path in every)
            found = _plain(pl.col("path")).str.contains(f"(?i)^(?:{pattern})$")
            if len(self.path) > _LONG:
                cut = pl.coalesce(
                    pl.when(pl.col("query").is_not_null()).then(logged), "path"
                )
                found |= pl.lit(self.path).str.starts_with(cut) & (
                    cut.str.len_bytes() >= _LONG
                )
            return found.fill_null(value=False)
        pattern = f"^(?:{'|'.join(map(_glob, every))})$"
        found = pl.col("path").str.contains(pattern) | logged.str.contains(pattern)
        return found.fill_null(value=False)

    def matches_host(self) -> pl.Expr:
        """Whether the site is the one asked for; null where none is logged."""
        name = pl.col("host").str.to_lowercase().str.replace(r":[0-9]*$", "")
        return name == pl.lit(self.host and self.host.lower(), pl.String)

    def covers(self, moment: datetime, slack: timedelta) -> bool:
        """Whether a moment lies in the span, or that near to it."""
        if self.start is None or self.end is None:
            return True
        return self.start - slack <= moment < self.end + slack

    def within(self, moment: pl.Expr, slack: timedelta = timedelta(0)) -> pl.Expr:
        """Whether a moment lies in the span, or that near to it."""
        if self.start is None or self.end is None:
            return pl.lit(value=True)
        low, high = self.start - slack, self.end + slack
        return ((moment >= low) & (moment < high)).fill_null(value=False)
