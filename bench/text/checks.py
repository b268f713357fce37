"""Checks as text: a line for every table of a paper and every task, then each check."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bench.text.tables import table
from bench.verification.checks import Check

VERDICTS = ("ok", "DIFFERS", "misprint", "not at hand")
"""A misprint is a number that the counts in papers contradict."""
WHERE = {"stored": "stored recordings", "frozen": "frozen splits", "printed": "its own sums"}


def checks_text(checks: Sequence[Check], *, every: bool) -> str:
    """Return a line to each paper's table and each task, then what is not as expected.

    With `every`, a block to each of them that holds all checks.
    """
    of_papers = sorted((c for c in checks if c.printed), key=_numbered)
    of_tasks = [c for c in checks if not c.printed]
    tables = [("The papers' tables", "table", of_papers, _source), ("The tasks", "task", of_tasks, _task)]
    blocks = [_overview(title, name, group, key) for title, name, group, key in tables if group]
    summary = ", ".join(f"{sum(_verdict(c) == name for c in checks)} {name}" for name in VERDICTS)
    end = f"{len(checks)} checks: {summary}"
    if not every:
        wrong = [c for c in (*of_papers, *of_tasks) if c.ok is False]
        told = [_block("Not as expected", wrong, "expected by", _where, "expected")] if wrong else []
        return "\n\n".join([*blocks, *told, f"every check: --all\n{end}"])
    blocks += [
        _block(place, [c for c in of_papers if c.source == place], "task", _task, "printed")
        for place in _distinct(of_papers, _source)
    ]
    blocks += [
        _block(task, [c for c in of_tasks if c.task == task], "expected by", _source, "expected")
        for task in _distinct(of_tasks, _task)
    ]
    return "\n\n".join([*blocks, end])


Key = Callable[[Check], str]


def _verdict(check: Check) -> str:
    if check.ok is None:
        return "not at hand"
    return "ok" if check.ok else "misprint" if check.misprint else "DIFFERS"


def _source(check: Check) -> str:
    return check.source


def _where(check: Check) -> str:
    return f"{check.task}, {check.source}"


def _numbered(check: Check) -> str:
    """Return the source as text that sorts by number: Table 4 before Table 12."""
    return re.sub(r"\d+", lambda number: number[0].zfill(3), check.source)


def _task(check: Check) -> str:
    return check.task


def _distinct(checks: Sequence[Check], key: Key) -> list[str]:
    return list(dict.fromkeys(map(key, checks)))


def _overview(title: str, name: str, checks: Sequence[Check], key: Key) -> str:
    headers = [name, "checks", *VERDICTS, "compared with", "for the rest"]
    rows = []
    for value in _distinct(checks, key):
        group = [check for check in checks if key(check) == value]
        counts = [sum(_verdict(check) == name for check in group) for name in VERDICTS]
        places_used = {check.where for check in group}
        places = [WHERE[where] for where in WHERE if where in places_used]
        gets = dict.fromkeys(check.get for check in group if check.get)
        rows.append([value, str(len(group)), *map(str, counts), ", ".join(places), "; ".join(gets)])
    return f"{title}\n{_stripped(table(headers, rows, 'l' + 'r' * (1 + len(VERDICTS)) + 'll'))}"


def _block(title: str, checks: Sequence[Check], last: str, key: Key, expected: str) -> str:
    headers = ["check", expected, "found", "in", "verdict", last]
    rows = [[c.what, c.expected, c.found, c.where, _verdict(c), key(c)] for c in checks]
    return f"{title}\n{_stripped(table(headers, rows, 'lrrlll'))}"


def _stripped(drawn: str) -> str:
    return "\n".join(line.rstrip() for line in drawn.split("\n"))
