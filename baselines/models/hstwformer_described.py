"""HSTWFormer as its abstract describes it: attention within windows of space and time, ever fewer frames.

Reference: Ru and Duan 2024, Hierarchical Spatial-Temporal Window Transformer for Pose-Based Rodent Behavior
Recognition, IEEE Transactions on Instrumentation and Measurement, doi:10.1109/TIM.2024.3379081. Neither code
nor sizes are public. This is our reading of the description, no reproduction: a pure transformer without a
skeleton, which merges temporal neighbours into a hierarchy and attends within windows that are shifted in
space and time. All sizes, the order of joints and the recipe are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from baselines.contract import Sizes
from baselines.engine import windows
from baselines.recipes.windows import Recipe

CHANNELS = (64, 128, 256)
"""Of each stage; between two stages, two neighbouring frames become one."""
SMALLER = 8
"""By how much the channels of the small network are divided."""
HEADS = (2, 4, 8)
LAYERS = 2
"""Of each stage; every second one has its windows shifted by half their size."""
SPAN = 8
"""Frames of a window; its joints are those of one animal, or, shifted, of parts of two."""
WIDER = 2
"""How many times wider the layer between two attentions is."""
DROPOUT = 0.1


class Layer(nn.Module):
    """Attend within windows of `span` frames and `joints` joints, then a wider layer; each adds its input.

    Joints have no ends: a window that is shifted beyond the last joint goes on with the first. Frames have
    ends: the first and the last ones do not see each other.
    """

    def __init__(self, channels: int, heads: int, span: int, joints: int, *, shift: bool) -> None:
        super().__init__()
        self.heads, self.span, self.joints = heads, span, joints
        self.shift = (span // 2, joints // 2) if shift else (0, 0)
        self.before, self.between = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.mix = nn.Linear(channels, channels)
        self.place = nn.Parameter(0.02 * torch.randn(span * joints, channels))
        self.wide = nn.Sequential(
            nn.Linear(channels, WIDER * channels),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(WIDER * channels, channels),
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Float[Tensor, "N T V C"]) -> Float[Tensor, "N T V C"]:
        """Return as many tokens; T is a multiple of the span, V of the joints of a window."""
        x = x + self.dropout(self._attend(self.before(x)))
        y: Tensor = x + self.dropout(self.wide(self.between(x)))
        return y

    def _attend(self, x: Float[Tensor, "N T V C"]) -> Float[Tensor, "N T V C"]:
        count, frames, joints, channels = x.shape
        y = self._cut(x.roll((-self.shift[0], -self.shift[1]), dims=(1, 2))) + self.place  # (N W, S, C)
        query, key, value = self.qkv(y).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = self._mask(frames, joints, x.device).repeat(count, 1, 1).unsqueeze(1)
        y = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        y = self.mix(y.transpose(1, 2).flatten(2))
        y = y.view(count, frames // self.span, joints // self.joints, self.span, self.joints, channels)
        y = y.transpose(2, 3).reshape(count, frames, joints, channels)
        return y.roll(self.shift, dims=(1, 2))

    def _cut(self, x: Shaped[Tensor, "N T V C"]) -> Shaped[Tensor, "M S C"]:
        """Return windows (N W, span * joints, C): those of the first frames first."""
        count, frames, joints, channels = x.shape
        y = x.reshape(
            count, frames // self.span, self.span, joints // self.joints, self.joints, channels
        )  # (N, T / span, span, V / joints, joints, C)
        return y.transpose(2, 3).flatten(3, 4).flatten(0, 2)

    def _mask(self, frames: int, joints: int, device: torch.device) -> Bool[Tensor, "W S S"]:
        """Return which tokens of a window see each other: not the last frames and the first, rolled there."""
        from_start = torch.arange(frames, device=device) >= frames - self.shift[0]
        tokens = self._cut(from_start[None, :, None, None].expand(1, frames, joints, 1))[..., 0]  # (W, S)
        return tokens.unsqueeze(1) == tokens.unsqueeze(2)


class Merge(nn.Module):
    """Make one frame of two neighbours, wider."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2 * inputs)
        self.linear = nn.Linear(2 * inputs, outputs)

    def forward(self, x: Float[Tensor, "N T V C"]) -> Float[Tensor, "N T2 V C2"]:
        """Return T2 = T / 2 frames of C2 channels."""
        count, frames, joints, channels = x.shape
        y = x.reshape(count, frames // 2, 2, joints, channels).transpose(2, 3).flatten(3)
        output: Tensor = self.linear(self.norm(y))
        return output


class HSTWFormer(nn.Module):
    """Embed each joint of each frame; stages of attention, merging in between; the mean; one linear layer.

    `animals` times `joints` joints make a frame. Raises `ValueError` where the frames cannot be merged and
    cut into windows.
    """

    def __init__(
        self,
        animals: int,
        joints: int,
        frames: int,
        classes: int,
        channels: Sequence[int] = CHANNELS,
        heads: Sequence[int] = HEADS,
    ) -> None:
        super().__init__()
        stages = len(channels)
        self.span = min(SPAN, frames // 2 ** (stages - 1))
        if not self.span or frames % (self.span * 2 ** (stages - 1)):
            raise ValueError(f"{frames} frames make no {stages} stages of windows of {SPAN} frames")
        self.shape = (animals * joints, 2)
        self.embed = nn.Linear(2, channels[0])
        self.who = nn.Parameter(torch.randn(animals * joints, channels[0]))
        self.when = nn.Parameter(0.02 * torch.randn(frames, 1, channels[0]))
        layers: list[nn.Module] = []
        for i, (width, count) in enumerate(zip(channels, heads, strict=True)):
            layers += [Merge(channels[i - 1], width)] if i else []
            layers += [Layer(width, count, self.span, joints, shift=bool(j % 2)) for j in range(LAYERS)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(channels[-1])
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.embed(x.reshape(*x.shape[:2], *self.shape)) + self.who + self.when  # (B, T, V, C)
        logits: Tensor = self.head(self.norm(self.layers(y).mean(dim=(1, 2))))
        return logits


def build(share: int, recipe: Recipe, sizes: Sizes) -> HSTWFormer:
    """Return the network for x and y of the keypoints of all animals, its channels divided by `share`."""
    counts = (len(sizes.skeleton.animals), len(sizes.skeleton.keypoints), recipe.window)
    return HSTWFormer(*counts, sizes.classes[0], [count // share for count in CHANNELS])


HSTWFORMER_DESCRIBED = windows.baseline(
    module=__name__,
    name="hstwformer_described",
    title="HSTWFormer, as described",
    description="attention within shifted windows of joints and frames, on 64 poses; our reading of "
    "the paper's abstract, no reproduction: all sizes and the recipe are ours",
    reference="Ru and Duan 2024, HSTWFormer, doi:10.1109/TIM.2024.3379081, our reading",
    paper="https://doi.org/10.1109/TIM.2024.3379081",
    recipe=Recipe(
        past=32,
        future=31,
        gap=1,
        epochs=30,
        batch=64,
        lr=5e-4,
        eps=1e-8,
        adam="torch",
        milestones=(20,),
        warm_up=3,
        ends="whole",
        scaling="centred",
        together=64,
    ),
    network=partial(build, 1),
)
HSTWFORMER_SMALL = windows.small_variant(HSTWFORMER_DESCRIBED, partial(build, SMALLER))
