"""A case for other tools.

Commands: export.
"""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from forensic.case import Case
from forensic.cli.options import CaseFolder
from forensic.cli.screen import note
from forensic.counted import plural
from forensic.errors import OutputError, UsageError
from forensic.reports import exports

__all__ = ["COMMANDS"]

_TARGETS = sorted({*exports.STREAMS, *exports.FILES})


def export(
    folder: CaseFolder,
    *,
    to: Annotated[
        str, typer.Option(help=f"One of {', '.join(_TARGETS)}.", metavar="TARGET")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A new file; - is stdout.", metavar="FILE"),
    ] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Keep credentials readable.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--csv-raw", help="Keep cells that a spreadsheet would run.")
    ] = False,
) -> None:
    """Write the case for another tool, credentials redacted.

    Example: forensic export export.case --to timesketch -o export.jsonl
    """
    case = Case(folder)
    case.require_intact()
    if to not in _TARGETS:
        message = f"{to} is no target: {', '.join(_TARGETS)}"
        raise UsageError(message)
    options = exports.Options(secrets=secrets, raw=raw)
    streamed = output is None or str(output) == "-"
    if to in exports.STREAMS and streamed:
        sys.stdout.flush()
        exports.STREAMS[to](case, sys.stdout.buffer, options)
        sys.stdout.buffer.flush()
    elif output is None or streamed:
        message = f"{to} is a file of its own: name it with -o FILE"
        raise UsageError(message)
    else:
        _to_file(output, lambda path: _make(case, to, path, options))
    undated = _undated(case) if to in exports.TIMELINES else 0
    if undated:
        note(f"left out: {plural(undated, 'event')} without a time")
    if to in {"csv", "l2tcsv"} and not raw:
        note("cells that a spreadsheet would run begin with ': --csv-raw leaves them")


def _undated(case: Case) -> int:
    """How many events have no time."""
    return int(case.events().select(pl.col("time").is_null().sum()).collect().item())


def _make(case: Case, to: str, path: Path, options: exports.Options) -> None:
    if to in exports.FILES:
        exports.FILES[to](case, path, options)
        return
    with path.open("xb") as sink:
        exports.STREAMS[to](case, sink, options)


def _to_file(target: Path, make: Callable[[Path], None]) -> None:
    """Make a file under a temporary name and rename it; what exists is refused."""
    if target.exists():
        message = f"{target} exists already"
        raise UsageError(message)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600)  # where that cannot be, no database says why
        temporary.unlink()
        make(temporary)
        temporary.rename(target)
    except OSError as error:
        message = f"cannot write {target}: {error.strerror or error}"
        raise OutputError(message) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


COMMANDS: list[tuple[str, Callable[..., None]]] = [("export", export)]
