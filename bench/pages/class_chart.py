"""The drawing of values by class: one lane for each class, one mark for each entry. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.pages.charts import PLOTTED, Chart, Shape, dot, line, round_ticks, text
from bench.pages.words import MINUS, clean, number

LANE = 44
"""Height of the lane of one class."""


def class_chart(
    id_: str, metric: str, unit: str, classes: Sequence[str], entries: Sequence[tuple[str, Sequence[float]]]
) -> Chart | None:
    """Return the values of named entries by class; None where no entry has a value of a class.

    `entries` is in the order of the rows, with a value for each class, NaN where undefined; the first
    `PLOTTED` are drawn.
    """
    rows = entries[:PLOTTED]
    known = [value for _, values in rows for value in values if math.isfinite(value)]
    if not known:
        return None
    ticks, digits = round_ticks(min(known), max(known))
    height = LANE * len(classes)

    def place(value: float) -> str:
        return f"{2 + 96 * (value - ticks[0]) / (ticks[-1] - ticks[0]):.2f}%"

    shapes: list[Shape] = []
    for k, tick in enumerate(ticks):
        anchor = "start" if k == 0 else "end" if k == len(ticks) - 1 else "middle"
        label = f"{tick + 0.0:.{digits}f}".replace("-", MINUS)
        shapes.append(line("grid", place(tick), place(tick), 0, height))
        shapes.append(text("tick", place(tick), height + 18, label, anchor))
    words = []
    for lane, name in enumerate(classes):
        base = LANE * lane
        held = [(own, values[lane]) for own, values in rows if math.isfinite(values[lane])]
        shapes.append(line("track", "2%", "98%", base + 30, base + 30))
        shapes.append(text("name", "2%", base + 16, clean(name, 40)))
        for own, value in reversed(held):  # the first entry is drawn last, over the others
            best = value == max(each for _, each in held)
            label = f"{clean(own, 40)}: {number(value, unit)}"
            shapes.append(
                dot("dot" if best else "dot beaten", place(value), base + 30, label, clean(own, 80))
            )
        if held:
            top, value = max(held, key=lambda one: one[1])
            shapes.append(text("amount", "98%", base + 16, number(value, unit), "end"))
            words.append(f"{clean(name, 40)}: {number(value, unit)} by {clean(top, 40)}, the highest")
    left_out = f" The first {len(rows)} of {len(entries)} entries." if len(entries) > len(rows) else ""
    return Chart(
        id=id_,
        style="intervals",
        width=None,
        height=height + 30,
        title=f"{clean(metric, 60)} by class, one mark for each entry",
        words=tuple(words),
        caption=f"{clean(metric, 60)}{f', {unit}' if unit else ''} by class. Each mark is an entry; the "
        f"number is the highest. Rows that are selected in the table stand out.{left_out}",
        shapes=tuple(shapes),
    )
