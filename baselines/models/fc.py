"""The CalMS21 fully connected network: a whole window as one long vector, three dense blocks.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baselines; layers and sizes as in the official code.
"""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import keras, windows
from baselines.recipes.windows import Recipe


class Dense(nn.Module):
    """Linear layer, normalise, rectify, drop."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = keras.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B H"]) -> Float[Tensor, "B H2"]:
        """Return H2 values that are not negative."""
        y: Tensor = self.dropout(self.norm(self.linear(x)).relu())
        return y


class FC(nn.Module):
    """Normalise each value of the window, `len(channels)` dense blocks, one linear layer."""

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        channels: tuple[int, ...] = (512, 256, 128),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        sizes = (window * features, *channels)
        self.norm = keras.BatchNorm1d(sizes[0])
        self.blocks = nn.Sequential(*(Dense(a, b, dropout) for a, b in pairwise(sizes)))
        self.head = nn.Linear(sizes[-1], classes)
        self.apply(keras.initialise)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        logits: Tensor = self.head(self.blocks(self.norm(x.flatten(1))))  # (B, W * F), time first
        return logits


FULLY_CONNECTED = windows.baseline(
    module=__name__,
    name="fc",
    title="Fully connected",
    description="three dense layers on a window of 201 poses, every second frame",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    recipe=Recipe(past=100, future=100, gap=2, epochs=15, lr=3e-4),
    network=windows.plain(FC),
    paper="https://arxiv.org/abs/2104.02710",
)
