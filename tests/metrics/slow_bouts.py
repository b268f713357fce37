"""Bouts found frame by frame and compared pair by pair, for the slow references."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

Bout = tuple[int, int]


def slow_bouts(held: Sequence[bool]) -> list[Bout]:
    """Return the maximal runs [start, stop) of one class in one span."""
    bouts, start = [], None
    for t, now in enumerate([*held, False]):
        if now and start is None:
            start = t
        elif not now and start is not None:
            bouts.append((start, t))
            start = None
    return bouts


def tiou(a: Bout, b: Bout) -> Fraction:
    """Return the frames that two bouts share over those that either holds."""
    one, other = set(range(*a)), set(range(*b))
    return Fraction(len(one & other), len(one | other))


def per_class(spans: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[list[tuple[list[bool], list[bool]]]]:
    """Return, for each class, the truth and prediction of each span."""
    classes = range(spans[0][0].shape[1])
    return [[([*truth[:, c]], [*labels[:, c]]) for truth, labels in spans] for c in classes]
