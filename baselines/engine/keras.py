"""Keras where torch does otherwise, for the CalMS21 networks: the official code leaves its defaults alone.

Weights start Glorot-uniform and biases at zero. Of an LSTM, the recurrent weights start as one orthogonal
matrix and the bias of the forget gate at one. Batch normalisation adds 1e-3 and keeps 99 % of the running
statistics. Its Adam adds 1e-7, see `Recipe`.
"""

from __future__ import annotations

import torch
from torch import nn

BN_EPS = 1e-3
BN_MOMENTUM = 0.01  # Keras says .99 for the same


def batch_norm(channels: int) -> nn.BatchNorm1d:
    """Normalise (B, H) per H, and (B, H, W) per H over batch and time."""
    return nn.BatchNorm1d(channels, BN_EPS, BN_MOMENTUM)


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
