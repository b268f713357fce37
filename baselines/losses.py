"""The loss of the frame models: cross-entropy, with classes weighted as Keras or as torch does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from baselines.baseline import Recipe

Loss = tuple[Float32[Tensor, ""], Float32[Tensor, ""]]
"""A sum over frames, and what to divide it by."""


def class_weights(
    recipe: Recipe, targets: Int64[Tensor, " N"], classes: Sequence[str], declared: Mapping[str, float]
) -> Float32[Tensor, " C"]:
    """Return the weight of each class: the declared one, else 1; or, "balanced", N / (C n_c).

    A class that no training frame shows has no balanced weight, and gets 0.
    """
    if recipe.class_weights == "task":
        return torch.tensor([declared.get(name, 1.0) for name in classes], device=targets.device)
    counts = torch.bincount(targets, minlength=len(classes))
    balanced = len(targets) / (len(classes) * counts.double())
    return torch.where(counts > 0, balanced, 0.0).float()


def cross_entropy(
    logits: Float32[Tensor, "B C"],
    targets: Int64[Tensor, " B"],
    weights: Float32[Tensor, " C"],
    recipe: Recipe,
) -> Loss:
    """Return the weighted cross-entropy of a batch as a sum and its divisor.

    Keras divides by the number of frames, torch by the sum of their weights: the recipe says which.
    """
    each = nn.functional.cross_entropy(
        logits, targets, weights, reduction="none", label_smoothing=recipe.smoothing
    )
    if recipe.class_weights == "task":  # filled on the device: to send a number there is to wait
        return each.sum(), torch.full((), len(targets), dtype=each.dtype, device=each.device)
    return each.sum(), weights[targets].sum()
