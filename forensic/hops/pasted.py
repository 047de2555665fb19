"""What somebody pasted as the path of a request ▶ its method, host and path.

An address, from a browser's bar perhaps, a line of a log or the part of it in quotes, a
curl command: all of them are at hand where a path is asked for.
"""

import re
import shlex
from typing import NamedTuple

__all__ = ["Pasted", "read"]

_METHOD = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|PROPFIND"
#: A request line within whatever stands around it; of a line that was cut, the rest.
_REQUEST = re.compile(
    rf"(?:^|[\s\"'`\[(])({_METHOD}) (\S.*? HTTP/[0-9](?:\.[0-9])?|\S+)"
)
_VERSION = re.compile(r" HTTP/[0-9](?:\.[0-9])?$")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
#: A host without a scheme: `shop.example.com/a`, `localhost:8080/a`.
_HOST = re.compile(
    r"((?:[A-Za-z0-9-]+\.)+([A-Za-z]{2,}|[0-9]{1,3})(?::[0-9]{1,5})?"
    r"|[A-Za-z0-9-]+:[0-9]{1,5})(?=[/?#])"
)
#: What ends a file's name and no host's.
_FILES = {
    *("php", "html", "htm", "asp", "aspx", "jsp", "js", "css", "cgi", "json", "xml"),
    *("do", "action", "py", "pl", "txt", "svc", "ashx", "jpg", "png", "gif", "ico"),
}
_WRAPPED = {'"': '"', "'": "'", "`": "`", "<": ">", "(": ")"}
#: Options of curl that take a value which is not the address.
_VALUED = re.compile(
    r"-[XHdAoubexmFTEKwcrUCYyzQPtD]|--(?:request|header|data(?:-\w+)*|user-agent"
    r"|output|user|cookie(?:-jar)?|referer|proxy|max-time|connect-timeout|form|resolve"
    r"|connect-to|cacert|cert|key|json|write-out|retry|interface|range|upload-file)"
)
_HEAD = re.compile(r"--head|-[a-zA-Z]*I[a-zA-Z]*")
_BODY = re.compile(r"-[dF].*|--(?:data|form|json).*")


class Pasted(NamedTuple):
    """What was found; None for what it does not say."""

    method: str | None
    host: str | None
    #: With the query; without what a browser keeps for itself behind `#`.
    path: str
    #: The same with that, since a log may hold a `#`; None where there is none.
    whole: str | None


def read(text: str) -> Pasted:
    """The request that the text is about."""
    method, host, target = None, None, _unwrapped(text.strip())
    if re.match(r"(?:\$ +)?curl(?:\.exe)?\s", target):
        method, host, target = _of_curl(target)
    elif line := _REQUEST.search(target):
        method, target = line[1], _VERSION.sub("", line[2].rstrip("\"'`)]"))
    found, target = _placed(_unwrapped(target))
    path, mark, _ = target.partition("#")
    short = path.endswith(("…", "..."))
    path = f"{path.rstrip('….')}*" if short and not mark else path
    whole = target if mark and path else None
    return Pasted(method, host or found, path or "/", whole)


def _unwrapped(text: str) -> str:
    """The text without quotes or brackets around it."""
    while len(text) > 1 and _WRAPPED.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def _placed(target: str) -> tuple[str | None, str]:
    """The host of an address, without user and port, and what follows it."""
    found = _ADDRESS.match(target)
    if found is None:
        found = _HOST.match(target)
        if found is None or (found[2] or "").lower() in _FILES:
            relative = target and target[0] not in "/*?"
            return None, f"/{target}" if relative else target
    host = found[1].rpartition("@")[2].lower()
    bare = re.sub(r":[0-9]*$", "", host).strip("[]")
    rest = target[found.end() :]
    return bare or None, rest if rest[:1] in {"/", "#", ""} else f"/{rest}"


def _of_curl(command: str) -> tuple[str, str | None, str]:
    """Method, host and address of a curl command."""
    try:
        words = shlex.split(command.replace("\\\n", " "))
    except ValueError:  # a quote that does not close
        words = [word.strip("'\"") for word in command.split()]
    method, host, target, valued = None, None, "", ""
    for word in words[words.index("$") + 2 if words[0] == "$" else 1 :]:
        if valued:
            method = word if valued in {"-X", "--request"} else method
            name, _, value = word.partition(":")
            named = valued in {"-H", "--header"} and name.lower() == "host"
            host = value.strip().lower() if named else host
            valued = ""
        elif word.startswith("-"):
            valued = word if _VALUED.fullmatch(word) else ""
            method = word[2:] if re.fullmatch(r"-X[A-Z]+", word) else method
            method = "HEAD" if _HEAD.fullmatch(word) else method
            method = method or ("POST" if _BODY.fullmatch(word) else None)
        else:
            target = target or word
    return method or "GET", host, target
