"""Student's t distribution for whole degrees of freedom, by its finite sums: exact, and free of SciPy.

Reference: Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np


def t_central(t: float, degrees: int) -> float:
    """Return P(|T| <= t) of Student's t with `degrees` >= 1 degrees of freedom, for t >= 0.

    >>> round(t_central(2.776445, 4), 6)
    0.95
    """
    return _central(math.atan(t / math.sqrt(degrees)), degrees)


@cache  # every interval of an evaluation asks for the same one
def t_quantile(level: float, degrees: int) -> float:
    """Return the t >= 0 with P(|T| <= t) = `level`, for `level` in [0, 1).

    >>> round(t_quantile(0.95, 4), 6)
    2.776445
    """
    low, high = 0.0, math.pi / 2
    for _ in range(100):  # halves an interval of width 1.6 to below the spacing of floats
        middle = (low + high) / 2
        if _central(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _central(angle: float, degrees: int) -> float:
    """P(|T| <= t) with t = sqrt(degrees) * tan(angle): a finite series in the cosine of the angle."""
    even = degrees % 2 == 0
    steps = np.arange(1, degrees // 2) if even else np.arange(1, (degrees - 1) // 2)
    ratio = (2 * steps - 1) / (2 * steps) if even else 2 * steps / (2 * steps + 1)
    cosine = math.cos(angle)
    series = 1.0 + float(np.cumprod(ratio * cosine**2).sum())
    if even:
        return math.sin(angle) * series
    return 2 / math.pi * (angle + (math.sin(angle) * cosine * series if degrees > 1 else 0.0))
