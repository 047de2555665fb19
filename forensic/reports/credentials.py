r"""Credentials in text from evidence: found by the names before them, or their shape.

`redacted` is the one way to hide them. A name may stand in a header, a query, JSON
(also inside JSON, or percent-encoded), a dict of Python or Ruby, XML or a shell's line.
What is no more than a word of a sentence stays: `token: expired` is no secret.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

__all__ = ["KEY_LINE", "SIGNS", "redacted", "redacted_as"]

# -- names ------------------------------------------------------------------------
_HEADERS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie2?|[\w-]*(?:api|subscription)[_-]?key"
    r"|x-(?:auth|csrf|xsrf|access|session)[\w-]*"
    r"|[\w-]*(?:token|secret|signature|jwt|oidc-data)(?!_(?:version|type))[\w-]*"
)
#: Whose password it is: `pass` alone at the end of a word is often something else.
_WHOSE = (
    r"(?:user|usr|db|database|smtp|mail|email|login|root|admin|ldap|ftp|redis|mysql"
    r"|postgres|pg|mongo|amqp|rabbitmq|http|basic|wifi|app|service)"
)
_SURE = (
    r"[\w.-]*(?:secret|passw(?:or)?d|passwd|passphrase|api[_-]?key|apikey)"
    rf"|(?:[\w.-]*[_.-])?{_WHOSE}[_-]?(?:pass|pwd|pw)|pwd|otp"
)
_KEYS = (
    rf"(?:{_SURE}|[\w.-]*(?:token|signature|credentials?"
    r"|(?:private|account|subscription|secret)[_-]?key"
    r"|session_?id|access[_-]?key(?:[_-]?id)?)"
    r"|pass|pw|sid|sess(?:ion)?|sig|jwt|auth|phpsessid|jsessionid|connect\.sid"
    r"|authorization)"
)
#: Names of headers that tell a credential, with a dash as headers have them.
_DASHED = (
    r"(?:[\w-]*(?:api|auth|access|secret|subscription|private|functions)-key"
    r"|[\w-]*-(?:token|accesstoken|signature|assertion|session-id)(?:-\d+)?)"
)
#: Parameters that carry a credential in a query, and elsewhere something harmless.
_IN_QUERY = (
    r"code|state|nonce|ticket|invite|key|pin|hmac|bearer|login_hint|x?_?csrf|assertion"
    r"|saml(?:response|request|art)|magic_link|[\w.-]*_session|\.aspx\w*auth"
    r"|wordpress_logged_in_\w+"
)
_SCHEMES = r"(?:basic|bearer|digest|negotiate|token|ntlm|aws4-hmac-sha256)"
#: Parts of a path behind which a token may stand that lets its holder in.
_DOORS = (
    r"(?:reset|verify|verification|confirm|activate|activation|invite|invitation"
    r"|magic|unsubscribe|password|recover|token)[\w-]*"
)

# -- what stands around them --------------------------------------------------------
_ALONE = r"(?<![\w-])"
#: Where a name begins; behind a character that is percent-encoded too.
_EDGE = r"(?:(?<![\w.-])|(?<=%[235][0-9a-f]))"
#: A name to which something is given: quickly told, most words are not.
_GIVEN = r"(?=[\w.-]+(?:\]|%5d)*(?:=|%3d))"
#: A quote as JSON writes it, also inside a JSON text inside a JSON text, or in a query.
_Q = r"""(?:(?<!\\)\\*["']|%(?:25)*2[27])"""
#: The same quote again, or the end of a text that was cut.
_END = r"(?:(?<!\\)\1|$)"
_IS = r"\s*(?:=>|[:=]|%(?:25)*3a)\s*"
#: The line end behind a header line, as JSON writes it, too.
_BREAK = r"(?:\r?\n|\\+r\\+n|\\+n)"
#: The inside of a list of texts, each with anything in it; either may be cut.
_LIST = r"""\[(?=\s*\\*["'])((?:\\*"(?:[^"\\]|\\[^"])*(?:\\*"|$)|[^\]"])*)"""


def _quoted(name: str) -> str:
    """A name in quotes that may be longer: `"cs(Cookie)"`, `"http_cookie"`."""
    ends = rf"(?=[^\"'%\\\n]++\1{_IS})"  # quickly told, of most there is no more
    return rf"({_Q}){ends}(?:[^\"'%\\\n]{{0,60}}[^\"'%\\\na-z])?(?:{name})[)\]]?\1"


def _pair(name: str) -> str:
    """The beginning of a pair as JSON has it, up to its value's quote."""
    return rf"({_Q})name\1\s*:\s*\1(?:{name})\1\s*,\s*\1value\1\s*:\s*\1"


# -- values ---------------------------------------------------------------------------
#: A bare value that is no word of a sentence: `token: expired` is no secret.
_NO_WORD = r"(?:(?=[^\s\"',;&]{0,64}\d)[^\s\"',;&]{4,}|[A-Za-z0-9+/_=]{20,})"
_LONG = r"(?=[^&\s\"'#;,]{0,64}\d)[^&\s\"'#;,]{10,}"
#: `username="bob", response="…"`: the parameters of Digest and its like.
_PARAMETER = r"[\w-]+=(?:\"[^\"]*(?:\"|$)|[^\s\"',;]+)"
#: A word behind which the credential stands.
_SCHEME = rf"(?:{_SCHEMES}|[a-z][\w-]{{1,30}}(?=\s+[^\s\"',;]{{0,200}}[\d=]))"
_ADMISSION = (
    rf"(?:[a-z][\w-]*\s+)?{_PARAMETER}(?:\s*,\s*{_PARAMETER})*"
    rf"|(?:{_SCHEME}\s+)?[^\s\"',;]+"
)
_COOKIES = r"(?:[^\"'\r\n]|(?<==)\"[^\"\r\n]*\"?)+"

#: Words without which there is no such name, in lower case: cheap to look for.
_HEADER_SIGNS = "cookie key token auth csrf xsrf access sess secret signature jwt oidc"
_DASHED_SIGNS = "-key -token -accesstoken -signature -assertion -session-id"
_KEY_SIGNS = "token secret pass key signature credential sess pw sid sig jwt auth otp"
_QUERY_SIGNS = (
    "code= state nonce ticket invite key pin= hmac bearer hint csrf asser saml "
    "magic_link _session .aspx logged_in"
)
_DOOR_SIGNS = "reset verif confirm activat invit magic unsub recover pass token"
_ANY_SIGNS = f"{_KEY_SIGNS} {_HEADER_SIGNS}"
_ANY = f"{_KEYS}|{_HEADERS}"


def _followed(run: str, by: str) -> str:
    """By a run of characters and what ends it; by so many that nobody looks further."""
    return rf"{run}{{128}}|{run}*+(?:{by})"


#: What must stand behind one of the words, in lower case: cheap to look at.
_ANYWHERE = ""
_AS_KEY = _followed(r"[^\"'%\\\n]", rf"{_Q}{_IS}")
_AS_VALUE = _followed(r"[\w.-]", _Q)
_AS_NAME = _followed(r"[\w.-]", r"(?:\]|%5d)*\s*(?:[!:=]|%3d)")
_AS_PART = _followed(r"[\w.\]-]", rf"{_Q}{_BREAK}")

#: The words of which one must stand in a text, what must stand behind it, the pattern,
#: and its secret's group.
_PATTERNS: list[tuple[str, str, str, int]] = [
    # {"name": "Cookie", "value": "…"} and the other way round (AWS WAF's headers)
    (_ANY_SIGNS, _AS_VALUE, rf"{_pair(_ANY)}(.*?){_END}", 2),
    # the same of a browser's parameters and cookies (HAR)
    (
        _QUERY_SIGNS.replace("=", ""),
        _AS_VALUE,
        rf"{_pair(_IN_QUERY)}({_LONG})",
        2,
    ),
    (
        "cookies",
        _AS_KEY,
        r"\"cookies\"\s*:\s*\[(?=\s*\{)((?:[^\]\"]|\"(?:[^\"\\]|\\.)*(?:\"|$))*)",
        1,
    ),
    (
        _HEADER_SIGNS,
        _AS_VALUE,
        rf"({_Q})value\1\s*:\s*\1([^\"']*)\1\s*,\s*\1name\1\s*:\s*\1(?:{_HEADERS})\1",
        2,
    ),
    # "password": "…"   "password"=>"…"   'password': b'…'   %22password%22%3A%22…%22
    (_ANY_SIGNS, _AS_KEY, rf"{_quoted(_ANY)}{_IS}[bu]?\1(.*?){_END}", 2),
    # "Cookie": ["…"]
    (_ANY_SIGNS, _AS_KEY, rf"{_quoted(f'(?:{_ANY})s?')}{_IS}{_LIST}", 2),
    # "password": 1234
    (_KEY_SIGNS, _AS_KEY, rf"{_quoted(_SURE)}{_IS}(-?\d[^\s\"',;}}\]]*)", 2),
    # a pair, as Python prints headers
    (
        _ANY_SIGNS,
        _AS_VALUE,
        rf"[\[(]\s*({_Q})(?:{_ANY})\1\s*,\s*[bu]?\1(.{{1,400}}?)\1\s*[\])]",
        2,
    ),
    # what a WAF rule matched is whatever the client sent
    ("matcheddata", _ANYWHERE, rf"\\*\"matchedData\\*\"\s*:\s*{_LIST}", 1),
    # Cookie: a=b; c="d"   http_cookie="a=b"   Authorization: Basic …
    (
        "cookie",
        _AS_NAME,
        rf"{_ALONE}(?:[\w-]*[_-])?cookie2?\s*[:=]\s*(\\*[\"'])(.*?){_END}",
        2,
    ),
    (
        "cookie",
        _AS_NAME,
        rf"{_ALONE}(?:[\w-]*[_-])?cookie2?\s*[:=]\s*(?![\"'\s])({_COOKIES})",
        1,
    ),
    (
        "authorization",
        _AS_NAME,
        rf"{_ALONE}(?:[\w-]*[_-])?authorization\s*[:=]\s*({_ADMISSION})",
        1,
    ),
    # x-api-key: …
    (
        _DASHED_SIGNS,
        _AS_NAME,
        rf"{_ALONE}{_DASHED}\s*[:=]\s*([^\s\"',;]+)",
        1,
    ),
    # password: x1   SECRET_KEY = 'x'   $arg_token != "x"
    (
        _KEY_SIGNS,
        _AS_NAME,
        (
            rf"(?<![\w.-])(?=[\w.-]+\s*[!:=])(?:{_KEYS})\s*(?:[!=]?=|:)\s*"
            rf"(?:([\"'])(.*?)(?:\1|$)|({_NO_WORD}))"
        ),
        0,
    ),
    # Content-Disposition: form-data; name="password", and its part of the body
    (
        _KEY_SIGNS,
        _AS_PART,
        rf"name=({_Q})(?:[\w.-]+\[)*(?:{_KEYS})\]?\1{_BREAK}{{2}}(.*?)(?={_BREAK}--|$)",
        2,
    ),
    # a body that is packed for JSON
    (
        "base64",
        _ANYWHERE,
        rf"({_Q})text\1{_IS}\1([A-Za-z0-9+/=]{{8,}})(?=\1\s*,\s*\1encoding\1{_IS}\1base64)",
        2,
    ),
    ("pass", _ANYWHERE, r"passw(?:or)?d\s+(?:is\s+)?([\"'])(.+?)(?:\1|$)", 2),
    # [password] => x   <password>x</password>
    (
        _KEY_SIGNS,
        _AS_NAME,
        rf"\[(?:{_ANY})\]\s*=>\s*([^\r\n]+?)(?=\s+[\[)]|[\r\n]|$)",
        1,
    ),
    (_KEY_SIGNS, _ANYWHERE, rf"<(?:\w+:)?(?:{_KEYS})(?:\s[^<>]*)?>([^<]+)", 1),
    # what is typed at a prompt
    ("--", _ANYWHERE, rf"(?<!\S)--(?:{_KEYS})\s+(\S+)", 1),
    (
        " -u --user",
        _ANYWHERE,
        r"(?<!\S)(?:-u|--user)[\s=]+[^\s:]+:(?!\d+(?!\S))(\S+)",
        1,
    ),
    ("sshpass", _ANYWHERE, r"\bsshpass\s+-p\s*(\S+)", 1),
    ("mysql", _ANYWHERE, r"\bmysql\w*\s[^|;]{0,200}?(?<!\S)-p(\S+)", 1),
    ("auth", _ANYWHERE, r"\bauth\s+(?:plain|login|xoauth2)\s+([a-z0-9+/]{8,}=*)", 1),
    # ?code=…: only where it is long
    (_QUERY_SIGNS, _ANYWHERE, rf"(?:^|[?&;\s\"'])(?:{_IN_QUERY})=({_LONG})", 1),
    # token=…   user[password]=…
    (
        _KEY_SIGNS,
        _AS_NAME,
        rf"{_EDGE}{_GIVEN}(?:{_KEYS})(?:\]|%5d)*(?:=|%3d)([^&\s\"'#;,]+)",
        1,
    ),
    # /reset/…
    (
        _DOOR_SIGNS,
        _ANYWHERE,
        rf"(?i:/{_DOORS}/)(?-i:((?=[\w.~-]{{0,64}}\d)[\w.~-]{{20,}}))",
        1,
    ),
    ("/bot", _ANYWHERE, r"/bot(\d{6,}:[\w-]{30,})", 1),
    ("hooks", _ANYWHERE, r"hooks\.slack\.com/services/([\w/]+)", 1),
    ("webhooks", _ANYWHERE, r"/webhooks/\d+/([\w-]{20,})", 1),
    # https://token@host   https://user:password@host
    (
        "@",
        _ANYWHERE,
        r"://((?=[^/\s:@\"']{0,64}\d)[^/?#\s:@\"']{16,})(?=(?::[^/?#\s\"']*)?@)",
        1,
    ),
    ("@", _ANYWHERE, r"://[^/\s:@\"']*:([^/?#\s\"']+)@", 1),
    ("%40", _ANYWHERE, r"%3a%2f%2f[^/\s%&]{0,64}%3a([^&\s]{1,64}?)%40", 1),
    ("bearer", _ANYWHERE, r"(?<!\w)bearer(?:\s|\+|%20)+([A-Za-z0-9+/=._~-]{16,})", 1),
    (
        "basic",
        _ANYWHERE,
        r"(?<!\w)basic\s+([A-Za-z0-9+/]{6,}={1,2}|[A-Za-z0-9+/]*\d[A-Za-z0-9+/]{5,})",
        1,
    ),
]
#: Keys that give themselves away by their shape, by the sign of each.
_SHAPES = {
    "akia asia aroa aida": r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b",
    "eyj": r"\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]+){1,4}",
    "ghp_ gho_ ghu_ ghs_ ghr_": r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    "github_pat": r"\bgithub_pat_\w{20,}",
    "glpat-": r"\bglpat-[\w-]{16,}",
    "xox xapp-": r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,}",
    "k_live_ k_test_": r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",
    "whsec_": r"\bwhsec_[A-Za-z0-9+/=]{20,}",
    "sk-": r"\bsk-[A-Za-z0-9_-]{20,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{20,}",
    "pypi-": r"\bpypi-[\w-]{16,}",
    "hf_": r"\bhf_[A-Za-z0-9]{20,}",
    "dckr_": r"\bdckr_[a-z]+_[\w-]{20,}",
    "shpat_ shpss_ shpca_": r"\bshp(?:at|ss|ca)_[A-Za-z0-9]{20,}",
    "hvs. hvb.": r"\bhv[sb]\.[\w-]{20,}",
    "sg.": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "dop_v1_": r"\bdop_v1_[a-f0-9]{40,}",
    "aiza": r"\bAIza[\w-]{30,}",
    "ya29.": r"\bya29\.[\w-]{20,}",
    "gocspx-": r"\bGOCSPX-[\w-]{16,}",
    "private": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END|$)",
}
#: A line of a key that is written over several, by itself: each may be an event of its
#: own, and nothing else is as long, ends there, and has all kinds of characters.
KEY_LINE = r"[A-Za-z0-9+/]{64}"
_KEY_LINE = re.compile(
    rf"(?:^|[ \t\"'])({KEY_LINE})(?=\r?$|\\r|\\n|[\"'])", re.MULTILINE
)
_KINDS = [re.compile(kind) for kind in ("[A-Z]", "[a-z]", "[0-9]")]
_NAMED = re.compile(f"(?:{_ANY})", re.IGNORECASE)
#: What another pattern hid before, and nothing behind it.
_DONE = re.compile(r"\[redacted, \d+ chars\]")

