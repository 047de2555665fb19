"""Text from evidence ▶ text that is safe to show: the one way to every output.

`shown` is what a terminal, a page, a ticket and a spreadsheet have in common: no
credential, no character that moves the cursor, hides or reorders. `markdown`, `code`
and `csv_cell` add what their medium needs on top; HTML adds Jinja's autoescape.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
import polars as pl

from forensic.visible import visible, visible_json

__all__ = [
    "around",
    "code",
    "csv_cell",
    "cut",
    "guarded",
    "json_text",
    "markdown",
    "redacted",
    "shown",
    "visible",
    "visible_json",
]

# -- credentials --------------------------------------------------------------
_HEADERS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie2?|[\w-]*(?:api|subscription)[_-]?key"
    r"|x-(?:auth|csrf|xsrf|access|session)[\w-]*"
    r"|[\w-]*(?:token|secret|signature|jwt|oidc-data)[\w-]*"
)
_KEYS = (
    r"(?:[\w.-]*(?:token|secret|passw(?:or)?d|passwd|passphrase|api[_-]?key|apikey"
    r"|signature|credentials?|(?:private|account|subscription|secret)[_-]?key"
    r"|session_?id|access[_-]?key(?:[_-]?id)?)"
    r"|pwd|pass|sid|sess(?:ion)?|sig|jwt|auth|otp|phpsessid|jsessionid|connect\.sid|authorization)"
)
#: A quote as JSON writes it, also inside a JSON text inside a JSON text.
_Q = r"""\\*["']"""
#: The same quote again, or the end of a text that was cut.
_END = r"(?:(?<!\\)\1|$)"
_ALONE = r"(?<![\w-])"
#: A list of texts, each with anything in it; the list or a text may be cut.
_MATCHED = (
    r"""\\*"matchedData\\*"\s*:\s*\["""
    r"""((?:\\*"(?:[^"\\]|\\[^"])*(?:\\*"|$)|[^\]"])*)"""
)
#: Names of headers that tell a credential, with a dash as headers have them.
_DASHED = (
    r"(?:[\w-]*(?:api|auth|access|secret|subscription|private|functions)-key"
    r"|[\w-]*-(?:token|signature|session-id)(?:-\d+)?)"
)
#: A bare value that is no word of a sentence: `token: expired` is no secret.
_NO_WORD = r"(?=[^\s\"',;&]{0,64}\d)[^\s\"',;&]{4,}"
#: Parameters that carry a credential in a query, and elsewhere something harmless.
_IN_QUERY = (
    r"code|state|nonce|ticket|invite|key|pin|hmac|bearer|login_hint|x?_?csrf|assertion"
    r"|saml(?:response|request|art)"
)
_LONG = r"(?=[^&\s\"'#;,]{0,64}\d)[^&\s\"'#;,]{10,}"
_SCHEMES = r"(?:basic|bearer|digest|negotiate|token|aws4-hmac-sha256)"

#: Words without which there is no such name, in lower case: cheap to look for.
_HEADER_SIGNS = "cookie key token auth csrf xsrf access sess secret signature jwt oidc"
_KEY_SIGNS = "token secret pass key signature credential sess pwd sid sig jwt auth otp"
_QUERY_SIGNS = (
    "code= state nonce ticket invite key pin= hmac bearer hint csrf asser saml"
)

#: The words of which one must stand in a text, the pattern, and its secret's group.
_PATTERNS: list[tuple[str, str, int]] = [
    # {"name": "Cookie", "value": "…"} and the other way round (AWS WAF's headers)
    (
        _HEADER_SIGNS,
        rf"({_Q})name\1\s*:\s*\1(?:{_HEADERS})\1\s*,\s*\1value\1\s*:\s*\1(.*?){_END}",
        2,
    ),
    (
        _HEADER_SIGNS,
        rf"({_Q})value\1\s*:\s*\1([^\"']*)\1\s*,\s*\1name\1\s*:\s*\1(?:{_HEADERS})\1",
        2,
    ),
    # "password": "…"
    (
        f"{_KEY_SIGNS} {_HEADER_SIGNS}",
        rf"({_Q})(?:{_KEYS}|{_HEADERS})\1\s*[:=]\s*\1(.*?){_END}",
        2,
    ),
    # what a WAF rule matched is whatever the client sent
    ("matcheddata", _MATCHED, 1),
    # Cookie: a=b; c=d   Authorization: Basic …   x-api-key: …
    (
        "cookie",
        rf"{_ALONE}(?:set-)?cookie2?\s*[:=]\s*(?![\"'\s])([^\"'\r\n]+)",
        1,
    ),
    (
        "authorization",
        rf"{_ALONE}(?:proxy-)?authorization\s*[:=]\s*((?:{_SCHEMES}\s+)?[^\s\"',;]+)",
        1,
    ),
    (
        _HEADER_SIGNS,
        rf"{_ALONE}{_DASHED}\s*[:=]\s*([^\s\"',;]+)",
        1,
    ),
    # password: x1   SECRET_KEY = 'x'   --token x1
    (
        _KEY_SIGNS,
        rf"(?<![\w.-])(?:{_KEYS})\s*[:=]\s*(?:([\"'])(.*?)(?:\1|$)|({_NO_WORD}))",
        0,
    ),
    (
        "pass",
        r"passw(?:or)?d\s+(?:is\s+)?([\"'])(.+?)(?:\1|$)",
        2,
    ),
    ("--", rf"(?<!\S)--(?:{_KEYS})\s+(\S+)", 1),
    (" -u ", r"(?<!\S)-u\s+[^\s:]+:(\S+)", 1),
    # ?code=…: only where it is long
    (
        _QUERY_SIGNS,
        rf"(?:^|[?&\s\"'])(?:{_IN_QUERY})=({_LONG})",
        1,
    ),
    # token=…
    (_KEY_SIGNS, rf"(?<![\w.-])(?:{_KEYS})(?:=|%3d)([^&\s\"'#;,]+)", 1),
    # https://user:password@host
    ("@", r"://[^/\s:@\"']*:([^/\s@\"']+)@", 1),
    ("bearer", r"(?<!\w)bearer\s+([A-Za-z0-9+/=._~-]{16,})", 1),
    (
        "basic",
        r"(?<!\w)basic\s+([A-Za-z0-9+/]{6,}={1,2}|[A-Za-z0-9+/]*\d[A-Za-z0-9+/]{5,})",
        1,
    ),
]
#: Keys that give themselves away by their shape.
_SHAPES = (
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"
    r"|\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]+){1,4}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}|\bnpm_[A-Za-z0-9]{20,}|\bhv[sb]\.[\w-]{20,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bdop_v1_[a-f0-9]{40,}"
    r"|\bAIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|$)"
)
_SHAPE_SIGNS = (
    "akia asia aroa aida eyj ghp_ gho_ ghu_ ghs_ ghr_ github_pat glpat xox k_live_ "
    "k_test_ aiza private sk- npm_ hvs. hvb. sg. dop_v1_"
)
_COMPILED = [
    (tuple(signs.split()), re.compile(pattern, re.IGNORECASE | re.DOTALL), group)
    for signs, pattern, group in _PATTERNS
]
_COMPILED.append(
    (tuple(_SHAPE_SIGNS.split()), re.compile(f"({_SHAPES})", re.DOTALL), 1)
)
#: What any of them needs, also for a whole column.
_SIGNS = sorted({sign for signs, _, _ in _COMPILED for sign in signs})
_TRIGGER = f"(?i){'|'.join(_SIGNS)}"


def _hidden(group: int) -> Callable[[re.Match[str]], str]:
    """What replaces the group, or the last group where it is 0."""

    def replace(match: re.Match[str]) -> str:
        which = group or match.lastindex or 0
        value = match.group(which)
        if not value or value.startswith("[redacted, "):
            return match.group()
        start, end = (edge - match.start() for edge in match.span(which))
        whole = match.group()
        return f"{whole[:start]}[redacted, {len(value)} chars]{whole[end:]}"

    return replace


#: Texts up to this length come again and again: labels, paths, names.
_SHORT = 200


def redacted(text: str) -> str:
    """The text with credentials replaced by `[redacted, 43 chars]`."""
    return _known(text) if len(text) <= _SHORT else _recent(text)


def _searched(text: str) -> str:
    # Beyond ASCII there are letters that match and are those of no sign: `ſecret`.
    small = text.lower() if text.isascii() else None
    if small is not None and not any(sign in small for sign in _SIGNS):
        return text
    for signs, pattern, group in _COMPILED:
        if small is None or any(sign in small for sign in signs):
            text = pattern.sub(_hidden(group), text)
    return text


_known = lru_cache(maxsize=8192)(_searched)
#: One record proves several things, in the page and beside it.
_recent = lru_cache(maxsize=256)(_searched)


#: How much of a long text is looked at to show its beginning: whole credentials.
_NEAR = 8


# -- the outputs --------------------------------------------------------------
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


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {str(k): _without_secrets(inner) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    return value


#: What a spreadsheet takes for a formula, full-width forms included.
_FORMULA = tuple("=+-@\t\r＝＋－＠")


def csv_cell(text: str) -> str:
    """Visible text that no spreadsheet runs: a leading `'` where it could."""
    safe = visible(text)
    return f"'{safe}" if text.startswith(_FORMULA) else safe


def guarded(frame: pl.DataFrame, *, secrets: bool, formulas: bool) -> pl.DataFrame:
    """The frame with its text safe to pass on; numbers and times stay.

    `secrets` keeps credentials; `formulas` keeps cells that a spreadsheet would run,
    and hidden characters.
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    columns = [frame[name] for name in texts]
    if not secrets:
        suspects = [column.str.contains(_TRIGGER) for column in columns]
        columns = [
            _map_distinct(column, suspect, redacted)
            for column, suspect in zip(columns, suspects, strict=True)
        ]
    if not formulas:
        risky = r"^[=+\-@＝＋－＠]|[^\x20-\x7e]"
        columns = [_map_distinct(c, c.str.contains(risky), csv_cell) for c in columns]
    return frame.with_columns(columns)


def _map_distinct(
    column: pl.Series, chosen: pl.Series, change: Callable[[str], str]
) -> pl.Series:
    """The column with `change` applied to the distinct values of the chosen rows."""
    distinct = column.filter(chosen.fill_null(value=False)).unique()
    if not distinct.len():
        return column
    after = [change(text) for text in distinct.to_list()]
    return column.replace(distinct, pl.Series(after, dtype=pl.String))
