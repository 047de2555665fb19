"""What a note says in its own words, short enough for a sentence."""

import polars as pl

__all__ = ["cut", "thrown", "told", "words"]

_MOST = 140
#: What stands around the message proper: nginx's connection and its tail, Apache's end,
#: the kernel's seconds.
_BEFORE = r"^(?:\*\d+ |\[ *\d+\.\d+\] )"
_AFTER = r"(?s)(?:, (?:client|server|request|upstream|referrer|referer): .*|\n.*)$"
#: What ModSecurity's rule says, behind what it looked at and where it is written.
_RULE = r'ModSecurity: .*\[msg "([^"]+)"\]'
#: A line that names what was thrown.
_NAME = (
    # Tomcat's own log indents it.
    r"(?m)^[ \t]*(?:Caused by: )?((?:[A-Za-z_][\w$]*(?:\.|::))*[A-Z]\w*"
    r"(?:Error|Exception|Exit|NotEstablished|NotFound|Timeout|Invalid|Interrupt)"
    r"(?:: | \()[^\n]*|Error(?: \[[A-Z0-9_]+\])?: [^\n]+"
    # Ruby's classes may have any name: `ActionView::Template::Error (…`.
    r"|(?:[A-Z]\w*::)+[A-Z]\w* \([^\n]*|[A-Za-z_][\w.]*(?:Error|Exception))"
)
#: The same behind Java's own message, where its frames follow.
_BEHIND = r": ((?:[a-z]\w*\.)+[A-Z]\w*(?:Error|Exception)\b[^\n]*)\n\s+at "


def cut(text: pl.Expr) -> pl.Expr:
    """The text, its end left out where it is long."""
    short = pl.format("{}…", text.str.slice(0, _MOST))
    return pl.when(text.str.len_chars() > _MOST).then(short).otherwise(text)


def words(message: pl.Expr) -> pl.Expr:
    """The message of an error line without what it says of the request."""
    plain = message.str.replace(_BEFORE, "").str.replace(_AFTER, "")
    return cut(
        pl.coalesce(pl.format("ModSecurity: {}", message.str.extract(_RULE)), plain)
    )


#: The last line of a traceback, which is not indented.
_LAST = r"(?m)^[A-Za-z_][\w.]*(?:: [^\n]*)?$"


#: .NET's frames behind it, where a JSON log has them in one line.
_FRAMES = r" {3,}at \S.*$"
#: What Rails writes before each line of a request.
_TAG = r"(?m)^\[[^\] \n]{1,64}\] "
#: Monolog's message before the context that holds the exception (Laravel, Symfony).
_MONOLOG = r'^([^\n]+?) \{[^\n]*"exception":"\[object\]'
#: ASP.NET's words in Windows' event log, and .NET's.
_TYPE, _TOLD = r"Exception type: *(\S+)", r"Exception message: *(\S[^\n]*\S)"
_INFO = r"Exception Info: *(\S+)"
#: PHP's own, as its log, a worker, or a web server's log has it.
_PHP = r"PHP (?:Fatal|Parse) error: +(?:Uncaught )?([^\n]+)"
#: Go's, as the runtime, its HTTP server and chi print it.
_GO = r"(?m)^(?: ?panic|http: panic serving [0-9a-f.:\[\]]+): ([^\n]+)"


def thrown(message: pl.Expr) -> pl.Expr:
    """The exception that a traceback names; null where it names none."""
    message = message.str.replace_all(_TAG, "")
    named = message.str.extract_all(_NAME)
    python = message.str.contains("Traceback (most recent call last)", literal=True)
    last = message.str.extract(r"(?s)Traceback \(most recent call last\):(.*)").str
    one = (
        pl.when(python)
        .then(last.extract_all(_LAST).list.last())
        .otherwise(
            pl.coalesce(
                named.list.first(),
                message.str.extract(_BEHIND),
                message.str.extract(_MONOLOG),
                pl.format(
                    "{}: {}", message.str.extract(_TYPE), message.str.extract(_TOLD)
                ),
                message.str.extract(_INFO),
                message.str.extract(_PHP),
                message.str.extract(_GO),
            )
        )
    )
    return cut(
        one.str.replace(_FRAMES, "").str.strip_chars(" \t").str.strip_suffix(":")
    )


def told(text: str, column: str) -> pl.Expr:
    """The text, and the note's own words behind it where there are some."""
    own = pl.format(" ({})", pl.col(column)).fill_null("")
    return pl.concat_str(pl.lit(text), own)
