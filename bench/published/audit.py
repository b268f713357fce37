"""The audit of printed tables: whether each number agrees with what follows from the others.

Every finding is computed from `leaderboard/reference/`; no verdict is stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from bench.datasets import TASKS
from bench.errors import UsageError, nearest
from bench.published.findings import AGREES, DIFFERS, UNPRINTED, Finding, finding, verdict, what
from bench.published.implied import (
    Implied,
    as_implied,
    deviation,
    difference,
    f1_of,
    gain,
    mean,
    pooled,
    support_of,
    weighted_f1,
)
from bench.published.official import against_runs, read_runs
from bench.published.tables import Number, read_published
from bench.tasks import Task
from bench.verification import ROUNDED, Printed, from_counts, read_printed

PER_CLASS = ("precision", "recall", "f1", "frames")
RELATIVE = ("gain", "lead", "highest")
"""What is said of other numbers: over the other rows, over one number, among all rows."""
FindTask = Callable[[str], Task | None]
"""Task by name; None where there is none."""


def audit(numbers: Sequence[Number], counts: Sequence[Printed], find: FindTask) -> list[Finding]:
    """Return all findings, in the order of the papers' tables within each check."""
    return [
        *_repeated(numbers),
        *_means(numbers, find),
        *_spreads(numbers, find),
        *_supports(numbers, counts, find),
        *_labels(numbers, find),
        *_weighted(numbers, counts, find),
        *_gains(numbers),
        *_leads(numbers, find),
        *_highest(numbers),
        *_tious(numbers),
        *_shares(numbers, counts),
        *_sums_of_shares(numbers, counts),
    ]


def audit_papers(source: str | None = None, runs: Path | None = None) -> list[Finding]:
    """Return all findings of the published tables, or of those of the paper `source` alone.

    `runs` is a CSV of CalMS21's results of every seed, to compare with too. Raises `UsageError` that names
    the nearest paper where there is none of that name.
    """
    numbers, tasks = read_published(), {task.name: task for task in TASKS}
    sources = list(dict.fromkeys(number.table.paper.source for number in numbers))
    if source is not None and source not in sources:
        raise UsageError(
            f"no paper {source!r}{nearest(source, sources)}", hint=f"one of {', '.join(sources)}"
        )
    audited = [number for number in numbers if source in (None, number.table.paper.source)]
    findings = audit(audited, read_printed(), tasks.get)
    return findings + (against_runs(audited, read_runs(runs, tasks)) if runs is not None else [])


def complete(task: Task, numbers: Sequence[Number]) -> list[Number]:
    """Return one number for each part and class that a headline is the mean of; none where some lack."""
    parts = [part.name for part in task.parts]
    foreground = [name for name in task.classes if name != task.background]
    by_cell = {(n.part or parts[0] if len(parts) == 1 else n.part, n.class_): n for n in numbers}
    for classes in (foreground, [""]):
        cells = [(part, name) for part in parts for name in classes]
        if len(cells) > 1 and all(cell in by_cell for cell in cells):
            return [by_cell[cell] for cell in cells]
    return []


def class_table(task: Task, numbers: Sequence[Number]) -> dict[str, dict[str, Number]]:
    """Return metric -> class -> number of a table that prints support; empty where it lacks a class."""
    table: dict[str, dict[str, Number]] = {}
    for number in numbers:
        if number.class_ and not number.part and number.metric in PER_CLASS:
            table.setdefault(number.metric, {})[number.class_] = number
    whole = {metric: row for metric, row in table.items() if set(row) == set(task.classes)}
    return whole if "frames" in whole else {}


def by_model(numbers: Sequence[Number]) -> dict[tuple[str, str, str], list[Number]]:
    """Return the numbers of each model on each task."""
    groups: dict[tuple[str, str, str], list[Number]] = {}
    for number in numbers:
        if number.task:
            groups.setdefault(number.model, []).append(number)
    return groups


def _repeated(numbers: Sequence[Number]) -> Iterator[Finding]:
    """Check that what is printed several times is the same each time."""
    groups: dict[tuple[object, ...], list[Number]] = {}
    for n in numbers:
        if n.metric in RELATIVE:
            continue
        cell = (n.model, n.task or n.column, n.part, n.class_, n.metric)
        groups.setdefault(cell, []).append(n)
    for group in groups.values():
        finest = min(group, key=lambda n: n.digit)
        half = finest.digit / 2
        for other in group:
            if other is finest:
                continue
            ends = (finest.value, finest.value - half, finest.value + half)
            if other.digit == finest.digit:
                ends = (finest.value,) * 3
            rule = f"{finest.table.table}, {what(finest)}"
            repeated = finding("printed twice", other, Implied(*ends, rule))
            yield replace(repeated, follows=finest.printed)


