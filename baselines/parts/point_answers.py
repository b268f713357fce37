"""What the points of a pyramid answer, what their answers cost, and the detections that they make.

Reference: Zhang, Wu and Li 2022, ActionFormer, arXiv:2202.07925; for the share of the IoU in the focal loss,
Shi et al. 2023, TriDet, arXiv:2303.07347.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from baselines.engine.segment_losses import distance_iou, focal, shared_iou
from baselines.inputs.points import Points, Truth, answers, segments

KEPT = 0.9
"""Of the running number of points that answer for a segment: what each step keeps."""
LEAST_IOU = 1e-8
"""A power of an IoU below has no gradient: at 0 it would be infinite."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What P points answer of B recordings."""

    at: Points
    inside: Bool[Tensor, "B P"]
    logits: Float[Tensor, "B P C"]
    distances: Float[Tensor, "B P _ 2"]
    """To start and end, in strides; one pair for each class, or one for all of them."""
    positives: Float32[Tensor, ""]
    """A running mean of the points of a batch that answer for a segment; the loss moves it on in place."""


@dataclass(frozen=True)
class PointLoss:
    """How the loss of a model differs from ActionFormer's."""

    smoothing: float = 0.0
    """The share of each target that is spread over the classes and none."""
    distances: float = 1.0
    """The weight of the distances."""
    iou_power: float = 0.0
    """The focal loss of what holds is multiplied by the IoU to this power."""


def point_losses(
    how: PointLoss, outputs: Outputs, truth: Sequence[Truth]
) -> tuple[Float32[Tensor, ""], Float32[Tensor, ""]]:
    """Return the focal loss of the classes and the DIoU loss of the distances.

    Both are sums over a batch, divided by the running number of points that answer for a segment.
    """
    classes = outputs.logits.shape[2]
    wanted = [answers(outputs.at, bounds, labels, classes) for bounds, labels in truth]
    holds = torch.stack([one.classes for one in wanted]) & outputs.inside[..., None]  # (B, P, C)
    with torch.no_grad():
        count = holds.any(dim=2).sum().clamp(min=1)
        outputs.positives.mul_(KEPT).add_((1 - KEPT) * count)
    clip, point, label = holds.nonzero().unbind(dim=1)
    rows = torch.stack([one.distances for one in wanted])
    true = rows[clip, point] / outputs.at.strides[point, None]
    told = outputs.distances.float().expand(-1, -1, classes, -1)[clip, point, label]
    target = holds.float() * (1 - how.smoothing) + how.smoothing / (classes + 1)
    each = focal(outputs.logits.float(), target)
    if how.iou_power:
        share = shared_iou(told, true).clamp(min=LEAST_IOU) ** how.iou_power
        each = torch.index_put(each, (clip, point, label), each[clip, point, label] * share)
    one_each = _first_of_each_point(clip, point) if outputs.distances.shape[2] == 1 else slice(None)
    apart = distance_iou(told[one_each], true[one_each]).sum()
    return each[outputs.inside].sum() / outputs.positives, apart / outputs.positives


def point_loss(
    how: PointLoss,
    outputs: Outputs,
    inside: Bool[Tensor, "B N"],  # noqa: ARG001  the outputs know it
    truth: Sequence[Truth],
) -> Float32[Tensor, ""]:
    """Return what a training descends."""
    classes, distances = point_losses(how, outputs, truth)
    return classes + how.distances * distances


@dataclass(frozen=True)
class Candidates:
    """Which segments of the points are detections."""

    least: float = 0.001
    """Scores above this count."""
    most: int = 2000
    """Of each level, the best so many pairs of point and class."""
    shortest: float = 0.05
    """Rows; what is not longer is left out."""


def candidates(
    how: Candidates,
    outputs: Outputs,
    inside: Bool[Tensor, "1 N"],  # noqa: ARG001  the outputs know it
) -> tuple[Float[Tensor, "D 2"], Int64[Tensor, " D"], Float[Tensor, " D"]]:
    """Return bounds in rows, classes and scores, level after level, each by descending score."""
    scores = torch.sigmoid(outputs.logits[0].float()) * outputs.inside[0, :, None]  # (P, C)
    chosen = []
    for stride in sorted(set(outputs.at.strides.tolist())):
        point = (outputs.at.strides == stride).nonzero()[:, 0]
        row, label = (scores[point] > how.least).nonzero().unbind(dim=1)
        best = torch.sort(scores[point[row], label], descending=True, stable=True).indices[: how.most]
        chosen.append(torch.stack([point[row[best]], label[best]]))
    point, label = torch.cat(chosen, dim=1)
    pair = label if outputs.distances.shape[2] > 1 else torch.zeros_like(label)
    rows = outputs.distances[0].float()[point, pair] * outputs.at.strides[point, None]
    bounds = segments(outputs.at.rows[point], rows)
    long = bounds[:, 1] - bounds[:, 0] > how.shortest
    return bounds[long], label[long], scores[point, label][long]


def _first_of_each_point(clip: Int64[Tensor, " H"], point: Int64[Tensor, " H"]) -> Bool[Tensor, " H"]:
    """Mark the first of equal neighbours: a point that shows two classes has its distances count once."""
    first = torch.ones_like(clip, dtype=torch.bool)
    first[1:] = (clip[1:] != clip[:-1]) | (point[1:] != point[:-1])
    return first
