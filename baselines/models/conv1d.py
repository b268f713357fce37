"""The CalMS21 1-D convolution: three blocks that halve time, then one linear layer.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baseline; layers, sizes and the Keras defaults
they were trained with as in the official code. Time is the inner axis of an image of height 1 whose
channels lie last: the layout that CPU kernels are quickest in, and the order in which Keras flattens.

Two things differ from Keras in the last digits: its running variance is the biased one, and its Adam
adds epsilon before the bias correction.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import keras


class HalfDropout(nn.Module):
    """Dropout of one half: zero a value or double it, by the lowest bit of a random byte.

    `nn.Dropout` draws a float per value, which took a third of the training time on CPU.
    """

    def forward(self, x: Float[Tensor, "B H 1 W"]) -> Float[Tensor, "B H 1 W"]:
        """Drop in training, return `x` itself otherwise."""
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_()
        kept = (words.view(torch.uint8) & 1).as_strided(x.shape, x.stride())  # in the layout of x
        return x * kept * 2


class Block(nn.Module):
    """Convolve without padding, normalise, rectify, keep the larger of two neighbours, drop half."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (1, kernel))
        self.norm = nn.BatchNorm2d(outputs, keras.BN_EPS, keras.BN_MOMENTUM)
        self.pool = nn.MaxPool2d((1, 2))
        self.dropout = HalfDropout()

    def forward(self, x: Float[Tensor, "B H 1 W"]) -> Float[Tensor, "B H2 1 W2"]:
        """Return W2 = (W - kernel + 1) // 2 samples of H2 channels."""
        y: Tensor = self.dropout(self.pool(self.norm(self.conv(x)).relu()))
        return y


class Conv1D(nn.Module):
    """Normalise each input, `len(channels)` blocks, one linear layer."""

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        channels: tuple[int, ...] = (128, 64, 32),
        kernel: int = 5,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, keras.BN_EPS, keras.BN_MOMENTUM)
        sizes = (features, *channels)
        self.blocks = nn.Sequential(*(Block(a, b, kernel) for a, b in pairwise(sizes)))
        for _ in channels:
            window = (window - kernel + 1) // 2  # 201 > 98 > 47 > 21
        self.head = nn.Linear(window * channels[-1], classes)
        self.apply(keras.initialise)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2).unsqueeze(2))  # (B, F, 1, W)
        y = self.blocks(y).permute(0, 2, 3, 1).flatten(1)  # (B, W * H), time first
        logits: Tensor = self.head(y)
        return logits
