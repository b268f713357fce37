"""An anchor-free localiser with two levels: every point in time tells the segment around it.

Reference: Zhang, Wu and Li 2022, ActionFormer: Localizing Moments of Actions with Transformers,
arXiv:2202.07925, from which it has its points, losses and inference; with dilated convolutions in place of
attention and two levels in place of six. The sizes are ours: it is the smallest of its kind.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

PRIOR = 0.01
"""The score that every point gives every class before it has learned."""


class Layer(nn.Module):
    """Normalise, convolve over time with gaps, add the input."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B N H"], known: Float[Tensor, "B N 1"]) -> Float[Tensor, "B N H"]:
        """Return the same shape; rows that are not known are 0 for the convolution."""
        y = self.time((self.norm(x) * known).transpose(1, 2)).transpose(1, 2)
        return x + self.dropout(self.mix(y.relu()))


class Head(nn.Module):
    """Two convolutions over the points of one level; all levels share them."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.last = nn.Conv1d(width, outputs, 3, padding=1)

    def forward(self, x: Float[Tensor, "B N H"], known: Float[Tensor, "B N 1"]) -> Float[Tensor, "B N O"]:
        """Return the outputs of every point."""
        y = self.first((self.norm(x) * known).transpose(1, 2)).relu()
        z: Tensor = self.last(y * known.transpose(1, 2))
        return z.transpose(1, 2)


class AnchorFree(nn.Module):
    """Project the features; layers at full rate; a stride; layers at the lower rate; heads on both."""

    def __init__(
        self,
        features: int,
        classes: int,
        stride: int = 8,
        width: int = 64,
        dilations: tuple[int, ...] = (1, 2, 4, 8),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.project = nn.Linear(features, width)
        self.fine = nn.ModuleList(Layer(width, dilation, dropout) for dilation in dilations)
        self.shorten = nn.Conv1d(width, width, stride + 1, stride, padding=stride // 2)
        self.coarse = nn.ModuleList(Layer(width, dilation, dropout) for dilation in dilations)
        self.score_head = Head(width, classes)
        self.distance_head = Head(width, 2)
        self.scales = nn.Parameter(torch.ones(2))
        nn.init.constant_(self.score_head.last.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]

    def forward(
        self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]
    ) -> tuple[Float[Tensor, "B P C"], Float[Tensor, "B P 2"]]:
        """Return logits and the distances to start and end, in rows, of all points, the fine level first.

        N is a multiple of the stride; P = N + N / stride. Points that are not `inside` mean nothing.
        """
        known = inside[..., None].to(x.dtype)
        fine = self.project(x)
        for layer in self.fine:
            fine = layer(fine, known)
        coarse = self.shorten((fine * known).transpose(1, 2)).transpose(1, 2)
        known_coarse = known[:, :: self.stride]
        for layer in self.coarse:
            coarse = layer(coarse, known_coarse)
        logits, distances = [], []
        for y, mask, stride, scale in (
            (fine, known, 1, self.scales[0]),
            (coarse, known_coarse, self.stride, self.scales[1]),
        ):
            logits.append(self.score_head(y, mask))
            distances.append(nn.functional.softplus(scale * self.distance_head(y, mask)) * stride)
        return torch.cat(logits, dim=1), torch.cat(distances, dim=1)
