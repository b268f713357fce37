"""Deformable attention in one dimension: a query reads a few places of a sequence, at distances it computes.

Places are in rows of the sequence, and the value of row i lies at i + 0.5; between two rows the values are
interpolated, and outside they are 0.

References: Zhu et al. 2021, Deformable DETR, arXiv:2010.04159, in two dimensions; Liu et al. 2022, TadTR,
arXiv:2106.10271, in one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Offsets = Float[Tensor, "B Q H P"]
"""Of each query, head and point, as the network computes them; what unit they have, a model says."""
Place = Callable[[Offsets], Float[Tensor, "B Q H P"]]
"""Offsets -> places in rows: where a model puts its queries."""


def interpolate(
    values: Float[Tensor, "B N H D"], places: Float[Tensor, "B Q H P"]
) -> Float[Tensor, "B Q H P D"]:
    """Return the values at places between rows, 0 outside."""
    batch, rows, heads, width = values.shape
    lower = (places - 0.5).floor()
    share = places - 0.5 - lower  # of the upper of the two rows
    by_head = values.transpose(1, 2)  # (B, H, N, D)
    total = values.new_zeros(())
    for row, weight in ((lower, 1 - share), (lower + 1, share)):
        known = (row >= 0) & (row < rows)
        index = row.clamp(0, rows - 1).long().transpose(1, 2).reshape(batch, heads, -1, 1)
        read = by_head.gather(2, index.expand(-1, -1, -1, width))  # (B, H, Q P, D)
        read = read.view(batch, heads, *places.shape[1::2], width).transpose(1, 2)  # (B, Q, H, P, D)
        total = total + read * (weight * known)[..., None]
    return total


class DeformableAttention(nn.Module):
    """Each head of a query reads `points` places and weighs what lies there."""

    def __init__(self, width: int, heads: int, points: int) -> None:
        super().__init__()
        self.heads, self.points = heads, points
        self.offsets = nn.Linear(width, heads * points)
        self.weights = nn.Linear(width, heads * points)
        self.values = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.reset()

    def reset(self) -> None:
        """Begin at 1, 2, ... rows to either side, equally weighed: the heads look left and right in turn."""
        side = 1.0 - 2.0 * (torch.arange(self.heads) % 2)
        with torch.no_grad():
            self.offsets.bias.copy_((side[:, None] * torch.arange(1, self.points + 1)).flatten())
        for zero in (self.offsets.weight, self.weights.weight, self.weights.bias):
            nn.init.zeros_(zero)
        for layer in (self.values, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        queries: Float[Tensor, "B Q W"],
        place: Place,
        memory: Float[Tensor, "B N W"],
        inside: Bool[Tensor, "B N"],
    ) -> Float[Tensor, "B Q W"]:
        """Return what the queries read of the memory; its rows that are not `inside` read as 0."""
        values = self.values(memory).masked_fill(~inside[..., None], 0.0)
        values = values.unflatten(2, (self.heads, -1))  # (B, N, H, D)
        shape = (*queries.shape[:2], self.heads, self.points)
        weights = self.weights(queries).view(shape).softmax(dim=3)
        read = interpolate(values, place(self.offsets(queries).view(shape)))
        result: Tensor = self.output((read * weights[..., None]).sum(dim=3).flatten(2))
        return result


class FeedForward(nn.Module):
    """Two layers with a ReLU between, added to the input, then normalised."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        for layer in (self.first, self.last):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Float[Tensor, "B Q W"]) -> Float[Tensor, "B Q W"]:
        """Return the same shape."""
        y = self.dropout(self.last(self.dropout(self.first(x).relu())))
        result: Tensor = self.norm(x + y)
        return result


class EncoderLayer(nn.Module):
    """Every row reads places around it, then a feed-forward layer."""

    def __init__(self, width: int, heads: int, points: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = DeformableAttention(width, heads, points)
        self.norm = nn.LayerNorm(width)
        self.feed = FeedForward(width, hidden, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B Q W"],
        position: Float[Tensor, "#B Q W"],
        place: Place,
        readable: int,
        inside: Bool[Tensor, "B N"],
    ) -> Float[Tensor, "B Q W"]:
        """Return the same shape; its first `readable` rows may be read, where they are `inside`."""
        y = self.attention(x + position, place, x[:, :readable], inside)
        result: Tensor = self.feed(self.norm(x + self.dropout(y)))
        return result


class DecoderLayer(nn.Module):
    """The queries look at each other, read the memory, then a feed-forward layer."""

    def __init__(self, width: int, heads: int, points: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(width)
        self.attention = DeformableAttention(width, heads, points)
        self.norm = nn.LayerNorm(width)
        self.feed = FeedForward(width, hidden, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "B Q W"],
        position: Float[Tensor, "B Q W"],
        place: Place,
        memory: Float[Tensor, "B N W"],
        inside: Bool[Tensor, "B N"],
    ) -> Float[Tensor, "B Q W"]:
        """Return the same shape."""
        query = x + position
        x = self.self_norm(x + self.dropout(self.self_attention(query, query, x, need_weights=False)[0]))
        y = self.attention(x + position, place, memory, inside)
        result: Tensor = self.feed(self.norm(x + self.dropout(y)))
        return result


class Perceptron(nn.Module):
    """`layers` linear layers with ReLU between them."""

    def __init__(self, inputs: int, width: int, outputs: int, layers: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * (layers - 1), outputs]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))

    @property
    def last(self) -> nn.Linear:
        """The layer that gives the outputs."""
        return cast("nn.Linear", self.layers[-1])

    def forward(self, x: Float[Tensor, "*A I"]) -> Float[Tensor, "*A O"]:
        """Return the outputs."""
        for number, layer in enumerate(self.layers):
            x = layer(x) if number == len(self.layers) - 1 else layer(x).relu()
        return x


def sines(at: Float[Tensor, "*A"], width: int, longest: float) -> Float[Tensor, "*A W"]:
    """Return sines and cosines of a position, in turn, with wavelengths from 2 pi to 2 pi `longest`."""
    half = torch.arange(width, device=at.device).div(2, rounding_mode="floor")
    angle = at[..., None] / longest ** (2 * half / width)
    return torch.stack([angle[..., 0::2].sin(), angle[..., 1::2].cos()], dim=-1).flatten(-2)


def logit(share: Float[Tensor, "*A"], least: float = 1e-5) -> Float[Tensor, "*A"]:
    """Return the inverse of the sigmoid; shares nearer than `least` to 0 or 1 count as so near."""
    share = share.clamp(0, 1)
    return (share.clamp(min=least) / (1 - share).clamp(min=least)).log()


def prior_bias(score: float) -> float:
    """Return the bias with which a sigmoid begins at a score."""
    return -math.log((1 - score) / score)
