"""What `bench evaluate` prints of the lines that an entry is compared with."""

from __future__ import annotations

from bench.display import number
from bench.floors import Floors
from bench.kinds import kind_named
from bench.results import Result


def floors_text(result: Result, floors: Floors) -> str:
    """Return the lines by the metric that ranks, and which of them the entry does not reach."""
    metric = result.task["metrics"][0]
    reached = result.scores[metric["name"]].value
    lines, above = [], []
    for floor in kind_named(result.task["kind"]).floors:
        value = floors.values[floor.name]
        lines.append(f"{floor.title} {number(value, metric['unit'])}")
        if value > reached if metric["higher_is_better"] else value < reached:
            above.append(floor.title)
    text = f"computed lines, {metric['title']}: {'; '.join(lines)}"
    return f"{text}\nBELOW {' and '.join(above)}" if above else text
