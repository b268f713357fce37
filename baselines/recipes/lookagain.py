"""Recipes of LookAgain."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Motion:
    """All that can be told of the motion encoder, which learns without labels.

    AdamW trains it; its rate falls as a cosine.
    """

    epochs: int = 300
    batch: int = 32
    """Windows."""
    size: int = 128
    """Frames of a window."""
    lr: float = 1e-4
    last_lr: float = 1e-5
    decay: float = 0.01
    """Of the weights."""
    tokens: int = 128
    """Numbers of a token."""
    codes: int = 512
    """Of each of the two codebooks."""
    width: int = 256
    """Of an embedding."""
    depth: int = 4
    """Layers of attention over time."""
    social_depth: int = 2
    """Over animals."""
    masked: float = 0.15
    """Share of the frames that are not shown."""
    commitment: float = 0.25
    """Weight of the distance between a vector and its codes, within the loss of the codebooks."""
    quantised: float = 0.1
    """Weight of the loss of the codebooks."""
    reconstructed: float = 0.1
    """Weight of the motion that is made from the tokens again."""

    @property
    def sees(self) -> None:
        """No window of its own: what is seen depends on where a frame lies in the windows of a recording."""
        return

    @property
    def validates(self) -> bool:
        """The last epoch counts."""
        return False

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say how much is seen at once."""
        return (f"learns from windows of {self.size} frames",)

    def epochs_for(self, task: str) -> int:  # noqa: ARG002  the same for all
        """Return how many epochs it trains."""
        return self.epochs

    def with_epochs(self, epochs: int) -> Motion:
        """Return the recipe with so many epochs."""
        return replace(self, epochs=epochs)
