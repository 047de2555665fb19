"""The command line: one file a group of commands, put together in `app`.

Nothing heavy is imported here: worker processes import this package again before
they begin, and would pay for every command that they never run.
"""

import os

__all__ = ["main"]


def main() -> None:
    """Run `forensic` and leave with its exit code."""
    # numpy would start a thread a core for algebra that nobody does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from forensic.cli.app import run  # noqa: PLC0415 (see above)

    run()
