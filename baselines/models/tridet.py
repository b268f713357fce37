"""TriDet: a pyramid of convolutions and gates, and ends that are told as a mean over relative places.

Reference: Shi et al. 2023, TriDet: Temporal Action Detection with Relative Boundary Modeling,
arXiv:2303.07347, and its public code (github.com/dingfengshi/TriDet at 764b816). Written afresh from facts;
the layers have the names of that code. Sizes and recipe are those of the code for THUMOS14; the RatSeizure
paper does not say which it took. As in the code, padded rows count in the mean that gates a block.

Ours are the features, the lengths of clips, the stretches of longer recordings, and the recipe of
`tridet_small`: as in `actionformer.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Baseline, Sizes
from baselines.engine import localisation
from baselines.inputs.points import Level, points
from baselines.models.actionformer import LEVELS, POSES, RATSEIZURE, SMALL, VIDEO, without_biases
from baselines.parts.heads import ClassHead, OffsetHead
from baselines.parts.masked import AffineDropPath, ChannelNorm, Inside, Noise, Rows
from baselines.parts.point_answers import Candidates, Outputs, PointLoss, candidates, point_loss
from baselines.parts.pyramid import Backbone, LevelNorms, Pyramid
from baselines.recipes.localisation import Recipe

WIDTH = 512
GROUPS = 16
"""Of the group normalisation."""


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network."""

    features: int
    classes: int
    width: int = WIDTH
    hidden: int = 768
    """Channels of the perceptron of a block."""
    head_width: int = WIDTH
    levels: tuple[Level, ...] = LEVELS
    window: int = 1
    """Rows of the narrow convolutions of a block; in the stem always 1."""
    growth: float = 5.0
    """How much wider the wide one is."""
    bins: int | None = 16
    """Places on either side of a point at which an end may lie, in strides; None: ends are told directly."""
    spread: float = 0.0
    """The deviation of the weights that the convolutions of a block begin with."""
    droppath: float = 0.1
    noise: float = 0.0
    positions: int | None = None
    """Rows with a sinusoid added each."""
    positives: float = 100.0
    """Where the running number of points that answer for a segment begins."""


class Block(nn.Module):
    """Convolutions over two windows and a gate by the whole clip, then a perceptron of each row.

    A stride takes the maximum of 3 rows first. The stem is without scales on its branches.
    """

    def __init__(self, shape: Architecture, level: int, stride: int) -> None:
        super().__init__()
        width, window = shape.width, shape.window if level else 1
        wide = round((window + 1) * shape.growth)
        self.shorten = nn.MaxPool1d(3, stride, 1) if stride > 1 else nn.Identity()
        self.stride = stride
        self.ln = ChannelNorm(width)
        self.gn = nn.GroupNorm(GROUPS, width)
        self.psi, self.convw = _by_channel(width, window), _by_channel(width, window)
        self.convkw = _by_channel(width, wide + 1 - wide % 2)
        self.fc, self.global_fc = _by_channel(width, 1), _by_channel(width, 1)
        self.mlp = nn.Sequential(
            nn.Conv1d(width, shape.hidden, 1), nn.GELU(), nn.Conv1d(shape.hidden, width, 1)
        )
        self.drop_path_out = AffineDropPath(width, shape.droppath) if level else nn.Identity()
        self.drop_path_mlp = AffineDropPath(width, shape.droppath) if level else nn.Identity()
        for conv in (self.psi, self.convw, self.convkw, self.fc, self.global_fc):
            nn.init.normal_(conv.weight, 0, shape.spread)

    def forward(self, x: Rows, inside: Inside) -> tuple[Rows, Inside]:
        """Return the rows that the stride leaves, and which of them are inside."""
        x, kept = self.shorten(x), inside[..., :: self.stride]
        y = self.ln(x)
        gate = self.global_fc(y.mean(dim=2, keepdim=True)).relu()
        y = self.fc(y) * gate + (self.convw(y) + self.convkw(y)) * self.psi(y) + y
        x = x * kept + self.drop_path_out(y)
        return x + self.drop_path_mlp(self.mlp(self.gn(x))), kept


