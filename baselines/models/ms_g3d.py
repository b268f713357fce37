"""MS-G3D: graph convolutions at many scales, over the joints of one frame and of several frames at once.

Reference: Liu, Zhang, Chen, Wang and Ouyang 2020, Disentangling and Unifying Graph Convolutions for
Skeleton-Based Action Recognition, arXiv:2003.14111; layers and sizes as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import pi

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import windows
from baselines.inputs.graphs import all_joints, scale_graphs
from baselines.recipes.windows import SGD, Augmentation, Recipe

CHANNELS = 96
"""Of the first block; the second and the third double them, and halve the number of frames."""
SMALLER = 8
"""By how much the channels of the small network are divided."""
SPANS = (3, 5)
"""Frames whose joints make one graph, in the two paths of a block."""
DILATIONS = (1, 2, 3, 4)


class MixScales(nn.Module):
    """Mix each joint with those at 0, 1, 2 ... hops, each scale apart, then all scales in one linear layer.

    A matrix that is learned, and starts near 0, is added to the graph.
    """

    graph: Tensor

    def __init__(self, graph: Float[Tensor, "S V V"], inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("graph", graph, persistent=False)
        self.offsets = nn.Parameter(torch.empty(graph.shape).uniform_(-1e-6, 1e-6))
        self.mix = nn.Conv2d(len(graph) * inputs, outputs, 1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T V"]:
        """Return C2 channels, which are not negative."""
        y = torch.einsum("svu,nctu->nsctv", self.graph + self.offsets, x)
        output: Tensor = self.norm(self.mix(y.flatten(1, 2)))
        return output.relu()


class MixFrames(nn.Module):
    """Mix the joints of `span` frames at once, then the frames; a stride of 2 keeps every second frame."""

    def __init__(
        self,
        joined: Bool[np.ndarray, "V V"],
        scales: int,
        span: int,
        stride: int,
        widths: tuple[int, int, int],
    ) -> None:
        super().__init__()
        inputs, inner, outputs = widths
        near = joined | np.eye(len(joined), dtype=bool)
        across = np.tile(near, (span, span)) & ~np.eye(span * len(joined), dtype=bool)
        self.span = span
        self.unfold = nn.Unfold((span, 1), padding=(span // 2, 0), stride=(stride, 1))
        self.scales = MixScales(torch.tensor(scale_graphs(across, scales)), inputs, inner)
        self.collapse = nn.Conv3d(inner, outputs, (1, span, 1))
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels."""
        count, channels, _, joints = x.shape
        y = self.unfold(x).view(count, channels, self.span, -1, joints)  # (N, C, span, T2, V)
        y = self.scales(y.transpose(2, 3).flatten(3))  # (N, C', T2, span * V)
        y = self.collapse(y.unflatten(3, (self.span, joints))).squeeze(3)
        output: Tensor = self.norm(y)
        return output


