"""The command line: one file a group of commands, put together in `app`.

Nothing heavy is imported here: worker processes import this package again before
they begin, and would pay for every command that they never run.
"""

import os
import sys

__all__ = ["main"]

_STDOUT, _STDERR = 1, 2


def main() -> None:
    """Run `forensic` and leave with its exit code."""
    # numpy would start a thread a core for algebra that nobody does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # polars would keep what a stage has freed for ten seconds, and then leave it to the
    # kernel to take, if it wants to: the next stage adds to it.
    decay = "dirty_decay_ms:400,muzzy_decay_ms:0"
    os.environ.setdefault("_RJEM_MALLOC_CONF", decay)
    _standard_streams()
    from forensic.cli.app import run  # noqa: PLC0415 (see above)

    run()


def _standard_streams() -> None:
    """Let those that are closed lead nowhere.

    A file of the case would else take their numbers, and what is said by mistake.
    """
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(nowhere, True)
    os.close(nowhere)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)
