"""The losses of localisers: focal loss on the classes of points, DIoU in one dimension on their distances."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

ALPHA, GAMMA = 0.25, 2.0
"""Of the focal loss, as in its paper and in ActionFormer."""


def focal(logits: Float[Tensor, "*N C"], target: Float[Tensor, "*N C"]) -> Float32[Tensor, "*N C"]:
    """Return the sigmoid focal loss of each point and class; a target is 1 where the class holds, else 0.

    Targets in between, of smoothed labels, mix the two.

    Reference: Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    score = torch.sigmoid(logits)
    missed = (1 - score) * target + score * (1 - target)  # how far from the truth
    share = ALPHA * target + (1 - ALPHA) * (1 - target)
    return share * missed**GAMMA * entropy


def shared_iou(told: Float[Tensor, "N 2"], true: Float[Tensor, "N 2"]) -> Float32[Tensor, " N"]:
    """Return the IoU of segments that are given by their distances, not negative, from the same points.

    The points lie inside the true segments.
    """
    overlap = torch.minimum(told, true).sum(dim=1)
    return overlap / (told.sum(dim=1) + true.sum(dim=1) - overlap)


def distance_iou(told: Float[Tensor, "N 2"], true: Float[Tensor, "N 2"]) -> Float32[Tensor, " N"]:
    """Return 1 - IoU + (distance of the centres / length of the hull)^2 of each segment.

    Both are given by their distances, not negative, to the left and to the right of the same point, which
    lies inside the true one.

    Reference: Zheng et al. 2020, Distance-IoU Loss, arXiv:1911.08287, in one dimension.
    """
    hull = torch.maximum(told, true).sum(dim=1)
    apart = ((told[:, 1] - told[:, 0]) - (true[:, 1] - true[:, 0])) / 2
    return 1 - shared_iou(told, true) + (apart / hull) ** 2
