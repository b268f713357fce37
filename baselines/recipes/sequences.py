"""Recipes of networks that label all frames of a stretch at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from baselines.recipes.epochs import Epochs


@dataclass(frozen=True)
class Recipe(Epochs):
    """All that can be told of a network that learns from crops of recordings, a target for every frame.

    AdamW trains it; its rate rises over the first epochs and falls as a cosine until the last.
    """

    size: int
    """Frames of a crop."""
    epochs: int
    batch: int
    """Crops of each question in a batch; as many without labels beside them, where there are any."""
    lr: float = 1e-3
    last_lr: float = 0.0
    """At the end of the last epoch."""
    decay: float = 0.0
    """Of the weights."""
    warm_up: int = 0
    """Epochs in which the rate rises."""
    clip: float | None = None
    """The largest norm of the gradients."""
    missing: Literal["held", "mean"] = "mean"
    """Keypoints that were not detected: "held" where they were last seen; or their mean in training."""
    class_weights: Literal["task", "balanced"] = "task"
    """Of the loss: what the task declares, or N / (C n_c)."""
    validation: Literal["none", "recordings"] = "none"
    """What chooses the epoch that is kept, for each question its own: nothing, so the last; or the validation
    recordings of the split, where it names any."""
    aside: float = 0.0
    """Weight of what the network learns from crops without labels; 0: they are not looked at."""
    inputs: Literal["poses", "known poses"] = "poses"
    """Keypoints, each coordinate scaled to mean 0 and deviation 1; or keypoints and how sure the tracker is
    of each, a missing one 0 and not sure at all."""
    start: str = ""
    """The part of the network that the training it needs has made; empty: it needs none."""

    @property
    def validates(self) -> bool:
        """Whether a validation loss chooses the epoch that is kept."""
        return self.validation != "none"

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  where there is nothing, nothing chooses
        """Say how much is seen at once."""
        return (f"learns from crops of {self.size} frames",)
