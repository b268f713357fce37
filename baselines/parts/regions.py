"""RoIAlign in one dimension: a stretch of a sequence as a fixed number of rows.

References: He et al. 2017, Mask R-CNN, arXiv:1703.06870, in two dimensions; in one as TadTR has it
(Liu et al. 2022, arXiv:2106.10271).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def align(
    values: Float[Tensor, "B N W"], regions: Float[Tensor, "B Q 2"], bins: int
) -> Float[Tensor, "B Q bins W"]:
    """Return the mean values in `bins` equal parts of each region, whose bounds are rows.

    A region is cut to [0, N], and one shorter than a row counts as one row. Each part is the mean of so many
    places, evenly apart, as its length has rows; row i lies at i, and places past the last row read it.
    """
    batch, rows, width = values.shape
    bounds = regions.clamp(0, rows)
    start, length = bounds[..., :1], (bounds[..., 1:] - bounds[..., :1]).clamp(min=1)  # (B, Q, 1)
    count = (length / bins).ceil()[..., None]  # places in a part
    most = max(1, math.ceil(rows / bins))
    number = torch.arange(most, device=values.device)
    part = torch.arange(bins, device=values.device)[:, None]
    places = (
        start[..., None] + (part + (number + 0.5) / count) * (length / bins)[..., None]
    )  # (B, Q, bins, S)
    weight = (number < count) & (places <= rows)
    places = places.clamp(0, rows - 1)
    lower = places.floor().clamp(max=max(rows - 2, 0))
    share = places - lower

    def read(row: Tensor) -> Tensor:
        index = row.long().clamp(max=rows - 1).reshape(batch, -1, 1).expand(-1, -1, width)
        return values.gather(1, index).view(*row.shape, width)

    mixed = read(lower) * (1 - share)[..., None] + read(lower + 1) * share[..., None]
    return (mixed * weight[..., None]).sum(dim=3) / count
