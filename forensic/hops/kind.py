"""The shape of what programs say about requests: a row of `kinds` and of `refusals`."""

from dataclasses import dataclass

__all__ = [
    "APP",
    "BY_REASON",
    "COMPLAINT",
    "SCRIPT_REFUSED",
    "UNNAMED",
    "WEB",
    "Kind",
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
BY_REASON = r"[^\s\S]"
#: An application's error in words of its own, where it names what was asked for: its
#: level tells, so that no phrase has to.
COMPLAINT = Kind(
    "complained", "app_server application", BY_REASON, "exception", (500, 503)
)
