"""The recipes of features that are computed without learning."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Geometry(Fixed):
    """All that the egocentric features can be told. Seconds are the unit of time."""

    step: float = 0.25
    """From one row of features to the next; each is the mean over such a stretch."""
    change: float = 0.1
    """From one pose to the next for a speed."""


@dataclass(frozen=True)
class Chunks(Fixed):
    """Features of video, each of a chunk of frames."""

    width: int = 1024
    chunk: int = 16
    """Frames that a row is computed from; its moment is their middle."""
    stride: int = 4
    """Frames from one row to the next."""
