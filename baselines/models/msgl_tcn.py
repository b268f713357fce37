"""The convolutional baseline of the MSGL paper: causal convolutions over time whose dilation doubles.

References: Sharif and Caragea 2026, MSGL-Transformer, Scientific Reports, Tables 10, 13, 16 and 17;
Bai, Kolter and Koltun 2018, arXiv:1803.01271, which it cites. The paper's code for it is not released, and
two networks have its 30,788 parameters:
- `TCN`, the default: two residual blocks of the cited work with that work's own kernel of 2. A frame
  sees 7 samples.
- `PlainTCN`: three convolutions of kernel 3, batch-normalised. A frame sees 15 samples.
"""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from baselines.engine import windows
from baselines.recipes.msgl import RECIPE, REFERENCE


class Block(nn.Module):
    """Two causal convolutions with normalised weights, rectified and dropped, added to the input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        past = (kernel - 1) * dilation
        self.path = nn.Sequential(
            nn.ConstantPad1d((past, 0), 0.0),
            weight_norm(nn.Conv1d(inputs, outputs, kernel, dilation=dilation)),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ConstantPad1d((past, 0), 0.0),
            weight_norm(nn.Conv1d(outputs, outputs, kernel, dilation=dilation)),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.skip = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)
        if isinstance(self.skip, nn.Conv1d):
            # the published code means this for all convolutions, but weight normalisation undoes it there
            nn.init.normal_(self.skip.weight, std=0.01)

    def forward(self, x: Float[Tensor, "B H W"]) -> Float[Tensor, "B H2 W"]:
        """Return as many samples, of H2 channels."""
        y: Tensor = (self.path(x) + self.skip(x)).relu()
        return y


class TCN(nn.Module):
    """Residual blocks, then one linear layer on the last sample."""

    def __init__(
        self,
        features: int,
        window: int,  # noqa: ARG002  any length will do, but all models are built alike
        classes: int,
        channels: tuple[int, ...] = (64, 64),
        kernel: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        sizes = pairwise((features, *channels))
        self.blocks = nn.Sequential(*(Block(a, b, kernel, 2**i, dropout) for i, (a, b) in enumerate(sizes)))
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the last frame of each window."""
        y = self.blocks(x.transpose(1, 2))  # (B, H, W): convolve over W
        logits: Tensor = self.head(y[:, :, -1])
        return logits


class PlainBlock(nn.Module):
    """One causal convolution, normalise over batch and time, rectify, drop."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0)
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B H W"]) -> Float[Tensor, "B H2 W"]:
        """Return as many samples, of H2 channels."""
        y: Tensor = self.dropout(self.norm(self.conv(self.pad(x))).relu())
        return y


class PlainTCN(nn.Module):
    """Batch-normalised convolutions, then one linear layer on the last sample."""

    def __init__(
        self,
        features: int,
        window: int,  # noqa: ARG002  any length will do, but all models are built alike
        classes: int,
        channels: tuple[int, ...] = (64, 64, 64),
        kernel: int = 3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        sizes = pairwise((features, *channels))
        self.blocks = nn.Sequential(
            *(PlainBlock(a, b, kernel, 2**i, dropout) for i, (a, b) in enumerate(sizes))
        )
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the last frame of each window."""
        y = self.blocks(x.transpose(1, 2))  # (B, H, W): convolve over W
        logits: Tensor = self.head(y[:, :, -1])
        return logits


MSGL_TCN = windows.baseline(
    module=__name__,
    name="msgl_tcn",
    title="TCN of the MSGL paper",
    description="two residual blocks of causal convolutions, which see 7 poses",
    reference=f"{REFERENCE}, Table 13; Bai et al. 2018, arXiv:1803.01271",
    recipe=RECIPE,
    network=windows.plain(TCN),
)
MSGL_TCN_PLAIN = windows.baseline(
    module=__name__,
    name="msgl_tcn_plain",
    title="TCN of the MSGL paper, plain",
    description="three causal convolutions, which see 15 poses: the other network of the published size",
    reference=f"{REFERENCE}, Table 13",
    recipe=RECIPE,
    network=windows.plain(PlainTCN),
)
