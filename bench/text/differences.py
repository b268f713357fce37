"""What `bench compare` prints: two entries side by side and how sure their difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.display import between, number, p_value
from bench.evaluation.compare import Difference
from bench.metrics.sampling.paired import JACKKNIFE, SWAP
from bench.text.scores import MAIN
from bench.text.tables import table
from bench.text.units import unit_to_read, with_unit

TESTS = {SWAP: "swap", JACKKNIFE: "jackknife t"}


def comparison_text(
    names: tuple[str, str], task: Mapping[str, Any], rows: Sequence[Difference], *, every: bool
) -> str:
    """Return what `bench compare` prints: both values, their difference, its interval, p and test."""
    fps, cells = task["dataset"]["fps"], []
    cards = {card["name"]: card for card in task["metrics"]}
    for card, row in [(cards[row.metric], row) for row in rows[: None if every else MAIN]]:
        unit, factor = unit_to_read(card["unit"], fps)
        values = [number(x * factor, unit) for x in (row.first, row.second, row.difference)]
        cells.append(
            [
                with_unit(card["title"], unit),
                *values,
                between(row.low * factor, row.high * factor, unit),
                p_value(row.p_value),
                TESTS[row.method],
            ]
        )
    headers = ["metric", *names, "difference", "95% interval", "p", "test"]
    lines = [f"{names[0]} against {names[1]} on {task['name']}", "", table(headers, cells), ""]
    lines.append(f"the difference is {names[0]} minus {names[1]}; errors are better low, the rest high; p is")
    lines.append('two-sided, of "no difference", not corrected for the number of metrics; equal entries have')
    lines.append("p <= .05 in 3 to 7 of 100 comparisons, by metrics of scores and detections in 2 to 8")
    lines += [_test_in_words(row) for row in {(row.method, row.patterns): row for row in rows}.values()]
    if len(rows) < len(cards):
        lines.append(
            f"from the result files alone; {len(cards) - len(rows)} more metrics need the predictions"
        )
    return "\n".join(lines)


def _test_in_words(row: Difference) -> str:
    """Say how a test was made of how many groups, and what it can show."""
    if row.method == JACKKNIFE:
        words = f"{TESTS[JACKKNIFE]}: from the differences without each of {row.groups} groups of recordings"
    else:
        words = (
            f"{TESTS[SWAP]}: the entries change places in some of {row.groups} groups of recordings, in "
            f"{row.patterns:,} patterns; p is never below {row.least_p:.4f}"
        )
    return f"{words}\nno interval: {row.reason}" if row.reason else words
