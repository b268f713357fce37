"""ActionFormer: every point of a pyramid of local attention tells the segment around it.

Reference: Zhang, Wu and Li 2022, ActionFormer: Localizing Moments of Actions with Transformers,
arXiv:2202.07925, and its public code (github.com/happyharrycn/actionformer_release at 61ea7eb). Written
afresh from facts; the layers have the names of that code. `actionformer` has the sizes and the recipe of
RatSeizure's code (github.com/UA-CVML/RatSeizure at a068209): windows of 9 rows at the first three levels, and
all rows at the last three.

Ours: each feature is brought to mean 0 and deviation 1. A recording that is longer than a clip trains by as
many stretches an epoch as cover it, and stretches of that length, which overlap by half, predict it. The last
batch of an epoch may be smaller. `actionformer_small` has 64 channels, a recipe of ours, and reads poses in
place of video.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Baseline, Sizes
from baselines.engine import localisation
from baselines.inputs.points import Level, points
from baselines.parts.attention import Attention, Keep
from baselines.parts.heads import ClassHead, OffsetHead
from baselines.parts.masked import AffineDropPath, ChannelNorm, Inside, Rows
from baselines.parts.point_answers import Candidates, Outputs, PointLoss, candidates, point_loss
from baselines.parts.pyramid import Backbone, LevelNorms, TopDown
from baselines.recipes.localisation import Recipe

FURTHEST = 10_000.0
LEVELS = (
    Level(1, 0.0, 4.0),
    Level(2, 4.0, 8.0),
    Level(4, 8.0, 16.0),
    Level(8, 16.0, 32.0),
    Level(16, 32.0, 64.0),
    Level(32, 64.0, FURTHEST),
)
WIDTH = 512
RATSEIZURE_WINDOWS = (9, 9, 9, 1, 1, 1)


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network."""

    features: int
    classes: int
    width: int = WIDTH
    heads: int = 4
    windows: tuple[int, ...] = RATSEIZURE_WINDOWS
    """Of each level, the rows that a row attends to; 1 or less: all."""
    levels: tuple[Level, ...] = LEVELS
    droppath: float = 0.1
    """The share of recordings for which a branch is left out in training."""
    positions: int | None = None
    """Rows with a sinusoid added each."""
    relative: bool = False
    """Whether attention in a window knows how far each row is."""
    top_down: bool = False
    """Whether coarse levels tell the finer ones what they know."""
    positives: float = 100.0
    """Where the running number of points that answer for a segment begins."""


class Block(nn.Module):
    """Attention and a perceptron of each row, both added to what comes in."""

    def __init__(self, shape: Architecture, keep: Keep | None, level: int, stride: int) -> None:
        super().__init__()
        width = shape.width
        self.ln1, self.ln2 = ChannelNorm(width), ChannelNorm(width)
        self.attn = Attention(width, shape.heads, stride, shape.windows[level], keep, relative=shape.relative)
        self.shorten = nn.MaxPool1d(3, stride, 1) if stride > 1 else nn.Identity()
        self.mlp = nn.Sequential(
            nn.Conv1d(width, 4 * width, 1),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Conv1d(4 * width, width, 1),
        )
        self.drop_path_attn = AffineDropPath(width, shape.droppath)
        self.drop_path_mlp = AffineDropPath(width, shape.droppath)

    def forward(self, x: Rows, inside: Inside) -> tuple[Rows, Inside]:
        """Return the rows that the stride leaves, and which of them are inside."""
        attended, kept = self.attn(self.ln1(x), inside)
        x = self.shorten(x) * kept + self.drop_path_attn(attended)
        return x + self.drop_path_mlp(self.mlp(self.ln2(x)) * kept), kept


class ActionFormer(nn.Module):
    """A pyramid of blocks; heads that all levels share. `keep` chooses among the keys of a window."""

    positives: Tensor

    def __init__(self, shape: Architecture, keep: Keep | None = None) -> None:
        super().__init__()
        width, levels = shape.width, len(shape.levels)
        self.levels = shape.levels
        self.backbone = Backbone(shape.features, width, levels, partial(Block, shape, keep), shape.positions)
        self.neck = TopDown(width, levels) if shape.top_down else LevelNorms(width, levels)
        self.cls_head = ClassHead(width, width, shape.classes)
        self.reg_head = OffsetHead(width, width, levels)
        self.register_buffer("positives", torch.tensor(shape.positives))
        without_biases(self.backbone)

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Outputs:
        """Return what the points answer; N is a multiple of the last stride."""
        pyramid = self.neck(self.backbone(x.transpose(1, 2), inside[:, None]))
        return Outputs(
            points(self.levels, x.shape[1], x.device),
            torch.cat([within[:, 0] for _, within in pyramid], dim=1),
            self.cls_head(pyramid),
            self.reg_head(pyramid)[:, :, None],
            self.positives,
        )


def without_biases(network: nn.Module) -> None:
    """Begin with biases of 0 in all convolutions."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def architecture(recipe: Recipe, sizes: Sizes) -> Architecture:
    """Return the sizes of the network for the features that it needs."""
    ((_, features),) = sizes.features
    return Architecture(features, sizes.classes[0], recipe.width or WIDTH, droppath=recipe.droppath)


def build(recipe: Recipe, sizes: Sizes) -> ActionFormer:
    """Return the network for the features that it needs."""
    return ActionFormer(architecture(recipe, sizes))


RATSEIZURE = Recipe(
    epochs=40,
    batch=2,
    lr=1e-4,
    decay=0.05,
    decays="matrices",
    warm_up=20,
    schedule="iterations",
    floor=1e-8,
    ema=0.999,
    clip=1.0,
    droppath=0.1,
    crop=(0.9, 1.0),
    longest=96,
    shortest=96,
    overlap=0.5,
    multiple=32,
)
"""Of RatSeizure's code: 20 epochs of warm-up and 20 more."""

SMALL = replace(
    RATSEIZURE,
    epochs=12,
    batch=4,
    lr=1e-3,
    warm_up=2,
    ema=0.99,
    crop=None,
    longest=288,
    shortest=32,
    overlap=0.5,
    width=64,
)
"""Ours: a network and a recipe that one core trains in minutes, for continuous recordings."""


VIDEO = "baselines.extractors.i3d_files:i3d_files"
POSES = "baselines.extractors.egocentric:egocentric"
"""What the networks of RatSeizure's recipe read, and what the small ones read."""


def declare(name: str, title: str, description: str, recipe: Recipe, features: str) -> Baseline:
    """Return the declaration of ActionFormer by a recipe."""
    return localisation.baseline(
        module=__name__,
        name=name,
        title=title,
        description=description,
        reference="Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925; recipe of RatSeizure's code",
        paper="https://arxiv.org/abs/2202.07925",
        recipe=recipe,
        network=build,
        loss=partial(point_loss, PointLoss()),
        decode=partial(candidates, Candidates()),
        features=features,
        reads=() if features == VIDEO else ("poses",),
        final=True,
    )


LOCAL = "local attention at six levels; every point tells the segment around it"
ACTIONFORMER = declare("actionformer", "ActionFormer", f"I3D features from files; {LOCAL}", RATSEIZURE, VIDEO)
ACTIONFORMER_SMALL = declare(
    "actionformer_small", "ActionFormer, small", f"{LOCAL}; 64 channels in place of 512 (ours)", SMALL, POSES
)
