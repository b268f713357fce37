"""Small drawings in the rows of a ranking: value and interval on one scale for all rows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.pages.charts import Shape, dot, line, round_ticks
from bench.pages.rows import Line, RankingRow
from bench.pages.words import MINUS

MIDDLE = 12
"""Height of the line on which values stand."""


@dataclass(frozen=True)
class Bars:
    """A drawing for each row, and the ends of the scale."""

    low: str
    high: str
    rows: tuple[tuple[Shape, ...], ...]


def bars(rows: Sequence[Line]) -> Bars | None:
    """Return the drawings of the rows of a ranking; None where no value is defined.

    The scale holds every value and interval. A filled mark was scored here, an open one is as published.
    """
    ends = [_ends(row) for row in rows]
    known = [end for three in ends for end in three if math.isfinite(end)]
    if not known:
        return None
    ticks, digits = round_ticks(min(known), max(known))
    low, high = ticks[0], ticks[-1]

    def place(value: float) -> str:
        return f"{3 + 94 * (value - low) / (high - low):.2f}%"

    drawn: list[tuple[Shape, ...]] = []
    for row, (value, start, stop) in zip(rows, ends, strict=True):
        shapes = [line("track", place(low), place(high), MIDDLE, MIDDLE)]
        if math.isfinite(start + stop):
            shapes.append(line("range", place(start), place(stop), MIDDLE, MIDDLE))
        if math.isfinite(value):
            shapes.append(dot("dot" if isinstance(row, RankingRow) else "dot ring", place(value), MIDDLE))
        drawn.append(tuple(shapes))
    first, last = (f"{tick + 0.0:.{digits}f}".replace("-", MINUS) for tick in (low, high))
    return Bars(first, last, tuple(drawn))


def _ends(row: Line) -> tuple[float, float, float]:
    if isinstance(row, RankingRow):
        return row.value.value, row.value.low, row.value.high
    return row.value.value, math.nan, math.nan
