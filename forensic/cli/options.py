"""What several commands take, so that it is named and explained alike everywhere."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "At", "CaseFolder", "Moved", "PathGlob", "Secrets", "Status"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
At = Annotated[
    str | None,
    typer.Option(
        help='When the user saw it: "2025-02-06 14:32 +09:00", a stamp as logs or '
        "browsers write it, or 14:32 alone.",
        metavar="TIME",
    ),
]
CaseFolder = Annotated[Path, typer.Argument(help="A case folder.", metavar="CASE")]
Moved = Annotated[
    list[Path] | None,
    typer.Option(
        "--archive", help="Where the evidence is now, if it was moved.", metavar="PATH"
    ),
]
PathGlob = Annotated[
    str | None,
    typer.Option(
        "--path",
        help="The path the user saw, or an address, a line of a log, a curl command: "
        "* matches any text, ? one.",
        metavar="GLOB",
    ),
]
Secrets = Annotated[bool, typer.Option("--secrets", help="Show credentials as well.")]


def _status(text: str | int) -> int:
    """The number; raises BadParameter for other text."""
    try:
        return int(text)
    except ValueError:
        message = f"{text!r} is no HTTP status: write a number, such as 403"
        raise typer.BadParameter(message) from None


Status = Annotated[
    int | None,
    typer.Option(help="The status the user saw.", metavar="N", parser=_status),
]
