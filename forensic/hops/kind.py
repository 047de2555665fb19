"""The shape of what programs say about requests: a row of `kinds` and of `refusals`."""

import re
from dataclasses import dataclass

__all__ = [
    "APP",
    "BY_REASON",
    "COMPLAINT",
    "SCRIPT_REFUSED",
    "UNNAMED",
    "WEB",
    "Kind",
    "ascii_classes",
]


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that a program says, and what follows from it."""

    name: str
    #: The programs that say it.
    hops: str
    #: Regular expression found in the message.
    phrase: str
    #: The cause that it proves.
    cause: str
    #: The statuses that the client may get with it; empty where it names none.
    statuses: tuple[int, ...] = ()
    #: The classes of error lines (`reason`) that say it, whatever server writes them.
    reasons: tuple[str, ...] = ()


WEB = "web_server"
#: By what it wrote itself, a script of the web server sent somebody away.
SCRIPT_REFUSED = "script_refused"
#: A program that no format knows: what a container or a service printed.
UNNAMED = "unnamed"
APP = f"app_server application host {UNNAMED}"
#: Matches no message: the class alone tells.
BY_REASON = r"[a&&b]"
#: An application's error in words of its own, where it names what was asked for: its
#: level tells, so that no phrase has to.
COMPLAINT = Kind(
    "complained", "app_server application", BY_REASON, "exception", (500, 503)
)

#: A class of characters, what it holds in ASCII within brackets, and on its own.
_ASCII = {
    r"\d": ("0-9", "[0-9]"),
    r"\w": ("0-9A-Za-z_", "[0-9A-Za-z_]"),
    r"\s": (r"\t-\r ", r"[\t-\r ]"),
    r"\S": (r"\S", r"[^\t-\r ]"),
    r"\b": (r"\b", r"(?-u:\b)"),
}


def ascii_classes(phrase: str) -> str:
    r"""The phrase for polars, in whose `\d`, `\w`, `\s`, `\S` and `\b` is only ASCII.

    Programs write nothing else there, and each window of time compiles all phrases:
    with Unicode's hundreds of ranges that takes more than twice as long.
    """
    within = False
    parts = re.split(r"(\\.|[\[\]])", phrase)
    for place, part in enumerate(parts):
        if part in _ASCII:
            parts[place] = _ASCII[part][0 if within else 1]
        elif part in {"[", "]"}:
            within = part == "["
    return "".join(parts)
