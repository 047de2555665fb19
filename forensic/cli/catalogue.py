"""formats, rules: what the tool knows."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from forensic.cli import screen
from forensic.cli.options import AsJson
from forensic.errors import NothingFound
from forensic.formats import all_formats
from forensic.rules import all_rules

__all__ = ["COMMANDS"]


def formats(as_json: AsJson = False) -> None:
    """List the log formats that are recognised.

    Example: forensic formats
    """
    rows = [
        {
            "name": fmt.name,
            "hop": fmt.hop or "-",
            "title": fmt.title,
            "reference": fmt.reference,
        }
        for fmt in all_formats()
    ]
    if as_json:
        screen.put_json(rows)
        return
    sheet = screen.paper()
    table = [[row["name"], row["hop"], row["title"]] for row in rows]
    sheet.table(["name", "hop", "title"], table, right=[], indent=0)
    screen.put_text(sheet.text())


def rules(
    rule: Annotated[
        str | None,
        typer.Argument(help="One rule, to see it in full.", metavar="ID"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the rules, or explain one.

    Example: forensic rules waf-false-positive
    """
    found = [one for one in all_rules() if rule in (None, one.id)]
    if not found:
        message = f"no rule {rule}; `forensic rules` lists them"
        raise NothingFound(message)
    names = "id title level description falsepositives references tags needs".split()
    rows = [{name: getattr(one, name) for name in names} for one in found]
    if as_json:
        screen.put_json(rows)
        return
    sheet = screen.paper()
    if rule is None:
        table = [[row["id"], row["level"], row["title"]] for row in rows]
        sheet.table(["id", "level", "title"], table, right=[], indent=0)
    else:
        sheet.fields(
            (name, value if isinstance(value, str) else "; ".join(value) or "-")
            for name, value in rows[0].items()
        )
    screen.put_text(sheet.text())


COMMANDS: list[tuple[str, Callable[..., Any]]] = [
    ("formats", formats),
    ("rules", rules),
]
