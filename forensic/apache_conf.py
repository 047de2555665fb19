"""Apache configuration files ▶ which log has which `LogFormat`."""

import re
from collections.abc import Iterator, Mapping

from forensic.fields.apache_format import readable
from forensic.nginx_conf import Configuration, Log, LogFormat

__all__ = ["read_apache"]

_WORD = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+))""")
_DIRECTIVE = re.compile(
    r"^[ \t]*(LogFormat|CustomLog|GlobalLog|TransferLog)[ \t]+(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
#: The name of the format that `TransferLog` uses: it has none.
_NAMELESS = ""


def read_apache(files: Mapping[str, bytes]) -> Configuration:
    """The log directives of configuration files, given by their archive paths."""
    formats: list[LogFormat] = []
    logs: list[Log] = []
    for source, content in sorted(files.items()):
        text = content.decode("utf-8", "replace").replace("\\\n", "")
        for name, words in _directives(text):
            if name == "logformat":
                formats += _format(source, words[0], (words[1:] or [_NAMELESS])[0])
            elif name == "transferlog":
                logs.append(Log(source, _path(words[0]), _NAMELESS))
            elif len(words) > 1:
                formats += _format(source, words[1], words[1])
                logs.append(Log(source, _path(words[0]), words[1]))
    return Configuration(tuple(formats), tuple(logs))


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    for match in _DIRECTIVE.finditer(text):
        words = [_plain(word) for word in _WORD.finditer(match[2])]
        if words:
            yield match[1].lower(), words


def _plain(word: re.Match[str]) -> str:
    quoted = word[1] if word[1] is not None else word[2]
    return word[3] if quoted is None else re.sub(r'\\(["\'\\])', r"\1", quoted)


def _format(source: str, text: str, name: str) -> list[LogFormat]:
    """The format, unless the built-in one reads it, or it is another's name."""
    template = readable(text)
    return [LogFormat(source, name, "default", template)] if template else []


def _path(text: str) -> str:
    """The file that a log is written to, if need be by a program such as rotatelogs."""
    if text.startswith("|"):
        files = [word for word in text.split()[1:] if "/" in word]
        text = files[0] if files else ""
    return re.sub(r"%[A-Za-z]", "${x}", text)
