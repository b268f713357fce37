"""Where the marks of a plot stand: values with their intervals over an axis of round numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.pages.words import shown
from bench.results import Score

PLOTTED = 40
"""Entries in one plot; it says how many it leaves out."""


@dataclass(frozen=True)
class Mark:
    """One entry in the plot, placed in percent of the width; no ends where there is no interval."""

    name: str
    value: float
    low: float
    high: float
    at: str
    ends: tuple[str, str] | None
    top: int


@dataclass(frozen=True)
class Plot:
    """Values with their intervals, one row per entry, over an axis of round numbers."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[str, str], ...]
    height: int
    left_out: int


def interval_plot(drawn: Sequence[tuple[str, Score]]) -> Plot | None:
    """Return the plot of named scores in their order, the first `PLOTTED`; None where there is none."""
    if not drawn:
        return None
    kept = drawn[:PLOTTED]
    reach = [end for _, score in kept for end in (score.value, score.low, score.high) if not math.isnan(end)]
    ticks, digits = round_ticks(min(reach), max(reach))

    def place(value: float) -> str:
        return f"{2 + 96 * (value - ticks[0]) / (ticks[-1] - ticks[0]):.2f}%"

    marks = tuple(
        Mark(
            name=shown(name, 40),
            value=score.value,
            low=score.low,
            high=score.high,
            at=place(score.value),
            ends=None if math.isnan(score.low + score.high) else (place(score.low), place(score.high)),
            top=38 * index,
        )
        for index, (name, score) in enumerate(kept)
    )
    labels = tuple((place(tick), f"{tick:.{digits}f}".replace("-", "\N{MINUS SIGN}")) for tick in ticks)
    return Plot(marks, labels, 38 * len(marks), len(drawn) - len(kept))


def round_ticks(low: float, high: float) -> tuple[list[float], int]:
    """Return three to seven round numbers that enclose `low` and `high`, and the decimals to write."""
    span = high - low or 0.1 * max(abs(high), 1.0)
    magnitude = math.floor(math.log10(span / 4))
    scale = 10.0**magnitude
    factor = next(factor for factor in (1, 2, 5, 10) if factor * scale >= span / 4)
    step = factor * scale
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [tick * step for tick in range(first, last + 1)], max(0, -magnitude - (factor == 10))
