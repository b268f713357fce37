"""Which query answers for which true segment, and how segments and queries are compared.

References: Carion et al. 2020, DETR, arXiv:2005.12872; Liu et al. 2022, TadTR, arXiv:2106.10271; Zheng et al.
2020, Distance-IoU Loss, arXiv:1911.08287.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.engine.segment_losses import ALPHA, GAMMA
from baselines.inputs.points import Truth

TINY = 1e-8
"""Keeps the logarithm of a score finite."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """K queries of a batch, each with the true segment that it answers for."""

    recording: Int64[Tensor, " K"]
    query: Int64[Tensor, " K"]
    """Ascending in each recording."""
    target: Int64[Tensor, " K"]
    """The segment, counted over all recordings of the batch."""


def pair(costs: Float[Tensor, "B Q S"], counts: Sequence[int]) -> Pairs:
    """Return the pairs with the least total cost; a recording with S segments gets min(Q, S) of them.

    The S segments of `costs` are those of all recordings, one after the other; `counts` says how many each
    recording has, and only its own queries answer for them.
    """
    # where a cost is not a number the loss is none either, and the loop says so
    table = np.nan_to_num(costs.detach().float().cpu().numpy())
    recordings: list[int] = []
    queries: list[int] = []
    targets: list[int] = []
    first = 0
    for number, count in enumerate(counts):
        rows, columns = linear_sum_assignment(table[number, :, first : first + count])
        recordings += [number] * len(rows)
        queries += rows.tolist()
        targets += (first + columns).tolist()
        first += count
    return Pairs(*(torch.tensor(some, device=costs.device).long() for some in (recordings, queries, targets)))


def within(rows: int, truth: Truth) -> Truth:
    """Cut segments, whose bounds are rows, to the first `rows` rows; leave out those that lie outside.

    Bounds come counted from the middle of the first row, and go counted from its start.
    """
    ends, labels = truth
    ends = (ends + 0.5).clamp(0, rows)
    kept = ends[:, 1] > ends[:, 0]
    return ends[kept], labels[kept]


def class_cost(logits: Float[Tensor, "B Q C"], labels: Int64[Tensor, " S"]) -> Float[Tensor, "B Q S"]:
    """Return by how much the focal loss of a query changes where it answers for each segment."""
    score = logits.sigmoid()
    positive = ALPHA * (1 - score) ** GAMMA * -(score + TINY).log()
    negative = (1 - ALPHA) * score**GAMMA * -(1 - score + TINY).log()
    return (positive - negative)[..., labels]


def class_targets(
    logits: Float[Tensor, "B Q C"], pairs: Pairs, labels: Int64[Tensor, " S"]
) -> Float32[Tensor, "B Q C"]:
    """Return what the queries should score: 1 for the class of their segment, 0 elsewhere."""
    targets = torch.zeros(logits.shape, device=logits.device)
    targets[pairs.recording, pairs.query, labels[pairs.target]] = 1
    return targets


def weigh(losses: Mapping[str, Float[Tensor, ""]], weights: Mapping[str, float]) -> Float[Tensor, ""]:
    """Return the sum of losses by `<name>` or `<name>_<layer>`, each times the weight of its name."""
    return torch.stack([weights[name.partition("_")[0]] * value for name, value in losses.items()]).sum()


def bounds(segments: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N 2"]:
    """Turn centre and width into start and end."""
    centre, half = segments[..., 0], segments[..., 1] / 2
    return torch.stack([centre - half, centre + half], dim=-1)


def iou(one: Float[Tensor, "*#N 2"], other: Float[Tensor, "*#N 2"]) -> Float[Tensor, ...]:
    """Return the overlap of segments over their union; both are start and end."""
    ends, starts = torch.minimum(one[..., 1], other[..., 1]), torch.maximum(one[..., 0], other[..., 0])
    overlap = (ends - starts).clamp(min=0)
    return overlap / (one[..., 1] - one[..., 0] + other[..., 1] - other[..., 0] - overlap)


def distance_iou(one: Float[Tensor, "*#N 2"], other: Float[Tensor, "*#N 2"]) -> Float[Tensor, ...]:
    """Return the IoU less (distance of the centres / length from the first start to the last end)^2."""
    hull = torch.maximum(one[..., 1], other[..., 1]) - torch.minimum(one[..., 0], other[..., 0])
    distance = (one.sum(dim=-1) - other.sum(dim=-1)) / 2
    return iou(one, other) - (distance / hull) ** 2
