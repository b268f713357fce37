"""What a weight does to spans: sums, shares and quantiles of spans that count `weights[r, n]` times.

All are exact: whole-number weights give what physically repeating the spans would give, because
counts are whole numbers below 2**53 and every product and sum of them is exact in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

UNTHREADED = 2**18
"""Multiply-adds up to which OpenBLAS stays in the calling thread. Its own threads wait by spinning: on cores
that others use too, they made thousands of small products take minutes."""
TILE, SLIVER = 32, 8
"""Rows of one tile of a product, and the columns below which tiles are not worth it."""


def product(a: Float[np.ndarray, "R K"], b: Float[np.ndarray, "K G"]) -> Float[np.ndarray, "R G"]:
    """Return a @ b in tiles too small to start threads, unless sums are so long that tiles are slivers."""
    width = UNTHREADED // (TILE * len(b))
    if width < SLIVER:
        return np.asarray(a @ b)
    out = np.empty((len(a), b.shape[1]))
    for left in range(0, b.shape[1], width):
        side = np.ascontiguousarray(b[:, left : left + width])
        for top in range(0, len(a), TILE):
            out[top : top + TILE, left : left + width] = a[top : top + TILE] @ side
    return out


def pool(
    measures: Sequence[Int[np.ndarray, ...]], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R ..."]:
    """Sum the counts of N spans, each as often as its weight says."""
    return np.tensordot(weights, np.stack(measures).astype(np.float64), axes=1)


def share(
    part: Float[np.ndarray, "*shape"], whole: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Return part / whole; NaN where the whole is zero."""
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def quantiles(
    values: Int[np.ndarray, " M"],
    owner: Int[np.ndarray, " M"],
    weights: Float[np.ndarray, "R N"],
    levels: Sequence[float],
) -> Float[np.ndarray, "R Q"]:
    """Return the quantiles of values, value m counting as often as its span `owner[m]`; NaN without values.

    With W the total weight, the quantile at level q is the mean of the smallest value that has at least
    q W at or below it and the smallest that has more than q W. At q = 0.5 that is the usual median; at
    all levels it stays the same when every weight is doubled, which the interpolated quantile does not.
    numpy calls this rule averaged_inverted_cdf.
    Source: Hyndman and Fan 1996, The American Statistician 50:361, definition 2.
    """
    if len(values) == 0:
        return np.full((len(weights), len(levels)), np.nan)
    distinct, index = np.unique(values, return_inverse=True)
    counts = np.zeros((weights.shape[1], len(distinct)))
    np.add.at(counts, (owner, index), 1.0)
    below = np.cumsum(weights @ counts, axis=1)  # (R, U): the weight at or below each distinct value
    total = below[:, -1:]
    columns = []
    for level in levels:
        low = distinct[(below >= level * total).argmax(axis=1)]
        high = distinct[(below > level * total).argmax(axis=1)]
        columns.append((low + high) / 2)
    return np.where(total > 0, np.stack(columns, axis=1), np.nan)
