"""A log that writes some requests only ▶ whether it would have written one.

nginx: `access_log … if=CONDITION` leaves out what the condition makes empty or `0`
(ngx_http_log_module), most often by a `map`. Apache: `CustomLog … env=[!]NAME` asks for
a variable that `SetEnvIf` sets, `expr=` for an expression (mod_log_config).
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from forensic.hops.nginx_blocks import Place, around
from forensic.nginx_conf import Directive, alike

__all__ = ["apache_leaves_out", "leaves_out"]

_EMPTY = {"", "0"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: Words of a map that are no values.
_NO_VALUE = {"hostnames", "volatile", "include", "default"}
_CUSTOM = re.compile(
    r"(?im)^[ \t]*(?:CustomLog|GlobalLog)[ \t]+(\"[^\"\n]*\"|\S+)[ \t]+"
    r"(?:\"(?:[^\"\\\n]|\\.)*\"|\S+)(?:[ \t]+\"?((?:env|expr)=[^\n]*?)\"?)?[ \t]*$"
)
_SET = re.compile(
    r"(?im)^[ \t]*SetEnvIf(NoCase)?[ \t]+\"?(\w[\w-]*)\"?[ \t]+"
    r"(?:\"([^\"\n]*)\"|(\S+))[ \t]+([^\n]*)$"
)
#: The path, as mod_setenvif names it.
_PATH = "request_uri"
_STATUS = re.compile(
    r"^%\{REQUEST_STATUS\}\s*(-ge|-gt|-le|-lt|-eq|-ne|>=|>|<=|<|==|!=)\s*['\"]?(\d{3})"
    r"['\"]?$"
)
_COMPARED = {
    **dict.fromkeys(("-ge", ">="), (0, 1)),
    **dict.fromkeys(("-gt", ">"), (1,)),
    **dict.fromkeys(("-le", "<="), (0, -1)),
    **dict.fromkeys(("-lt", "<"), (-1,)),
    **dict.fromkeys(("-eq", "=="), (0,)),
    **dict.fromkeys(("-ne", "!="), (-1, 1)),
}
_LEFT_OUT = "it writes no such request down, and its silence proves nothing."
_UNTOLD = (
    "it writes some requests only, whether such a one nothing here tells, and its"
    " silence proves nothing."
)


def leaves_out(
    log: Place, files: Mapping[str, bytes], path: str, status: int | None
) -> str:
    """Why an access log of nginx may not have such a request, or nothing."""
    asked = [word[3:] for word in log.directive.words if word.startswith("if=")]
    written = True if not asked else _holds(asked[0], files, path, status)
    return _sentence("nginx", log, written=written)


def _sentence(whose: str, log: Place, *, written: bool | None) -> str:
    if written:
        return ""
    why = _UNTOLD if written is None else _LEFT_OUT
    return f" {whose}'s configuration has {log.words()}: {why}"


def _holds(
    text: str, files: Mapping[str, bytes], path: str, status: int | None
) -> bool | None:
    """Whether nginx's condition holds; null where that cannot be told."""
    names = [a or b for a, b in _VARIABLE.findall(text)]
    if len(names) != 1 or not _VARIABLE.fullmatch(text):
        return None
    known = {
        "status": str(status) if status else None,
        "uri": path,
        "request_uri": path,
    }
    maps = [
        place.directive
        for place in around(files, "map")
        if place.directive.words[2:] == [f"${names[0]}"]
    ]
    found = {_mapped(held, known.get(held.words[1].lstrip("$"))) for held in maps}
    value = found.pop() if len(found) == 1 else None
    return None if value is None or "$" in value else value not in _EMPTY


def _mapped(held: Directive, value: str | None) -> str | None:
    """What a map makes of a value; null where that cannot be told."""
    rows = [row.words for row in held.inside if row.words]
    if value is None or any(row[0] == "include" for row in rows):
        same = {row[1] for row in rows if len(row) > 1}
        return same.pop() if len(same) == 1 else None
    pairs = [row for row in rows if len(row) > 1]
    for name, text in pairs:
        if name.lower() == value.lower() and name not in _NO_VALUE:
            return text
    for name, text in pairs:
        if name.startswith("~"):
            plain = f"(?i){name[2:]}" if name.startswith("~*") else name[1:]
            fits = _fits(plain, value)
            if fits is None:
                return None
            if fits:
                return text
    default = [text for name, text in pairs if name == "default"]
    return default[0] if default else ""


def _fits(pattern: str, text: str) -> bool | None:
    found: bool | None = pl.Series([text]).str.contains(pattern, strict=False)[0]
    return found


def apache_leaves_out(
    files: Mapping[str, bytes], logs: Sequence[str], path: str, status: int | None
) -> tuple[Place, str] | None:
    """The line by which Apache's logs of the archive may not have such a request.

    None where one of them has it by all that its configuration says.
    """
    held: list[tuple[Place, str]] = []
    for source, text in sorted(files.items()):
        plain = text.decode("latin-1")
        for found in _CUSTOM.finditer(plain):
            if not any(alike(log, found[1].strip('"')) for log in logs):
                continue
            start = found.start() + len(found[0]) - len(found[0].lstrip())
            words = found[0].split()
            place = Place(source, text, Directive(words, start))
            written = _asks(found[2] or "", files, path, status)
            held.append((place, _sentence("Apache", place, written=written)))
    return held[0] if held and all(why for _, why in held) else None


def _asks(
    condition: str, files: Mapping[str, bytes], path: str, status: int | None
) -> bool | None:
    """Whether Apache's condition holds; null where that cannot be told."""
    kind, _, text = condition.partition("=")
    if kind.lower() == "env":
        return _set(text.strip().removeprefix("!"), files, path, unless="!" in text)
    compared = _STATUS.match(text.strip().strip('"'))
    if compared and status:
        mine, other = status, int(compared[2])
        return (mine > other) - (mine < other) in _COMPARED[compared[1]]
    return not condition or None


def _set(
    name: str, files: Mapping[str, bytes], path: str, *, unless: bool
) -> bool | None:
    """Whether a variable's being set, or not, lets Apache write a request for a path.

    By whom it is set for other reasons than the path: health checks and the machine
    itself, as a rule, are left out; whom a log is kept for alone nothing tells.
    """
    by_path: list[bool | None] = []
    others = False
    for attribute, pattern in _setting(name, files):
        if attribute.lower() == _PATH:
            by_path.append(_fits(pattern, path))
        else:
            others = True
    if True in by_path:
        return not unless
    if None in by_path or (not unless and (others or not by_path)):
        return None
    return unless


def _setting(name: str, files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """By which attribute and expression a variable is set."""
    for _, text in sorted(files.items()):
        for found in _SET.finditer(text.decode("latin-1")):
            names = {word.split("=")[0].strip('"') for word in found[5].split()}
            if name in names:
                pattern = found[4] if found[3] is None else found[3]
                yield found[2], f"(?i){pattern}" if found[1] else pattern