class TimeBranches(nn.Module):
    """Side by side: convolutions over time, one per dilation; the largest of three frames; each frame alone.

    Each has the same share of the channels; all but the last see a narrower input.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        kernel: int = 3,
        dilations: Sequence[int] = DILATIONS,
    ) -> None:
        super().__init__()
        own = outputs // (len(dilations) + 2)
        if own * (len(dilations) + 2) != outputs:
            raise ValueError(f"{outputs} channels for {len(dilations) + 2} branches")

        def narrow() -> list[nn.Module]:
            return [nn.Conv2d(inputs, own, 1), nn.BatchNorm2d(own), nn.ReLU()]

        def over_time(dilation: int) -> nn.Conv2d:
            padding = (kernel - 1) * dilation // 2
            return nn.Conv2d(own, own, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))

        layers = [[*narrow(), over_time(dilation), nn.BatchNorm2d(own)] for dilation in dilations]
        layers += [[*narrow(), nn.MaxPool2d((3, 1), (stride, 1), (1, 0)), nn.BatchNorm2d(own)]]
        layers += [[nn.Conv2d(inputs, own, 1, (stride, 1)), nn.BatchNorm2d(own)]]
        self.branches = nn.ModuleList(nn.Sequential(*branch) for branch in layers)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class MixTime(nn.Module):
    """The branches over time, and the input added to them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.time = TimeBranches(inputs, outputs, stride)
        self.skip: nn.Module = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels."""
        y: Tensor = self.time(x) + self.skip(x)
        return y


class Block(nn.Module):
    """A path of single frames and two of several frames, summed, then convolved over time."""

    def __init__(
        self,
        joined: Bool[np.ndarray, "V V"],
        scales: tuple[int, int],
        inputs: int,
        outputs: int,
        stride: int,
        *,
        first: bool,
    ) -> None:
        super().__init__()
        # the first block widens at once, the others where several frames collapse into one
        frames = (inputs, outputs if first else inputs, outputs)
        self.paths = nn.ModuleList(MixFrames(joined, scales[1], span, stride, frames) for span in SPANS)
        inner = outputs if first else inputs
        self.spatial = MixScales(torch.tensor(scale_graphs(joined, scales[0])), inputs, inner)
        self.times = nn.ModuleList([MixTime(inner, outputs, stride), MixTime(outputs, outputs)])
        self.last = MixTime(outputs, outputs)

    def forward(self, x: Float[Tensor, "N C T V"]) -> Float[Tensor, "N C2 T2 V"]:
        """Return T2 = ceil(T / stride) frames of C2 channels, which are not negative."""
        y = self.spatial(x)
        y = self.times[1](self.times[0](y).relu())
        for path in self.paths:
            y = y + path(x)
        output: Tensor = self.last(y.relu())
        return output.relu()


class MSG3D(nn.Module):
    """Normalise each coordinate, three blocks, the mean over frames and joints, one linear layer.

    `scales` are those of one frame and of several. The features of a frame are the channels of V joints,
    joint after joint; where they are those of several times V joints, each V share the graph and all weights,
    as the authors have it with persons, and their results are averaged.
    """

    def __init__(
        self,
        joined: Bool[np.ndarray, "V V"],
        inputs: int,
        classes: int,
        scales: tuple[int, int],
        channels: int = CHANNELS,
        persons: int = 1,
    ) -> None:
        super().__init__()
        self.joints, self.persons = len(joined), persons
        self.norm = nn.BatchNorm1d(persons * len(joined) * inputs)
        widths = (inputs, channels, 2 * channels, 4 * channels)
        self.blocks = nn.Sequential(
            *(
                Block(joined, scales, widths[i], widths[i + 1], stride=2 if i else 1, first=not i)
                for i in range(3)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2))  # (B, M V C, T)
        y = y.view(len(x) * self.persons, self.joints, -1, x.shape[1]).permute(0, 2, 3, 1)  # (B M, C, T, V)
        y = self.blocks(y.contiguous()).mean(dim=(2, 3))
        logits: Tensor = self.head(y.view(len(x), self.persons, -1).mean(dim=1))
        return logits


def build(scales: tuple[int, int], share: int, recipe: Recipe, sizes: Sizes) -> MSG3D:  # noqa: ARG001
    """Return the network for x and y of the keypoints of a skeleton, all animals in one graph.

    Its channels are divided by `share`.
    """
    return MSG3D(all_joints(sizes.skeleton), 2, sizes.classes[0], scales, CHANNELS // share)


REFERENCE, PAPER = "Liu et al. 2020, MS-G3D, arXiv:2003.14111", "https://arxiv.org/abs/2003.14111"
LARGE, SMALL = (13, 6), (8, 8)
"""Scales of one frame and of several, as the authors have them for NTU RGB+D and for Kinetics."""
RECIPE = Recipe(
    past=32,
    future=31,
    gap=1,
    epochs=50,
    batch=32,
    lr=0.05,
    sgd=SGD(momentum=0.9, nesterov=True, decay=5e-4),
    milestones=(30, 40),
    ends="whole",
    scaling="centred",
    together=64,
)
"""As the authors train. The window and its labelled middle are ours: they label whole clips."""
CHALLENGE = Recipe(
    past=16,
    future=15,
    gap=2,
    epochs=10,
    batch=256,
    lr=0.2,
    sgd=SGD(momentum=0.9, decay=3e-4),
    milestones=(6, 8),
    ends="whole",
    scaling="centred",
    together=64,
    class_weights="none",
    augmentation=Augmentation(rotation=pi, shift=0.0),
)
"""As CalMS21's appendix F.6 has the winner of MABe 2021 Task 3. Not stated there, and ours: the scales, the
labelled middle, that whole windows train, the range of the rotation, and that no class has a weight."""

MS_G3D = windows.baseline(
    module=__name__,
    name="ms_g3d",
    title="MS-G3D",
    description="graph convolutions at 13 scales, and at 6 across frames, on a window of 64 poses; "
    "the window and its labelled middle are ours",
    reference=REFERENCE,
    paper=PAPER,
    recipe=RECIPE,
    network=partial(build, LARGE, 1),
    reads=("edges",),
)
MS_G3D_SMALL = windows.small_variant(MS_G3D, partial(build, LARGE, SMALLER))
MS_G3D_8 = windows.baseline(
    module=__name__,
    name="ms_g3d_8",
    title="MS-G3D, 8 scales",
    description="graph convolutions at 8 scales, also across frames, on a window of 64 poses; "
    "the window and its labelled middle are ours",
    reference=REFERENCE,
    paper=PAPER,
    recipe=RECIPE,
    network=partial(build, SMALL, 1),
    reads=("edges",),
)
MS_G3D_MABE21 = windows.baseline(
    module=__name__,
    name="ms_g3d_mabe21",
    title="MS-G3D of MABe 2021 Task 3",
    description="graph convolutions at 13 scales, and at 6 across frames, on every second of 64 poses; "
    "the scales, the range of the rotation and the labelled middle are ours",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710, appendix F.6; " + REFERENCE,
    paper="https://arxiv.org/abs/2104.02710",
    recipe=CHALLENGE,
    network=partial(build, LARGE, 1),
    reads=("edges",),
)
MS_G3D_MABE21_TUNED = windows.baseline(
    module=__name__,
    name="ms_g3d_mabe21_tuned",
    title="MS-G3D of MABe 2021 Task 3, thresholds tuned",
    description="as ms_g3d_mabe21, and the score from which each behaviour is said is tuned; how is ours",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710, appendix F.6; " + REFERENCE,
    paper="https://arxiv.org/abs/2104.02710",
    recipe=replace(CHALLENGE, validation="recordings", threshold=True),
    network=partial(build, LARGE, 1),
    reads=("edges",),
    tasks=["calms21-task3"],
)
"""The paper prints what tuned thresholds give, not how they were tuned. Here a fifth of the training
recordings chooses the epoch and the threshold, and never trains."""
