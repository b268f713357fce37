"""Where the marks of the cost plot stand: what ranks, over the arithmetic that a frame takes. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.pages.plots import round_ticks
from bench.pages.words import number, shown

WIDTH, HEIGHT = 736.0, 352.0
"""Of the drawing, in its own units; it is shown up to 46 rem wide, so a unit is never far from a pixel."""
LEFT, RIGHT, TOP, BOTTOM = 44.0, 724.0, 24.0, 300.0
"""Edges of the axes inside it."""
LETTER, ABOVE, BELOW, MARK = 7.0, 11, 3, 5
"""What a letter is wide, a line reaches above and below its base, and a mark reaches to each side."""
SPOTS = (
    *(("end", -8, -7), ("start", 8, -7)),
    *(("end", -10, 4), ("end", -8, 17), ("start", 8, 17), ("start", 10, 4)),
)
"""Where a name may stand, from its mark. The best take the first that is free, the others the last, so that
names keep off the steps."""
DECADES = 8
"""Powers of ten on the axis; of more, every second one is written, or fewer."""
UNITS = ("", " k", " M", " G", " T", " P")


Box = tuple[float, float, float, float]
"""Left, right, top, bottom."""


EDGES: tuple[Box, ...] = (
    (-math.inf, LEFT, 0.0, HEIGHT),
    (RIGHT, math.inf, 0.0, HEIGHT),
    (-math.inf, math.inf, BOTTOM, HEIGHT),
)
"""What lies outside the axes, on both sides and below."""


@dataclass(frozen=True)
class Name:
    """The name beside a mark: where its text is anchored, and by which end."""

    text: str
    x: float
    y: float
    anchor: str

    @property
    def box(self) -> Box:
        """What it covers, about."""
        width = LETTER * len(self.text)
        left = self.x - width if self.anchor == "end" else self.x
        return left, left + width, self.y - ABOVE, self.y + BELOW


@dataclass(frozen=True)
class Point:
    """One entry, placed in units of the drawing."""

    x: float
    y: float
    best: bool
    """Whether no entry is better at the same cost or less."""
    name: Name | None
    """None where it would cover another one."""
    words: str


@dataclass(frozen=True)
class CostPlot:
    """Entries over an axis of powers of ten; better is always up."""

    points: tuple[Point, ...]
    """From the least cost on."""
    path: str
    """Steps through the best: what can be had for so much."""
    across: tuple[tuple[float, str], ...]
    down: tuple[tuple[float, str], ...]
    unstated: int
    """Entries that do not state their cost."""


def cost_plot(
    drawn: Sequence[tuple[str, float, int | None]], *, higher_is_better: bool = True
) -> CostPlot | None:
    """Return the plot of named values and their costs; None where fewer than two entries state one.

    A cost of 0 has no place on an axis of powers of ten, and counts as not stated.
    """
    stated = [(cost, value, name) for name, value, cost in drawn if cost]
    if len(stated) < 2:
        return None
    sign = 1.0 if higher_is_better else -1.0
    stated.sort(key=lambda one: (one[0], -sign * one[1], one[2]))
    merits = [sign * value for _, value, _ in stated]
    ticks, digits = round_ticks(min(merits), max(merits))
    first, last = math.floor(math.log10(stated[0][0])), math.ceil(math.log10(stated[-1][0]))
    decades = range(first, max(last, first + 1) + 1, 1 + (last - first) // DECADES)

    def across(cost: int) -> float:
        return round(LEFT + (RIGHT - LEFT) * (math.log10(cost) - first) / (max(last, first + 1) - first), 1)

    def down(merit: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (merit - ticks[0]) / (ticks[-1] - ticks[0]), 1)

    marks, record = [], -math.inf
    for (cost, value, name), merit in zip(stated, merits, strict=True):
        words = f"{shown(name, 40)}: {number(value)} at {amount(cost)}"
        marks.append((shown(name, 30), Point(across(cost), down(merit), merit > record, None, words)))
        record = max(record, merit)
    points = _named(marks)
    return CostPlot(
        points=points,
        path=_steps([point for point in points if point.best]),
        across=tuple((across(10**power), amount(10**power)) for power in decades),
        down=tuple(
            (down(tick), f"{sign * tick:.{digits}f}".replace("-", "\N{MINUS SIGN}")) for tick in ticks
        ),
        unstated=len(drawn) - len(stated),
    )


def _named(marks: Sequence[tuple[str, Point]]) -> tuple[Point, ...]:
    """Name the marks where there is room, the best first; no name covers a mark or another name."""
    taken: list[Box] = [(p.x - MARK, p.x + MARK, p.y - MARK, p.y + MARK) for _, p in marks]
    named = [point for _, point in marks]
    for k in sorted(range(len(marks)), key=lambda k: not named[k].best):
        text, point = marks[k]
        spots = SPOTS if point.best else SPOTS[::-1]
        names = [Name(text, point.x + right, point.y + below, anchor) for anchor, right, below in spots]
        free = [name for name in names if not any(_meet(name.box, box) for box in [*EDGES, *taken])]
        if free:
            named[k] = replace(point, name=free[0])
            taken.append(free[0].box)
    return tuple(named)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def amount(cost: int) -> str:
    """Write two digits of a count with its unit: "3.8 M"; beyond all units, a power of ten."""
    if cost == 0:
        return "0"
    rounded = float(f"{cost:.1e}")
    power = int(math.log10(rounded)) // 3
    if power >= len(UNITS):
        return f"{cost:.0e}".replace("e+", "e")
    short = rounded / 1000**power
    return f"{short:.1f}".removesuffix(".0") + UNITS[power] if short < 10 else f"{short:.0f}{UNITS[power]}"


def _tick(value: float, digits: int) -> str:
    return f"{value + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no tick is -0


def _steps(best: Sequence[Point]) -> str:
    """Return the line that rises at each of the best, and goes on to the right edge."""
    path = f"M{best[0].x} {best[0].y}"
    for point in best[1:]:
        path += f"H{point.x}V{point.y}"
    return f"{path}H{RIGHT}"
