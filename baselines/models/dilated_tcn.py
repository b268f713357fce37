"""A temporal convolutional network of two dilated layers, which labels every frame of a stretch at once.

Reference: Bai, Kolter and Koltun 2018, An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling, arXiv:1803.01271; with centred instead of causal convolutions, because a
benchmark labels recordings that have ended. The sizes are ours.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn


class Layer(nn.Module):
    """Convolve over time with gaps, mix the channels, add the input."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Conv1d(width, width, kernel, padding=(kernel // 2) * dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T H"], inside: Float[Tensor, "B T 1"]) -> Float[Tensor, "B T H"]:
        """Return the same shape; what is not `inside` is 0 for the convolution."""
        y = (self.norm(x) * inside).transpose(1, 2)  # (B, H, T)
        y = self.time(y).transpose(1, 2).relu()
        return x + self.dropout(self.mix(y))


class DilatedTCN(nn.Module):
    """Project the features, one layer for each dilation, classify every frame."""

    def __init__(
        self,
        features: int,
        classes: int,
        width: int = 64,
        kernel: int = 9,
        dilations: tuple[int, ...] = (1, 8),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.layers = nn.ModuleList(Layer(width, kernel, dilation, dropout) for dilation in dilations)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> Float[Tensor, "B T C"]:
        """Return the logits of every frame; those of frames that are not `inside` mean nothing."""
        known = inside[..., None].to(x.dtype)
        y = self.project(x)
        for layer in self.layers:
            y = layer(y, known)
        logits: Tensor = self.head(self.norm(y))
        return logits
