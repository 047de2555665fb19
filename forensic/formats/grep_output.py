"""What grep prints when it looks through several files: `FILE:line`, `FILE:12:line`.

The name must look like that of a log, with a folder or an ending, so that no host or
program with a colon behind it is taken for one. Context (`-A`, `-B`) has `-` for `:`.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

#: `access.log`, `access.log.2.gz`, `access_log-20250206`, `./logs/web-1/messages`.
_FILE = (
    r"(?:[\w.~@%+=-]*/)*[\w.@%+=-]*"
    r"(?:[._]log|[._]err|\.out|\.txt|\.json|\.csv|/messages|/syslog|/secure)"
    r"(?:[._-]?[0-9]{1,10})*(?:\.(?:gz|bz2|xz|zst|old))?"
)
_HEAD = rf"{_FILE}:(?:[0-9]{{1,9}}:)?"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns: `message` is the line that grep found."""
    head = prefix(lines, rf"(?P<file>{_FILE}):(?:(?P<number>[0-9]{{1,9}}):)?")
    # OpenStack's lines begin so: a rotated file's name ends with a clock.
    clock = pl.col("file").str.contains(r"[-_T.][0-2][0-9]$")
    clock &= pl.col("number").str.contains(r"^[0-5][0-9]$")
    clock &= pl.col("rest").str.contains(r"^[0-5][0-9] ")
    foreign = pl.col("rest").str.starts_with(" ").fill_null(value=True)
    return head.select(
        message="rest",
        extra=json_extra(file=pl.col("file"), file_line=pl.col("number")),
        refused=pl.when(foreign | clock.fill_null(value=False)).then(
            pl.lit("no line of grep's")
        ),
    )


FORMAT = Format(
    name="grep_output",
    title="lines found by grep in several files",
    hop=None,
    reference="https://www.gnu.org/software/grep/manual/grep.html#Output-Line-Prefix-Control",
    head=rf"^{_HEAD}(?:[^ ]|$)",
    parse=parse,
    envelope=True,
    payload=False,
    narrow=True,
    paths=r"(?i)grep",
)
