"""What `curl -v` and `curl -i` print: a request from outside, and its answer's words.

Like a browser's record it has the header lines and the page of an answer, which tell
who made it: it is put together as an entry of a HAR, and read as such. Its stamp is the
answer's `date`. Credentials and cookies are left out.
"""

import re
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import polars as pl

from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]

_ASKED = r"^> [A-Z]{3,10} [/h]\S* HTTP/[0-9.]+\s*(?:\n|$)"
_TYPED = r"^(?:[$#%>] )?curl [^\n]*https?://"
_VERBOSE = re.compile(rb"^> [A-Z]{3,10} [/h]\S* HTTP/[0-9.]+\r?\n", re.MULTILINE)
_SHOWN = re.compile(
    rb"^(?:[$#%>] )?curl [^\n]*https?://[^\n]*\r?\nHTTP/[0-9.]+ [0-9]{3}", re.MULTILINE
)
_STATUS = re.compile(r"HTTP/([0-9.]+) ([0-9]{3})")
_FIELD = re.compile(r"([A-Za-z0-9-]{1,64}): ?(.*)")
_URL = re.compile(r"https?://[^\s'\"]+")
_METHOD = re.compile(r"(?:-X|--request)[ =]?['\"]?([A-Z]+)")
_IMPLIED = {
    "HEAD": r" (?:-[a-zA-Z]*I[a-zA-Z]*|--head) ",
    "POST": r" (?:-d|--data\S*|-F|--form) ",
}
_SECRET = re.compile(r"(?i)cookie|authorization|token|secret|key\Z")
#: One of so many lines is curl's: the others are the page, and words about it.
_SHARE = 4
#: An answer before the answer: 100 Continue, 103 Early Hints.
_FINAL = 200


def _answer(lines: list[str]) -> tuple[dict[str, Any], str]:
    """The last answer of these lines, and its `date`."""
    found: dict[str, Any] = {"headers": []}
    date = ""
    for line in lines:
        if status := _STATUS.match(line):
            number = int(status[2])
            if number >= _FINAL:
                found = {"httpVersion": status[1], "status": number, "headers": []}
        elif (field := _FIELD.match(line)) and not _SECRET.search(field[1]):
            found["headers"].append({"name": field[1], "value": field[2].strip()})
            date = field[2] if field[1].lower() == "date" else date
    return found, date


def _entry(
    method: str, url: str, sent: list[str], got: list[str], page: list[str]
) -> dict[str, str | None]:
    """The entry of a HAR as JSON in `message`; or why there is none."""
    answer, date = _answer(got)
    if "status" not in answer:
        return {"refused": "a request of curl without an answer"}
    fields = [field for line in sent if (field := _FIELD.match(line))]
    headers = [
        {"name": field[1], "value": field[2].strip()}
        for field in fields
        if not _SECRET.search(field[1])
    ]
    try:
        stamp = parsedate_to_datetime(date.strip()).astimezone(UTC).isoformat()
    except (ValueError, TypeError, OverflowError):
        stamp = None
    answer["content"] = {"text": "\n".join(page)}
    asked = {"method": method, "url": url, "headers": headers}
    record = {"startedDateTime": stamp, "request": asked, "response": answer}
    return {"message": compact(record)}


def _verbose(text: str) -> dict[str, str | None]:
    """What `-v` shows: `>` before what was sent, `<` before what came."""
    lines = text.splitlines()
    sent = [line[2:] for line in lines[1:] if line.startswith("> ")]
    got = [line[2:] for line in lines if line.startswith("< ")]
    page = [line for line in lines[1:] if line[:2].strip() not in {">", "<", "*"}]
    method, target, _ = lines[0][2:].split(" ", 2)
    host = next((h[6:].strip() for h in sent if h.lower().startswith("host: ")), "")
    url = target if target.startswith("http") else f"https://{host}{target}"
    return _entry(method, url, sent, got, page)


def _plain(text: str) -> dict[str, str | None]:
    """What `-i` shows below the command: header lines, an empty one, the page."""
    command, _, rest = text.partition("\n")
    head, _, page = rest.replace("\r", "").partition("\n\n")
    url, method = _URL.search(command), _METHOD.search(command)
    if url is None:
        return {"refused": "a command without an address"}
    found = (name for name, sign in _IMPLIED.items() if re.search(sign, command))
    name = method[1] if method else next(found, "GET")
    return _entry(name, url[0], [], head.splitlines(), page.splitlines())


_SCHEMA = {"message": pl.String(), "refused": pl.String()}


def _parse(lines: pl.Series) -> pl.DataFrame:
    verbose = lines.str.contains(_ASKED).to_list()
    typed = lines.str.contains(_TYPED).to_list()
    rows = [
        _verbose(text) if v else _plain(text) if t else {"refused": "nothing of curl's"}
        for text, v, t in zip(lines.to_list(), verbose, typed, strict=True)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _announced(lines: pl.Series) -> pl.DataFrame:
    """The same, in a file that is known for what it is: one line begins a request."""
    alone = pl.lit(~lines.str.contains("\n", literal=True))
    alone &= pl.lit(lines.str.contains(f"{_ASKED}|{_TYPED}"))
    return _parse(lines).with_columns(refused=pl.when(~alone).then("refused"))


def templates(head: bytes) -> list[str]:
    """What curl was told to show in this file, where it is about little else."""
    if b"\n< HTTP/" in head and _VERBOSE.search(head):
        lines = head.splitlines()
        own = sum(line[:2].rstrip() in {b">", b"<", b"*"} for line in lines)
        return ["verbose"] if own * _SHARE >= len(lines) else []
    return ["plain"] if b"curl " in head and _SHOWN.search(head) else []


def from_template(template: str) -> Format:
    """The format of a file that `templates` knows."""
    head = _ASKED if template == "verbose" else _TYPED
    return replace(FORMAT, head=head, parse=_announced, sure=template == "verbose")


FORMAT = Format(
    name="curl_output",
    title="curl -v, curl -i",
    hop=None,
    reference="https://curl.se/docs/manpage.html#-v",
    head=_ASKED,
    header=r"^(?:\*|[{}] \[| *% Total|  *Dload| *[0-9]+ .*[0-9-]+:[0-9-]+:|[$#%] )",
    parse=_parse,
    multiline=True,
    whole=True,
    envelope=True,
    payload=False,
    templates=templates,
    paths=r"(?i)curl",
)
