"""Scores of different entries on one scale, without a change of their order."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def standardised(scores: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Return scores with mean 0 and standard deviation 1, in the same order and with the same ties.

    Rounding may make neighbours equal, for example 1e-20 and 1e-25 less a mean of 0.5. Each distinct score
    then takes the next number that a float can hold, so that no metric of ranks changes. Scores may be as
    large as a float can be: they are divided by a power of two first, which moves no digit.

    >>> standardised(np.array([1e-20, 1.0, 1e-25, 1e-20])).round(3)
    array([-0.577,  1.732, -0.577, -0.577])
    >>> standardised(np.array([1e308, -1e308, 1e308, 1e308])).round(3)
    array([ 0.577, -1.732,  0.577,  0.577])
    """
    if not len(scores):
        return scores.astype(np.float64)
    distinct, index = np.unique(scores, return_inverse=True)
    wide = distinct.astype(np.float64)
    _, power = np.frexp(np.abs(wide).max())
    wide = np.ldexp(wide, -power)
    counts = np.bincount(index)
    mean = (wide * counts).sum() / len(scores)
    spread = np.sqrt(((wide - mean) ** 2 * counts).sum() / len(scores))
    moved = (wide - mean) / spread if spread > 0 else np.zeros_like(wide)
    place = np.arange(len(wide))
    rising = place + np.maximum.accumulate(_number(moved) - place)
    return _float(rising)[index]


def _number(values: Float[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Return whole numbers in the order of the floats: the next float is the next number."""
    bits = (values + 0.0).view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


def _float(numbers: Int[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Return the floats of `_number`."""
    return np.where(numbers >= 0, numbers, np.int64(-(2**63)) - numbers).view(np.float64)
