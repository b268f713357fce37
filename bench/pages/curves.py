"""Where the lines of a curve plot stand: values in [0, 1] over 0..30 frames, named at their ends. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.pages.words import number, shown

WIDTH, HEIGHT = 420, 264
"""Of the drawing, in its own units; it is shown up to 30 rem wide, so a unit is never far from a pixel."""
LEFT, RIGHT, TOP, BOTTOM = 34, 274, 10, 222
"""Edges of the axes inside it; to the right stand the names."""
APART = 16
"""Units between two names."""
TONES = 6
"""Lines that get a colour of their own; it takes good eyes to tell more apart."""


@dataclass(frozen=True)
class Line:
    """One curve; the first is the one that the others are compared with."""

    name: str
    tone: str
    """The class of its colour: "whole", "tone1" to "tone6", or "rest", which is not named."""
    path: str
    end: float
    """Where it ends, downwards."""
    label: float
    """Where its name stands: at its end, unless another name is there."""
    words: str
    """Some of its values, for those who do not see it."""


@dataclass(frozen=True)
class CurvePlot:
    """Lines over axes from 0 to 1 and from 0 to the last frame."""

    lines: tuple[Line, ...]
    across: tuple[tuple[float, str], ...]
    down: tuple[tuple[float, str], ...]


def curve_plot(curves: Sequence[tuple[str, Float[np.ndarray, " K"]]], *, whole: bool) -> CurvePlot | None:
    """Return the plot of named curves; None where none has a value.

    With `whole` the first is the mean of the others and stands out; after it come six that have colours,
    then those without name.
    """
    drawn = [(name, curve) for name, curve in curves if not np.isnan(curve).all()]
    if not drawn:
        return None
    tones = [*(["whole"] if whole else []), *(f"tone{k}" for k in range(1, TONES + 1))]
    tones += ["rest"] * (len(drawn) - len(tones))
    last = len(drawn[0][1]) - 1
    ends = [_down(float(curve[np.flatnonzero(~np.isnan(curve))[-1]])) for _, curve in drawn]
    named = [k for k in range(len(drawn)) if tones[k] != "rest"]
    places = dict(zip(named, _apart([ends[k] for k in named]), strict=True))
    lines = tuple(
        Line(
            name=shown(name, 18),
            tone=tones[k],
            path=_path(curve),
            end=round(ends[k], 1),
            label=round(places.get(k, ends[k]), 1),
            words=", ".join(
                f"{number(float(curve[at]))} at {at}"
                for at in range(0, last + 1, 5)
                if not np.isnan(curve[at])
            ),
        )
        for k, (name, curve) in enumerate(drawn)
    )
    across = tuple((round(_across(at, last), 1), str(at)) for at in range(0, last + 1, 5))
    down = tuple((round(_down(k / 4), 1), f"{k / 4:.2f}") for k in range(5))
    return CurvePlot(lines, across, down)


def _across(at: int, last: int) -> float:
    return LEFT + (RIGHT - LEFT) * at / last


def _down(value: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * value


def _path(curve: Float[np.ndarray, " K"]) -> str:
    """Return the line through the values that there are; it is broken where there is none."""
    steps, pen = [], "M"
    for at, value in enumerate(curve):
        if np.isnan(value):
            pen = "M"
            continue
        steps.append(f"{pen}{_across(at, len(curve) - 1):.1f} {_down(float(value)):.1f}")
        pen = "L"
    return "".join(steps)


def _apart(ends: Sequence[float]) -> list[float]:
    """Return where names stand that are to be near these ends and not over each other."""
    order = sorted(range(len(ends)), key=lambda k: ends[k])
    places = [0.0] * len(ends)
    lowest = TOP - float(APART)
    for k in order:
        places[k] = lowest = max(ends[k], lowest + APART)
    highest = BOTTOM + float(APART)
    for k in reversed(order):  # those pushed over the edge push back
        places[k] = highest = min(places[k], highest - APART)
    return places
