"""Stacks that a program printed as they are: the error and its frames, and no stamp.

Node's console, whatever logs beside it (Express prints `err.stack` between the lines of
a JSON logger or of morgan), pm2's error logs, Next.js, Java's `printStackTrace`, a
traceback of Python, a panic of Go. Such an event has no time: its place alone may tell
which request it is of.
"""

import polars as pl

from forensic.format import Format

__all__ = ["FORMAT"]

_CLASS = r"(?:[A-Za-z_$][\w$]*\.){0,12}(?:[A-Z]\w*)?(?:Error|Exception)"
#: Next.js puts a sign before it; Node says that nobody caught it.
_BEFORE = r"(?: ?(?:⨯|✗|x) )?(?:Uncaught |Unhandled |Caused by: )?"
#: What Next.js prints of itself when it starts.
_BANNER = (
    r"^ *(?:▲ Next\.js |- (?:Local|Network|Environments|Experiments)\b"
    r"|[✓○] (?:Starting|Ready|Compiling|Compiled)\b)"
)
_HEAD = (
    rf"^(?:{_BEFORE}{_CLASS}(?: \[[A-Z0-9_]+\])?(?:: |$)"
    r"|Exception in thread \"|Traceback \(most recent call last\):"
    r"|panic: |goroutine [0-9]+ \[running\]:)"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the first line of a stack."""
    known = pl.lit(lines.str.contains(_HEAD))
    return pl.DataFrame({"line": lines}).select(
        level=pl.when(known).then(pl.lit("error")),
        reason=pl.when(known).then(pl.lit("exception")),
        message=pl.when(known).then(pl.col("line").str.strip_chars_start(" ⨯✗")),
        refused=pl.when(~known).then(pl.lit("no stack begins here")),
    )


FORMAT = Format(
    name="bare_stack",
    title="stacks without a stamp (Node, Next.js, Java, Python, Go)",
    hop="application",
    reference="https://nodejs.org/api/errors.html#errorstack",
    head=_HEAD,
    parse=parse,
    multiline=True,
    payload=False,
    last_resort=True,
    stampless=True,
    header=_BANNER,
    paths=r"(?i)err",
)
