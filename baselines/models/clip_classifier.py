"""A classifier of whole recordings: which classes occur, each answered by a segment as long as the recording.

Ours. It says nothing of when a class holds. Where recordings are short clips that a class often fills, it
shows how much of a localiser's score comes from knowing which classes occur. `bench evaluate` prints what the
true classes score in this way.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import localisation
from baselines.inputs.points import Truth
from baselines.recipes.localisation import Recipe

WIDTH = 64
"""Channels."""


class ClipClassifier(nn.Module):
    """Two convolutions over time, then the mean and the maximum of the rows inside, then one layer."""

    def __init__(self, features: int, classes: int, width: int = WIDTH, dropout: float = 0.2) -> None:
        super().__init__()
        self.first = nn.Conv1d(features, width, 5, padding=2)
        self.second = nn.Conv1d(width, width, 5, padding=2)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Float[Tensor, "B C"]:
        """Return the logits of the classes that occur in each recording."""
        known = inside[:, None]
        y = self.first((x * inside[..., None]).transpose(1, 2)).relu() * known
        y = (
            self.second(self.dropout(y)).relu() * known
        )  # nowhere negative: 0 outside is no maximum of its own
        mean = y.sum(dim=2) / known.sum(dim=2).clamp(min=1)
        logits: Tensor = self.head(self.dropout(torch.cat([mean, y.amax(dim=2)], dim=1)))
        return logits


def loss(
    logits: Float[Tensor, "B C"],
    inside: Bool[Tensor, "B N"],  # noqa: ARG001
    truth: Sequence[Truth],
) -> Float[Tensor, ""]:
    """Return the mean binary cross-entropy over recordings and classes."""
    occur = torch.zeros(logits.shape, device=logits.device)
    for number, (_, labels) in enumerate(truth):
        occur[number, labels] = 1
    return nn.functional.binary_cross_entropy_with_logits(logits.float(), occur)


def decode(
    logits: Float[Tensor, "1 C"], inside: Bool[Tensor, "1 N"]
) -> tuple[Float[Tensor, "C 2"], Int64[Tensor, " C"], Float[Tensor, " C"]]:
    """Return bounds in rows, labels and scores: each class over all rows."""
    classes = logits.shape[1]
    bounds = torch.tensor([-0.5, float(inside.sum()) - 0.5], device=logits.device)
    labels = torch.arange(classes, device=logits.device)
    return bounds.expand(classes, 2), labels, logits[0].float().sigmoid()


def build(recipe: Recipe, sizes: Sizes) -> ClipClassifier:
    """Return the network for the features that it needs."""
    ((_, features),) = sizes.features
    return ClipClassifier(features, sizes.classes[0], recipe.width or WIDTH)


CLIP_CLASSIFIER = localisation.baseline(
    module=__name__,
    name="clip_classifier",
    title="Clip classifier",
    description="which classes occur in a recording; each is answered over all of it",
    reference="ours: an anchor that knows no times",
    recipe=Recipe(epochs=30, batch=8, lr=1e-3, warm_up=3, ema=0.99),
    network=build,
    loss=loss,
    decode=decode,
    features="baselines.extractors.egocentric:egocentric",
    final=True,
    nms=False,
)
