"""Layers over time in which rows beyond the end of a recording stay 0.

Reference: Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925. As in its code, a convolution sees whatever
stands in the rows beyond the end, and its own answer there is 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Rows = Float[Tensor, "B _ _"]
"""Of B recordings, the channels, then the rows over time."""
Inside = Bool[Tensor, "B 1 _"]
"""Which rows are of the recording."""
NEW_SCALE = 1e-4
"""Of a branch that has not learned: the network begins almost as the identity."""


class MaskedConv1d(nn.Module):
    """A convolution over time; with a stride it keeps every so many rows, from the first."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv1d(inputs, outputs, size, stride, size // 2, groups=groups, bias=bias)
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Rows, inside: Inside) -> tuple[Rows, Inside]:
        """Return the rows and which of them are inside."""
        kept = inside[..., :: self.stride]
        return self.conv(x) * kept, kept


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each row."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(1, channels, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1))

    def forward(self, x: Rows) -> Rows:
        """Return the same shape."""
        centred = x - x.mean(dim=1, keepdim=True)
        variance = (centred**2).mean(dim=1, keepdim=True)
        return centred / torch.sqrt(variance + self.eps) * self.weight + self.bias


class AffineDropPath(nn.Module):
    """Scale each channel of a branch; in training leave the branch out for some recordings of a batch."""

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.scale = nn.Parameter(torch.full((1, channels, 1), NEW_SCALE))

    def forward(self, x: Rows) -> Rows:
        """Return the same shape, the mean over many draws that of the input scaled."""
        scaled = self.scale * x
        if not self.training or not self.drop:
            return scaled
        kept = torch.rand(len(x), 1, 1, device=x.device, dtype=x.dtype) >= self.drop
        return scaled / (1 - self.drop) * kept


class Scale(nn.Module):
    """One learned factor."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Rows) -> Rows:
        """Return the same shape."""
        return x * self.scale


class Noise(nn.Module):
    """Add Gaussian noise of a deviation, in training."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Rows) -> Rows:
        """Return the same shape."""
        if not self.training or not self.deviation:
            return x
        return x + torch.randn_like(x) * self.deviation


def sinusoids(rows: int, channels: int) -> Float[Tensor, "1 C T"]:
    """Return sines in the even channels and cosines in the odd ones, of periods up to 20000 pi rows.

    Reference: Vaswani et al. 2017, arXiv:1706.03762. All are divided by the root of the channels.
    """
    channel = torch.arange(channels, dtype=torch.float64)
    turns = torch.arange(rows, dtype=torch.float64) / 10000 ** (2 * (channel // 2) / channels)[:, None]
    waves = torch.where((channel % 2 == 0)[:, None], turns.sin(), turns.cos())
    return (waves / channels**0.5).float()[None]
