"""The command line: one file a group of commands, put together in `app`.

Nothing heavy is imported here: worker processes import this package again before
they begin, and would pay for every command that they never run.
"""

__all__ = ["main"]


def main() -> None:
    """Run `forensic` and leave with its exit code."""
    from forensic.cli.app import run  # noqa: PLC0415 (see above)

    run()