def _means(numbers: Sequence[Number], find: FindTask) -> Iterator[Finding]:
    """Check that a headline is the mean over classes and parts."""
    yield from _of_headlines("mean of its parts", numbers, find, _mean)


def _mean(number: Number, pieces: Sequence[Number], words: str) -> tuple[Number, Implied]:
    return number, mean(pieces, words)


def _spreads(numbers: Sequence[Number], find: FindTask) -> Iterator[Finding]:
    """Check that a ± over parts is their population standard deviation."""
    over_parts = [n for n in numbers if n.table.spread_over == "parts"]
    yield from _of_headlines("± over its parts", over_parts, find, _spread)


def _spread(number: Number, pieces: Sequence[Number], words: str) -> tuple[Number, Implied] | None:
    if not number.spread:
        return None
    return replace(number, printed=number.spread, column=f"± of {number.column}"), deviation(pieces, words)


def _of_headlines(
    check: str,
    numbers: Sequence[Number],
    find: FindTask,
    derive: Callable[[Number, Sequence[Number], str], tuple[Number, Implied] | None],
) -> Iterator[Finding]:
    for group in by_model(numbers).values():
        task = find(group[0].task)
        headlines = [n for n in group if not n.part and not n.class_]
        for headline in headlines if task else []:
            same = [n for n in group if n.metric == headline.metric and n is not headline]
            for table, printed in groupby(same, key=lambda n: n.table):
                pieces = complete(task, list(printed)) if task else []
                words = f"values of {table.table}"
                if pieces and (derived := derive(headline, pieces, words)):
                    yield finding(check, *derived)


def _supports(numbers: Sequence[Number], counts: Sequence[Printed], find: FindTask) -> Iterator[Finding]:
    """Check that F1 follows from precision and recall in a table of classes, and that support adds up."""
    for task, table in _class_tables(numbers, find):
        for name in task.classes:
            if {"precision", "recall", "f1"} <= set(table):
                implied = f1_of(table["precision"][name], table["recall"][name])
                yield finding("F1 of a class", table["f1"][name], implied)
        scored = [p for p in counts if p.task == task.name and p.quantity == "scored" and not p.class_]
        total = sum(number.value for number in table["frames"].values())
        for count in scored:
            verdict = AGREES if total == float(count.printed) else DIFFERS
            rule = f"sum of {len(task.classes)} supports"
            yield Finding(
                "support", count.place, "frames that count", count.printed, f"{total:.0f}", rule, verdict
            )


def _labels(numbers: Sequence[Number], find: FindTask) -> Iterator[Finding]:
    """Check that what follows from a table of classes is what is printed under its name."""
    for task, table in _class_tables(numbers, find):
        source = next(iter(table["frames"].values()))
        same = [n for n in numbers if n.model == source.model and not n.part and not n.class_]
        for metric, implied in pooled(task, table).items():
            printed = [n for n in same if n.metric == metric and n.table != source.table]
            for number in printed:
                yield finding("from its classes", number, implied)
            for number in [n for n in same if n.says == metric]:
                yield finding("what its label says", number, implied)
            if not printed:
                row = source.row.rival
                value, rule = f"{implied.value:.4f}", implied.rule
                yield Finding(
                    "from its classes", source.place, f"{row}: {metric}", "", value, rule, UNPRINTED
                )


def _weighted(numbers: Sequence[Number], counts: Sequence[Printed], find: FindTask) -> Iterator[Finding]:
    """Check that the weighted F1 of a part follows from its classes and the frames of its recordings."""
    for group in by_model(numbers).values():
        task = find(group[0].task)
        for part in dict.fromkeys(n.part for n in group if n.part) if task else ():
            of_part = [n for n in group if n.part == part]
            f1 = {n.class_: n for n in of_part if n.metric == "f1" and n.class_}
            printed = [n for n in of_part if n.metric == "f1_weighted" and not n.class_]
            if task is None or not printed or set(f1) != set(task.classes):
                continue
            ordered = {name: f1[name] for name in task.classes}
            if weights := support_of(task, part, [p for p in counts if p.task == task.name]):
                yield finding("from its classes", printed[0], weighted_f1(ordered, weights))


def _gains(numbers: Sequence[Number]) -> Iterator[Finding]:
    """Check that a gain is the difference from the mean of the other rows."""
    for number in numbers:
        if number.metric == "gain":
            column = number.column.removesuffix(", gain")
            same = [n for n in numbers if n.table == number.table and n.column == column]
            (best,) = (n for n in same if n.row == number.row)
            yield finding("gain", number, gain(best, [n for n in same if n is not best]))


