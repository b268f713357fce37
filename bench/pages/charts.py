"""All drawings of the pages, as shapes that one template writes as SVG: intervals, costs, curves. Pure.

Coordinates are in units of the drawing, x to the right and y downwards. Text is bounded and made printable
here; the template escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.pages.words import MINUS, amount, clean, number
from bench.results import Score

PLOTTED = 40
"""Entries in one chart of intervals; it says how many it leaves out."""
TONES = 6
"""Curves that get a colour of their own; it takes good eyes to tell more apart."""
APART = 16
"""Units between the names of two curves."""
LETTER, ABOVE, BELOW, MARK = 7.0, 11, 3, 5
"""What a letter is wide, a line reaches above and below its base, and a mark reaches to each side."""
SPOTS = (
    *(("end", -8, -7), ("start", 8, -7)),
    *(("end", -10, 4), ("end", -8, 17), ("start", 8, 17), ("start", 10, 4)),
)
"""Where a name may stand, from its mark. The best entries take the first free place, the others the last, so
that names keep off the steps."""
DECADES = 8
"""Powers of ten on the axis of costs; of more, every second one is written, or fewer."""

Number = int | float | str
"""Units of the drawing, or a share of its width such as "98%"."""
Box = tuple[float, float, float, float]
"""Left, right, top, bottom."""


@dataclass(frozen=True)
class Frame:
    """The size of a drawing and the edges of the axes inside it."""

    width: int | float
    height: int | float
    left: int | float
    right: int | float
    top: int | float
    bottom: int | float

    def outside(self) -> tuple[Box, ...]:
        """Return what lies outside the axes, on both sides and below."""
        return (
            (-math.inf, self.left, 0.0, self.height),
            (self.right, math.inf, 0.0, self.height),
            (-math.inf, math.inf, self.bottom, self.height),
        )


COSTS = Frame(736.0, 352.0, 44.0, 724.0, 24.0, 300.0)
"""It is shown up to 46 rem wide, so that a unit is never far from a pixel."""
CURVES = Frame(480, 264, 42, 306, 10, 222)
"""It is shown up to 30 rem wide; to the right of the axes stand the names."""
NAME = 20
"""Letters of the name of a curve."""


@dataclass(frozen=True)
class Shape:
    """One SVG element: its tag, its attributes, and the text inside it."""

    tag: str
    attributes: tuple[tuple[str, Number], ...]
    text: str = ""
    title: str = ""
    """Shown when a pointer rests on it."""

    def __getitem__(self, name: str) -> Number:
        """Return an attribute."""
        return dict(self.attributes)[name]


@dataclass(frozen=True)
class Chart:
    """One drawing with all its words."""

    id: str
    """Of the figure on its page."""
    style: str
    """"intervals", "costs" or "curves"."""
    width: int | float | None
    """None: as wide as the page, with x in percent."""
    height: int | float
    title: str
    words: tuple[str, ...]
    """What it shows, for those who do not see it: a sentence without its full stop for each mark or curve."""
    caption: str
    shapes: tuple[Shape, ...]


def interval_chart(id_: str, metric: str, unit: str, entries: Sequence[tuple[str, Score]]) -> Chart | None:
    """Return named scores with their intervals over an axis of round numbers; None without any.

    `entries` is in the order of the rows; the first `PLOTTED` are kept.
    """
    if not entries:
        return None
    rows = entries[:PLOTTED]
    ends = [end for _, score in rows for end in (score.value, score.low, score.high) if not math.isnan(end)]
    ticks, digits = round_ticks(min(ends), max(ends))
    height = 38 * len(rows)

    def place(value: float) -> str:
        return f"{2 + 96 * (value - ticks[0]) / (ticks[-1] - ticks[0]):.2f}%"

    shapes: list[Shape] = []
    for k, tick in enumerate(ticks):
        anchor = "start" if k == 0 else "end" if k == len(ticks) - 1 else "middle"
        shapes.append(line("grid", place(tick), place(tick), 0, height))
        shapes.append(text("tick", place(tick), height + 18, _tick(tick, digits), anchor))
    words = []
    for k, (name, score) in enumerate(rows):
        words.append(f"{clean(name, 40)}: {number(score.value, unit)}")
        shapes.append(line("track", "2%", "98%", 38 * k + 25, 38 * k + 25))
        shapes.append(text("name", "2%", 38 * k + 14, clean(name, 40)))
        shapes.append(text("amount", "98%", 38 * k + 14, number(score.value, unit), "end"))
        if not math.isnan(score.low + score.high):
            words[-1] += f", {number(score.low, unit)} to {number(score.high, unit)}"
            shapes.append(line("range", place(score.low), place(score.high), 38 * k + 25, 38 * k + 25))
        shapes.append(dot("dot", place(score.value), 38 * k + 25, entry=clean(name, 80)))
    left_out = f" The first {len(rows)} of {len(entries)} entries." if len(entries) > len(rows) else ""
    return Chart(
        id=id_,
        style="intervals",
        width=None,
        height=height + 30,
        title=f"{clean(metric, 60)} with interval, by entry",
        words=tuple(words),
        caption=f"{clean(metric, 60)}{f', {unit}' if unit else ''}: value and interval.{left_out}",
        shapes=tuple(shapes),
    )


def cost_chart(
    id_: str,
    metric: str,
    unit: str,
    entries: Sequence[tuple[str, float, int | None]],
    *,
    higher_is_better: bool = True,
) -> Chart | None:
    """Return named values over the arithmetic that a frame takes; better is always up.

    None where fewer than two entries state their cost. A cost of 0 has no place on an axis of powers of ten,
    and counts as not stated. Steps lead through the entries that none beats at the same cost or less.
    """
    priced = [(cost, value, name) for name, value, cost in entries if cost]
    if len(priced) < 2:
        return None
    sign = 1.0 if higher_is_better else -1.0
    priced.sort(key=lambda each: (each[0], -sign * each[1], each[2]))
    merits = [sign * value for _, value, _ in priced]
    ticks, digits = round_ticks(min(merits), max(merits))
    first, last = math.floor(math.log10(priced[0][0])), math.ceil(math.log10(priced[-1][0]))
    last = max(last, first + 1)

    def x(cost: int) -> float:
        return round(COSTS.left + (COSTS.right - COSTS.left) * (math.log10(cost) - first) / (last - first), 1)

    def y(merit: float) -> float:
        height = (COSTS.bottom - COSTS.top) * (merit - ticks[0]) / (ticks[-1] - ticks[0])
        return round(COSTS.bottom - height, 1)

    decades = range(first, last + 1, 1 + (last - first) // DECADES)
    points, best = [], -math.inf
    for (cost, value, name), merit in zip(priced, merits, strict=True):
        words = f"{clean(name, 40)}: {number(value, unit)} at {amount(cost)}"
        points.append(Point(x(cost), y(merit), merit > best, clean(name, 30), words, clean(name, 80)))
        best = max(best, merit)
    unstated = len(entries) - len(priced)
    states = "entry states" if unstated == 1 else "entries state"
    return Chart(
        id=id_,
        style="costs",
        width=COSTS.width,
        height=COSTS.height,
        title=f"{clean(metric, 60)} over FLOPs per frame",
        words=tuple(point.words for point in points),
        caption=f"{clean(metric, 60)} over the operations that it takes to label a frame, as the authors "
        "declare them (a multiply-add counts as 2). Blue: no entry is better at the same cost or less."
        + (f" {unstated} {states} no cost." if unstated else ""),
        shapes=(
            *_rules(COSTS, [(y(tick), _tick(sign * tick, digits)) for tick in ticks], 6),
            *_decades([(x(10**power), amount(10**power)) for power in decades]),
            text("tick", COSTS.right, COSTS.bottom + 42, "FLOPs per frame", "end"),
            path("curve rest", _steps([point for point in points if point.best])),
            *(dot("dot" if p.best else "dot beaten", p.x, p.y, p.words, p.entry) for p in points),
            *_names(points),
        ),
    )


def curve_chart(
    id_: str,
    title: str,
    across: str,
    curves: Sequence[tuple[str, Float[np.ndarray, " K"]]],
    *,
    whole: bool,
    marks: Sequence[tuple[int, str]] = (),
) -> Chart | None:
    """Return named curves of values in [0, 1] over 0, 1, 2, … frames; None where none has a value.

    With `whole` the first is the mean of the others and stands out. After it come six that have a colour and
    a name at their end, then those that have neither. `marks` names places on the axis; else every fifth is.
    """
    lines = [(clean(name, NAME), curve) for name, curve in curves if not np.isnan(curve).all()]
    if not lines:
        return None
    tones = [*(["whole"] if whole else []), *(f"tone{k}" for k in range(1, TONES + 1))][: len(lines)]
    last, bottom = len(lines[0][1]) - 1, CURVES.bottom
    ends = [_y(float(curve[np.flatnonzero(~np.isnan(curve))[-1]])) for _, curve in lines[: len(tones)]]
    ticks = marks or [(at, str(at)) for at in range(0, last + 1, 5)]
    words = []
    for name, curve in lines[: len(tones)]:
        values = ", ".join(
            f"{number(float(curve[at]))} at {tick}" for at, tick in ticks if not np.isnan(curve[at])
        )
        words.append(f"{name}: {values}")
    every = [*tones, *["rest"] * (len(lines) - len(tones))]
    paths = [path(f"curve {tone}", _path(curve)) for tone, (_, curve) in zip(every, lines, strict=True)]
    names: list[Shape] = []
    for tone, (name, _), end, place in zip(tones, lines, ends, _spread_out(ends), strict=False):
        right, place = CURVES.right, round(place, 1)
        names.append(line(f"lead {tone}", right + 2, right + 9, round(end, 1), place))
        names.append(text(f"name {tone}", right + 12, place + 4, name))
    rest = " Grey lines without a name: the others." if len(lines) > len(tones) else ""
    return Chart(
        id=id_,
        style="curves",
        width=CURVES.width,
        height=CURVES.height,
        title=clean(title, 120),
        words=tuple(words),
        caption=f"{clean(title, 120)}.{rest}",
        shapes=(
            *_rules(CURVES, [(round(_y(k / 4), 1), f"{k / 4:.2f}") for k in range(5)], 5),
            *(text("tick", round(_x(at, last), 1), bottom + 17, tick, "middle") for at, tick in ticks),
            text("tick", (CURVES.left + CURVES.right) // 2, bottom + 36, clean(across, 60), "middle"),
            *reversed(paths),
            *names,
        ),
    )


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


def line(style: str, x1: Number, x2: Number, y1: Number, y2: Number) -> Shape:
    """Return a straight line."""
    return Shape("line", (("class", style), ("x1", x1), ("x2", x2), ("y1", y1), ("y2", y2)))


def text(style: str, x: Number, y: Number, words: str, anchor: str = "") -> Shape:
    """Return words that start at a place, or end or have their middle there."""
    anchored = (("text-anchor", anchor),) if anchor else ()
    return Shape("text", (("class", style), ("x", x), ("y", y), *anchored), words)


def path(style: str, steps: str) -> Shape:
    """Return a line through several places."""
    return Shape("path", (("class", style), ("d", steps)))


def dot(style: str, x: Number, y: Number, title: str = "", entry: str = "") -> Shape:
    """Return a mark. With `entry`, the name of a row, the mark stands out where that row is selected."""
    own = (("data-entry", entry),) if entry else ()
    return Shape("circle", (("class", style), ("cx", x), ("cy", y), ("r", 4.5), *own), title=title)


@dataclass(frozen=True)
class Point:
    """One entry in the chart of costs."""

    x: float
    y: float
    best: bool
    """Whether no entry is better at the same cost or less."""
    name: str
    words: str
    entry: str
    """The name in full, as the row of the entry has it."""

    @property
    def box(self) -> Box:
        """What its mark covers."""
        return self.x - MARK, self.x + MARK, self.y - MARK, self.y + MARK


def text_box(x: float, y: float, words: str, anchor: str) -> Box:
    """Return about what a name beside a mark covers."""
    width = LETTER * len(words)
    left = x - width if anchor == "end" else x
    return left, left + width, y - ABOVE, y + BELOW


def _names(points: Sequence[Point]) -> Iterator[Shape]:
    """Yield names where there is room, the best first; no name covers a mark or another name."""
    boxes = [*COSTS.outside(), *(point.box for point in points)]
    names: dict[int, Shape] = {}
    for k in sorted(range(len(points)), key=lambda k: not points[k].best):
        point = points[k]
        style = "name" if point.best else "name tick"
        for anchor, right, below in SPOTS if point.best else SPOTS[::-1]:
            x, y = point.x + right, point.y + below
            box = text_box(x, y, point.name, anchor)
            if not any(_overlap(box, other) for other in boxes):
                names[k] = text(style, x, y, point.name, anchor)
                boxes.append(box)
                break
    yield from (names[k] for k in sorted(names))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _steps(best: Sequence[Point]) -> str:
    """Return the line that rises at each of the best, and goes on to the right edge."""
    steps = "".join(f"H{point.x}V{point.y}" for point in best[1:])
    return f"M{best[0].x} {best[0].y}{steps}H{COSTS.right}"


def _decades(ticks: Sequence[tuple[float, str]]) -> Iterator[Shape]:
    bottom = COSTS.bottom
    for k, (x, label) in enumerate(ticks):
        yield line("grid", x, x, bottom, bottom + 5)
        yield text("tick", x, bottom + 20, label, "end" if k == len(ticks) - 1 else "middle")


def _rules(frame: Frame, ticks: Sequence[tuple[float, str]], gap: int) -> Iterator[Shape]:
    """Yield lines across the axes, each with its label to the left."""
    for y, label in ticks:
        yield line("grid", frame.left, frame.right, y, y)
        yield text("tick", frame.left - gap, y + 4, label, "end")


def _tick(value: float, digits: int) -> str:
    return f"{value + 0.0:.{digits}f}".replace("-", MINUS)  # + 0.0: no tick is -0


def _x(at: int, last: int) -> float:
    return CURVES.left + (CURVES.right - CURVES.left) * at / last


def _y(value: float) -> float:
    return CURVES.bottom - (CURVES.bottom - CURVES.top) * value


def _path(curve: Float[np.ndarray, " K"]) -> str:
    """Return the line through the values that are defined; it is broken where one is not."""
    steps, pen = [], "M"
    for at, value in enumerate(curve):
        if np.isnan(value):
            pen = "M"
            continue
        steps.append(f"{pen}{_x(at, len(curve) - 1):.1f} {_y(float(value)):.1f}")
        pen = "L"
    return "".join(steps)


def _spread_out(ends: Sequence[float]) -> list[float]:
    """Return where names stand that are to be near these ends and not over each other."""
    order = sorted(range(len(ends)), key=lambda k: ends[k])
    places = [0.0] * len(ends)
    lowest = CURVES.top - float(APART)
    for k in order:
        places[k] = lowest = max(ends[k], lowest + APART)
    highest = CURVES.bottom + float(APART)
    for k in reversed(order):  # those pushed over the edge push back
        places[k] = highest = min(places[k], highest - APART)
    return places
