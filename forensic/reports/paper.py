"""A sheet of terminal text: headings, fields and tables that fit any width.

All text goes through `escape.shown` here, so that nothing but our own colours reaches
the terminal. Without colour there is no escape sequence and no trailing space.
"""

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from forensic.reports.escape import around, shown, visible

__all__ = ["Paper", "number", "size"]

_STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
    "certain": "green",
    "strong": "green",
    "weak": "yellow",
    "none": "red",
}
_LEAST_WIDTH = 40


class Paper:
    """Collects what is to be printed; `text()` gives it."""

    def __init__(self, width: int, *, colour: bool) -> None:
        """An empty sheet of that many columns."""
        self._colour = colour
        self._sink = io.StringIO()
        self._console = Console(
            file=self._sink,
            width=max(width, _LEAST_WIDTH),
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def _put(self, item: RenderableType, indent: int) -> None:
        self._console.print(Padding(item, (0, 0, 0, indent)))

    def blank(self) -> None:
        """An empty line."""
        self._console.print()

    def heading(self, text: str) -> None:
        """A heading with an empty line above."""
        self.blank()
        self._put(Text(text.upper(), style="bold"), 0)

    def line(self, text: object, *, indent: int = 2, style: str = "") -> None:
        """A paragraph, folded where it is too long."""
        self._put(Text(shown(text), style=style, overflow="fold"), indent)

    def safe(self, text: str, *, indent: int = 2, style: str = "") -> None:
        """A paragraph that the caller made safe, because it may hold credentials."""
        self._put(Text(visible(text), style=style, overflow="fold"), indent)

    def safe_fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names and values that the caller made safe."""
        grid = _grid()
        for name, value in pairs:
            grid.add_row(Text(name, style="dim"), Text(visible(value)))
        self._put(grid, 2)

    def copyable(self, text: object, *, indent: int = 2, style: str = "") -> None:
        """One line that is never folded, so that it can be copied."""
        whole = Text(" " * indent + shown(text), style=style)
        self._console.print(whole, soft_wrap=True)

    def clipped(
        self, text: object, most: int, words: Iterable[str] = (), *, indent: int = 2
    ) -> None:
        """A piece of evidence, folded: so many characters around one of the words."""
        told = around(text, words, most)
        self._put(Text(told, style="dim", overflow="fold"), indent)

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Names and values below each other; those without a value are left out."""
        grid = _grid()
        for name, value in pairs:
            if value not in (None, "", []):
                style = _STYLES.get(str(value), "bold")
                grid.add_row(Text(name), Text(shown(value), style=style))
        self._put(grid, 2)

    def bullets(self, items: Iterable[object], *, indent: int = 2) -> None:
        """A list, one item a paragraph."""
        grid = _grid(1)
        for item in items:
            grid.add_row(Text("-"), Text(shown(item)))
        self._put(grid, indent)

    def table(
        self,
        names: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Sequence[str] = (),
        whole: Sequence[str] = (),
        indent: int = 2,
        safe: bool = False,
    ) -> None:
        """A table without lines; columns in `right` are numbers, `whole` never fold.

        `safe` where the caller made the cells so, because they may hold credentials.
        """
        told = visible if safe else shown
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
        for name in names:
            justify = "right" if name in right else "left"
            table.add_column(
                Text(name),
                justify=justify,  # type: ignore[arg-type]
                overflow="fold",
                header_style="dim",
                no_wrap=name in right or name in whole,
            )
        for row in rows:
            cells = ["" if cell is None else told(str(cell)) for cell in row]
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
        self._put(table, indent)

    def text(self) -> str:
        """Everything so far."""
        text = self._sink.getvalue()
        if self._colour:
            return text
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _grid(gap: int = 2) -> Table:
    """A table of a name that is never folded and a text that is."""
    grid = Table.grid(padding=(0, gap))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def number(value: object) -> str:
    """A count with thousands separated; empty for none."""
    return f"{value:,}" if isinstance(value, int) else str(value or "")


def size(count: int) -> str:
    """Bytes for a person: `1.8 GB`."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return (
                f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return ""
