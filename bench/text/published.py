"""What `bench audit`, `bench reproduce` and `bench evaluate` print of published tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.datasets import TASKS
from bench.published.against import Compared
from bench.published.findings import CUT, DIFFERS, UNPRINTED, VERDICTS, Finding
from bench.published.rivals import rivals
from bench.published.tables import FACTORS, read_published
from bench.text.tables import table

WHOLE = ("frames", "parameters", "seconds")
"""Units of whole numbers."""
WORST_FIRST = (DIFFERS, CUT, UNPRINTED)
"""Verdicts of findings that do not agree."""

ONE_SEED = "One seed has no ±: --seeds 5 gives ours"


def findings_text(findings: Sequence[Finding], *, every: bool) -> str:
    """Return what does not agree in one table, the worst first, and how many agree.

    With `every`, one table for each check that holds all findings of it.
    """
    headers = ["where", "what", "printed", "follows", "from", "verdict"]
    counts = [(name, sum(finding.verdict == name for finding in findings)) for name in VERDICTS]
    summary = f"{len(findings)} findings: {', '.join(f'{count} {name}' for name, count in counts)}"
    if every:
        blocks = [
            f"{check}\n{table(headers, [_row(one) for one in findings if one.check == check], 'llrrll')}"
            for check in dict.fromkeys(finding.check for finding in findings)
        ]
        return "\n\n".join([*blocks, summary])
    open_ = [one for verdict in WORST_FIRST for one in findings if one.verdict == verdict]
    blocks = [table(headers, [_row(one) for one in open_], "llrrll")] if open_ else []
    return "\n\n".join([*blocks, f"{summary}; those that agree: bench audit --all"])


def _row(finding: Finding) -> list[str]:
    return [finding.place, finding.what, finding.printed, finding.follows, finding.rule, finding.verdict]


def rivals_text(task: str, metric: str, title: str) -> str:
    """Return the published values of one metric on a whole task, best first; empty where there are none.

    `metric` is one of which more is better, `title` what the column is called.
    """
    known = {each.name: each for each in TASKS}
    pairs = [
        (rival, rival.numbers[metric])
        for rival in rivals(task, read_published(), known.get)
        if metric in rival.numbers and not rival.part
    ]
    rows = [
        (
            rival.name,
            number.text,
            number.place + (", follows from its classes" if metric in rival.follows else ""),
        )
        for rival, number in sorted(pairs, key=lambda pair: -pair[1].value)
    ]
    headers = ("published, not scored here", title, "where")
    return table(headers, rows, "lrl") if rows else ""


def compared_text(rows: Sequence[Compared]) -> str:
    """Return one aligned table to a published one: printed, ours, and how far apart.

    Where variants of a model were trained too, a column says which baseline each line is of.
    """
    blocks = []
    for published in dict.fromkeys(row.number.table for row in rows):
        group = [row for row in rows if row.number.table == published]
        headers = ["row", "number", "published", "ours", "difference", "in deviations"]
        align = "llrrrl"
        lines = [list(_compared(row)) for row in group]
        if any(row.variant for row in group):
            headers.insert(2, "baseline")
            align = "lllrrrl"
            for row, line in zip(group, lines, strict=True):
                line.insert(2, _baseline(row))
        drawn = table(headers, lines, align)
        one_seed = any(_lacks_spread(row) and row.runs == 1 for row in group)
        notes = filter(None, [published.note, ONE_SEED if one_seed else ""])
        blocks.append("\n".join([f"{published.place}: {published.title}", drawn, *notes]))
    return "\n\n".join(blocks)


def _compared(row: Compared) -> tuple[str, ...]:
    number = row.number
    whole, factor = number.unit in WHOLE, FACTORS[number.unit]
    printed = f"{number.value:,.0f}" if whole else number.text
    if row.reason:
        return number.row.row, number.column, printed, "", "", row.reason
    decimals = 0 if whole else len(number.printed.partition(".")[2])
    ours = f"{row.value / factor:,.{decimals}f}"
    if not math.isnan(row.spread):
        ours += f" ± {row.spread / factor:.{decimals}f}"
    difference = f"{row.difference / factor:+,.{decimals}f}"
    apart = "no ± on either side" if _lacks_spread(row) else ""
    if row.yardstick:
        apart = f"{row.deviations:+.1f} of {'the published' if row.yardstick == 'published' else 'our'} ±"
    return number.row.row, number.column, printed, ours, difference, apart


def _lacks_spread(row: Compared) -> bool:
    """Whether nothing measures a difference that a ± could measure."""
    return not (row.reason or row.yardstick or row.number.unit in WHOLE)


def _baseline(row: Compared) -> str:
    """Say which baseline a line is of, and whether another one may be meant."""
    if row.variant:
        return f"{row.variant}, a variant"
    return f"{row.model}, expected" if row.number.row.variants else row.model
