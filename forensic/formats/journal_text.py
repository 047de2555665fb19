"""`journalctl -o verbose` and `-o export`: one `KEY=value` a line, several a record.

Both say the moment in microseconds of UTC: verbose in its cursor (`t=`, hexadecimal,
whatever zone its stamp is in), export as `__REALTIME_TIMESTAMP=`. In an export a value
of several lines stands behind its length: eight bytes, not a line of their own.
"""

import polars as pl

from forensic.fields.columns import json_extra
from forensic.fields.messages import programs, system_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[A-Z][a-z]{2} [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"
    r" [^ \[]+ \[s=[0-9a-f]+;[^\]\n]*\bt="
)
_SEVERITIES = "emerg alert crit err warning notice info debug".split()
_LEVELS = {str(number): name for number, name in enumerate(_SEVERITIES)}
_NEXT = r"(?:\n *[A-Z_][A-Z0-9_]*(?:=|\n)|$)"
#: A byte of the length; one that is no ASCII is shown as `\xhh`.
_BYTE = r"(?:\\x[0-9a-f]{2}|[\s\S])"
_LATEST = 4_102_444_800_000_000


def _field(name: str) -> pl.Expr:
    return pl.col("text").str.extract(rf"\n *{name}=([^\n]*)")


def _message() -> pl.Expr:
    """The message, of one line or of several."""
    text = pl.col("text")
    plain = text.str.extract(rf"\n *MESSAGE=([\s\S]*?){_NEXT}")
    sized = text.str.extract(rf"\nMESSAGE\n{_BYTE}{{8}}([\s\S]*?){_NEXT}")
    # verbose indents the lines that follow the first.
    return pl.coalesce(plain, sized).str.replace_all(r"\n {4,}", "\n")


def _number(name: str) -> pl.Expr:
    return _field(name).cast(pl.Int64, strict=False)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of journal records; `message` is the payload."""
    text = pl.col("text")
    cursor = text.str.extract(rf"^{_STAMP}([0-9a-f]{{10,15}})[;\]]")
    micros = pl.coalesce(
        cursor.str.to_integer(base=16, dtype=pl.Int64, strict=False),
        pl.when(text.str.starts_with("__CURSOR=")).then(
            _number("__REALTIME_TIMESTAMP")
        ),
    )
    known = micros.is_between(0, _LATEST).fill_null(value=False)
    frame = pl.DataFrame({"text": lines}).select(
        envelope_local=pl.when(known).then(micros.cast(pl.Datetime("us"))),
        envelope_offset=pl.when(known).then(pl.lit(0, pl.Int32)),
        hostname=_field("_HOSTNAME"),
        process=pl.coalesce(_field("SYSLOG_IDENTIFIER"), _field("_COMM")),
        pid=pl.coalesce(_number("_PID"), _number("SYSLOG_PID")),
        level=_field("PRIORITY").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        message=_message().fill_null(""),
        extra=json_extra(
            unit=_field("_SYSTEMD_UNIT"),
            boot=_field("_BOOT_ID"),
            transport=_field("_TRANSPORT"),
        ),
        refused=pl.when(~(known | text.str.contains(r"^__CURSOR=[^\n]*$"))).then(
            pl.lit("no journal record")
        ),
    )
    program = programs(frame["process"])
    facts = system_messages(program["system"], frame["message"])
    return frame.with_columns(program["hop"], facts["client_ip"], facts["reason"])


FORMAT = Format(
    name="journal_text",
    title="systemd journal, verbose or export",
    hop=None,
    reference="https://systemd.io/JOURNAL_EXPORT_FORMATS/",
    head=rf"^(?:{_STAMP}[0-9a-f]|__CURSOR=s=)",
    parse=parse,
    multiline=True,
    whole=True,
    sure=True,  # an access line within is one of a record's values
    envelope=True,
    payload=False,
    header=r"^-- .* --\s*$",
    paths=r"(?i)journal",
)
