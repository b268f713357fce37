"""Recipes of LookAgain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from baselines.recipes.epochs import Epochs
from baselines.recipes.sequences import Recipe


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
    predicted: float = 0.5
    """Weight of the features of pictures that are predicted, where there are pictures."""
    horizons: tuple[int, ...] = (4, 8, 16)
    """Frames until the pictures that are predicted."""
    horizon_weights: tuple[float, ...] = (1.0, 0.7, 0.4)

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say how much is seen at once."""
        return (f"learns from windows of {self.size} frames",)


SMALL_MOTION = Motion(
    epochs=20,
    batch=16,
    size=64,
    lr=1e-3,
    last_lr=1e-4,
    tokens=32,
    codes=64,
    width=64,
    depth=2,
    social_depth=1,
)
"""A motion encoder that a processor trains in minutes. Its sizes are ours."""


@dataclass(frozen=True)
class Looking(Recipe):
    """What a model can be told that looks at pictures of some frames."""

    motion: Motion = Motion()
    """The sizes of the motion encoder."""
    opened: float = 0.25
    """Share of the pictures of each animal that are looked at, in every window."""
    gate: Literal["learned", "uniform", "random"] = "learned"
    """What chooses them: the highest scores of the gate; evenly spread; or drawn."""
    without: Literal["", "confidence", "saliency", "context"] = ""
    """The term of the gate that is left out, if any."""

    def words(self, held_out: bool) -> tuple[str, ...]:
        """Say how much is seen at once, and how much of it with pictures."""
        gate = {"learned": "that its gate chooses", "uniform": "evenly spread", "random": "drawn"}[self.gate]
        left_out = (f"its gate does not know {self.without}",) if self.without else ()
        looks = (
            f"looks at {self.opened:.0%} of the pictures, {gate}" if self.opened else "looks at no picture"
        )
        return (*super().words(held_out), looks, *left_out)


@dataclass(frozen=True)
class Grouping(Looking):
    """What a model can be told that puts frames into clusters, with pictures of some of them."""

    clusters: int = 30
    smooth: float = 0.1
    """Weight of how much the gate's scores change from frame to frame."""
    drawn: int = 20_000
    """Training frames, at most, in which the centres begin."""
