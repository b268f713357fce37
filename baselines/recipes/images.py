"""Recipes of encoders of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from baselines.recipes.epochs import Epochs
from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Small(Epochs):
    """All that a small encoder can be told, which learns from pictures without labels.

    AdamW trains it; its rate falls as a cosine.
    """

    epochs: int = 5
    batch: int = 128
    """Pictures."""
    pictures: int = 8_000
    """That are learned from, at most, evenly spread over the recordings."""
    size: int = 48
    """Pixels of a side."""
    span: float = 2.5
    """Side of the square around an animal, in extents of the animal."""
    width: int = 64
    """Features of a picture."""
    projected: int = 32
    """Numbers that are compared."""
    temperature: float = 0.5
    lr: float = 1e-3
    decay: float = 1e-4
    """Of the weights."""


@dataclass(frozen=True)
class Tower(Fixed):
    """All that a large encoder can be told, which somebody else trained and which does not learn here."""

    name: str
    """As the hub knows it."""
    width: int
    """Features of a picture."""
    layers: int
    heads: int
    size: int
    """Pixels of a side."""
    patch: int = 16
    """Pixels of the side of what becomes one token."""
    weights: Literal["hub", "random"] = "hub"
    """Those that were trained, from the hub; or drawn from the seed, and then features are chance."""
    span: float = 2.5
    """Side of the square around an animal, in extents of the animal."""
    together: int = 16
    """Pictures that are encoded at once."""
