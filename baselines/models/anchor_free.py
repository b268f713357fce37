"""An anchor-free localiser with two levels: every point in time tells the segment around it.

Reference: Zhang, Wu and Li 2022, ActionFormer: Localizing Moments of Actions with Transformers,
arXiv:2202.07925, from which it has its points, losses and inference; with dilated convolutions in place of
attention and two levels in place of six. The sizes are ours, chosen on the validation recordings of
rat-dyads: it is the smallest of its kind, made to be read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import localisation
from baselines.engine.segment_losses import distance_iou, focal
from baselines.inputs.points import Level, Truth, answers, points, segments
from baselines.recipes.localisation import Recipe

STRIDE, WIDTH = 8, 64
LEVELS = (Level(1, 0.0, 16.0), Level(STRIDE, 16.0, math.inf))
"""At four rows a second: ends up to 4 s away, and further ones."""
PRIOR = 0.01
"""The score that every point gives every class before it has learned."""
LEAST = 0.001
"""Points tell no segment of a class that they score lower."""
Outputs = tuple[Float[Tensor, "B P C"], Float[Tensor, "B P 2"]]
"""Logits, and the distances to start and end in rows, of P points, the fine level first."""


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
        stride: int = STRIDE,
        width: int = WIDTH,
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

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Outputs:
        """Return what all points tell; N is a multiple of the stride, and P = N + N / stride.

        A point that is not `inside` scores 0.
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
            logits.append(self.score_head(y, mask).masked_fill(mask == 0, -math.inf))
            distances.append(nn.functional.softplus(scale * self.distance_head(y, mask)) * stride)
        return torch.cat(logits, dim=1), torch.cat(distances, dim=1)


def loss(outputs: Outputs, inside: Bool[Tensor, "B N"], truth: Sequence[Truth]) -> Float[Tensor, ""]:
    """Return focal and distance loss of the points inside, over the number of those that tell a segment."""
    logits, distances = outputs
    classes = logits.shape[2]
    at = points(LEVELS, inside.shape[1], logits.device)
    counts = inside[:, at.rows.long()]  # (B, P)
    true = [answers(at, bounds, labels, classes) for bounds, labels in truth]
    shown = torch.stack([one.classes for one in true])  # (B, P, C)
    telling = shown.any(dim=2) & counts
    wanted = torch.stack([one.distances for one in true])[telling]
    classes_apart = focal(logits[counts].float(), shown[counts].float()).sum()
    total = classes_apart + distance_iou(distances[telling].float(), wanted).sum()
    return total / max(1, int(telling.sum()))


def decode(
    outputs: Outputs,
    inside: Bool[Tensor, "1 N"],
) -> tuple[Float[Tensor, "D 2"], Int64[Tensor, " D"], Float[Tensor, " D"]]:
    """Return bounds in rows, classes and scores: every point tells a segment of each class."""
    logits, distances = outputs
    rows = points(LEVELS, inside.shape[1], logits.device).rows
    scores = torch.sigmoid(logits[0].float())
    point, label = (scores > LEAST).nonzero().unbind(dim=1)
    return segments(rows, distances[0].float())[point], label, scores[point, label]


def build(recipe: Recipe, sizes: Sizes) -> AnchorFree:
    """Return the network for the features that it needs."""
    ((_, features),) = sizes.features
    return AnchorFree(features, sizes.classes[0], width=recipe.width or WIDTH)


ANCHOR_FREE = localisation.baseline(
    module=__name__,
    name="anchor_free",
    title="Anchor-free localiser",
    description="egocentric features; points every 0.25 s and 2 s tell the segments around them",
    reference="after Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925; the sizes are ours",
    paper="https://arxiv.org/abs/2202.07925",
    recipe=Recipe(epochs=30, batch=2, warm_up=3, ema=0.99, multiple=STRIDE),
    network=build,
    loss=loss,
    decode=decode,
    features="baselines.extractors.egocentric:egocentric",
)
