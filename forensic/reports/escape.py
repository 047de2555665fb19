"""Text from evidence ▶ text that is safe to show: the one way to every output.

`shown` is what a terminal, a page, a ticket and a spreadsheet have in common: no
credential, no character that moves the cursor, hides or reorders. `markdown`, `code`
and `guarded` (tables) add what their medium needs on top; HTML adds Jinja's autoescape.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson
import polars as pl

from forensic.reports.credential_names import KEY_LINE
from forensic.reports.credentials import SIGNS, redacted, redacted_as
from forensic.visible import visible, visible_json

__all__ = [
    "around",
    "code",
    "cut",
    "guarded",
    "json_text",
    "markdown",
    "redacted",
    "shown",
    "visible",
    "visible_json",
]

#: How much of a long text is looked at to show its beginning: whole credentials.
_NEAR = 8


def shown(text: object) -> str:
    """Any value as safe text: without credentials, every character visible."""
    return visible(redacted(text if isinstance(text, str) else str(text)))


def cut(text: object, width: int) -> str:
    """Safe text of at most `width` characters; what was cut is counted."""
    whole = text if isinstance(text, str) else str(text)
    near = whole[: width * _NEAR]
    safe = shown(near)
    beyond = len(whole) - len(near)
    if len(safe) <= width and not beyond:
        return safe
    note = f"… (+{len(safe) - width + beyond} chars)"
    return safe[: max(width - len(note), 1)] + note


#: How much of a text is searched for a word: what one event can hold.
_WHOLE = 1 << 16


def around(text: object, words: Iterable[str], width: int) -> str:
    """Safe text of at most `width` characters around the first word that occurs.

    It begins with the text's beginning where the word stands there, or none occurs.
    """
    beginning = cut(text, width)
    # Credentials go before anything is cut away: their names tell them.
    safe = shown(str(text)[:_WHOLE])
    word = next((word for word in map(shown, words) if word in safe), "")
    if word in beginning:
        return beginning
    room = max(width - 2, 1)
    middle = safe.index(word) + min(len(word), room) // 2
    start = min(max(middle - room // 2, 0), max(len(safe) - room, 0))
    end = start + room
    return f"…{safe[start:end]}{'…' if end < len(safe) else ''}"


_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#!@$])")


def markdown(text: object) -> str:
    """Safe text for Markdown prose and table cells: no markup, link or mention."""
    escaped = _MARKDOWN.sub(r"\\\1", shown(text))
    return re.sub(r"(?i)\b(www)\.", r"\1\\.", escaped.replace("://", "\\://"))


def code(text: object) -> str:
    """Safe text as a Markdown code span that nothing in it can end."""
    safe = shown(text)
    longest = max((len(run) for run in re.findall(r"`+", safe)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest or not safe.strip() else ""
    return f"{fence}{space}{safe}{space}{fence}"


def json_text(value: object, *, secrets: bool = False) -> str:
    """The value as indented JSON that is safe on a terminal, credentials redacted.

    Parsing it gives the same value: hidden characters stand as JSON's own escapes.
    """
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    plain = value if secrets else _without_secrets(value)
    text = orjson.dumps(plain, default=str, option=options).decode()
    return visible_json(text)


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return redacted_as(name, value)
    if isinstance(value, Mapping):
        return {str(k): _without_secrets(inner, str(k)) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(inner, name) for inner in value]
    return value


#: What a spreadsheet takes for a formula, full-width forms included.
_FORMULA = tuple("=+-@\t\r＝＋－＠")


def _csv_cell(text: str) -> str:
    """Visible text that no spreadsheet runs: a leading `'` where it could."""
    safe = visible(text)
    return f"'{safe}" if text.startswith(_FORMULA) else safe


_RISKY = r"^[=+\-@＝＋－＠]|[^\x20-\x7e]"
#: What any credential needs, for a whole column.
_TRIGGER = f"(?i){'|'.join([*map(re.escape, SIGNS), KEY_LINE])}"
_TEXTS = pl.List(pl.String)


def guarded(frame: pl.DataFrame, *, secrets: bool, formulas: bool) -> pl.DataFrame:
    """The frame with its text safe to pass on; numbers and times stay.

    `secrets` keeps credentials; `formulas` keeps cells that a spreadsheet would run,
    and hidden characters.
    """
    columns = []
    for name, dtype in frame.schema.items():
        hide = partial(redacted_as, name)
        named = hide(name) != name
        if dtype == pl.String:
            column = frame[name]
            if not secrets:
                suspect = column.str.contains(_TRIGGER) | named
                column = _map_distinct(column, suspect, hide)
            if not formulas:
                risky = column.str.contains(_RISKY)
                column = _map_distinct(column, risky, _csv_cell)
            columns.append(column)
        elif dtype == _TEXTS and not secrets:
            columns.append(_map_lists(frame[name], hide, named=named))
    return frame.with_columns(columns)


def _map_lists(
    lists: pl.Series, change: Callable[[str], str], *, named: bool
) -> pl.Series:
    """The column of lists with `change` applied where a text may hold a credential."""
    suspect = lists.list.join("\n").str.contains(_TRIGGER) | named
    if not suspect.any():
        return lists
    after = [texts and [t and change(t) for t in texts] for texts in lists.to_list()]
    return pl.Series(lists.name, after, _TEXTS)


def _map_distinct(
    column: pl.Series, chosen: pl.Series, change: Callable[[str], str]
) -> pl.Series:
    """The column with `change` applied to the distinct values of the chosen rows."""
    distinct = column.filter(chosen.fill_null(value=False)).unique()
    if not distinct.len():
        return column
    after = [change(text) for text in distinct.to_list()]
    return column.replace(distinct, pl.Series(after, dtype=pl.String))
