r"""An Apache `LogFormat` ▶ a template of `log_format`, and what its variables mean.

`%h %l %u %t \"%r\" %>s %b` becomes `$remote_addr $ident $remote_user [$time_local]
"$request" $status $body_bytes_sent`: where nginx has a variable of that meaning, its
name is used, and `derived` makes the others into such.
"""

import dataclasses
import re

import polars as pl

from forensic.fields.log_format import Template, template
from forensic.zones import MONTHS

__all__ = ["derived", "from_apache", "readable"]

_DIRECTIVE = re.compile(
    r"%(?:!?[\d,]+)?[<>]?(?:\{(?P<name>[^}]*)\})?(?P<letter>\^t[io]|[A-Za-z%])"
)
_LETTERS = {
    "h": "remote_addr",
    "a": "remote_addr",
    "l": "ident",
    "u": "remote_user",
    "r": "request",
    "m": "request_method",
    "U": "uri",
    "q": "question",
    "H": "server_protocol",
    "s": "status",
    "b": "body_bytes_sent",
    "B": "body_bytes_sent",
    "O": "bytes_sent",
    "I": "request_length",
    "S": "bytes_transferred",
    "D": "micros",
    "T": "seconds",
    "v": "server_name",
    "V": "host",
    "p": "server_port",
    "P": "pid",
    "A": "server_addr",
    "k": "connection_requests",
    "X": "connection_status",
    "f": "filename",
    "R": "handler",
    "L": "request_id",
}
#: What stands in braces names the variable.
_NAMED = {
    "i": "http_",
    "o": "sent_http_",
    "C": "cookie_",
    "e": "env_",
    "n": "note_",
    "^ti": "trailer_",
    "^to": "sent_trailer_",
}
_UNITS = {"ms": "millis", "us": "micros", "s": "seconds"}
_KNOWN = {"env_unique_id": "request_id"}
_CALENDAR = {
    "Y": "${t_year}",
    "m": "${t_month}",
    "b": "${t_name}",
    "d": "${t_day}",
    "e": "${t_day}",
    "H": "${t_hour}",
    "M": "${t_minute}",
    "S": "${t_second}",
    "T": "${t_hour}:${t_minute}:${t_second}",
    "F": "${t_year}-${t_month}-${t_day}",
    "R": "${t_hour}:${t_minute}",
    "z": "${t_zone}",
    "%": "%",
}
_CLOCKS = {
    "sec": "${epoch}",
    "msec": "${epoch_millis}",
    "usec": "${epoch_micros}",
    "msec_frac": "${t_fraction}",
    "usec_frac": "${t_fraction}",
}
_WHOLE = r"\d+|-"
_CLASSES = {
    "t_year": r"\d{4}",
    "t_month": r"\d\d",
    "t_name": r"[A-Z][a-z]{2}",
    "t_day": r"[ \d]?\d",
    "t_hour": r"\d\d",
    "t_minute": r"\d\d",
    "t_second": r"\d\d",
    "t_fraction": r"\d{3}|\d{6}",
    "t_zone": r"[+-]\d\d:?\d\d",
    "epoch": r"\d{9,11}",
    "epoch_millis": r"\d{12,14}",
    "epoch_micros": r"\d{15,17}",
    # What is not quoted ends where the next value begins.
    "http_x_forwarded_for": r"-|[^\s,\"]+(?:, ?[^\s,\"]+)*",
    "question": r"(?:\?[^\s\"]*)?",
    **dict.fromkeys(["micros", "millis", "seconds"], _WHOLE),
}
_EPOCHS = {"epoch": 1_000_000, "epoch_millis": 1_000, "epoch_micros": 1}
#: What the built-in format reads by itself, whatever counts the bytes.
_USUAL = re.compile(
    r'^(?:%v(?::%p)? )?%[ha] %l %u %t "%r" %>?s %[bBO]'
    r'(?: "%\{Referer\}i" "%\{User-Agent\}i")?$',
    re.IGNORECASE,
)


def readable(text: str) -> str | None:
    """The template text of a `LogFormat`; None of what is read without one."""
    if _USUAL.match(text) or "$" in text or "%" not in text:
        return None
    twice = ">s" in text
    return _DIRECTIVE.sub(lambda match: _variable(match, final=twice), text)


def _variable(match: re.Match[str], *, final: bool) -> str:
    """What stands in the template for a directive."""
    letter, name = match["letter"], match["name"]
    if letter == "%":
        return "%"
    if letter == "t":
        return _moment(name)
    return f"${{{_named(match[0], letter, name, final=final)}}}"


def _named(directive: str, letter: str, name: str | None, *, final: bool) -> str:
    """The variable of a directive."""
    if letter in _NAMED and name:
        known = _NAMED[letter] + re.sub(r"\W", "_", name).lower()
        return _KNOWN.get(known, known)
    if letter == "T" and name:
        return _UNITS.get(name, "seconds")
    if letter == "P" and name and name != "pid":
        return "thread"
    if letter == "s" and final and ">" not in directive:
        return "first_status"
    return _LETTERS.get(letter, f"other_{letter}")


def _moment(name: str | None) -> str:
    """The template of a stamp, as the words of strftime describe it."""
    if not name:
        return "[${time_local}]"
    words = re.sub(r"^(?:begin|end):", "", name)
    if words in _CLOCKS:
        return _CLOCKS[words]
    return re.sub(
        "%(.)",
        lambda match: _CALENDAR.get(match[1], f"${{t_other_{match[1]}}}"),
        words,
    )


def from_apache(text: str) -> Template:
    """The template of a text that `readable` gave."""
    return dataclasses.replace(template(text), classes=_CLASSES)


def derived(values: pl.DataFrame) -> pl.DataFrame:
    """The values, with nginx's variables in place of those that only Apache has."""
    names = set(values.columns)
    made = _stamp(names) | _took(names)
    if "question" in names:
        made["args"] = pl.col("question").str.strip_prefix("?").replace("", None)
    taken = names & (_CLASSES.keys() - {"http_x_forwarded_for"})
    return values.with_columns(**made).drop(sorted(taken))


def _took(names: set[str]) -> dict[str, pl.Expr]:
    """How long the request took, by the finest of its units."""
    for name, unit in (("micros", 1e6), ("millis", 1e3), ("seconds", 1.0)):
        if name in names:
            count = pl.col(name).cast(pl.Float64, strict=False)
            return {"request_time": (count / unit).round(6).cast(pl.String)}
    return {}


def _stamp(names: set[str]) -> dict[str, pl.Expr]:
    """The stamp as ISO 8601 writes it, put together of its parts."""
    for name, unit in _EPOCHS.items():
        if name in names:
            micros = pl.col(name).cast(pl.Int64, strict=False) * unit
            stamp = pl.from_epoch(micros, "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
            return {"time_iso8601": stamp + "Z"}
    wanted = {"t_year", "t_day", "t_hour", "t_minute", "t_second"}
    if not wanted <= names or not names & {"t_month", "t_name"}:
        return {}
    month = (
        pl.col("t_month")
        if "t_month" in names
        else pl.col("t_name").replace_strict(MONTHS, default=None)
    )
    day = pl.col("t_day").str.strip_chars().str.zfill(2)
    date = pl.concat_str(pl.col("t_year"), month, day, separator="-")
    clock = pl.concat_str("t_hour", "t_minute", "t_second", separator=":")
    parts = [date, pl.lit("T"), clock]
    if "t_fraction" in names:
        parts += [pl.lit("."), pl.col("t_fraction")]
    if "t_zone" in names:
        parts.append(pl.col("t_zone"))
    return {"time_iso8601": pl.concat_str(parts)}
