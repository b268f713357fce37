"""A network and the scaling of what it sees, kept together, so that a state holds both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn


def moments(
    features: Sequence[Float32[np.ndarray, "_ F"]],
) -> tuple[Float64[np.ndarray, " F"], Float64[np.ndarray, " F"]]:
    """Return mean and deviation of each feature over all frames of the training recordings.

    NaN, what was not detected, becomes the mean over the frames that have the feature, and the deviation is
    that of the frames so filled, as an imputer in front of a scaler makes it. It is 1 for a feature that
    never changes, which is then only centred; one that no frame has is left as it is.
    """
    frames = np.concatenate(features).astype(np.float64)
    known = ~np.isnan(frames)
    mean = np.sum(frames, axis=0, where=known) / np.maximum(known.sum(axis=0), 1)
    deviation = np.where(known, frames, mean).std(axis=0)
    return mean, np.where(deviation > 0, deviation, 1)


class Scaled(nn.Module):
    """Bring each feature to mean 0 and deviation 1, NaN to 0, then ask the network."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, network: nn.Module, mean: Float64[np.ndarray, " F"], deviation: Float64[np.ndarray, " F"]
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("deviation", torch.from_numpy(deviation).float())

    def forward(self, x: Float[Tensor, "B W F"], *others: Tensor, **options: bool) -> Any:
        """Return what the network says; what else it is given is passed on as it is."""
        scaled = ((x - self.mean) / self.deviation).nan_to_num(nan=0.0)
        return self.network(scaled, *others, **options)
