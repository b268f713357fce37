"""Recipes of networks that find segments in rows of features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from baselines.recipes.epochs import Epochs


@dataclass(frozen=True)
class Recipe(Epochs):
    """All that can be told of a network that learns from whole recordings and answers segments.

    AdamW trains it. Where `ema` is a number, what predicts is an average of the weights.
    """

    epochs: int
    batch: int = 2
    """Recordings in a batch, the shorter ones padded."""
    lr: float = 1e-3
    decay: float = 0.05
    """Of the weights."""
    decays: Literal["all", "matrices"] = "all"
    """Which weights decay: all; or those of linear layers and convolutions, without their biases."""
    slow: tuple[str, ...] = ()
    """Weights with one of these words in their name learn at a tenth of the rate."""
    schedule: Literal["epochs", "iterations", "milestones"] = "epochs"
    """How the rate moves. "epochs": it rises from 0 over the first epochs and falls as a cosine to 0 at the
    end. "iterations": likewise, but it is full at the last step of the warm-up and falls to `floor`, as in
    ActionFormer's code. "milestones": it is a tenth after each of `milestones`."""
    warm_up: int = 0
    """Epochs in which the rate rises."""
    floor: float = 0.0
    milestones: tuple[int, ...] = ()
    """Epochs."""
    ema: float | None = 0.999
    """The share of the average that each step keeps; None: there is no average."""
    clip: float = 1.0
    """The largest norm of the gradients."""
    multiple: int = 1
    """The rows of a batch are padded to a multiple of this."""
    shortest: int = 1
    """The rows of a batch are padded to at least so many."""
    longest: int | None = None
    """A recording of more rows trains by a stretch of so many, drawn anew each time."""
    overlap: float | None = None
    """Where a number: a recording of more rows than `longest` is predicted by stretches of so many that share
    this part of their rows with the next. None: by the whole recording."""
    crop: tuple[float, float] | None = None
    """A recording that is not too long trains by a stretch of it, whose share is drawn between these."""
    width: int | None = None
    """Channels of the network; None: as many as its file says."""
    droppath: float = 0.0
    """The share of recordings for which a branch of a block is left out in training."""
    noise: float = 0.0
    """The deviation of what is added to the features in training."""

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say what predicts."""
        return () if self.ema is None else ("an average of its weights over the steps predicts",)

    def with_epochs(self, epochs: int) -> Recipe:
        """Return the recipe with so many epochs; warm-up and milestones keep their share of them."""
        share = epochs / self.epochs
        milestones = tuple(round(milestone * share) for milestone in self.milestones)
        return replace(self, epochs=epochs, warm_up=round(self.warm_up * share), milestones=milestones)
