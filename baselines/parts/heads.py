"""What the points of all levels are asked by shared convolutions: their classes, and how far the ends are.

Reference: Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from baselines.parts.masked import ChannelNorm, Inside, MaskedConv1d, Rows, Scale
from baselines.parts.pyramid import Pyramid, together

PRIOR = 0.01
"""The score that every point gives every class before it has learned."""


class _Convolutions(nn.Module):
    """Two convolutions, each normalised, which all levels share."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.head = nn.ModuleList(
            [MaskedConv1d(inputs, width, 3, bias=False), MaskedConv1d(width, width, 3, bias=False)]
        )
        self.norm = nn.ModuleList(ChannelNorm(width) for _ in self.head)

    def convolved(self, x: Rows, inside: Inside) -> Rows:
        """Return the rows that the last convolution reads."""
        for conv, norm in zip(self.head, self.norm, strict=True):
            x = norm(conv(x, inside)[0]).relu()
        return x


class ClassHead(_Convolutions):
    """One logit per class and point."""

    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__(inputs, width)
        self.cls_head = MaskedConv1d(width, classes, 3)
        nn.init.constant_(self.cls_head.conv.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]

    def forward(self, pyramid: Pyramid) -> Float[Tensor, "B P C"]:
        """Return the logits of all points, the finest level first."""
        return together([self.cls_head(self.convolved(*level), level[1])[0] for level in pyramid])


class OffsetHead(_Convolutions):
    """Numbers from 0 up, by default the distances to both ends in strides; each level has its own scale."""

    def __init__(self, inputs: int, width: int, levels: int, outputs: int = 2) -> None:
        super().__init__(inputs, width)
        self.scale = nn.ModuleList(Scale() for _ in range(levels))
        self.offset_head = MaskedConv1d(width, outputs, 3)

    def forward(self, pyramid: Pyramid) -> Float[Tensor, "B P O"]:
        """Return the numbers of all points, the finest level first."""
        answers = [
            scale(self.offset_head(self.convolved(*level), level[1])[0]).relu()
            for scale, level in zip(self.scale, pyramid, strict=True)
        ]
        return together(answers)
