"""A finding: a printed number beside what follows from others, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass

from bench.published.implied import Implied
from bench.published.tables import Number

AGREES, CUT, DIFFERS, UNPRINTED = "agrees", "cut off", "DIFFERS", "not printed"
VERDICTS = (AGREES, CUT, DIFFERS, UNPRINTED)
"""Equal once rounded; equal once cut off at the last printed digit; neither; nobody printed it."""
SLACK = 1e-9
"""Of the floating point alone."""


@dataclass(frozen=True)
class Finding:
    """One comparison of a printed number with what follows."""

    check: str
    place: str
    what: str
    """Row and column, as printed."""
    printed: str
    follows: str
    rule: str
    """From what it follows."""
    verdict: str


def verdict(printed: float, digit: float, implied: Implied) -> str:
    """Say whether a printed number is what follows, rounded or cut off.

    >>> verdict(0.796, 0.001, Implied(0.7967, 0.79665, 0.79675, ""))
    'cut off'
    """
    if implied.low - digit / 2 - SLACK <= printed <= implied.high + digit / 2 + SLACK:
        return AGREES
    return CUT if implied.low - digit - SLACK < printed <= implied.high + SLACK else DIFFERS


def finding(check: str, number: Number, implied: Implied) -> Finding:
    """Compare one printed number with what follows."""
    factor = number.value / float(number.printed) if float(number.printed) else 1.0
    decimals = len(number.printed.partition(".")[2])
    return Finding(
        check,
        number.place,
        what(number),
        number.printed + (" %" if number.unit == "percent" else ""),
        f"{implied.value / factor:.{decimals + (1 if decimals else 0)}f}",
        implied.rule,
        verdict(number.value, number.digit, implied),
    )


def what(number: Number) -> str:
    """Name a number by its row and column."""
    return f"{number.row.row}: {number.column}"