class TriDet(nn.Module):
    """A pyramid of blocks; heads for classes and ends that all levels share."""

    positives: Tensor

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        width, head, levels = shape.width, shape.head_width, len(shape.levels)
        self.levels, self.bins = shape.levels, shape.bins
        self.noise = Noise(shape.noise)
        self.backbone = Backbone(shape.features, width, levels, partial(Block, shape), shape.positions)
        self.neck = LevelNorms(width, levels)
        self.cls_head = ClassHead(width, head, shape.classes)
        if shape.bins is not None:
            self.start_head = ClassHead(width, head, shape.classes)
            self.end_head = ClassHead(width, head, shape.classes)
        self.reg_head = OffsetHead(width, head, levels, 2 if shape.bins is None else 2 * (shape.bins + 1))
        self.register_buffer("positives", torch.tensor(shape.positives))
        without_biases(self.backbone)

    def pyramid(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Pyramid:
        """Return the rows of all levels; N is a multiple of the last stride."""
        levels: Pyramid = self.neck(self.backbone(self.noise(x.transpose(1, 2)), inside[:, None]))
        return levels

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Outputs:
        """Return what the points answer; N is a multiple of the last stride."""
        pyramid = self.pyramid(x, inside)
        return Outputs(
            points(self.levels, x.shape[1], x.device),
            torch.cat([within[:, 0] for _, within in pyramid], dim=1),
            self.cls_head(pyramid),
            self.distances(pyramid),
            self.positives,
        )

    def distances(self, pyramid: Pyramid) -> Float[Tensor, "B P _ 2"]:
        """Return the distances to both ends, in strides, of each class where there are bins.

        An end lies 0 to `bins` strides from the point. How likely each place is follows from what the rows
        there say of ends of the class, and from what the point says of the place. What learns where ends are
        leaves the pyramid as it is.
        """
        told = self.reg_head(pyramid)
        if self.bins is None:
            return told[:, :, None]
        left, right = told.float().chunk(2, dim=2)  # (B, P, bins + 1), by the place from left to right
        detached = [(x.detach(), inside) for x, inside in pyramid]
        rows = [x.shape[2] for x, _ in pyramid]
        starts = beside(self.start_head(detached).float(), rows, self.bins, 0)
        ends = beside(self.end_head(detached).float(), rows, 0, self.bins)
        place = torch.arange(self.bins + 1, device=told.device, dtype=torch.float32)
        to_start = (starts + left[:, :, None]).softmax(dim=3) @ place.flip(0)
        to_end = (ends + right[:, :, None]).softmax(dim=3) @ place
        return torch.stack([to_start, to_end], dim=3)


def beside(
    logits: Float[Tensor, "B P C"], rows: Sequence[int], before: int, after: int
) -> Float[Tensor, "B P C W"]:
    """Return the logits of each point and of so many before and after it on its level, 0 beyond the ends.

    `rows` are the points of each level.
    """
    windows = [
        nn.functional.pad(level, (0, 0, before, after)).unfold(1, before + 1 + after, 1)
        for level in torch.split(logits, list(rows), dim=1)
    ]
    return torch.cat(windows, dim=1)


def _by_channel(width: int, window: int) -> nn.Conv1d:
    return nn.Conv1d(width, width, window, padding=window // 2, groups=width)


def build(recipe: Recipe, sizes: Sizes) -> TriDet:
    """Return the network for the features that it needs."""
    ((_, features),) = sizes.features
    width = recipe.width or WIDTH
    return TriDet(
        Architecture(
            features,
            sizes.classes[0],
            width,
            hidden=width * 3 // 2,
            head_width=width,
            droppath=recipe.droppath,
            noise=recipe.noise,
        )
    )


def _declare(name: str, title: str, description: str, recipe: Recipe, features: str) -> Baseline:
    return localisation.baseline(
        module=__name__,
        name=name,
        title=title,
        description=description,
        reference="Shi et al. 2023, TriDet, arXiv:2303.07347; sizes and recipe of its code for THUMOS14",
        paper="https://arxiv.org/abs/2303.07347",
        recipe=replace(recipe, decay=0.025, noise=0.0005),
        network=build,
        loss=partial(point_loss, PointLoss(iou_power=0.2)),
        decode=partial(candidates, Candidates()),
        features=features,
        reads=() if features == VIDEO else ("poses",),
        final=True,
    )


GATED = "gated convolutions over two windows, at six levels; an end is a mean over 17 places"
TRIDET = _declare("tridet", "TriDet", f"I3D features from files; {GATED}", RATSEIZURE, VIDEO)
TRIDET_SMALL = _declare(
    "tridet_small", "TriDet, small", f"{GATED}; 64 channels in place of 512 (ours)", SMALL, POSES
)
