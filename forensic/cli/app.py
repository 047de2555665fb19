"""The typer app: the commands, and what becomes of their errors.

stdout carries the result, stderr everything else. Every error of `forensic.errors`
becomes one sentence and its exit code; a broken pipe ends quietly.
"""

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from forensic import __version__
from forensic.errors import ForensicError
from forensic.nursery import loading
from forensic.plan import too_few_addresses
from forensic.visible import visible

__all__ = ["app", "run"]

#: The modules that have commands; those of the first load what they need later.
_GROUPS = ["stages", "explore", "custody", "export", "catalogue"]
_STAGES = ["analyze", "parse", "correlate", "detect", "report"]
#: Where the case goes to has no room, or is not to be written.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
_EPILOG = """Exit codes: 0 done; 1 nothing found by a search, or a finding at or over
--fail-on; 2 usage, refused; 3 done, but some evidence could not be read whole;
4 evidence or case does not match its hashes; 5 output could not be written, or a bug;
130 interrupted."""


def app(arguments: Sequence[str]) -> typer.Typer:
    """The app: with all commands, or those among which the asked one is."""
    made = typer.Typer(
        name="forensic",
        help="Which hop answered, why, how sure, on which lines, and what is missing.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # tracebacks would show evidence
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_whole)
    asked = next(iter(arguments), "")
    for group in _GROUPS[:1] if asked in _STAGES else _GROUPS:
        module = importlib.import_module(f"forensic.cli.{group}")
        for name, command in module.COMMANDS:
            made.command(name)(command)
    return made


def _version(wanted: bool) -> None:
    if wanted:
        print(f"forensic {__version__}")
        raise typer.Exit


def _whole(
    version: Annotated[
        bool,
        typer.Option(
            "-V",
            "--version",
            callback=_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """What stands before the command."""


def _leave_where_starved() -> None:
    """Say that there are too few addresses before anything heavy is loaded."""
    starved = too_few_addresses()
    if starved and sys.argv[1:2] and not sys.argv[1].startswith("-"):
        sys.stderr.write(f"forensic: {starved}\n")
        sys.exit(5)


def _done(made: typer.Typer) -> object:
    """What the command returns."""
    code = made(sys.argv[1:] or ["--help"], standalone_mode=False)
    if code == 130:  # how typer passes an interrupt on
        raise KeyboardInterrupt
    return code


def run() -> None:
    """Run `forensic` and leave with its exit code."""
    _leave_where_starved()
    try:
        with loading():
            made = app(sys.argv[1:])
        code = _done(made)
    except ForensicError as error:
        sys.exit(_complain(str(error), error.exit_code))
    except typer.Abort:
        sys.exit(_complain("interrupted", 130))
    except KeyboardInterrupt:
        sys.exit(_complain("interrupted", 130))
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        # The reader went away (click exits with 1 then): nobody is there to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except MemoryError:
        sys.stderr.write("forensic: there is too little memory\n")  # to load more, too
        sys.exit(5)
    except Exception as error:
        sentence, code = _explained(error)
        if code == 5 and os.environ.get("FORENSIC_TRACEBACK"):
            raise
        sys.exit(_complain(sentence, code))
    sys.exit(code if isinstance(code, int) else 0)


def _explained(error: Exception) -> tuple[str, int]:
    """What to say of an error that is none of ours, and the exit code."""
    if hasattr(error, "format_message"):  # typer's own: usage
        asked = getattr(error, "ctx", None)
        hint = f" ({asked.command_path} --help)" if asked else ""
        return f"{error.format_message()}{hint}", 2
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"cannot write: {error.strerror}", 5
    changed = _changed(sys.argv[1:])
    if changed:
        return changed, 4
    return f"a bug in forensic: {type(error).__name__}: {error}", 5


def _changed(arguments: Sequence[str]) -> str | None:
    """What is wrong with a case among the arguments: that explains any error."""
    from forensic.case import Case  # noqa: PLC0415 (loads much)

    for text in arguments:
        case = Case(Path(text.rpartition("=")[2]))
        wrong = case.check_sums() if case.is_complete else []
        if wrong:
            return f"{case.folder} was changed after it was written: {wrong[0]}"
    return None


def _complain(sentence: str, code: int) -> int:
    """One sentence on stderr, escaped; the exit code."""
    print(f"forensic: {visible(sentence)}", file=sys.stderr)
    return code
