"""The CalMS21 LSTM: its last state, two dense blocks.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baselines; layers and sizes as in the official code.
It reads the window forwards, up to the last sample after the frame that is labelled.
"""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import keras, windows
from baselines.models.fc import Dense
from baselines.recipes.windows import Recipe


class LSTM(nn.Module):
    """Normalise each input, run over time, `len(channels)` dense blocks, one linear layer."""

    def __init__(
        self,
        features: int,
        window: int,  # noqa: ARG002  any length will do, but all models are built alike
        classes: int,
        hidden: int = 256,
        channels: tuple[int, ...] = (256, 128),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        sizes = (hidden, *channels)
        self.norm = keras.BatchNorm1d(features)
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.blocks = nn.Sequential(*(Dense(a, b, dropout) for a, b in pairwise(sizes)))
        self.head = nn.Linear(sizes[-1], classes)
        self.apply(keras.initialise)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)  # per F, over B and W
        states, _ = self.lstm(y)  # (B, W, H)
        logits: Tensor = self.head(self.blocks(states[:, -1]))
        return logits


CALMS21_LSTM = windows.baseline(
    module=__name__,
    name="lstm",
    title="LSTM",
    description="an LSTM over a window of 101 poses, two dense layers on its last state",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    recipe=Recipe(past=50, future=50, gap=1, epochs=20),
    network=windows.plain(LSTM),
    paper="https://arxiv.org/abs/2104.02710",
)
