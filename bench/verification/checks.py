"""A check as data: its name, what was found, what was expected, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

VERDICTS = {True: "ok", False: "DIFFERS", None: "not at hand"}


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


def equal(task: str, what: str, expected: object, found: object, where: str, source: str) -> Check:
    """Check that two values are the same; whole numbers are written with commas."""
    return Check(task, what, _text(expected), _text(found), where, expected == found, source)


def near(task: str, what: str, printed: str, found: float, where: str, source: str) -> Check:
    """Check that a number is the printed one, rounded or cut off at its last digit.

    >>> near("t", "share of attack", "2.76", 2.765009, "stored", "a table").ok
    True
    >>> near("t", "share of attack", "2.76", 2.771, "stored", "a table").ok
    False
    """
    decimals = len(printed.partition(".")[2])
    ok = abs(found - float(printed)) < 10.0**-decimals
    return Check(task, what, printed, f"{found:.{decimals + 2}f}", where, ok, source)


def absent(task: str, what: str, expected: object, reason: str, source: str) -> Check:
    """Note that there is nothing to compare, and why."""
    return Check(task, what, _text(expected), reason, "", None, source)


def table(checks: Sequence[Check]) -> str:
    """Return every check, one aligned table to a task, and how many came out how."""
    headers = ["check", "expected", "found", "in", "verdict", "expected by"]
    align = ["left", "right", "right", "left", "left", "left"]
    blocks = []
    for task in dict.fromkeys(check.task for check in checks):
        rows = [
            [c.what, c.expected, c.found, c.where, VERDICTS[c.ok], c.source] for c in checks if c.task == task
        ]
        drawn = tabulate(rows, headers, tablefmt="simple", colalign=align, disable_numparse=True)
        blocks.append(f"{task}\n{drawn}")
    counts = {verdict: sum(c.ok is ok for c in checks) for ok, verdict in VERDICTS.items()}
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return "\n\n".join([*blocks, f"{len(checks)} checks: {summary}"])


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
