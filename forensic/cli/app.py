"""The typer app: every command, and what becomes of their errors.

stdout carries the result, stderr everything else. Every error of `forensic.errors`
becomes one sentence and its exit code; a broken pipe ends quietly.
"""

import os
import signal
import sys

import typer

from forensic.cli import catalogue, explore, export, stages
from forensic.errors import ForensicError
from forensic.reports.escape import visible

__all__ = ["app", "run"]

_EPILOG = """Exit codes: 0 done; 1 nothing found by a search, or a finding at or over
--fail-on; 2 usage, refused; 3 done, but some evidence could not be read whole;
4 evidence or case does not match its hashes; 5 output could not be written, or a bug;
130 interrupted."""

app = typer.Typer(
    name="forensic",
    help="Which hop answered, why, how sure, on which lines, and what is missing.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # tracebacks would show evidence
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in [
    *stages.COMMANDS,
    *explore.COMMANDS,
    *export.COMMANDS,
    *catalogue.COMMANDS,
]:
    app.command(_name)(_command)


def run() -> None:
    """Run `forensic` and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except ForensicError as error:
        sys.exit(_complain(str(error), error.exit_code))
    except typer.Abort:
        sys.exit(_complain("interrupted", 130))
    except KeyboardInterrupt:
        sys.exit(_complain("interrupted", 130))
    except BrokenPipeError:
        # The reader went away: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            sys.exit(_complain(error.format_message(), 2))
        if os.environ.get("FORENSIC_TRACEBACK"):
            raise
        name = type(error).__name__
        sys.exit(_complain(f"a bug in forensic: {name}: {error}", 5))
    sys.exit(code if isinstance(code, int) else 0)


def _complain(sentence: str, code: int) -> int:
    """One sentence on stderr, escaped; the exit code."""
    print(f"forensic: {visible(sentence)}", file=sys.stderr)
    return code
