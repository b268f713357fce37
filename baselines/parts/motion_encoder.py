"""The network that reads the motion of all animals: tokens, attention over time, attention over the animals.

Reference: Learning When to Look, arXiv:2603.07279. `baselines/extractors/lookagain.py` says what is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from baselines.parts.codebooks import Quantiser
from baselines.recipes.lookagain import Motion

HEADS = 4
KERNEL = 5
NEIGHBOUR = 4
"""Numbers that tell an animal of another one."""


def attention(width: int, dropout: float = 0.1) -> nn.TransformerEncoderLayer:
    """Return one layer of attention that is normalised first."""
    return nn.TransformerEncoderLayer(
        width, HEADS, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
    )


def motion_width(animals: int, keypoints: int) -> int:
    """Return how many numbers tell the motion of an animal, M."""
    return 3 * keypoints + NEIGHBOUR * (animals - 1)


def motion_of(x: Float[Tensor, "B T F"], animals: int, keypoints: int) -> Float[Tensor, "B T A M"]:
    """Return what is told of each animal: its keypoints, their confidence, and where the others are.

    `x` are keypoints with their confidence, as `known_poses` gives them.
    """
    poses = x.view(*x.shape[:2], animals, keypoints, 3)
    places, confidence = poses[..., :2], poses[..., 2]
    weight = (confidence > 0).to(x.dtype)[..., None]
    middle = (places * weight).sum(dim=3) / weight.sum(dim=3).clamp(min=1)  # (B, T, A, 2)
    told = [places.flatten(3), confidence]
    for other in range(1, animals):
        gap = middle.roll(-other, dims=2) - middle
        distance = (gap.square().sum(dim=3, keepdim=True) + 1e-12).sqrt()
        sure = confidence.roll(-other, dims=2).mean(dim=3, keepdim=True)
        told += [gap / distance, distance, sure]
    return torch.cat(told, dim=3)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return two linear layers."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


class Stack(nn.Module):
    """Layers of attention over the second axis, and a last normalisation."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(attention(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B N D"], known: Bool[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
        """Return what each place knows of all places that are `known`."""
        outside = ~known & known.any(dim=1, keepdim=True)  # a row without any place would be NaN
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=outside)
        y: Tensor = self.norm(x)
        return y


class Coder(nn.Module):
    """Two convolutions over time and one layer of attention, from one width to another."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, hidden, KERNEL, padding=KERNEL // 2)
        self.second = nn.Conv1d(hidden, hidden, KERNEL, padding=KERNEL // 2)
        self.time = Stack(hidden, 1)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Float[Tensor, "B T F"], known: Bool[Tensor, "B T"]) -> Float[Tensor, "B T G"]:
        """Return the same frames."""
        y = (x * known[..., None]).transpose(1, 2)
        y = self.second(nn.functional.gelu(self.first(y))).transpose(1, 2)
        z: Tensor = self.last(self.time(nn.functional.gelu(y), known))
        return z


@dataclass(frozen=True, eq=False)
class Read:
    """What the encoder says of a batch of windows."""

    embedding: Float[Tensor, "B T A D"]
    before: Float[Tensor, "B T A Z"]
    """What the tokens replace."""
    tokens: Float[Tensor, "B T A Z"]
    motion: Float[Tensor, "B T A M"]
    """What it was given, of each animal."""
    again: Float[Tensor, "B T A M"]
    """The same, made from the tokens."""
    keypoints: Float[Tensor, "B T A K 2"]
    """What the embedding says of them."""
    pictures: tuple[Float[Tensor, "B T A V"], ...]
    """What the embedding says of the features of pictures, at each horizon; empty without pictures."""
    distance: Float[Tensor, ""]
    codes: Int64[Tensor, "R T 2"]
    """Of each animal of each window, R = B * A."""


class MotionEncoder(nn.Module):
    """From the keypoints of all animals to an embedding of each animal in each frame."""

    def __init__(self, animals: int, keypoints: int, recipe: Motion, pictures: int = 0) -> None:
        """Build it; `pictures` is the number of features of a picture, 0 without pictures."""
        super().__init__()
        self.animals, self.keypoints, self.size = animals, keypoints, recipe.size
        width = motion_width(animals, keypoints)
        self.masked = nn.Parameter(torch.zeros(width))
        self.encode = Coder(width, recipe.tokens, recipe.tokens)
        self.quantise = Quantiser(recipe.codes, recipe.tokens)
        self.decode = Coder(recipe.tokens, width, recipe.tokens)
        self.project = nn.Linear(recipe.tokens, recipe.width)
        self.places = nn.Parameter(torch.randn(recipe.size, recipe.width) * 0.02)
        self.time = Stack(recipe.width, recipe.depth)
        self.social = Stack(recipe.width, recipe.social_depth) if animals > 1 else None
        if animals > 1:
            self.join = two_layers(2 * recipe.width, recipe.width, recipe.width)
        self.keypoint_head = nn.Linear(recipe.width, 2 * keypoints)
        horizons = recipe.horizons if pictures else ()
        self.picture_heads = nn.ModuleList(two_layers(recipe.width, recipe.width, pictures) for _ in horizons)

    def forward(
        self,
        x: Float[Tensor, "B T F"],
        inside: Bool[Tensor, "B T"],
        masked: Bool[Tensor, "B T"] | None = None,
    ) -> Read:
        """Read windows of at most `size` frames; F = A * K * 3. Frames that are `masked` are not shown.

        Further columns are features of pictures, which are not read.
        """
        x = x[..., : self.animals * self.keypoints * 3]
        motion = motion_of(x, self.animals, self.keypoints)
        shown = motion if masked is None else torch.where(masked[..., None, None], self.masked, motion)
        rows = shown.transpose(1, 2).flatten(0, 1)  # (B * A, T, M)
        known = inside.repeat_interleave(self.animals, dim=0)
        before = self.encode(rows, known)
        tokens, distance, codes = self.quantise(before, known)
        again = self.decode(tokens, known)
        embedding = self.time(self.project(tokens) + self.places[: x.shape[1]], known)
        together = self._apart(embedding, len(x))
        if self.social is not None:
            frames = together.flatten(0, 1)  # (B * T, A, D)
            others = self.social(frames, torch.ones_like(frames[..., 0], dtype=torch.bool))
            together = together + self.join(torch.cat([together, others.view(together.shape)], dim=3))
        told = self.keypoint_head(together).view(*together.shape[:3], self.keypoints, 2)
        before, tokens, again = (self._apart(rows, len(x)) for rows in (before, tokens, again))
        pictures = tuple(head(together) for head in self.picture_heads)
        return Read(together, before, tokens, motion, again, told, pictures, distance, codes)

    def _apart(self, rows: Float[Tensor, "N T D"], batch: int) -> Float[Tensor, "B T A D"]:
        return rows.view(batch, self.animals, *rows.shape[1:]).transpose(1, 2)
