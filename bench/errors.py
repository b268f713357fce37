"""Errors, each with a documented exit code, each listing every fault at once.

BenchError
├── UsageError        2   the command asks for something that does not exist
├── SubmissionError   3   a submission does not say what the task needs
├── DataError         4   recordings are missing, changed or malformed
│   └── SplitError    4   a frozen split file is missing or was changed
└── FileError         4   a file cannot be read; whoever reads it says which, and raises one of the above
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BenchError(Exception):
    """A fault of the input, not of the program: shown as text, never as a traceback.

    `problems` says, one per line, the place, what was found and what was expected;
    `hint` is the next command to type.
    """

    exit_code = 1

    def __init__(self, title: str, problems: Iterable[str] = (), hint: str | None = None) -> None:
        self.title = printable(title)
        self.problems = tuple(printable(_cut(problem)) for problem in first(problems, MOST_PROBLEMS))
        self.hint = hint and printable(hint)
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.title, *(f"  - {problem}" for problem in self.problems)]
        if self.hint:
            lines.append(f"next: {self.hint}")
        return "\n".join(lines)


class UsageError(BenchError):
    """The command names something that does not exist."""

    exit_code = 2


class SubmissionError(BenchError):
    """A submission is incomplete, malformed or unsafe."""

    exit_code = 3


class DataError(BenchError):
    """Recordings are missing, changed or malformed."""

    exit_code = 4


class SplitError(DataError):
    """A frozen split file is missing or was changed."""


class FileError(BenchError):
    """A file cannot be read. The title says why; whoever reads it adds which file, and what to do."""

    exit_code = 4


def printable(text: str) -> str:
    """Return text with every sign that a terminal would obey, or could not write, as its escape."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign == "\n" else sign.encode("unicode_escape").decode()
        for sign in text
    )


MOST_PROBLEMS = 200
"""Lines of one error; a wrong file can have a fault on every line."""
LONGEST_PROBLEM = 4_000
"""Characters of one line of an error."""
LONGEST_NAME = 100
"""Characters of the longest name in use: a longer one is no slip of the keyboard."""
SHOWN = 20
"""How many faults of one kind are listed; a wrong file can have one on every line."""


def first(faults: Iterable[str], most: int = SHOWN) -> list[str]:
    """Return the first faults, and how many more there are."""
    every = list(faults)
    return every[:most] + ([f"and {len(every) - most:,} more"] if len(every) > most else [])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PROBLEM else f"{text[:LONGEST_PROBLEM]}… ({len(text):,} characters)"


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name `name` was probably meant to be; empty where none is near."""
    match = nearest_name(name, known)
    return "" if match is None else f"; did you mean {match!r}?"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was probably meant to be; None where none is near.

    A name of megabytes is compared with nothing: that would take for ever.
    """
    matches = get_close_matches(name, list(known), n=1) if len(name) <= LONGEST_NAME else []
    return matches[0] if matches else None