def _leads(numbers: Sequence[Number], find: FindTask) -> Iterator[Finding]:
    """Check that a lead, "A over B", is the difference of two numbers; B is a column, or another row of A.

    Where the label of A names another metric than A is, the lead is compared with that metric's too.
    """
    for lead in [n for n in numbers if n.metric == "lead"]:
        column, _, other = lead.column.partition(" over ")
        paper = [n for n in numbers if n.table.paper == lead.table.paper and n.metric not in RELATIVE]
        (mine,) = (n for n in paper if (n.row.row, n.column) == (lead.row.row, column))
        (theirs,) = (n for n in paper if (n.row.row, n.column) in ((lead.row.row, other), (other, column)))
        yield finding("lead", lead, difference(as_implied(mine), theirs))
        if lead.says and (implied := _of_classes(mine, numbers, find).get(lead.says)):
            yield finding("what its label says", lead, difference(implied, theirs))


def _of_classes(number: Number, numbers: Sequence[Number], find: FindTask) -> Mapping[str, Implied]:
    """Return what follows from the table of classes of the same model."""
    for task, table in _class_tables(numbers, find):
        if next(iter(table["frames"].values())).model == number.model:
            return pooled(task, table)
    return {}


def _highest(numbers: Sequence[Number]) -> Iterator[Finding]:
    """Check that a number that is called the highest of a column is."""
    for claim in [n for n in numbers if n.metric == "highest"]:
        column = claim.column.removesuffix(", the highest")
        paper = [n for n in numbers if n.table.paper == claim.table.paper and n.column == column]
        (table,) = {n.table for n in paper if n.row.row == claim.row.row}
        cells = [n for n in paper if n.table == table and n.part]
        best = max(cells, key=lambda n: n.value)
        rule = f"{what(best)}, the highest of {len(cells)} in {best.table.table}"
        yield finding("highest", claim, Implied(*(best.value,) * 3, rule))


def _shares(numbers: Sequence[Number], counts: Sequence[Printed]) -> Iterator[Finding]:
    """Check that shares and round numbers of frames follow from the frames that are printed."""
    sources = {number.table.paper.source for number in numbers}
    for printed in [p for p in counts if p.quantity in ROUNDED and p.source in sources]:
        if implied := from_counts(printed, counts):
            value, rule = implied
            decimals = len(printed.printed.partition(".")[2])
            unit = " %" if printed.quantity == "percent" else " thousand"
            yield Finding(
                "from its counts",
                printed.place,
                f"{printed.task}, {printed.what}",
                printed.printed + unit,
                f"{float(value):.{decimals + 1}f}",
                rule,
                verdict(float(printed.printed), 10.0**-decimals, Implied(*(float(value),) * 3, rule)),
            )


def _sums_of_shares(numbers: Sequence[Number], counts: Sequence[Printed]) -> Iterator[Finding]:
    """Check that the shares of a whole add up to what its counts give, each share rounded or cut off."""
    sources = {number.table.paper.source for number in numbers}
    tables: dict[tuple[str, ...], list[Printed]] = {}
    for p in counts:
        if p.quantity == "percent" and p.source in sources:
            tables.setdefault((p.place, p.task, p.part, p.subset, p.recording), []).append(p)
    for shares in tables.values():
        exact = [implied[0] for p in shares if (implied := from_counts(p, counts))]
        if len(exact) != len(shares) or sum(exact) != 100:  # not every class is printed
            continue
        decimals = [len(p.printed.partition(".")[2]) for p in shares]
        pairs = list(zip(exact, decimals, strict=True))
        cut, rounded = (
            sum(math.floor(share * 10**n + shift) / Fraction(10**n) for share, n in pairs)
            for shift in (Fraction(0), Fraction(1, 2))
        )
        total = sum(Fraction(p.printed) for p in shares)
        rule = f"sum of {len(shares)} shares, rounded; {float(cut):.{max(decimals)}f} where each is cut off"
        yield Finding(
            "sum of shares",
            shares[0].place,
            f"{shares[0].task}, {shares[0].scope}: sum of percent",
            f"{float(total):.{max(decimals)}f} %",
            f"{float(rounded):.{max(decimals)}f}",
            rule,
            verdict(float(total), 0.0, Implied(float(rounded), float(cut), float(rounded), rule)),
        )


def _tious(numbers: Sequence[Number]) -> Iterator[Finding]:
    """Check that the mAP over tIoU is the mean over the thresholds."""
    for group in by_model(numbers).values():
        single = [n for n in group if n.metric.startswith("detection_map_")]
        for number in group:
            if single and number.metric == "detection_map" and number.table == single[0].table:
                yield finding("mean over tIoU", number, mean(single, "thresholds"))


def _class_tables(
    numbers: Sequence[Number], find: FindTask
) -> Iterator[tuple[Task, Mapping[str, Mapping[str, Number]]]]:
    for group in by_model(numbers).values():
        task = find(group[0].task)
        for _, printed in groupby(group, key=lambda n: n.table):
            if task and (table := class_table(task, list(printed))):
                yield task, table
