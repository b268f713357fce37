"""Vectors replaced by the nearest of some codes, in two steps: residual vector quantisation.

Reference: van den Oord et al. 2017, arXiv:1711.00937, whose codes follow a running mean of the vectors that
they replace; Zeghidour et al. 2021, arXiv:2107.03312, for the second codebook, which replaces what the first
one leaves over, and for codes that begin again.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

FOLLOW = 0.99
"""Share of itself that a code keeps in a step; the rest is the mean of what came to it."""
RARE = 0.1
"""A code that replaces fewer than this share of what a code replaces on average begins again."""


class Codebook(nn.Module):
    """Codes that vectors are replaced by: each the running mean of the vectors that it replaces.

    Codes begin at vectors of the first batch. One that replaces few of them begins again at another vector.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.zeros(size, width))
        self.register_buffer("counts", torch.zeros(size))
        self.register_buffer("sums", torch.zeros(size, width))

    def forward(
        self, z: Float[Tensor, "N D"], known: Bool[Tensor, " N"]
    ) -> tuple[Float[Tensor, "N D"], Int64[Tensor, " N"]]:
        """Return the nearest code of each vector, and its number; in training, codes follow known ones."""
        vectors = z.detach()
        if self.training and not self.counts.any():
            self._begin(vectors, known, torch.ones_like(self.counts, dtype=torch.bool))
        nearest = torch.cdist(vectors, self.codes).argmin(dim=1)
        codes = self.codes[nearest]
        if self.training:
            self._follow(vectors, known, nearest)
        return codes, nearest

    @torch.no_grad()
    def _follow(
        self, z: Float[Tensor, "N D"], known: Bool[Tensor, " N"], nearest: Int64[Tensor, " N"]
    ) -> None:
        chosen = nn.functional.one_hot(nearest, len(self.codes)) * known[:, None].to(z.dtype)  # (N, K)
        self.counts.lerp_(chosen.sum(dim=0), 1 - FOLLOW)
        self.sums.lerp_(chosen.T @ z, 1 - FOLLOW)
        self.codes.copy_(self.sums / self.counts[:, None])
        self._begin(z, known, self.counts < RARE * self.counts.mean())

    @torch.no_grad()
    def _begin(self, z: Float[Tensor, "N D"], known: Bool[Tensor, " N"], codes: Bool[Tensor, " K"]) -> None:
        """Put codes at known vectors that are drawn, as if each had replaced its share of them."""
        drawn = z[torch.multinomial(known.float(), len(codes), replacement=True)]
        share = known.sum() / len(codes)
        self.codes.copy_(torch.where(codes[:, None], drawn, self.codes))
        self.counts.copy_(torch.where(codes, share, self.counts))
        self.sums.copy_(torch.where(codes[:, None], drawn * share, self.sums))


class Quantiser(nn.Module):
    """Replace vectors by the sum of a code and of a code for what the first one leaves over."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.coarse, self.fine = Codebook(size, width), Codebook(size, width)

    def forward(
        self, z: Float[Tensor, "B T D"], known: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, ""], Int64[Tensor, "B T 2"]]:
        """Return the sums, how far the known vectors are from them (mean square), and the numbers of codes.

        Gradients pass as if nothing had been replaced.
        """
        vectors, counts = z.flatten(0, 1), known.flatten()
        coarse, first = self.coarse(vectors, counts)
        fine, second = self.fine(vectors - coarse, counts)
        gaps = (vectors - (coarse + fine)).square().mean(dim=1) * counts
        replaced = vectors + (coarse + fine - vectors).detach()
        codes = torch.stack([first, second], dim=1)
        distance = gaps.sum() / counts.sum().clamp(min=1)
        return replaced.view(z.shape), distance, codes.view(*known.shape, 2)
