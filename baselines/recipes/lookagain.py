"""Recipes of LookAgain."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.epochs import Epochs


@dataclass(frozen=True)
class Motion(Epochs):
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

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say how much is seen at once."""
        return (f"learns from windows of {self.size} frames",)
