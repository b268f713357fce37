"""The drawing on the card of a task: all its values on one line, from 0 to 1. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.pages.charts import Shape, dot, line, text
from bench.pages.facts import Value

BASE = 20
"""Height of the line on which values stand."""


def strip(scored: Sequence[float], printed: Sequence[float], human: Value | None) -> tuple[Shape, ...]:
    """Return shapes for values scored here, values as published, and what a second person reaches.

    Empty where nothing is known, and where a value lies outside 0 and 1: then the line would not hold it.
    """
    values = [value for value in (*scored, *printed) if math.isfinite(value)]
    if not values or min(values) < 0 or max(values) > 1:
        return ()

    def place(value: float) -> str:
        return f"{3 + 94 * value:.2f}%"

    shapes = [line("grid", place(tick / 4), place(tick / 4), 4, 2 * BASE - 4) for tick in range(5)]
    shapes += [
        text("tick", place(tick / 2), 2 * BASE + 12, label, anchor)
        for tick, label, anchor in ((0, "0", "start"), (1, "0.5", "middle"), (2, "1", "end"))
    ]
    if human is not None:
        if math.isfinite(human.low + human.high):
            shapes.append(line("range human", place(human.low), place(human.high), BASE, BASE))
        shapes.append(line("human", place(human.value), place(human.value), 6, 2 * BASE - 6))
    shapes += [dot("dot ring", place(value), BASE) for value in printed if math.isfinite(value)]
    shapes += [dot("dot", place(value), BASE) for value in scored if math.isfinite(value)]
    return tuple(shapes)
