"""Attention of every row to the rows near it, whose memory grows with the rows and not with their square.

Reference: Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925: queries, keys and values come from depthwise
convolutions, which with a stride also shorten the sequence. RaSeformer keeps some keys of each window.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.parts.masked import ChannelNorm, Inside, MaskedConv1d, Rows

NEVER = -1e9
"""The score of what does not count: its weight is 0 beside any other."""
Heads = Float[Tensor, "B H T D"]
Keep = Callable[[Float[Tensor, "B H T W"], Heads, Bool[Tensor, "B 1 T W"]], Bool[Tensor, "B H T W"]]
"""(query times key of each window, keys, which of the window are inside) -> which keys count."""


def neighbours(x: Float[Tensor, "B H T D"], window: int) -> list[Float[Tensor, "B H T D"]]:
    """Return x moved by each offset of a window, 0 beyond the ends: views of one padded copy."""
    half, rows = window // 2, x.shape[2]
    padded = nn.functional.pad(x, (0, 0, half, half))
    return [padded[:, :, offset : offset + rows] for offset in range(window)]


def window_attention(
    query: Heads,
    key: Heads,
    value: Heads,
    inside: Bool[Tensor, "B T"],
    window: int,
    keep: Keep | None = None,
    bias: Float[Tensor, "1 1 H W"] | None = None,
) -> Heads:
    """Let each row attend to the `window` rows around it that are inside and that `keep` keeps.

    Nothing of size T x T is made. Rows that are not inside get 0. `window` is odd.
    """
    half = window // 2
    near = nn.functional.pad(inside, (half, half)).unfold(1, window, 1)[:, None]  # (B, 1, T, W)
    products = torch.stack([(query * k).sum(dim=-1) for k in neighbours(key, window)], dim=-1)
    counts = near if keep is None else near & keep(products, key, near)
    scores = products / math.sqrt(query.shape[-1])
    if bias is not None:
        scores = scores + bias.transpose(1, 2)
    weights = scores.masked_fill(~counts, NEVER).softmax(dim=-1) * inside[:, None, :, None]
    total = torch.zeros_like(value)
    for offset, v in enumerate(neighbours(value, window)):
        total = total + weights[..., offset, None] * v
    return total


class Attention(nn.Module):
    """Attention over a window, or over all rows where the window is not above 1."""

    def __init__(
        self,
        width: int,
        heads: int,
        stride: int,
        window: int,
        keep: Keep | None = None,
        *,
        relative: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.window, self.keep = heads, window, keep
        self.query_conv, self.key_conv, self.value_conv = (
            MaskedConv1d(width, width, 3, stride, groups=width, bias=False) for _ in range(3)
        )
        self.query_norm, self.key_norm, self.value_norm = (ChannelNorm(width) for _ in range(3))
        self.query, self.key, self.value, self.proj = (nn.Conv1d(width, width, 1) for _ in range(4))
        self.rel_pe = None
        if relative and window > 1:
            self.rel_pe = nn.Parameter(torch.empty(1, 1, heads, window))
            nn.init.trunc_normal_(self.rel_pe, std=(2 / width) ** 0.5)

    def forward(self, x: Rows, inside: Inside) -> tuple[Rows, Inside]:
        """Return the rows, as many as the stride leaves, and which of them are inside."""
        q, kept = self.query_conv(x, inside)
        k, _ = self.key_conv(x, inside)
        v, _ = self.value_conv(x, inside)
        query = self._by_head(self.query(self.query_norm(q)))
        key = self._by_head(self.key(self.key_norm(k)))
        value = self._by_head(self.value(self.value_norm(v)))
        if self.window > 1:
            attended = window_attention(query, key, value, kept[:, 0], self.window, self.keep, self.rel_pe)
        else:
            attended = nn.functional.scaled_dot_product_attention(
                query, key, value, attn_mask=kept[:, :, None]
            )
        return self.proj(attended.transpose(2, 3).flatten(1, 2)) * kept, kept

    def _by_head(self, x: Rows) -> Heads:
        return x.reshape(len(x), self.heads, -1, x.shape[2]).transpose(2, 3)
