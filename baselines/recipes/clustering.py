"""The recipe of clusters of poses."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Clustering(Fixed):
    """All that k-means on poses can be told."""

    clusters: int = 30
    variance: float = 0.9
    """The share of the variance of the poses that the kept components explain."""
    each: int = 2_500
    """Of each training recording, at most so many frames are looked at."""
    frames: int = 100_000
    """Of those, at most so many are drawn to learn from."""
    starts: int = 4
    """The best of so many runs of k-means counts."""
