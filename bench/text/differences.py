"""What `bench compare` prints: two entries side by side and how sure their difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.display import between, number
from bench.evaluation.compare import Difference
from bench.text.scores import MAIN
from bench.text.tables import table
from bench.text.units import unit_to_read, with_unit


def comparison_text(
    names: tuple[str, str], task: Mapping[str, Any], rows: Sequence[Difference], *, every: bool
) -> str:
    """Return what `bench compare` prints: both values, their difference, its interval and p."""
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
                number(row.p_value),
            ]
        )
    headers = ["metric", *names, "difference", "95% interval", "p"]
    lines = [f"{names[0]} against {names[1]} on {task['name']}", "", table(headers, cells), ""]
    lines.append(f"the difference is {names[0]} minus {names[1]}")
    if rows[0].reason:
        lines.append(f"no interval: {rows[0].reason}")
    else:
        first = rows[0]
        lines.append(
            f"both under the same {first.resamples:,} resamples of {first.groups} groups of recordings; p is"
        )
        lines.append("two-sided, of no difference, not corrected for the number of metrics, and with so many")
        lines.append(
            f"groups and resamples never below {first.least_p:.3f}; errors are better low, the rest high"
        )
    if len(rows) < len(cards):
        lines.append(
            f"from the result files alone; {len(cards) - len(rows)} more metrics need the predictions"
        )
    return "\n".join(lines)
