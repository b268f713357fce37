"""STGAT: attention of each joint to the joints of three frames, each head within a part of the graph.

Reference: Hu et al. 2022, Spatial Temporal Graph Attention Network for Skeleton-Based Action Recognition,
arXiv:2208.08599. This is our reading of the paper, no reproduction of its code: the widths of the blocks, the
number of heads, the three frames, the gates, the differences beside the coordinates and the recipe are
theirs; which joints a head sees, how the input is embedded and how weights start are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.contract import Sizes
from baselines.engine import windows
from baselines.inputs.graphs import all_joints, hops
from baselines.recipes.windows import SGD, Recipe

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 256)
HALVING = (2, 4)
"""Blocks that halve the number of frames, from 0."""
HEADS = 8
SMALLER, FEWER = 8, 2
"""By how much the channels of the small network are divided; its heads."""
SPAN = 3
"""Frames that a joint attends to: the one before, its own, the one after."""
KERNEL = 7
"""Frames that a convolution over time spans."""
LAGS = (-2, -1, 1, 2)
"""Frames from one to another whose difference is an input."""
SLOPE = 0.1
"""Of the leaky rectifiers."""


def shift(x: Float[Tensor, "N C T V"], lag: int) -> Float[Tensor, "N C T V"]:
    """Return what comes `lag` frames later; beyond the ends the first or the last frame is repeated."""
    frames = (torch.arange(x.shape[2], device=x.device) + lag).clamp(0, x.shape[2] - 1)
    return x.index_select(2, frames)


def leaky(inputs: int, outputs: int) -> nn.Sequential:
    """Return a linear layer of each joint, normalised and rectified."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(SLOPE))


class Embedding(nn.Module):
    """Coordinates in half of the channels, what changes over one and two frames in the other half."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.still = leaky(inputs, outputs // 2)
        self.moving = nn.ModuleList(leaky(inputs, outputs // 2 // len(LAGS)) for _ in LAGS)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T V"]:
        """Return C2 channels."""
        changes = [layer(shift(x, lag) - x) for layer, lag in zip(self.moving, LAGS, strict=True)]
        return torch.cat([self.still(x), *changes], dim=1)


class Attention(nn.Module):
    """Each joint takes a mean of the joints that a head lets it see in three frames, and of a learned map.

    A gate weighs each of the three frames, for each head, by how that frame differs from its own.
    """

    masks: Tensor

    def __init__(self, masks: Bool[np.ndarray, "H V V"], inputs: int, outputs: int) -> None:
        super().__init__()
        heads, joints, _ = masks.shape
        self.register_buffer("masks", torch.tensor(masks).repeat(1, 1, SPAN), persistent=False)
        self.query = nn.Conv2d(inputs, outputs, 1)
        self.key = nn.Conv2d(inputs, outputs, 1)
        self.value = nn.Conv2d(inputs, outputs, 1)
        self.gate = nn.Linear(inputs, heads)
        self.maps = nn.Parameter(torch.zeros(heads, joints, SPAN * joints))
        self.mix = nn.Sequential(nn.Conv2d(outputs, outputs, 1), nn.BatchNorm2d(outputs))
        self.skip: nn.Module = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T V"]:
        """Return C2 channels."""
        near = [shift(x, lag) for lag in range(-(SPAN // 2), SPAN // 2 + 1)]
        query = self._heads(self.query(x))  # (N, H, T, V, D)
        key, value = (
            torch.cat([self._heads(layer(one)) for one in near], dim=3) for layer in (self.key, self.value)
        )  # (N, H, T, span * V, D)
        weights = query @ key.transpose(3, 4) / query.shape[4] ** 0.5
        weights = weights.masked_fill(~self.masks[:, None], -torch.inf).softmax(dim=4)
        weights = (weights + self.maps[:, None]) * self._gates(x, near)
        y = (weights @ value).permute(0, 1, 4, 2, 3).flatten(1, 2)  # (N, C2, T, V)
        output: Tensor = functional.leaky_relu(self.mix(y) + self.skip(x), SLOPE)
        return output

    def _heads(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N H T V D"]:
        return x.reshape(len(x), len(self.masks), -1, *x.shape[2:]).permute(0, 1, 3, 4, 2)

    def _gates(
        self, x: Float[Tensor, "N C T V"], near: Sequence[Float[Tensor, "N C T V"]]
    ) -> Float[Tensor, "N H T 1 W"]:
        """Return a gate for each head, frame and joint that is attended to."""
        changes = torch.stack([(one - x).mean(dim=3) for one in near], dim=3)  # (N, C, T, span)
        gates = self.gate(changes.movedim(1, 3)).sigmoid().movedim(3, 1)  # (N, H, T, span)
        return gates.repeat_interleave(x.shape[3], dim=3).unsqueeze(3)


class Block(nn.Module):
    """Attend, then convolve over time; the input is added to each."""

    def __init__(self, masks: Bool[np.ndarray, "H V V"], inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.attention = Attention(masks, inputs, outputs)
        self.time = nn.Sequential(
            nn.Conv2d(outputs, outputs, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0)), nn.BatchNorm2d(outputs)
        )
        self.skip: nn.Module = nn.Identity()
        if stride > 1:
            self.skip = nn.Sequential(nn.Conv2d(outputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels."""
        y = self.attention(x)
        output: Tensor = functional.leaky_relu(self.time(y) + self.skip(y), SLOPE)
        return output


