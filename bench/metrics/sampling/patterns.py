"""Patterns of swaps: for each group, whether two entries change places. They are the same every time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


def swap_patterns(groups: int, most: int) -> Bool[np.ndarray, "R G"]:
    """Return every pattern of swaps but "none", or `most` random ones where there are more.

    The first group is never swapped in the full list: a pattern and its mirror image give the same difference
    with the other sign. Random patterns are the top bits of PCG64(0), a stream that numpy keeps as it is.

    >>> swap_patterns(3, most=100).astype(int)
    array([[0, 0, 1],
           [0, 1, 0],
           [0, 1, 1]])
    """
    if groups < 63 and 2 ** (groups - 1) - 1 <= most:
        numbers = np.arange(1, 2 ** (groups - 1))[:, None]
        return (numbers >> np.arange(groups - 1, -1, -1) & 1).astype(bool)
    raw = np.random.PCG64(0).random_raw(most * groups)
    return (raw >> np.uint64(63)).astype(bool).reshape(most, groups)


def beyond(patterns: int, level: float) -> int:
    """Return how many patterns, "none" among them, make up a share of `1 - level`, rounded down."""
    return int((1 - level) * (patterns + 1) + 1e-9)
