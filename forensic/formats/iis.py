"""IIS and HTTP.SYS logs: W3C extended, whose columns a line `#Fields:` names.

The sniffer passes that line on as a template; a file without it (a rotated piece) is
read in the orders that IIS itself writes. Stamps are UTC.
"""

import polars as pl

from forensic.fields.rowwise import first_that_parses
from forensic.fields.w3c import APPENDED, CLOCK, DATE, HEADER, announced, rows_of, w3c
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_TITLE = "IIS access log (W3C)"
_PATHS = r"(?i)\biis|w3svc|u_(?:ex|nc|in)\d+|httperr"
_ENDING = "sc-status sc-substatus sc-win32-status"
_COUNTS = "sc-bytes cs-bytes time-taken"
#: Orders that IIS writes by itself: what names the server, what follows the client.
_USUAL = [
    ("s-ip", f"cs(User-Agent) cs(Referer) {_ENDING} time-taken"),
    ("s-ip", f"cs(User-Agent) {_ENDING} time-taken"),
    ("s-sitename s-ip", f"cs(User-Agent) {_ENDING}"),
    (
        "s-sitename s-computername s-ip",
        f"cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host {_ENDING} {_COUNTS}",
    ),
]
_MIDDLE = "cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
#: What HTTP.SYS answers before IIS sees the request (`httperr1.log`).
_REFUSALS = [
    f"date time c-ip c-port s-ip s-port cs-version cs-method cs-uri {behind}"
    for behind in (
        "streamid sc-status s-siteid s-reason s-queuename transport",
        "streamid sc-status s-siteid s-reason s-queuename",
        "sc-status s-siteid s-reason s-queuename",
    )
]


def templates(head: bytes) -> list[str]:
    """The `#Fields:` lines at the front of a file that IIS writes."""
    return [found.template for found in announced(head) if found.microsoft]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of rows in one of the orders that IIS writes by itself."""
    usual = [f"date time {server} {_MIDDLE} {rest}" for server, rest in _USUAL]
    orders = [*usual, *(f"{order} {APPENDED}" for order in usual), *_REFUSALS]
    return first_that_parses(lines, [rows_of(order, utc=True)[1] for order in orders])


def from_template(template: str) -> Format:
    """The format of rows below a certain `#Fields:` line."""
    return w3c("iis", _TITLE, template, utc=True, paths=_PATHS)


FORMAT = Format(
    name="iis",
    title=_TITLE,
    hop="web_server",
    reference="https://learn.microsoft.com/windows/win32/http/w3c-logging",
    head=(
        rf"^{DATE} {CLOCK} (?:(?:[A-Za-z0-9_.-]+ ){{0,2}}[0-9A-Fa-f.:%]+ [A-Z_]+ /"
        r"|[0-9A-Fa-f.:%]+ [0-9]+ [0-9A-Fa-f.:%]+ [0-9]+ (?:HTTP/[0-9.]+|-) )"
    ),
    parse=parse,
    templates=templates,
    stamps_end=True,
    header=HEADER,
    paths=_PATHS,
)
