"""The losses of localisers: focal loss on the classes of points, DIoU in one dimension on their distances."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

ALPHA, GAMMA = 0.25, 2.0
"""Of the focal loss, as in its paper and in ActionFormer."""


def focal(logits: Float[Tensor, "N C"], truth: Bool[Tensor, "N C"]) -> Float32[Tensor, ""]:
    """Return the sigmoid focal loss, summed over points and classes.

    Reference: Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    target = truth.float()
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    score = torch.sigmoid(logits)
    missed = torch.where(truth, 1 - score, score)  # how far from the truth
    share = torch.where(truth, ALPHA, 1 - ALPHA)
    return (share * missed**GAMMA * entropy).sum()


def distance_iou(told: Float[Tensor, "N 2"], true: Float[Tensor, "N 2"]) -> Float32[Tensor, ""]:
    """Return 1 - IoU + (distance of the centres / length of the hull)^2, summed over segments.

    Both are given by their distances, not negative, to the left and to the right of the same point, which
    lies inside the true one.

    Reference: Zheng et al. 2020, Distance-IoU Loss, arXiv:1911.08287, in one dimension.
    """
    overlap = torch.minimum(told, true).sum(dim=1)
    union = told.sum(dim=1) + true.sum(dim=1) - overlap
    hull = torch.maximum(told, true).sum(dim=1)
    apart = ((told[:, 1] - told[:, 0]) - (true[:, 1] - true[:, 0])) / 2
    return (1 - overlap / union + (apart / hull) ** 2).sum()
