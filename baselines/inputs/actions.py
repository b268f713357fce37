"""How poses change from frame to frame, and the histograms of the changes to come: what BAMS predicts.

Reference: Azabou et al. 2023, Relax, it doesn't matter how you get there: A new self-supervised approach for
multi-timescale behavior analysis, arXiv:2303.08811, and its code (nerdslab/bams, commit ecbdc68). Three
things of that code are kept under the name "as released": the first change is that of frame 2, the histogram
of a frame is of its own change alone, and all frames but the last ones of a sequence weigh nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

STILL = 0.1
"""Smaller changes, in pixels, do not count for the limits of the bins."""
TAILS = (0.5, 99.5)
"""The percentiles of the other changes that the first and the last bin lie beyond."""
UNKNOWN = -1
"""The bin of a change that nobody saw."""


def changes(poses: Float[np.ndarray, "T F"], *, as_released: bool = False) -> Float[np.ndarray, "T F"]:
    """Return the change from the frame before; of the first frame 0, or, as released, that of frame 2."""
    made = np.diff(poses, axis=0, prepend=poses[:1])
    if as_released and len(made) > 2:
        made[0] = made[2]
    return made


def limits(moved: Sequence[Float[np.ndarray, "_ F"]], bins: int) -> Float64[np.ndarray, "F E"]:
    """Return the E = bins - 1 edges between the bins of each feature, evenly spaced.

    A feature that never changes has edges from -1 to 1.
    """
    together = np.concatenate(moved)
    edges = []
    for column in together.T:
        large = column[np.abs(column) > STILL]
        low, high = np.percentile(large, TAILS) if len(large) else (-1.0, 1.0)
        edges.append(np.linspace(low, high, bins - 1))
    return np.array(edges)


def quantised(moved: Float[np.ndarray, "T F"], edges: Float64[np.ndarray, "F E"]) -> Int64[np.ndarray, "T F"]:
    """Return the bin of each change, from 0; NaN is `UNKNOWN`."""
    columns = [np.digitize(column, own) for column, own in zip(moved.T, edges, strict=True)]
    return np.where(np.isnan(moved), UNKNOWN, np.stack(columns, axis=1))


def to_come(
    numbers: Int64[Tensor, "B T F"], bins: int, horizon: int
) -> tuple[Float32[Tensor, "B T F K"], Float32[Tensor, "B T F"]]:
    """Return the histogram of the changes in the next `horizon` frames, over `horizon`; and the known share.

    Frames beyond the end are not known.
    """
    known = numbers != UNKNOWN
    shown = torch.nn.functional.one_hot(numbers.clamp(min=0), bins) * known[..., None]
    totals = shown.cumsum(dim=1)
    last = (torch.arange(numbers.shape[1], device=numbers.device) + horizon).clamp(max=numbers.shape[1] - 1)
    histograms = (totals[:, last] - totals).float() / horizon
    return histograms, histograms.sum(dim=-1)


def released(
    numbers: Int64[Tensor, "B T F"], bins: int, horizon: int
) -> tuple[Float32[Tensor, "B T F K"], Float32[Tensor, "B T"]]:
    """Return what the published code has in their place: targets of the own frame, and weights of frames.

    A frame weighs the share of the next `horizon` frames that are among the last `horizon`: the code turns
    the mask of unseen frames around each time it reads a sequence.
    """
    frames = numbers.shape[1]
    left = (frames - 1 - torch.arange(frames, device=numbers.device)).clamp(0, horizon)
    shown = torch.nn.functional.one_hot(numbers.clamp(min=0), bins)
    targets = shown * (left / horizon)[None, :, None, None]
    weights = torch.minimum(
        left, (horizon - (frames - horizon - 1 - torch.arange(frames, device=numbers.device))).clamp(min=0)
    )
    return targets.float(), (weights.float() / horizon).expand(len(numbers), frames)
