"""A check as data: its name, what was found, what was expected, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Check:
    """One comparison."""

    task: str
    what: str
    expected: str
    found: str
    """What is there; where nothing is, why."""
    where: str
    """Where it was found: "stored" recordings, the "frozen" split file, the "printed" table itself."""
    ok: bool | None
    """None where there is nothing to compare."""
    source: str
    """Who says what is expected: a file of this repository, or a table of a paper."""
    printed: bool = False
    """Whether that is a table of a paper."""
    get: str = ""
    """The command that gets what there is nothing of."""
    misprint: bool = False
    """Whether the paper's own counts contradict what it prints: no fault of what was found."""


def equal(
    task: str, what: str, expected: object, found: object, where: str, source: str, *, printed: bool = False
) -> Check:
    """Check that two values are the same; whole numbers are written with commas."""
    return Check(task, what, _text(expected), _text(found), where, expected == found, source, printed)


def near(
    task: str, what: str, printed: str, found: Fraction, where: str, source: str, *, misprint: bool = False
) -> Check:
    """Check that a number, at least 0, is the printed one, rounded or cut off at its last digit.

    >>> near("t", "share of attack", "2.76", Fraction("2.765009"), "stored", "a table").ok
    True
    >>> near("t", "share of other", "62.73", Fraction("62.7231"), "stored", "a table").ok
    False
    """
    decimals = len(printed.partition(".")[2])
    text, ok = f"{float(found):.{decimals + 2}f}", is_printed_as(found, printed)
    return Check(task, what, printed, text, where, ok, source, printed=True, misprint=misprint)


def is_printed_as(value: Fraction, printed: str) -> bool:
    """Whether a number, at least 0, gives this print when it is rounded, or when it is cut off.

    A number half way between two prints gives both.
    """
    number, digit = Fraction(printed), Fraction(1, 10 ** len(printed.partition(".")[2]))
    return abs(value - number) <= digit / 2 or number <= value < number + digit


def absent(
    task: str, what: str, expected: object, reason: str, source: str, *, get: str, printed: bool = False
) -> Check:
    """Note that there is nothing to compare, why, and which command changes that."""
    return Check(task, what, _text(expected), reason, "", None, source, printed, get)


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
