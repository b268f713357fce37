"""The recipe of the boosted trees."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Boosting(Fixed):
    """All that the boosted trees can be told. Seconds are the unit of time."""

    windows: tuple[float, ...] = (0.5, 1.5, 4.0, 12.0)
    """Widths over which features are summed up, centred on the frame."""
    step: float = 0.1
    """From one pose to the next for a speed."""
    frames: int = 60_000
    """Of the training frames, at most so many are drawn to learn from."""
    balance: float = 0.5
    """A class is drawn as often as its count to the power 1 less this: 0 leaves frames alike, 1 classes."""
    trees: int = 120
    """For each class."""
    leaves: int = 15
    lr: float = 0.08
    l2: float = 1.0
    share: float = 0.3
    """Of the features, how many a split may choose from, drawn anew each time."""
    smoothing: float = 0.5
    """Width over which probabilities are averaged, centred on the frame."""
