"""A pyramid of rows over time: an embedding, blocks at full rate, then blocks that halve the rate each.

Reference: Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925; TriDet has the same pyramid of other blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from baselines.parts.masked import ChannelNorm, Inside, MaskedConv1d, Rows, sinusoids

STEM, EMBEDDING = 2, 2
"""Blocks at full rate, and convolutions before them."""
Pyramid = list[tuple[Rows, Inside]]
"""Of each level, the finest first: its rows, and which of them are inside."""
MakeBlock = Callable[[int, int], nn.Module]
"""(level, stride) -> a block: rows and which are inside give the same, shortened by the stride."""


class Backbone(nn.Module):
    """Embed the features, then go down the levels."""

    positions: Tensor | None

    def __init__(
        self, features: int, width: int, levels: int, block: MakeBlock, positions: int | None = None
    ) -> None:
        """`positions`: so many rows have a sinusoid added each; longer inputs stretch them."""
        super().__init__()
        self.embd = nn.ModuleList(
            MaskedConv1d(features if number == 0 else width, width, 3, bias=False)
            for number in range(EMBEDDING)
        )
        self.embd_norm = nn.ModuleList(ChannelNorm(width) for _ in range(EMBEDDING))
        self.stem = nn.ModuleList(block(0, 1) for _ in range(STEM))
        self.branch = nn.ModuleList(block(level, 2) for level in range(1, levels))
        waves = None if positions is None else sinusoids(positions, width)
        self.register_buffer("positions", waves, persistent=False)

    def forward(self, x: Rows, inside: Inside) -> Pyramid:
        """Return the rows of each level; their number is a multiple of the last level's stride."""
        for conv, norm in zip(self.embd, self.embd_norm, strict=True):
            x, inside = conv(x, inside)
            x = norm(x).relu()
        if self.positions is not None:
            x = x + stretched(self.positions, x.shape[2]) * inside
        for block in self.stem:
            x, inside = block(x, inside)
        pyramid = [(x, inside)]
        for block in self.branch:
            x, inside = block(x, inside)
            pyramid.append((x, inside))
        return pyramid


class LevelNorms(nn.Module):
    """Normalise each level by itself."""

    def __init__(self, width: int, levels: int) -> None:
        super().__init__()
        self.fpn_norms = nn.ModuleList(ChannelNorm(width) for _ in range(levels))

    def forward(self, pyramid: Pyramid) -> Pyramid:
        """Return the same shapes."""
        return [(norm(x), inside) for norm, (x, inside) in zip(self.fpn_norms, pyramid, strict=True)]


class TopDown(nn.Module):
    """Add to each level what the coarser ones know, then normalise each.

    Reference: Lin et al. 2017, Feature Pyramid Networks, arXiv:1612.03144.
    """

    def __init__(self, width: int, levels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(MaskedConv1d(width, width, 1, bias=False) for _ in range(levels))
        self.fpn_convs = nn.ModuleList(
            MaskedConv1d(width, width, 3, groups=width, bias=False) for _ in range(levels)
        )
        self.fpn_norms = nn.ModuleList(ChannelNorm(width) for _ in range(levels))

    def forward(self, pyramid: Pyramid) -> Pyramid:
        """Return the same shapes."""
        rows = [conv(*level)[0] for conv, level in zip(self.lateral_convs, pyramid, strict=True)]
        for coarse, fine in pairwise(reversed(range(len(rows)))):
            rows[fine] = rows[fine] + rows[coarse].repeat_interleave(2, dim=2)
        insides = [inside for _, inside in pyramid]
        answer = []
        for x, inside, conv, norm in zip(rows, insides, self.fpn_convs, self.fpn_norms, strict=True):
            answer.append((norm(conv(x, inside)[0]), inside))
        return answer


def stretched(positions: Tensor, rows: int) -> Tensor:
    """Return the positions of so many rows; those of more rows than there are lie in between."""
    if rows <= positions.shape[2]:
        return positions[..., :rows]
    return nn.functional.interpolate(positions, rows, mode="linear", align_corners=False)


def together(levels: Sequence[Tensor]) -> Tensor:
    """Put the levels' answers (B, O, T) behind each other: (B, P, O)."""
    return torch.cat(list(levels), dim=2).transpose(1, 2)
