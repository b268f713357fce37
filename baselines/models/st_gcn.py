"""ST-GCN: convolutions over the graph of the keypoints and over time, in turn.

Reference: Yan, Xiong and Lin 2018, Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action
Recognition, arXiv:1801.07455; sizes and recipe as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import windows
from baselines.inputs.graphs import all_joints, centre, spatial_subsets
from baselines.recipes.windows import SGD, Recipe
from bench.recordings import Skeleton

CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
HALVING = (4, 7)
"""Blocks that halve the number of frames, from 0."""
SMALLER = 8
"""By how much the channels of the small network are divided."""
KERNEL = 9
"""Frames that a convolution over time spans."""


class Block(nn.Module):
    """Mix each joint with its neighbours, subset by subset, then convolve over time; add the input."""

    def __init__(
        self, inputs: int, outputs: int, subsets: int, joints: int, stride: int, dropout: float, skip: bool
    ) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(inputs, subsets * outputs, 1)
        self.importance = nn.Parameter(torch.ones(subsets, joints, joints))
        self.time = nn.Sequential(
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (KERNEL, 1), (stride, 1), (KERNEL // 2, 0)),
            nn.BatchNorm2d(outputs),
            nn.Dropout(dropout),
        )
        self.skip: nn.Module | None = None
        if skip and (inputs, stride) == (outputs, 1):
            self.skip = nn.Identity()
        elif skip:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))

    def forward(
        self, x: Float[Tensor, "N C T V"], graph: Float[Tensor, "S V V"]
    ) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels."""
        y = self.weigh(x).view(len(x), len(graph), -1, *x.shape[2:])  # (N, S, C2, T, V)
        y = torch.einsum("nsctv,svw->nctw", y, graph * self.importance).contiguous()
        y = self.time(y)
        return (y if self.skip is None else y + self.skip(x)).relu()


class STGCN(nn.Module):
    """Normalise each coordinate, ten blocks, the mean over frames and joints, one linear layer.

    `graph` holds the weights of the neighbours of V joints in S subsets. The features of a frame are the
    channels of V joints, joint after joint; where they are those of several times V joints, each V share the
    graph and all weights, as the authors have it with persons, and what is found of them is averaged.
    """

    graph: Tensor

    def __init__(
        self,
        graph: Float[Tensor, "S V V"],
        inputs: int,
        classes: int,
        channels: Sequence[int] = CHANNELS,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.register_buffer("graph", graph)
        subsets, joints, _ = graph.shape
        self.norm = nn.BatchNorm1d(joints * inputs)
        self.blocks = nn.ModuleList(
            Block(
                before,
                after,
                subsets,
                joints,
                stride=2 if i in HALVING else 1,
                dropout=dropout if i else 0.0,
                skip=i > 0,
            )
            for i, (before, after) in enumerate(pairwise((inputs, *channels)))
        )
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        frames, joints, width = x.shape[1], self.graph.shape[1], self.norm.num_features
        y = x.reshape(len(x), frames, -1, width).transpose(1, 2).flatten(0, 1)  # (N, T, V C), N graphs
        y = self.norm(y.transpose(1, 2)).view(len(y), joints, -1, frames).permute(0, 2, 3, 1)  # (N, C, T, V)
        for block in self.blocks:
            y = block(y, self.graph)
        y = y.mean(dim=(2, 3)).view(len(x), -1, y.shape[1]).mean(dim=1)  # (B, C)
        logits: Tensor = self.head(y)
        return logits


def graph(skeleton: Skeleton) -> Float[Tensor, "3 V V"]:
    """Return the spatial subsets of all animals in one graph, which join at the centre of each."""
    joined = all_joints(skeleton)
    return torch.tensor(spatial_subsets(joined, centre(joined)))


def build(share: int, recipe: Recipe, sizes: Sizes) -> STGCN:  # noqa: ARG001
    """Return the network for x and y of the keypoints of a skeleton, its channels divided by `share`."""
    return STGCN(graph(sizes.skeleton), 2, sizes.classes[0], [count // share for count in CHANNELS])


ST_GCN = windows.baseline(
    module=__name__,
    name="st_gcn",
    title="ST-GCN",
    description="ten convolutions over the graph of the keypoints and over time, on a window of 64 poses; "
    "the window and its labelled middle are ours",
    reference="Yan et al. 2018, ST-GCN, arXiv:1801.07455",
    paper="https://arxiv.org/abs/1801.07455",
    recipe=Recipe(
        past=32,
        future=31,
        gap=1,
        epochs=80,
        batch=64,
        lr=0.1,
        sgd=SGD(momentum=0.9, nesterov=True, decay=1e-4),
        milestones=(10, 50),
        ends="whole",
        scaling="centred",
        together=64,
    ),
    network=partial(build, 1),
    reads=("edges",),
)
"""The authors label whole clips."""
ST_GCN_SMALL = windows.small_variant(ST_GCN, partial(build, SMALLER))
