"""The recurrent baselines of the MSGL paper: two layers of LSTM, in one or in both directions.

Reference: Sharif and Caragea 2026, MSGL-Transformer, Scientific Reports, Tables 10, 13, 16 and 17. Their code
is not released. Layers and sizes are the ones that give the paper's 57,604 and 147,972 parameters;
where dropout acts and which state is read out cannot be told from a count and is chosen here.
"""

from __future__ import annotations

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import windows
from baselines.recipes.msgl import RECIPE, REFERENCE


class LSTM(nn.Module):
    """Run over time, then one linear layer on the final state of each direction."""

    def __init__(
        self,
        features: int,
        window: int,  # noqa: ARG002  any length will do, but all models are built alike
        classes: int,
        hidden: int = 64,
        layers: int = 2,
        dropout: float = 0.2,
        *,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        # one layer each: inside a deeper nn.LSTM, cuDNN would draw the dropout from a state of its own
        self.layers = nn.ModuleList(
            nn.LSTM(inputs, hidden, batch_first=True, bidirectional=bidirectional)
            for inputs in [features, *[directions * hidden] * (layers - 1)]
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(directions * hidden, classes)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the last frame of each window."""
        first, *others = self.layers
        y, (states, _) = first(x)  # (B, W, directions * H), (directions, B, H)
        for layer in others:
            y, (states, _) = layer(self.dropout(y))
        final = states.transpose(0, 1).flatten(1)  # (B, directions * H)
        logits: Tensor = self.head(self.dropout(final))
        return logits


BiLSTM = partial(LSTM, bidirectional=True)


MSGL_LSTM = windows.baseline(
    module=__name__,
    name="msgl_lstm",
    title="LSTM of the MSGL paper",
    description="two layers of LSTM over the 35 poses up to the frame",
    reference=f"{REFERENCE}, Table 13",
    recipe=RECIPE,
    network=windows.plain(LSTM),
)
MSGL_BILSTM = windows.baseline(
    module=__name__,
    name="msgl_bilstm",
    title="Bi-LSTM of the MSGL paper",
    description="two layers of LSTM in both directions over the 35 poses up to the frame",
    reference=f"{REFERENCE}, Table 13",
    recipe=RECIPE,
    network=windows.plain(BiLSTM),
)
