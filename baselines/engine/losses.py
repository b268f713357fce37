"""The losses of the frame models: cross-entropy, with classes weighted as Keras or as torch does it.

Where classes exclude each other a target is the index of the one that holds, and the network's outputs are
a softmax. Where they may overlap it is one truth per class, and each output is a sigmoid of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

Targets = Int64[Tensor, " N"] | Bool[Tensor, "N C"]
Weights = Float32[Tensor, " C"] | Float32[Tensor, "2 C"]
"""Of each class; where classes may overlap, of each class where it does not hold and where it does."""


def class_weights(
    targets: Targets, classes: Sequence[str], declared: Mapping[str, float], *, balanced: bool
) -> Weights:
    """Return the weight of each class: the declared one, else 1; or, balanced, N / (C n_c).

    Where classes overlap, the declared weight is that of the frames in which the class holds, the others
    have 1, and balanced is N / (2 n) for each of the two answers. An answer that no training frame shows
    has no balanced weight, and gets 0.
    """
    if not balanced:
        weights = torch.tensor([declared.get(name, 1.0) for name in classes], device=targets.device)
        return weights if targets.dim() == 1 else torch.stack([torch.ones_like(weights), weights])
    if targets.dim() == 1:
        counts, answers = torch.bincount(targets, minlength=len(classes)), len(classes)
    else:
        counts, answers = torch.stack([(~targets).sum(0), targets.sum(0)]), 2
    shares = len(targets) / (answers * counts.double())
    return torch.where(counts > 0, shares, 0.0).float()


def cross_entropy(
    logits: Float[Tensor, "B C"], targets: Targets, weights: Weights, smoothing: float = 0.0
) -> Float32[Tensor, ""]:
    """Return the weighted cross-entropy of a batch, summed over its frames.

    Where classes overlap, a frame's is the mean of the binary ones of its classes, as Keras has it.
    `smoothing` is the share of each label that is spread evenly over all classes.
    """
    if targets.dim() == 1:
        return nn.functional.cross_entropy(
            logits, targets, weights, reduction="none", label_smoothing=smoothing
        ).sum()
    smoothed = targets * (1 - smoothing) + smoothing / 2
    each = nn.functional.binary_cross_entropy_with_logits(logits, smoothed, reduction="none")
    return (each * torch.where(targets, weights[1], weights[0])).mean(dim=1).sum()


def divisor(targets: Targets, weights: Weights, *, balanced: bool) -> Float32[Tensor, ""]:
    """Return what the summed cross-entropy of these frames is divided by.

    Keras divides by the number of frames; torch, which weighs the mean alike, by the sum of their weights.
    """
    if not balanced:  # filled on the device: to send a number there is to wait
        return torch.full((), len(targets), dtype=weights.dtype, device=weights.device)
    if targets.dim() == 1:
        return weights[targets].sum()
    return torch.where(targets, weights[1], weights[0]).mean(dim=1).sum()


def probabilities(logits: Float[Tensor, "B C"], *, exclusive: bool) -> Float32[Tensor, "B C"]:
    """Return the probability of each class; rows sum to one where classes exclude each other."""
    return logits.float().softmax(dim=1) if exclusive else logits.float().sigmoid()
