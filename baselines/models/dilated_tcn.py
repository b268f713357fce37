"""A temporal convolutional network of two dilated layers, which labels every frame of a stretch at once.

Reference: Bai, Kolter and Koltun 2018, An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling, arXiv:1803.01271; with centred instead of causal convolutions, because a
benchmark labels recordings that have ended. The sizes are ours.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import sequences
from baselines.inputs.poses import columns
from baselines.recipes.sequences import Recipe

KERNEL = 9
DILATIONS = (1, 8)
"""Of the two layers: a label depends on 36 frames to each side."""


class Layer(nn.Module):
    """Convolve over time with gaps, mix the channels, add the input."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.time = nn.Conv1d(width, width, kernel, padding=(kernel // 2) * dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T H"], inside: Float[Tensor, "B T 1"]) -> Float[Tensor, "B T H"]:
        """Return the same shape; what is not `inside` is 0 for the convolution."""
        y = (self.norm(x) * inside).transpose(1, 2)  # (B, H, T)
        y = self.time(y).transpose(1, 2).relu()
        return x + self.dropout(self.mix(y))


class DilatedTCN(nn.Module):
    """Project the features, one layer for each dilation, classify every frame for every question."""

    def __init__(
        self,
        features: int,
        classes: tuple[int, ...],
        width: int = 64,
        kernel: int = KERNEL,
        dilations: tuple[int, ...] = DILATIONS,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(features, width)
        self.layers = nn.ModuleList(Layer(width, kernel, dilation, dropout) for dilation in dilations)
        self.norm = nn.LayerNorm(width)
        self.head = nn.ModuleList(nn.Linear(width, count) for count in classes)

    def forward(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> tuple[Tensor, ...]:
        """Return the logits (B, T, C) of every question; those of frames not `inside` mean nothing."""
        known = inside[..., None].to(x.dtype)
        y = self.project(x)
        for layer in self.layers:
            y = layer(y, known)
        y = self.norm(y)
        return tuple(head(y) for head in self.head)


def build(recipe: Recipe, sizes: Sizes) -> DilatedTCN:  # noqa: ARG001
    """Return the network for the poses of a skeleton."""
    return DilatedTCN(columns(sizes.skeleton), sizes.classes)


DILATED_TCN = sequences.baseline(
    module=__name__,
    name="dilated_tcn",
    title="Dilated TCN",
    description="two dilated convolutions over whole recordings, which see 36 poses to each side",
    reference="after Bai et al. 2018, arXiv:1803.01271; the sizes are ours",
    paper="https://arxiv.org/abs/1803.01271",
    recipe=Recipe(size=512, epochs=20, batch=8, decay=0.01, warm_up=1),
    network=build,
)
