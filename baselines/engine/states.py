"""Weights of a network as the arrays of a `State`, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from baselines.contract import State


def arrays_of(weights: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return the weights of a network as arrays, by name."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in weights.items()}


def loaded(model: nn.Module, state: State) -> nn.Module:
    """Put the arrays of a state into a network that was built for them, whose memory keeps its layout."""
    model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.arrays.items()})
    return model