#: No value at all.
_NONE = {"", "-"}


def _mark(value: str) -> str:
    return f"[redacted, {len(value)} chars]"


def _hidden(group: int) -> Callable[[re.Match[str]], str]:
    """What replaces the group, or the last group where it is 0."""

    def replace(match: re.Match[str]) -> str:
        which = group or match.lastindex or 0
        value = match.group(which)
        done = _DONE.match(match.string, match.start(which))
        if value in _NONE or (done and done.end() >= match.end(which)):
            return match.group()
        start, end = (edge - match.start() for edge in match.span(which))
        whole = match.group()
        return f"{whole[:start]}{_mark(value)}{whole[end:]}"

    return replace


def _hidden_key(match: re.Match[str]) -> str:
    """What replaces a line of a key; a digest in hex has not all kinds of letters."""
    told = all(kind.search(match[1]) for kind in _KINDS)
    return _hidden(1)(match) if told else match[0]


class _Pattern(NamedTuple):
    """How credentials are found: where words stand is where it pays to look."""

    signs: list[str]
    behind: str
    looks: re.Pattern[str]
    hide: Callable[[re.Match[str]], str]


_COMPILED = [
    _Pattern(
        signs.split(),
        behind,
        re.compile(pattern, re.IGNORECASE | re.DOTALL),
        _hidden(group),
    )
    for signs, behind, pattern, group in _PATTERNS
] + [
    _Pattern(
        " ".join(_SHAPES).split(),
        _ANYWHERE,
        re.compile(f"({'|'.join(_SHAPES.values())})", re.DOTALL),
        _hidden(1),
    )
]
#: What any of them needs, in lower case: a text without all of these has none.
SIGNS = sorted({sign for one in _COMPILED for sign in one.signs})
#: Texts up to this length come again and again: labels, paths, names.
_SHORT = 200
_KEY_WIDTH = 64


