"""Text with every character in sight: none moves a cursor, hides or reorders.

Nothing heavy is loaded here: errors are told by it, whatever else is missing.
"""

import json
import re
from collections.abc import Callable

__all__ = ["visible", "visible_json"]

#: Printable by category, yet without ink: fillers, blanks, variation selectors.
_INKLESS = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}.union(
        range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)
    )
)
#: What has to be looked at.
_ODD = re.compile(r"[^ -~]")
#: So many characters are remembered: no evidence holds more that matter.
_KEPT = 20_000
#: The only wide space of ordinary Japanese text.
_IDEOGRAPHIC_SPACE = "\u3000"


def _ink(character: str) -> str:
    code_point = ord(character)
    printable = character.isprintable() or character == _IDEOGRAPHIC_SPACE
    if printable and code_point not in _INKLESS:
        return character
    named = {9: r"\t", 10: r"\n", 13: r"\r"}.get(code_point)
    if named:
        return named
    if code_point <= 0xFF:
        return f"\\x{code_point:02x}"
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else f"\\U{code_point:08x}"


class _Table(dict[int, str]):
    """What stands for each character in `str.translate`; seldom ones are not kept."""

    def __init__(self, stands: Callable[[str], str]) -> None:
        """Everything is asked of `stands`, most of it once."""
        super().__init__()
        self._stands = stands

    def __missing__(self, code_point: int) -> str:
        """What stands for a character that was not met yet."""
        found = self._stands(chr(code_point))
        if len(self) < _KEPT:
            self[code_point] = found
        return found


def visible(text: str) -> str:
    r"""The text on one line with every control or hidden character spelled out.

    ESC becomes `\x1b`, a right-to-left override `\u202e`, a line end `\n`. A
    backslash that was in the text stays as it is.
    """
    return text.translate(_TEXT) if _ODD.search(text) else text


def visible_json(text: str) -> str:
    """JSON text whose hidden characters stand as JSON's own escapes."""
    return text.translate(_JSON) if _ODD.search(text) else text


def _json_ink(character: str) -> str:
    if character == "\n" or _ink(character) == character:
        return character
    return json.dumps(character)[1:-1] if ord(character) != 0x7F else "\\u007f"


_TEXT, _JSON = _Table(_ink), _Table(_json_ink)
