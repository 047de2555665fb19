"""What programs say: the phrases as polars reads them mean what they say."""

from pathlib import Path

import polars as pl

from forensic.hops.kind import BY_REASON, ascii_classes
from forensic.hops.kinds import KINDS
from forensic.hops.refusals import REFUSALS, THROWN_REFUSALS

_FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"


def _lines() -> pl.Series:
    """Every line of the formats' fixtures that is a text's."""
    logs = sorted(_FORMATS.glob("*/*.log"))
    texts = (log.read_bytes().decode("utf-8", "replace") for log in logs)
    return pl.Series([line for text in texts for line in text.splitlines()])


def test_a_phrase_of_ascii_classes_finds_the_lines_that_it_found() -> None:
    """Nothing that a program writes around its words is told apart by Unicode."""
    lines = _lines()
    found = 0
    for kind in (*THROWN_REFUSALS, *KINDS, *REFUSALS):
        wide = lines.str.contains(kind.phrase)
        assert wide.equals(lines.str.contains(ascii_classes(kind.phrase))), kind.name
        found += int(wide.sum())
    assert found > 100


def test_classes_within_brackets_and_without() -> None:
    r"""An escaped bracket opens none, and ends none."""
    assert ascii_classes(r"\[\d+\] [\w.-]+ [^\s\]]\S+\b") == (
        r"\[[0-9]+\] [0-9A-Za-z_.-]+ [^\t-\r \]][^\t-\r ]+(?-u:\b)"
    )


def test_what_the_class_alone_tells_matches_no_message() -> None:
    """Not even an empty one, or one of other spaces."""
    lines = pl.concat([_lines(), pl.Series(["", "\u00a0", "a", "b", "&"])])
    assert not lines.str.contains(ascii_classes(BY_REASON)).any()
