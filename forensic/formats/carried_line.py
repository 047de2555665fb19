r"""What something put before each line of a log: stamps of `ts`, multilog, svlogd, pm2.

`2025-02-06T14:32:07 2025/02/06 14:32:07 [error] …`: the second stamp is the program's
own, and tells such a line from one that has its only stamp in front. svlogd writes
`2025-02-06_05:32:07.12345`, in UTC, multilog `@4000000067a4…`, which is TAI64N; pm2 has
a colon behind it. `aws logs tail --format short` prints the same, and the AWS command
line, asked for `[timestamp,message]` as text, epochs and a tab. A lone space is all
that is left where rsyslog was told to write the message alone; more of them, `> `, or
the number of the line stand before what was pasted into a ticket, or shown by `grep
-n`, `cat -n` and `less -N`, and quotes where a spreadsheet saved it, or where the
AWS command line was asked for messages alone and gave a list of texts. `journalctl -o
short-monotonic` knows seconds since the start.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_DAY = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_WRITTEN = (
    rf"{_DAY}[ T]{_CLOCK}(?:[.,][0-9]{{1,9}})?(?:Z| ?[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
_SVLOGD = rf"{_DAY}_{_CLOCK}\.[0-9]{{1,9}}"
_SECONDS = r"1[0-9]{9}(?:[0-9]{3})?(?:\.[0-9]{1,9})?"
_TAI = r"@4000000[0-9a-f]{17}"
_STAMP = rf"[\[(]?(?:{_WRITTEN}|{_SVLOGD}|{_SECONDS}|{_TAI})[\])]?:?[ \t]"
#: How a line begins that has a stamp of its own; a word with a colon behind it is a
#: program, which syslog puts there.
_OWN = (
    rf"[\[(]?{_DAY}[ T]{_CLOCK}"
    r"|(?:[^\[\"{ ]{0,80}[^\[\"{ :] {1,4}){1,9}\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:"
    rf"|\[[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_CLOCK}"
)
#: What pm2 puts its stamp and a colon before, though it has no stamp in front itself.
_BY_PM2 = r"\{\"|(?:\x1b\[[0-9;]*m)*\[Nest\] "
#: With an address in front: gunicorn on a socket writes a space for its client; or of
#: a load balancer of AWS.
_SPACED, _SPACED_V4 = (
    rf"[\[(]?{_DAY}[ T]{_CLOCK}"
    rf"|{address} [^ ]+ [^ ]+ \[[0-9]{{2}}/[A-Z][a-z]{{2}}/[0-9]{{4}}:"
    r"|(?:https?|h2|wss?|grpcs?) [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z app/"
    for address in ("[0-9A-Fa-f:.]+", "[0-9.]+")
)
#: A number and a colon, with which the address of a client may begin (2000::/3).
_V6 = r" *[23][0-9]{3}:"
_LED = (
    r" *(?:[0-9]{1,3}|[014-9][0-9]{3}|[0-9]{5,9}):| *[0-9]{1,9}\t"
    r"| +[0-9]{1,9} |> ?|\t| {0,8}\"| {1,12}"
    r"|\[ {0,4}[0-9]{1,9}\.[0-9]{6}\] [^ ]+ [^ ]+: "
)
#: What stands behind an application's own stamp.
_LEVEL = r"^\[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\]?[: ]"
#: TAI64N labels count seconds 10 ahead of UTC, as their writers do.
_TAI_AHEAD = 10


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the line behind the stamp."""
    head = prefix(
        lines,
        rf"[\[(]?(?:(?P<written>{_WRITTEN})|(?P<utc>{_SVLOGD})"
        r"|(?P<seconds>1[0-9]{9})(?P<millis>[0-9]{3})?(?:\.(?P<part>[0-9]{1,9}))?"
        r"|@4000000(?P<tai>[0-9a-f]{9})(?P<nanos>[0-9a-f]{8}))[\])]?(?P<colon>:)?[ \t]"
        rf"|(?P<led>{_LED}|{_V6})",
    )
    spaced = head["rest"].str.contains(rf"^(?:{_SPACED})")
    doubtful = head["led"].str.contains(f"^(?:{_V6})$").fill_null(value=False)
    if doubtful.any():
        certain = head["rest"].str.contains(rf"^(?:{_SPACED_V4})")
        spaced = spaced.zip_with(~doubtful, certain)
    # A quote that closes behind the stamp is that of a cell: CSV.
    spaced &= ~head["rest"].str.contains(rf'^[\[(]?{_DAY}[ T]{_CLOCK}[^" ]*",')
    own = head["rest"].str.contains(rf"^(?:{_OWN})")
    # An application's own line may end in an access line's text.
    own &= ~head["rest"].str.contains(_LEVEL)
    by_pm2 = head["written"].is_not_null() & head["colon"].is_not_null()
    own |= by_pm2 & head["rest"].str.contains(rf"^(?:{_BY_PM2})")
    bare = head["led"].is_not_null()
    own = own.zip_with(~bare, spaced).fill_null(value=False)
    written = moments(head.select(_iso("written")).to_series())
    utc = moments(head.select(_iso("utc") + "Z").to_series())
    counted = head.select(_counted()).to_series()
    local = pl.coalesce(
        pl.lit(written["local_time"]), pl.lit(utc["local_time"]), pl.lit(counted)
    )
    known = pl.lit(utc["local_time"]).is_not_null() | pl.lit(counted).is_not_null()
    zero = pl.when(known).then(pl.lit(0, pl.Int32))
    rest = pl.lit(without_colour(head["rest"]))
    return head.select(
        envelope_local=local,
        envelope_offset=pl.coalesce(pl.lit(written["utc_offset"]), zero),
        message=pl.when(pl.col("led").str.ends_with('"'))
        .then(_unquoted(rest))
        .otherwise(rest),
        flags=pl.when(pl.lit(own & ~bare) & local.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~pl.lit(own)).then(pl.lit("no stamp before a line of a log")),
    )


