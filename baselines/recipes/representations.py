"""Recipes of networks that learn features of poses without labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from baselines.recipes.epochs import Epochs


@dataclass(frozen=True)
class Bams(Epochs):
    """All that BAMS can be told. Frames of the video are the unit of time.

    AdamW trains it; its rate falls to a tenth after `milestone`.
    """

    epochs: int = 500
    batch: int = 32
    """Crops."""
    size: int = 1_800
    """Frames of a crop; where all recordings are shorter, of the longest."""
    lr: float = 1e-3
    decay: float = 4e-5
    """Of the weights."""
    milestone: int = 200
    short: tuple[int, ...] = (64, 64, 64, 64)
    """Channels of the blocks of the encoder that sees little time; the last are its embedding."""
    long: tuple[int, ...] = (64, 64, 64, 64, 64)
    """Of the one that sees much time."""
    bins: int = 32
    """Of the histograms."""
    horizon: int = 30
    """Frames after the one that tells their histogram."""
    skip: int = 100
    """Frames at the start of a crop whose histograms do not count, nor their long embeddings."""
    skip_short: int = 60
    """Frames at the start of a crop whose short embeddings do not count."""
    near: int = 5
    """Frames between two that the short embedding should hold alike, at most."""
    importance: float = 500.0
    """Of the histograms in the loss; each of the two embeddings has one half."""
    targets: Literal["intended", "as_released"] = "intended"
    """The histogram of the frames to come, as the paper has it; or what the published code makes of it."""

    def words(self, held_out: bool) -> tuple[str, ...]:  # noqa: ARG002  nothing is held out
        """Say how much is seen at once."""
        return (f"learns from crops of {self.size} frames",)


@dataclass(frozen=True)
class Treba(Epochs):
    """All that task programming can be told. Frames of the video are the unit of time.

    Adam trains what approximates the programs for `first` epochs, then the autoencoder for `epochs`.
    """

    epochs: int = 300
    first: int = 100
    batch: int = 128
    """Stretches of poses."""
    window: int = 21
    """Frames of a stretch; its features are those of the middle one."""
    lr: float = 2e-4
    clip: float = 10.0
    """The largest norm of the gradients."""
    features: int = 32
    hidden: int = 256
    """Units of every layer."""
    contrast: float = 10.0
    """Weight of the loss that draws stretches of one program class together."""
    consistency: float = 1.0
    """Weight of the loss by which a stretch that is drawn from the features has the classes of its model."""
    temperature: float = 0.1
    """The share of its deviation by which a drawn movement differs from the likeliest."""

    @property
    def sees(self) -> tuple[int, int]:
        """The first and the last frame that features depend on."""
        return -(self.window // 2), self.window // 2

    def with_epochs(self, epochs: int) -> Treba:
        """Return the recipe with so many epochs, of the first stage at most so many."""
        return replace(self, epochs=epochs, first=min(Treba.first, epochs))
