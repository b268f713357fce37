"""Recipes of networks that find segments in rows of features."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """All that can be told of a network that learns from whole recordings and answers segments.

    AdamW trains it; its rate rises over the first epochs and falls as a cosine to nothing at the last. What
    predicts is an average of the weights.
    """

    epochs: int
    batch: int = 2
    """Recordings in a batch, the shorter ones padded."""
    lr: float = 1e-3
    decay: float = 0.05
    """Of the weights."""
    warm_up: int = 0
    """Epochs in which the rate rises."""
    ema: float = 0.999
    """The share of the average that each step keeps."""
    clip: float = 1.0
    """The largest norm of the gradients."""
    multiple: int = 1
    """The rows of a batch are padded to a multiple of this."""

    @property
    def sees(self) -> None:
        """No window: a prediction looks at the whole recording."""
        return None

    @property
    def validates(self) -> bool:
        """The last epoch predicts."""
        return False

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say what predicts."""
        return ("an average of its weights over the steps predicts",)

    def epochs_for(self, task: str) -> int:  # noqa: ARG002  the same for all
        """Return how many epochs it trains on a task."""
        return self.epochs

    def with_epochs(self, epochs: int) -> Recipe:
        """Return the recipe with so many epochs."""
        return replace(self, epochs=epochs)
