"""A network and the scaling of what it sees, kept together, so that a checkpoint holds both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn


class Scaled(nn.Module):
    """Bring each feature to mean 0 and deviation 1 over the given frames, then ask the network.

    A feature that never changes is only centred.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, fitted_on: Sequence[Float32[np.ndarray, "_ F"]]) -> None:
        super().__init__()
        frames = np.concatenate(fitted_on).astype(np.float64)
        deviation = frames.std(axis=0)
        self.network = network
        self.register_buffer("mean", torch.from_numpy(frames.mean(axis=0)).float())
        self.register_buffer("deviation", torch.from_numpy(np.where(deviation > 0, deviation, 1)).float())

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the network."""
        logits: Tensor = self.network((x - self.mean) / self.deviation)
        return logits