def _unquoted(text: pl.Expr) -> pl.Expr:
    """The text of a cell of CSV, or of JSON, behind its first quote."""
    body = text.str.replace(r'",?$', "")
    told = body.str.contains(r'\\"|\\n') | text.str.ends_with(",")
    plain = body.str.replace_all(r"\\\\", "\0")
    for mark, character in (('\\"', '"'), ("\\n", "\n"), ("\\t", "\t"), ("\0", "\\")):
        plain = plain.str.replace_all(mark, character, literal=True)
    return (
        pl.when(told)
        .then(plain.str.strip_chars_end("\n"))
        .otherwise(body.str.replace_all('""', '"', literal=True))
    )


def _iso(name: str) -> pl.Expr:
    return pl.col(name).str.replace(r"^(.{4})/(.{2})/", "$1-$2-").str.replace("_", "T")


def _counted() -> pl.Expr:
    """The moment that a count of seconds means, or a label of TAI64N."""
    part = pl.coalesce("millis", "part", pl.lit("")).str.pad_end(6, "0").str.slice(0, 6)
    micros = pl.col("seconds").cast(pl.Int64) * 1_000_000 + part.cast(pl.Int64)
    labels = pl.col("tai").str.to_integer(base=16, dtype=pl.Int64) - _TAI_AHEAD
    nanos = pl.col("nanos").str.to_integer(base=16, dtype=pl.Int64)
    return pl.coalesce(micros, labels * 1_000_000 + nanos // 1000).cast(
        pl.Datetime("us")
    )


FORMAT = Format(
    name="carried_line",
    title="lines with something before them (ts, multilog, svlogd, pm2, grep -n)",
    hop=None,
    reference="https://cr.yp.to/daemontools/multilog.html, svlogd(8), ts(1)",
    head=(
        rf"^(?:{_STAMP}(?:{_OWN})|{_WRITTEN}: (?:{_BY_PM2})"
        rf"|(?:{_LED})(?:{_SPACED})|(?:{_V6})(?:{_SPACED_V4}))"
    ),
    parse=parse,
    multiline=True,
    envelope=True,
    narrow=True,
)
