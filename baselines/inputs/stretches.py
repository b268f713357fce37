"""Stretches of recordings that localisers train by, with the segments that lie in them.

As ActionFormer's public code draws them (61ea7eb): a segment of which too little is left is no segment, and
where the recording has some, a stretch without any is drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from baselines.inputs.points import Truth

ENOUGH = 0.5
"""The share of a segment that must lie in a stretch."""
TRIES = 200


def stretches(lengths: Sequence[int], longest: int | None) -> list[int]:
    """Return by how many stretches each recording trains in an epoch: as many as it takes to cover it."""
    return [1 if longest is None else math.ceil(length / longest) for length in lengths]


def overlapping(rows: int, longest: int | None, overlap: float | None) -> list[tuple[int, int]]:
    """Return the first and the last row, exclusive, of the stretches that a recording is predicted by.

    Each shares `overlap` of its rows with the next, and the last one ends with the recording. Without an
    overlap there is one, the whole recording.
    """
    if longest is None or overlap is None or rows <= longest:
        return [(0, rows)]
    step = max(1, round(longest * (1 - overlap)))
    starts = [*range(0, rows - longest, step), rows - longest]
    return [(start, start + longest) for start in starts]


def drawn_length(rows: int, longest: int | None, crop: tuple[float, float] | None) -> int:
    """Draw how many rows of a recording train: torch's global generator draws, as it draws dropout."""
    if longest is not None and rows > longest:
        return longest
    if crop is None:
        return rows
    least, most = (math.ceil(share * rows) for share in crop)
    return int(torch.randint(least, most + 1, ()))


def drawn_start(
    rows: int, length: int, bounds: Float[Tensor, "S 2"], labels: Int64[Tensor, " S"]
) -> tuple[int, Truth]:
    """Draw where a stretch begins; return that and the segments in it, by the rows of the stretch."""
    for _ in range(TRIES):
        start = int(torch.randint(rows - length + 1, ()))
        within = (bounds - start).clamp(0, length)
        kept = within[:, 1] - within[:, 0] >= ENOUGH * (bounds[:, 1] - bounds[:, 0])
        if kept.any() or not len(labels):
            break
    return start, (within[kept], labels[kept])
