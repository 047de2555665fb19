"""Errors that reach a person, and the exit code that each one stands for.

ForensicError                 base: a clear sentence; exit 5 where none says otherwise
├── UsageError                2  the command line is wrong, or the request is refused
├── NothingFound              1  a search has no match
├── EvidenceMismatch          4  evidence or case does not match its hashes
└── OutputError               5  the case folder could not be written

What is wrong *inside* evidence is never an exception: it is a row of the ledger
(`sources.verdict`, `unparsed`), because one bad file must not cost another's result.
"""

__all__ = [
    "EvidenceMismatch",
    "ForensicError",
    "NothingFound",
    "OutputError",
    "UsageError",
]


class ForensicError(Exception):
    """Base of all errors that are reported as one sentence."""

    exit_code = 5


class UsageError(ForensicError):
    """The command line is wrong, or what it asks for is refused."""

    exit_code = 2


class NothingFound(ForensicError):  # noqa: N818 (it is no error of the user)
    """A search ran to its end and nothing matched."""

    exit_code = 1


class EvidenceMismatch(ForensicError):  # noqa: N818 (what it is, not that it is)
    """Evidence or case does not match the hashes that were recorded."""

    exit_code = 4


class OutputError(ForensicError):
    """The case folder could not be written."""

    exit_code = 5
