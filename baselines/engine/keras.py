"""Keras where torch does otherwise, for the CalMS21 networks: the official code leaves its defaults alone.

Weights start Glorot-uniform and biases at zero. Of an LSTM, the recurrent weights start as one orthogonal
matrix and the bias of the forget gate at one. Batch normalisation adds 1e-3, keeps 99 % of the running
statistics, and averages the biased variance of the batches, where torch averages the unbiased one. Its Adam
adds epsilon before the bias correction, where torch adds it after.

Two switches keep torch's own: batch normalisation over several devices, and Adam in a recorded CUDA graph.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

BN_EPS = 1e-3
BN_MOMENTUM = 0.01  # Keras says .99 for the same


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Normalise (B, H) per H, and (B, H, ...) per H over batch and time."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, BN_EPS, BN_MOMENTUM)

    def forward(self, x: Float[Tensor, "B H *W"]) -> Float[Tensor, "B H *W"]:
        """Return values of mean 0 and deviation 1 over the batch, scaled and shifted."""
        if not self.training or self.running_var is None:
            return super().forward(x)
        count = x.numel() // x.shape[1]
        unbiased = self.running_var.clone()  # what torch changes, it keeps for the backward pass
        y = functional.batch_norm(
            x, self.running_mean, unbiased, self.weight, self.bias, True, BN_MOMENTUM, BN_EPS
        )
        with torch.no_grad():
            kept = self.running_var.mul_(1 - BN_MOMENTUM)
            kept.add_((unbiased - kept) * ((count - 1) / count))
        return y


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Of (B, H) and (B, H, W)."""


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Of (B, H, 1, W)."""


def add_epsilon_first(optimiser: Adam) -> Adam:
    """Make torch's Adam take the steps of Keras' Adam.

    Keras divides by sqrt(v) + eps and corrects the bias afterwards. That is torch's step with an epsilon of
    eps / sqrt(1 - beta2^t) in step t. The groups of weights count the steps, so a checkpoint keeps the count.
    """
    for group in optimiser.param_groups:
        group["steps"], group["epsilon"] = 0, group["eps"]
    optimiser.register_step_pre_hook(_set_epsilon)
    return optimiser


def _set_epsilon(optimiser: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ARG001
    for group in optimiser.param_groups:
        group["steps"] += 1
        group["eps"] = group["epsilon"] / (1 - group["betas"][1] ** group["steps"]) ** 0.5


def initialise(layer: nn.Module) -> None:
    """Set the weights of one layer as Keras does, for `nn.Module.apply`."""
    if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.LSTM):
        _initialise_lstm(layer)


@torch.no_grad()
def _initialise_lstm(layer: nn.LSTM) -> None:
    """Both libraries order the gates: input, forget, cell, output.

    Keras has one bias per gate, torch adds two. The second stays zero and is not trained, so that the
    number of trainable parameters and the step that Adam takes are those of Keras.
    """
    for name, weights in layer.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(weights)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(weights)
        else:
            nn.init.zeros_(weights)
            if name.startswith("bias_ih"):
                weights[layer.hidden_size : 2 * layer.hidden_size] = 1
            else:
                weights.requires_grad_(False)
