"""The mutual information that two labellings share by chance, for the adjusted mutual information.

Given the sizes of clusters and of labels, the frames that cluster i and label j share are hypergeometric
if frames are dealt out at random. The expected information is the sum over all (i, j) of the mean of
f(x) = x / N log(N x / (a_i b_j)). The usual sum runs over every possible x, which at a quarter of a
million frames is a million terms; two facts about the hypergeometric law, both because it is the law of a
sum of independent yes-or-no draws (Vatutin and Mikhailov 1982), make it thirty terms per pair:

- Its tail: beyond 22 + 8.2 standard deviations s there is less than 1e-14 of it (Bernstein's inequality).
- Its smoothness: taking only every h-th x, and dividing by the probability met, changes a mean by about
  exp(-s^2 (1 - cos(2 pi / h))) of itself (Poisson's summation formula), less than 1e-13 if h <= s / 2.

Below s = 4 frames every x is taken. Against the full sum the result is equal to about 1e-13.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def expected_mutual_information(sizes: Float[np.ndarray, " K"], supports: Float[np.ndarray, " S"]) -> float:
    """Return the mean mutual information, in nats, of all tables with these whole-number margins.

    Source: Vinh, Epps and Bailey 2010, JMLR 11:2837, equation 13, summed as the module says.
    """
    total = sizes.sum()
    # Pairs of equal sizes have equal means, so each pair of distinct sizes is taken once.
    a, times_a = np.unique(sizes[sizes > 0], return_counts=True)
    b, times_b = np.unique(supports[supports > 0], return_counts=True)
    times = np.outer(times_a, times_b).ravel()
    a, b = np.repeat(a, len(b)), np.tile(b, len(a))
    mean = a * b / total
    deviation = np.sqrt(mean * ((total - a) / total) * ((total - b) / max(total - 1, 1)))
    stride = np.maximum(np.floor(deviation / 2), 1)
    reach = np.ceil((22 + 8.2 * deviation) / stride).astype(np.int64)
    terms = 2 * reach + 1
    first = np.cumsum(terms) - terms
    own = np.repeat(np.arange(len(a)), terms)
    x = np.rint(mean)[own] + stride[own] * (np.arange(terms.sum()) - (first + reach)[own])
    possible = (x >= np.maximum(a + b - total, 0)[own]) & (x <= np.minimum(a, b)[own])
    x, own = x[possible], own[possible]
    likelihood = -(
        _log_factorial(x)
        + _log_factorial(a[own] - x)
        + _log_factorial(b[own] - x)
        + _log_factorial(total - a[own] - b[own] + x)
    )
    peak = np.full(len(a), -np.inf)
    np.maximum.at(peak, own, likelihood)
    probability = np.exp(likelihood - peak[own])
    information = x / total * np.log(np.maximum(x, 1) * total / (a[own] * b[own]))
    met = np.bincount(own, probability, minlength=len(a))
    return float((times * np.bincount(own, probability * information, minlength=len(a)) / met).sum())


def _log_factorial(x: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
    """Return log(x!) for x >= 0: Stirling's series at x + 8, then seven divisions back down."""
    y = x + 8.0
    inverse = 1.0 / (y * y)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / y
    below = (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6) * (x + 7)
    return (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(below)
