"""Which of many entries on the same groups stand apart, so that all pairs together err in about 5 % of pages.

Entry i has the value v_i, and l_ig without group g, which holds the share w_g of all frames. What group g
adds to the difference of i and j is

    d_ijg = e_ig - e_jg + w_g (v_i - v_j)    with    e_ig = c_ig - w_g * sum over h of c_ih
                                             and     c_ig = (1 - w_g) (v_i - l_ig)

The sum over groups is v_i - v_j; for a share of right frames d_ijg is the difference in group g times w_g.
Under a pattern of signs, the same for all pairs, the sum of +-d_ijg is what the difference could have been by
chance, had the entries been equal.

Step-down   c is the number that the greatest of all pairs' |sums| exceeds in at most 5 % of the patterns,
            "all signs as they are" among them. Pairs that differ by more than c stand apart. They leave, c
            is taken again over the pairs that are left, and so on until none is new.
Patterns    As for the swap test (`paired`): all, or 9,999 random ones. With five groups or fewer none
            stands apart.
Ranks       From 1 + the entries that surely stand above to K - those that surely stand below.

Sources: flips of contributions: Hemerik, Goeman and Finos 2020, doi:10.1111/rssb.12369; step-down: Romano and
Wolf 2005, doi:10.1111/j.1468-0262.2005.00615.x; ranges of ranks: Mogstad, Romano, Shaikh and Wilhelm 2024,
doi:10.1093/restud/rdad006. `tests/studies/levels.py` measures how often a page errs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from bench.metrics.sampling.paired import CELLS, EQUAL, SWAPS
from bench.metrics.sampling.patterns import beyond, swap_patterns


@dataclass(frozen=True, eq=False)
class Apart:
    """Which of K entries stand apart."""

    above: Bool[np.ndarray, "K K"]
    """[i, j]: entry i surely has the greater value."""
    least: float
    """c: entries stand apart where they differ by more; infinite where so few groups can part none."""

    def ranks(self) -> list[tuple[int, int]]:
        """Return the best and the worst rank that each entry can have; the greatest value is rank 1."""
        beaten, beats = self.above.sum(axis=0), self.above.sum(axis=1)
        return [(1 + int(b), len(self.above) - int(w)) for b, w in zip(beaten, beats, strict=True)]


def stand_apart(
    values: Float[np.ndarray, " K"],
    left_out: Float[np.ndarray, "K G"],
    frames: Num[np.ndarray, " G"],
    *,
    level: float = 0.95,
) -> Apart:
    """Return which entries stand apart, by the step-down rule over values without each group. All are finite.

    `frames` are those of each group; only their shares matter.

    >>> left_out = np.linspace(0.0, 0.01, 8) + np.array([[0.5], [0.501], [0.9]])
    >>> stand_apart(left_out.mean(axis=1), left_out + np.eye(3, 8) / 100, np.ones(8)).ranks()
    [(2, 3), (2, 3), (1, 1)]
    """
    entries, groups = left_out.shape
    above = np.zeros((entries, entries), dtype=bool)
    one, other = np.triu_indices(entries, 1)
    patterns = swap_patterns(groups, SWAPS)
    allowed = beyond(len(patterns), level) - 1
    if allowed < 0 or not len(one):
        return Apart(above, float("inf"))
    share = frames / frames.sum()
    influence = (1 - share) * (values[:, None] - left_out)
    added = influence + (values[:, None] - influence.sum(axis=1, keepdims=True)) * share
    sums = (1.0 - 2.0 * patterns) @ added.T  # (R, K)
    gap = values[one] - values[other]
    left = np.ones(len(one), dtype=bool)
    while True:
        greatest = _greatest(sums, one[left], other[left])
        least = float(np.sort(greatest)[::-1][allowed])
        new = left & (np.abs(gap) > least + EQUAL)
        for i, j, by in zip(one[new], other[new], gap[new], strict=True):
            above[(i, j) if by > 0 else (j, i)] = True
        left &= ~new
        if not new.any() or not left.any():
            return Apart(above, least)


def _greatest(
    sums: Float[np.ndarray, "R K"], one: Int[np.ndarray, " P"], other: Int[np.ndarray, " P"]
) -> Float[np.ndarray, " R"]:
    """Return the greatest difference of these pairs under each pattern, some pairs at a time."""
    size = max(1, CELLS // len(sums))
    greatest = np.zeros(len(sums))
    for start in range(0, len(one), size):
        piece = np.abs(sums[:, one[start : start + size]] - sums[:, other[start : start + size]])
        np.maximum(greatest, piece.max(axis=1), out=greatest)
    return greatest