def redacted(text: str) -> str:
    """The text with credentials replaced by `[redacted, 43 chars]`."""
    return _known(text) if len(text) <= _SHORT else _recent(text)


def redacted_as(name: str, text: str) -> str:
    """The text of a column or key of that name, which may tell a credential alone."""
    told = _NAMED.fullmatch(name) and not _DONE.fullmatch(text)
    return _mark(text) if told and text not in _NONE else redacted(text)


def _searched(text: str) -> str:
    if len(text) >= _KEY_WIDTH:
        text = _KEY_LINE.sub(_hidden_key, text)
    # Beyond ASCII there are letters that match and are those of no sign: `ſecret`.
    small = text.lower() if text.isascii() else ""
    seen = {sign for sign in SIGNS if sign in small} if small else {*SIGNS}
    if not seen:
        return text
    standing = {_ANYWHERE: seen}
    for signs, behind, looks, hide in _COMPILED:
        if behind not in standing:
            standing[behind] = _standing(small, seen, behind) if small else seen
        if not standing[behind].isdisjoint(signs):
            text = looks.sub(hide, text)
    return text


def _standing(small: str, signs: set[str], behind: str) -> set[str]:
    """The signs behind which something of that kind stands, anywhere in the text."""
    fits = re.compile(behind).match
    return {sign for sign in signs if any(fits(small, at) for at in _ends(small, sign))}


def _ends(text: str, word: str) -> Iterator[int]:
    """Where the word ends, each time that it occurs."""
    at = text.find(word)
    while at >= 0:
        yield at + len(word)
        at = text.find(word, at + 1)


_known = lru_cache(maxsize=8192)(_searched)
#: One record proves several things, in the page and beside it.
_recent = lru_cache(maxsize=256)(_searched)
