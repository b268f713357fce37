"""MSGL-Transformer: attention at three ranges of time, gated by the whole window, read off a global token.

Reference: Sharif and Caragea 2026, MSGL-Transformer: a multi-scale global-local Transformer for rodent social
behaviour recognition, Scientific Reports. The labelled frame is the last one of the window.

Where the paper's text and the code that was run differ, the variant says which is built:
- `as_run` ends with one more feed-forward layer and normalises the token before the head, and its linear
  layers start with torch's biases. The paper's 285,892 parameters, and the released weights, are these.
- `as_described` has neither, and all biases start at zero: 269,060 parameters.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.engine import windows
from baselines.recipes.msgl import RECIPE, REFERENCE


class Modulation(nn.Module):
    """Behaviour-aware modulation: scale the channels of all tokens by what the frames say together."""

    def __init__(self, window: int, width: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(window * width, width), nn.ReLU(), nn.Linear(width, width), nn.Sigmoid()
        )

    def forward(self, x: Float[Tensor, "B N H"]) -> Float[Tensor, "B N H"]:
        """Return as many tokens; the gate reads the frames, which follow the global token."""
        gate = self.gate(x[:, 1:].flatten(1))  # (B, H)
        y: Tensor = x * gate.unsqueeze(1)
        return y


class Attention(nn.Module):
    """Self-attention with several heads; if `causal`, no token sees a later one."""

    def __init__(self, width: int, heads: int, dropout: float, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        for layer in (self.qkv, self.mix):
            nn.init.zeros_(layer.bias)  # as torch's own attention

    def forward(self, x: Float[Tensor, "B N H"]) -> Float[Tensor, "B N H"]:
        """Return as many tokens."""
        q, k, v = (
            self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )  # (B, heads, N, H / heads)
        y = nn.functional.scaled_dot_product_attention(
            q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=self.causal
        )
        mixed: Tensor = self.mix(y.transpose(1, 2).flatten(2))  # (B, N, H)
        return mixed


class MultiScale(nn.Module):
    """Three attentions: causal over the first half of the frames, causal over all, and over all tokens.

    Frames of the first half get the mean of both causal ones; the global token gets neither.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.short = Attention(width, heads, dropout, causal=True)
        self.medium = Attention(width, heads, dropout, causal=True)
        self.whole = Attention(width, heads, dropout)

    def forward(self, x: Float[Tensor, "B N H"]) -> Float[Tensor, "B N H"]:
        """Return as many tokens; the first is the global one, the others are the frames."""
        token, frames = x[:, :1], x[:, 1:]
        half = frames.shape[1] // 2
        short, medium = self.short(frames[:, :half]), self.medium(frames)
        local = torch.cat([torch.zeros_like(token), (short + medium[:, :half]) / 2, medium[:, half:]], dim=1)
        y: Tensor = local + self.whole(x)
        return y


class Add(nn.Module):
    """Add what a layer makes of its input to that input, then normalise."""

    def __init__(self, layer: nn.Module, width: int, dropout: float) -> None:
        super().__init__()
        self.layer = layer
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B N H"]) -> Float[Tensor, "B N H"]:
        """Return as many tokens."""
        y: Tensor = self.norm(x + self.dropout(self.layer(x)))
        return y


def feed_forward(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Return the two layers that see each token alone."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))


class MSGL(nn.Module):
    """Embed frames behind a global token, modulate, attend at three scales, encode, classify the token.

    Without `modulation` or `multi_scale`, that stage is left out whole: the paper's ablations.
    """

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        width: int = 64,
        heads: int = 4,
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.2,
        *,
        modulation: bool = True,
        multi_scale: bool = True,
        variant: Literal["as_run", "as_described"] = "as_run",
    ) -> None:
        super().__init__()

        def add(layer: nn.Module) -> Add:
            return Add(layer, width, dropout)

        self.embed = nn.Linear(features, width)
        self.token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, window + 1, width))
        self.modulate = Modulation(window, width) if modulation else nn.Identity()
        self.scales = add(MultiScale(width, heads, dropout)) if multi_scale else nn.Identity()
        self.encoder = nn.Sequential()
        for _ in range(layers):
            self.encoder.append(add(Attention(width, heads, dropout)))
            self.encoder.append(add(feed_forward(width, hidden, dropout)))
        if variant == "as_run":
            self.encoder.append(add(feed_forward(width, hidden, dropout)))
        self.norm = nn.LayerNorm(width) if variant == "as_run" else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self._initialise(variant)

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the last frame of each window."""
        frames = self.embed(x)  # (B, W, H)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), frames], dim=1)  # (B, 1 + W, H)
        y = self.encoder(self.scales(self.modulate(tokens + self.positions)))
        logits: Tensor = self.head(self.dropout(self.norm(y[:, 0])))
        return logits

    def _initialise(self, variant: str) -> None:
        """Set every matrix Xavier-uniform, token and positions included."""
        for name, weights in self.named_parameters():
            if weights.dim() > 1:
                nn.init.xavier_uniform_(weights)
            elif variant == "as_described" and name.endswith("bias"):
                nn.init.zeros_(weights)


without_modulation = partial(MSGL, modulation=False)
without_multi_scale = partial(MSGL, multi_scale=False)
without_both = partial(MSGL, modulation=False, multi_scale=False)
as_described = partial(MSGL, variant="as_described")


AS_RUN = windows.baseline(
    module=__name__,
    name="msgl",
    title="MSGL-Transformer",
    description="attention at three ranges over the 35 poses up to the frame, gated by all of them",
    reference=REFERENCE,
    recipe=RECIPE,
    network=windows.plain(MSGL),
)
AS_DESCRIBED = windows.baseline(
    module=__name__,
    name="msgl_as_described",
    title="MSGL-Transformer, as described",
    description="the MSGL-Transformer of the paper's text: one layer less, classes not weighted",
    reference=REFERENCE,
    recipe=replace(RECIPE, class_weights="task", validation="recordings"),
    network=windows.plain(as_described),
)
WITHOUT_BAM = windows.baseline(
    module=__name__,
    name="msgl_without_bam",
    title="MSGL-Transformer without modulation",
    description="the MSGL-Transformer without behaviour-aware modulation",
    reference=f"{REFERENCE}, Table 14",
    recipe=RECIPE,
    network=windows.plain(without_modulation),
)
WITHOUT_MSA = windows.baseline(
    module=__name__,
    name="msgl_without_msa",
    title="MSGL-Transformer without multi-scale attention",
    description="the MSGL-Transformer without its attention at three ranges",
    reference=f"{REFERENCE}, Table 14",
    recipe=RECIPE,
    network=windows.plain(without_multi_scale),
)
WITHOUT_BOTH = windows.baseline(
    module=__name__,
    name="msgl_without_both",
    title="MSGL-Transformer without either",
    description="the MSGL-Transformer without modulation and without attention at three ranges",
    reference=f"{REFERENCE}, Table 14",
    recipe=RECIPE,
    network=windows.plain(without_both),
)
