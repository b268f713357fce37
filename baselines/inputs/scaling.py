"""A network and the scaling of what it sees, kept together, so that a checkpoint holds both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn


class Scaled(nn.Module):
    """Bring each feature to mean 0 and deviation 1 over the given frames, then ask the network.

    NaN, what was not detected, becomes the mean over the frames that have the feature, and the deviation is
    that of the frames so filled, as an imputer in front of a scaler makes it. A feature that never changes
    is only centred; one that no frame has is left as it is.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, fitted_on: Sequence[Float32[np.ndarray, "_ F"]]) -> None:
        super().__init__()
        frames = np.concatenate(fitted_on).astype(np.float64)
        seen = ~np.isnan(frames)
        mean = np.sum(frames, axis=0, where=seen) / np.maximum(seen.sum(axis=0), 1)
        deviation = np.where(seen, frames, mean).std(axis=0)
        self.network = network
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("deviation", torch.from_numpy(np.where(deviation > 0, deviation, 1)).float())

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the network."""
        scaled = ((x - self.mean) / self.deviation).nan_to_num(nan=0.0)
        logits: Tensor = self.network(scaled)
        return logits
