"""CTR-GCN: graph convolutions whose graph is refined for every channel by how joints differ.

Reference: Chen, Zhang, Yuan, Li, Deng and Hu 2021, Channel-wise Topology Refinement Graph Convolution for
Skeleton-Based Action Recognition, arXiv:2107.12213. Written from the paper. How weights start is ours: as
torch has it, but what the graphs give is scaled by 1e-6, so that a block starts as what goes around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import windows
from baselines.inputs.graphs import all_joints, centre, directed_graphs
from baselines.models.ms_g3d import TimeBranches
from baselines.recipes.windows import SGD, Augmentation, Recipe

CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
SMALLER = 8
"""By how much the channels of the small network are divided."""
HALVING = (4, 7)
"""Blocks that halve the number of frames, from 0."""
REDUCTION = 8
"""Channels of the input for each channel that joints are compared by."""
FEWEST = 8
"""Channels that joints are compared by where the input is coordinates."""


class Refinement(nn.Module):
    """What a subset adds to its graph: per channel, how joints differ in the mean over time."""

    def __init__(self, inputs: int, outputs: int, compared: int) -> None:
        super().__init__()
        self.target = nn.Conv2d(inputs, compared, 1)
        self.source = nn.Conv2d(inputs, compared, 1)
        self.refine = nn.Conv2d(compared, outputs, 1)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 V V"]:
        """Return what each joint (row) takes of each (column)."""
        target, source = self.target(x).mean(dim=2), self.source(x).mean(dim=2)  # (N, R, V)
        output: Tensor = self.refine((target.unsqueeze(3) - source.unsqueeze(2)).tanh())
        return output


class Block(nn.Module):
    """Three refined graphs summed, then branches over time; the input is added to each."""

    def __init__(
        self, graphs: Float[Tensor, "S V V"], inputs: int, outputs: int, stride: int, *, first: bool
    ) -> None:
        super().__init__()
        compared = FEWEST if first else inputs // REDUCTION
        self.graphs = nn.Parameter(graphs.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.refinements = nn.ModuleList(Refinement(inputs, outputs, compared) for _ in graphs)
        self.values = nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for _ in graphs)
        self.norm = nn.BatchNorm2d(outputs)
        nn.init.constant_(self.norm.weight, 1e-6)
        self.skip: nn.Module = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
        self.time = TimeBranches(outputs, outputs, stride, kernel=5, dilations=(1, 2))
        self.around: nn.Module | None = None
        if not first and (inputs, stride) == (outputs, 1):
            self.around = nn.Identity()
        elif not first:
            self.around = nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels, which are not negative."""
        parts = []
        for graph, refine, value in zip(self.graphs, self.refinements, self.values, strict=True):
            graphs = self.alpha * refine(x) + graph  # (N, C2, V, V)
            parts.append(torch.einsum("ncvu,nctu->nctv", graphs, value(x)))
        y = (self.norm(torch.stack(parts).sum(dim=0)) + self.skip(x)).relu()
        y = self.time(y)
        return (y if self.around is None else y + self.around(x)).relu()


class CTRGCN(nn.Module):
    """Normalise each coordinate, ten blocks, the mean over frames and joints, one linear layer.

    `graphs` weigh the neighbours of V joints in S subsets; each block starts with them and learns its own.
    The features of a frame are the channels of V joints, joint after joint; where they are those of several
    times V joints, each V share the graph and all weights, and their results are averaged.
    """

    def __init__(
        self,
        graphs: Float[Tensor, "S V V"],
        inputs: int,
        classes: int,
        channels: Sequence[int] = CHANNELS,
        persons: int = 1,
    ) -> None:
        super().__init__()
        self.joints, self.persons = graphs.shape[1], persons
        self.norm = nn.BatchNorm1d(persons * self.joints * inputs)
        self.blocks = nn.Sequential(
            *(
                Block(graphs, before, after, stride=2 if i in HALVING else 1, first=not i)
                for i, (before, after) in enumerate(pairwise((inputs, *channels)))
            )
        )
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2))  # (B, M V C, T)
        y = y.view(len(x) * self.persons, self.joints, -1, x.shape[1]).permute(0, 2, 3, 1)  # (B M, C, T, V)
        y = self.blocks(y.contiguous()).mean(dim=(2, 3))
        logits: Tensor = self.head(y.view(len(x), self.persons, -1).mean(dim=1))
        return logits


def graphs_of(joined: Bool[np.ndarray, "V V"]) -> Float[Tensor, "3 V V"]:
    """Return the joints themselves, those further from the centre, and those nearer."""
    return torch.tensor(directed_graphs(joined, centre(joined)))


def build(share: int, recipe: Recipe, sizes: Sizes) -> CTRGCN:  # noqa: ARG001
    """Return the network for x and y of the keypoints of a skeleton, all animals in one graph.

    Its channels are divided by `share`.
    """
    channels = [count // share for count in CHANNELS]
    return CTRGCN(graphs_of(all_joints(sizes.skeleton)), 2, sizes.classes[0], channels)


CTR_GCN = windows.baseline(
    module=__name__,
    name="ctr_gcn",
    title="CTR-GCN",
    description="graph convolutions whose graph is refined for every channel, on a window of 64 poses; "
    "the labelled middle of the window and the largest angle of the augmentation are ours",
    reference="Chen et al. 2021, CTR-GCN, arXiv:2107.12213",
    paper="https://arxiv.org/abs/2107.12213",
    recipe=Recipe(
        past=32,
        future=31,
        gap=1,
        epochs=65,
        batch=64,
        lr=0.1,
        sgd=SGD(momentum=0.9, nesterov=True, decay=4e-4),
        milestones=(35, 55),
        warm_up=5,
        ends="whole",
        scaling="centred",
        together=64,
        augmentation=Augmentation(rotation=0.3, shift=0.0, zoom=0.5),
    ),
    network=partial(build, 1),
    reads=("edges",),
)
"""The authors crop half to all of a clip at random and stretch it to 64 frames. Here the crop is about the
labelled frame, which stays in the middle."""
CTR_GCN_SMALL = windows.small_variant(CTR_GCN, partial(build, SMALLER))