class STGAT(nn.Module):
    """Normalise each coordinate, embed, eight blocks, the mean over frames and joints, one linear layer.

    `masks` say which joints each head lets a joint see.
    """

    def __init__(
        self,
        masks: Bool[np.ndarray, "H V V"],
        inputs: int,
        classes: int,
        channels: Sequence[int] = CHANNELS,
    ) -> None:
        super().__init__()
        self.joints = masks.shape[1]
        self.norm = nn.BatchNorm1d(self.joints * inputs)
        self.embedding = Embedding(inputs, channels[0])
        self.blocks = nn.Sequential(
            *(
                Block(masks, before, after, stride=2 if i in HALVING else 1)
                for i, (before, after) in enumerate(pairwise((channels[0], *channels)))
            )
        )
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2))  # (B, V C, T)
        y = y.unflatten(1, (self.joints, -1)).permute(0, 2, 3, 1)  # (B, C, T, V)
        logits: Tensor = self.head(self.blocks(self.embedding(y)).mean(dim=(2, 3)))
        return logits


def parts(joined: Bool[np.ndarray, "V V"], heads: int = HEADS) -> Bool[np.ndarray, "H V V"]:
    """Return what each head sees: a joint itself, and those at 1, 2 ... hops, head by head, over and over."""
    distance, itself = hops(joined), np.eye(len(joined), dtype=bool)
    longest = max(int(distance[distance < len(joined)].max()), 1)
    return np.stack([(distance == 1 + head % longest) | itself for head in range(heads)])


def build(share: int, heads: int, recipe: Recipe, sizes: Sizes) -> STGAT:  # noqa: ARG001
    """Return the network for x and y of the keypoints of a skeleton, all animals in one graph.

    Its channels are divided by `share`.
    """
    channels = [count // share for count in CHANNELS]
    return STGAT(parts(all_joints(sizes.skeleton), heads), 2, sizes.classes[0], channels)


STGAT_READING = windows.baseline(
    module=__name__,
    name="stgat",
    title="STGAT, our reading",
    description="attention of each joint to joints of three frames, on a window of 64 poses; our reading of "
    "the paper, no reproduction: the window, the parts of the graph and the embedding are ours",
    reference="Hu et al. 2022, STGAT, arXiv:2208.08599, our reading",
    paper="https://arxiv.org/abs/2208.08599",
    recipe=Recipe(
        past=32,
        future=31,
        gap=1,
        epochs=120,
        batch=32,
        lr=0.1,
        sgd=SGD(momentum=0.9, nesterov=True, decay=5e-4),
        milestones=(60, 90),
        warm_up=5,
        ends="whole",
        scaling="centred",
        together=64,
    ),
    network=partial(build, 1, HEADS),
    reads=("edges",),
)
"""The authors look at 128 of 150 frames of a clip."""
STGAT_SMALL = windows.small_variant(STGAT_READING, partial(build, SMALLER, FEWER))
