"""nginx's configuration ▶ the `server` and `location` blocks that serve a request.

Texts are read a byte a character, so that places are counted in bytes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from forensic.nginx_conf import Directive, tree

__all__ = ["Place", "around", "chosen", "holding", "names", "readable", "serving"]

_LINE_END = b"\n"
_MOST = 120
#: What an expression says must not follow; polars reads none. Around one are two parts.
_AHEAD, _ONE = re.compile(r"\(\?!([^()]*)\)"), 3


class Place(NamedTuple):
    """Where a directive stands."""

    source: str
    text: bytes
    directive: Directive
    block: str = ""

    @property
    def line(self) -> int:
        """The number of its line."""
        return self.text.count(_LINE_END, 0, self.directive.start) + 1

    def words(self) -> str:
        """What it says and where."""
        said = readable(" ".join(self.directive.words))
        block = f" in `{readable(self.block)}`" if self.block else ""
        return f"`{said}`{block} ({self.source}:{self.line})"

    def evidence(self) -> dict[str, Any]:
        """Its line as evidence."""
        start = self.text.rfind(_LINE_END, 0, self.directive.start) + 1
        end = self.text.find(_LINE_END, start)
        end = len(self.text) if end < 0 else end + 1
        return {
            "hop": "web_server",
            "source": self.source,
            "line": self.line,
            "offset": start,
            "length": end - start,
            "time": None,
            "role": "its configuration",
        }


def readable(text: str) -> str:
    """What was read a byte a character, as its text; the end of much is left out."""
    return text.encode("latin-1").decode("utf-8", "backslashreplace")[:_MOST]


@lru_cache(maxsize=64)
def _read(text: bytes) -> list[Directive]:
    """The directives of a file, which several questions are asked of."""
    return tree(text.decode("latin-1"))


def serving(files: Mapping[str, bytes], host: str | None) -> list[Place]:
    """The `server` blocks of the files; of a host that some of them name, those."""
    found = [
        Place(source, text, server)
        for source, text in sorted(files.items())
        for server in _blocks(_read(text))
    ]
    named = [place for place in found if host and host in names(place.directive)]
    return named or found


def _blocks(directives: Sequence[Directive]) -> Iterator[Directive]:
    """The `server` blocks, at the top of a file or inside its `http`."""
    inside = [
        held for top in directives if top.words == ["http"] for held in top.inside
    ]
    for directive in [*directives, *inside]:
        if directive.words == ["server"] and directive.inside:
            yield directive


def names(server: Directive) -> list[str]:
    """The names that a server answers to."""
    return [
        name
        for directive in server.inside
        if directive.words[0] == "server_name"
        for name in directive.words[1:]
    ]


def around(files: Mapping[str, bytes], name: str) -> list[Place]:
    """The directives of a name that hold for every server which has none of its own."""
    found: list[Place] = []
    for source, text in sorted(files.items()):
        top = _read(text)
        http = [
            held for block in top if block.words == ["http"] for held in block.inside
        ]
        for block, inside in (("http", http), ("", top)):
            own = [held for held in inside if held.words[0] == name]
            found += [Place(source, text, held, block) for held in own]
            if own:
                break
    return found


def holding(served: Place, path: str, name: str, outer: Sequence[Place]) -> list[Place]:
    """The directives of a name that hold for a path: those of the innermost block."""
    for block in reversed(chosen(served.directive, path)):
        own = [held for held in block.inside if held.words[0] == name]
        if own:
            where = " ".join(block.words)
            return [served._replace(directive=held, block=where) for held in own]
    near = [place for place in outer if place.source == served.source]
    return near or list(outer)


def chosen(server: Directive, path: str) -> list[Directive]:
    """The server and the locations in it that a path comes to, outermost first."""
    blocks = [server]
    while location := _location(blocks[-1].inside, path):
        blocks.append(location)
    return blocks


def _location(inside: Sequence[Directive], path: str) -> Directive | None:
    """The location that nginx chooses: exact, regular where none is `^~`, longest."""
    prefixes: list[tuple[str, str, Directive]] = []
    regular: list[tuple[str, Directive]] = []
    for directive in inside:
        match directive.words:
            case ["location", "=", name] if name == path:
                return directive
            case ["location", "^~", name] | ["location", name] if path.startswith(name):
                prefixes.append((name, directive.words[1], directive))
            case ["location", "~" | "~*" as mark, pattern]:
                regular.append(
                    (pattern if mark == "~" else f"(?i){pattern}", directive)
                )
    longest = max(prefixes, key=lambda found: len(found[0]), default=None)
    if longest is None or longest[1] != "^~":
        for pattern, directive in regular:
            fits = _fits(pattern, path)
            if fits is None:  # it may be this one: of what it says nothing is told
                return replace(directive, inside=[])
            if fits:
                return directive
    return longest[2] if longest else None


def _fits(pattern: str, path: str) -> bool | None:
    """Whether a regular expression fits a path; null where it cannot be read.

    What must not follow, as in `/[.](?!well-known)`, is asked for by itself.
    """
    text = pl.Series([path])  # polars takes no longer than the text is long
    ahead = _AHEAD.split(pattern)
    if len(ahead) != _ONE:
        found: bool | None = text.str.contains(pattern, strict=False)[0]
        return found
    before, other, behind = ahead
    plain = text.str.contains(before + behind, strict=False)[0]
    barred = text.str.contains(f"{before}(?:{other}){behind}", strict=False)[0]
    return None if plain is None or barred is None else plain and not barred
