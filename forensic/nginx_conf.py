"""nginx configuration files ▶ which log has which `log_format`.

Blocks and conditions are of no interest for that, so that a file is a flat run of
directives, and every file of the archive is read, included or not. A name that two
machines define differently is the one that stands nearest to the log that uses it.
`tree` keeps the blocks, for whoever asks what holds for a request. What `nginx -T`
prints is such a file too: the lines in which it says that all is well say nothing.
"""

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "Configuration",
    "Directive",
    "Log",
    "LogFormat",
    "alike",
    "directives",
    "read_configuration",
    "tree",
]

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|nginx:\ [^\n]*|(?P<mark>[{};])
    |"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<word>(?:\\.|\$\{[^}\n]*\}|[^\s{};"'\\])(?:\\.|\$\{[^}\n]*\}|[^\s{};\\])*)
    |(?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"""\\(["'\\trn])""")
_CONTROL = {"t": "\t", "r": "\r", "n": "\n"}
#: What logrotate appends to a name.
_ROTATED = re.compile(
    r"(?:[-._]?\d{4}-?\d\d-?\d\d(?:[-_.T]?\d{2,10})?|[-.]\d{1,10}|\.(?:gz|bz2|xz|zst|old|bak))$"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Directive:
    """A directive: its words, where it begins in the text, and what its block holds."""

    words: list[str]
    start: int
    inside: "list[Directive]" = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class LogFormat:
    """A `log_format` directive and the file it stands in."""

    source: str
    name: str
    escape: str
    text: str

    @property
    def template(self) -> str:
        """The text that `formats.load` takes after `nginx_access:`."""
        return (
            self.text
            if self.escape == "default"
            else f"escape={self.escape} {self.text}"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Log:
    """An `access_log` directive: its path and the name of its format."""

    source: str
    path: str
    form: str


@dataclasses.dataclass(frozen=True, slots=True)
class Configuration:
    """All that the configuration files of an archive say about logs."""

    formats: tuple[LogFormat, ...] = ()
    access_logs: tuple[Log, ...] = ()

    def templates(self, source: str) -> list[str]:
        """Templates that the log at a path of the archive may have, likeliest first.

        Those of the `access_log` directives whose path ends like the log's; empty
        where no directive names it or the format is nginx's own `combined`.
        """
        scored = [
            (alike(source, log.path), log)
            for log in self.access_logs
            if log.path != "off"
        ]
        best = sorted(
            ((score, log) for score, log in scored if score),
            key=lambda pair: (
                -pair[0],
                -_common(source, pair[1].source),
                pair[1].source,
            ),
        )
        found = [self._definition(log) for _, log in best]
        return list(dict.fromkeys(form.template for form in found if form))

    def _definition(self, log: Log) -> LogFormat | None:
        named = [form for form in self.formats if form.name == log.form]
        if not named:
            return None
        return max(
            named, key=lambda form: (_common(form.source, log.source), form.source)
        )


def _common(one: str, other: str) -> int:
    """How many folders two paths share from the top."""
    return len(posixpath.commonpath(["/" + one, "/" + other]).rstrip("/").split("/"))


def alike(source: str, path: str) -> int:
    """How many trailing parts a log's path has in common with a configured one."""
    name = posixpath.basename(source)
    bare = name
    while (shorter := _ROTATED.sub("", bare)) != bare:
        bare = shorter
    folders = posixpath.dirname(source).split("/")
    parts = path.split("/")
    if not any(_same(parts[-1], text) for text in (name, bare)):
        return 0
    score = 1
    for mine, configured in zip(reversed(folders), reversed(parts[:-1]), strict=False):
        if not _same(configured, mine):
            break
        score += 1
    return score


def _same(configured: str, name: str) -> bool:
    """Whether a part of a configured path, which may hold variables, gives a name."""
    pieces = re.split(r"\$(?:\{\w+\}|\w+)", configured)
    return re.fullmatch(".+".join(map(re.escape, pieces)), name) is not None


def tree(text: str) -> list[Directive]:
    """The directives of a configuration in their blocks; what is cut ends with it."""
    top: list[Directive] = []
    blocks = [top]
    words: list[str] = []
    start = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "mark":
            if words:
                blocks[-1].append(Directive(words, start))
            if token["mark"] == "{":
                blocks.append(blocks[-1][-1].inside if words else [])
            elif token["mark"] == "}" and len(blocks) > 1:
                blocks.pop()
            words = []
        elif kind in ("double", "single", "word"):
            start = start if words else token.start()
            words.append(_unescaped(token[kind]))
    return top


def directives(text: str) -> Iterator[list[str]]:
    """Every directive of a configuration, as its words; blocks are opened up."""
    left = tree(text)[::-1]
    while left:
        directive = left.pop()
        yield directive.words
        left += directive.inside[::-1]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _CONTROL.get(match[1], match[1]), text)


def read_configuration(files: Mapping[str, bytes]) -> Configuration:
    """The log directives of configuration files, given by their archive paths."""
    formats: list[LogFormat] = []
    access: list[Log] = []
    for source, content in sorted(files.items()):
        for words in directives(content.decode("utf-8", "replace")):
            match words:
                case ["log_format", name, *rest] if rest:
                    formats.append(_log_format(source, name, rest))
                case ["access_log", path, *rest]:
                    access.append(Log(source, path, _format_name(rest)))
    return Configuration(tuple(formats), tuple(access))


def _log_format(source: str, name: str, rest: Sequence[str]) -> LogFormat:
    escape = "default"
    if rest[0].startswith("escape="):
        escape = rest[0].removeprefix("escape=")
        rest = rest[1:]
    return LogFormat(source, name, escape, "".join(rest))


def _format_name(rest: Sequence[str]) -> str:
    """The format that follows the path of an `access_log`; options come after it."""
    if rest and "=" not in rest[0] and rest[0] != "gzip":
        return rest[0]
    return "combined"
