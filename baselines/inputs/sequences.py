"""Crops of recordings, with a target for every frame: how a model learns that labels whole stretches.

All recordings stand one after the other in one array, with rows to spare around each, so that a batch of
crops is an index into it and a crop never reaches into another recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, Shaped
from torch import Tensor

UNKNOWN = -1
"""The target of a frame that does not train."""


@dataclass(frozen=True, eq=False)
class Crops:
    """A batch of B crops of T frames."""

    features: Float32[Tensor, "B T F"]
    """0 beyond the ends of a recording."""
    inside: Bool[Tensor, "B T"]
    """Which frames are of the recording."""
    targets: Shaped[Tensor, "B T ..."]
    """The class index of every frame, `UNKNOWN` where it does not train; or, where classes may overlap,
    0 or 1 of every class, `UNKNOWN` likewise."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """The frames of all recordings and their targets, with `size` rows to spare around each recording."""

    features: Float32[Tensor, "R F"]
    targets: Shaped[Tensor, "R ..."]
    inside: Bool[Tensor, " R"]
    starts: tuple[int, ...]
    """The row of the first frame of each recording."""
    lengths: tuple[int, ...]
    size: int
    """Frames of a crop."""

    def draw(self, seed: int) -> Int64[Tensor, " N"]:
        """Cut every recording into crops, anew for every seed; return their first rows in random order.

        Every frame is in one crop. Where the first cut falls is drawn, so that no frame is always at an end.
        """
        generator = torch.Generator().manual_seed(seed)
        first = []
        for start, length in zip(self.starts, self.lengths, strict=True):
            before = int(torch.randint(self.size, (1,), generator=generator))
            first.append(torch.arange(start - before, start + length, self.size))
        rows = torch.cat(first)
        return rows[torch.randperm(len(rows), generator=generator)].to(self.features.device)

    def gather(self, first: Int64[Tensor, " B"]) -> Crops:
        """Return the crops that begin in these rows."""
        rows = first[:, None] + torch.arange(self.size, device=first.device)
        return Crops(self.features[rows], self.inside[rows], self.targets[rows])

    def whole(self, answer: Callable[[Crops], Float[Tensor, "B T D"]]) -> Float[Tensor, "N D"]:
        """Answer the first recording by crops that overlap by half; what counts of each is its middle."""
        step, margin = max(1, self.size // 2), self.size // 4
        first = torch.arange(0, self.lengths[0], step, device=self.features.device) + self.starts[0] - margin
        rows = answer(self.gather(first))[:, margin : margin + step]
        return rows.flatten(0, 1)[: self.lengths[0]]


def sequences(
    features: Sequence[Float32[np.ndarray, "_ F"]],
    targets: Sequence[Shaped[np.ndarray, "_ ..."]],
    size: int,
    device: torch.device,
) -> Sequences:
    """Lay recordings out for crops of `size` frames; NaN of a feature stays NaN."""
    lengths = [len(recording) for recording in features]
    starts = np.cumsum([size, *(length + size for length in lengths[:-1])])
    count = int(starts[-1]) + lengths[-1] + size
    rows = np.zeros((count, features[0].shape[1]), np.float32)
    known = np.full((count, *targets[0].shape[1:]), UNKNOWN, np.int64)
    inside = np.zeros(count, dtype=bool)
    for start, recording, truth in zip(starts, features, targets, strict=True):
        place = slice(start, start + len(recording))
        rows[place], known[place], inside[place] = recording, truth, True
    return Sequences(
        torch.from_numpy(rows).to(device),
        torch.from_numpy(known).to(device),
        torch.from_numpy(inside).to(device),
        tuple(int(start) for start in starts),
        tuple(lengths),
        size,
    )
