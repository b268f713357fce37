"""The CalMS21 self-attention network: three blocks that attend over time and halve it, then one linear layer.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baselines; layers and sizes as in the official code.
Its attention is the plain layer of Keras: one head, the values serve as keys, the products are not
scaled. No position is added, so order matters only to the pooling and to the last layer.
"""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import keras, windows
from baselines.recipes.windows import Recipe


class Attention(nn.Module):
    """Each sample becomes a mean of all samples, weighted by the softmax of query times value."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.query = nn.Linear(inputs, outputs)
        self.value = nn.Linear(inputs, outputs)
        self.mix = nn.Linear(outputs, outputs)

    def forward(self, x: Float[Tensor, "B W H"]) -> Float[Tensor, "B W H2"]:
        """Return as many samples, of H2 channels."""
        value = self.value(x)
        weights = (self.query(x) @ value.transpose(1, 2)).softmax(dim=2)  # (B, W, W)
        y: Tensor = self.mix(weights @ value)
        return y


class Block(nn.Module):
    """Attend, normalise, rectify, keep the larger of two neighbours, drop."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(inputs, outputs)
        self.norm = keras.BatchNorm1d(outputs)
        self.pool = nn.MaxPool1d(2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B W H"]) -> Float[Tensor, "B W2 H2"]:
        """Return W2 = W // 2 samples of H2 channels."""
        y = self.attention(x).transpose(1, 2)  # (B, H2, W): normalise per H2, pool over W
        y = self.dropout(self.pool(self.norm(y).relu()))
        return y.transpose(1, 2)  # (B, W2, H2)


class SelfAttention(nn.Module):
    """Normalise each input, `len(channels)` blocks, one linear layer."""

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        channels: tuple[int, ...] = (128, 64, 32),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        sizes = (features, *channels)
        self.norm = keras.BatchNorm1d(features)
        self.blocks = nn.Sequential(*(Block(a, b, dropout) for a, b in pairwise(sizes)))
        samples = window // 2 ** len(channels)  # 101 > 50 > 25 > 12
        self.head = nn.Linear(samples * sizes[-1], classes)
        self.apply(keras.initialise)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)  # per F, over B and W
        logits: Tensor = self.head(self.blocks(y).flatten(1))  # (B, W * H), time first
        return logits


SELF_ATTENTION = windows.baseline(
    module=__name__,
    name="self_attention",
    title="Self-attention",
    description="three attentions over a window of 101 poses",
    reference="Sun et al. 2021, CalMS21, arXiv:2104.02710",
    recipe=Recipe(past=50, future=50, gap=1, epochs=20),
    network=windows.plain(SelfAttention),
    paper="https://arxiv.org/abs/2104.02710",
)
