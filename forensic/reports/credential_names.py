r"""How credentials are written: the names before them, what stands around, their shape.

A name may stand in a header, a query, JSON (also inside JSON, or percent-encoded), a
dict of Python or Ruby, XML or a shell's line.
"""

__all__ = ["ANYWHERE", "KEY_LINE", "NAME", "PATTERNS", "SHAPES"]

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
NAME = f"{_KEYS}|{_HEADERS}"


def _followed(run: str, by: str) -> str:
    """By a run of characters and what ends it; by so many that nobody looks further."""
    return rf"{run}{{128}}|{run}*+(?:{by})"


#: What must stand behind one of the words, in lower case: cheap to look at.
ANYWHERE = ""
_AS_KEY = _followed(r"[^\"'%\\\n]", rf"{_Q}{_IS}")
_AS_VALUE = _followed(r"[\w.-]", _Q)
_AS_NAME = _followed(r"[\w.-]", r"(?:\]|%5d)*\s*(?:[!:=]|%3d)")
_AS_PART = _followed(r"[\w.\]-]", rf"{_Q}{_BREAK}")

#: The words of which one must stand in a text, what must stand behind it, the pattern,
#: and its secret's group.
PATTERNS: list[tuple[str, str, str, int]] = [
    # {"name": "Cookie", "value": "…"} and the other way round (AWS WAF's headers)
    (_ANY_SIGNS, _AS_VALUE, rf"{_pair(NAME)}(.*?){_END}", 2),
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
    (_ANY_SIGNS, _AS_KEY, rf"{_quoted(NAME)}{_IS}[bu]?\1(.*?){_END}", 2),
    # "Cookie": ["…"]
    (_ANY_SIGNS, _AS_KEY, rf"{_quoted(f'(?:{NAME})s?')}{_IS}{_LIST}", 2),
    # "password": 1234
    (_KEY_SIGNS, _AS_KEY, rf"{_quoted(_SURE)}{_IS}(-?\d[^\s\"',;}}\]]*)", 2),
    # a pair, as Python prints headers
    (
        _ANY_SIGNS,
        _AS_VALUE,
        rf"[\[(]\s*({_Q})(?:{NAME})\1\s*,\s*[bu]?\1(.{{1,400}}?)\1\s*[\])]",
        2,
    ),
    # what a WAF rule matched is whatever the client sent
    ("matcheddata", ANYWHERE, rf"\\*\"matchedData\\*\"\s*:\s*{_LIST}", 1),
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
        ANYWHERE,
        rf"({_Q})text\1{_IS}\1([A-Za-z0-9+/=]{{8,}})(?=\1\s*,\s*\1encoding\1{_IS}\1base64)",
        2,
    ),
    ("pass", ANYWHERE, r"passw(?:or)?d\s+(?:is\s+)?([\"'])(.+?)(?:\1|$)", 2),
    # [password] => x   <password>x</password>
    (
        _KEY_SIGNS,
        _AS_NAME,
        rf"\[(?:{NAME})\]\s*=>\s*([^\r\n]+?)(?=\s+[\[)]|[\r\n]|$)",
        1,
    ),
    (_KEY_SIGNS, ANYWHERE, rf"<(?:\w+:)?(?:{_KEYS})(?:\s[^<>]*)?>([^<]+)", 1),
    # what is typed at a prompt
    ("--", ANYWHERE, rf"(?<!\S)--(?:{_KEYS})\s+(\S+)", 1),
    (
        " -u --user",
        ANYWHERE,
        r"(?<!\S)(?:-u|--user)[\s=]+[^\s:]+:(?!\d+(?!\S))(\S+)",
        1,
    ),
    ("sshpass", ANYWHERE, r"\bsshpass\s+-p\s*(\S+)", 1),
    ("mysql", ANYWHERE, r"\bmysql\w*\s[^|;]{0,200}?(?<!\S)-p(\S+)", 1),
    ("auth", ANYWHERE, r"\bauth\s+(?:plain|login|xoauth2)\s+([a-z0-9+/]{8,}=*)", 1),
    # ?code=…: only where it is long
    (_QUERY_SIGNS, ANYWHERE, rf"(?:^|[?&;\s\"'])(?:{_IN_QUERY})=({_LONG})", 1),
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
        ANYWHERE,
        rf"(?i:/{_DOORS}/)(?-i:((?=[\w.~-]{{0,64}}\d)[\w.~-]{{20,}}))",
        1,
    ),
    ("/bot", ANYWHERE, r"/bot(\d{6,}:[\w-]{30,})", 1),
    ("hooks", ANYWHERE, r"hooks\.slack\.com/services/([\w/]+)", 1),
    ("webhooks", ANYWHERE, r"/webhooks/\d+/([\w-]{20,})", 1),
    # https://token@host   https://user:password@host
    (
        "@",
        ANYWHERE,
        r"://((?=[^/\s:@\"']{0,64}\d)[^/?#\s:@\"']{16,})(?=(?::[^/?#\s\"']*)?@)",
        1,
    ),
    ("@", ANYWHERE, r"://[^/\s:@\"']*:([^/?#\s\"']+)@", 1),
    ("%40", ANYWHERE, r"%3a%2f%2f[^/\s%&]{0,64}%3a([^&\s]{1,64}?)%40", 1),
    ("bearer", ANYWHERE, r"(?<!\w)bearer(?:\s|\+|%20)+([A-Za-z0-9+/=._~-]{16,})", 1),
    (
        "basic",
        ANYWHERE,
        r"(?<!\w)basic\s+([A-Za-z0-9+/]{6,}={1,2}|[A-Za-z0-9+/]*\d[A-Za-z0-9+/]{5,})",
        1,
    ),
]
#: Keys that give themselves away by their shape, by the sign of each.
SHAPES = {
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
