"""When to look at a picture, and what it adds: the gate of LookAgain and its fusion of motion and pictures.

Reference: Learning When to Look, arXiv:2603.07279, equations 13 to 18 and 20. A sequence is the window of one
animal. As in the paper: the gate reads confidence, saliency and context, noise of deviation 1 is added to its
scores in training, the highest ones open it, scores weight the features, two layers of attention join them
over time. Ours: in evaluation every picture that is given is looked at, so that whoever asks decides which
are encoded; in a window without any picture the fusion adds nothing; where the gate is replaced by a rule,
scores are 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.parts.motion_encoder import MotionEncoder, Read, Stack, two_layers
from baselines.recipes.lookagain import Looking

DEPTH = 2
"""Layers of attention that join the features of pictures over time."""


def highest(
    scores: Float[Tensor, "B T A"], inside: Bool[Tensor, "B T"], share: float
) -> Bool[Tensor, "B T A"]:
    """Return the frames of the highest scores: of each animal that share of its frames `inside`, rounded."""
    hidden = scores.masked_fill(~inside[..., None], -torch.inf)
    order = hidden.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(scores.shape[1], device=scores.device)[None, :, None].expand_as(order)
    )
    count = (share * inside.sum(dim=1)).round()
    return (rank < count[:, None, None]) & inside[..., None]


def spread(like: Float[Tensor, "B T A"], inside: Bool[Tensor, "B T"], share: float) -> Bool[Tensor, "B T A"]:
    """Return that share of the frames `inside`, rounded, as evenly spread as can be."""
    count = (share * inside.sum(dim=1, keepdim=True)).round()
    place = inside.cumsum(dim=1)  # from 1
    step = count / inside.sum(dim=1, keepdim=True).clamp(min=1)
    opened = (torch.floor(place * step + 0.5) > torch.floor((place - 1) * step + 0.5)) & inside
    return opened[..., None].expand_as(like)


class Gate(nn.Module):
    """How much each picture is needed: from the tracker's confidence, how much moves, and the context."""

    def __init__(self, recipe: Looking) -> None:
        super().__init__()
        self.without, width = recipe.without, recipe.motion.width
        self.context = nn.Linear(width, width)
        self.score = two_layers(width + 2, width, 1)

    def forward(self, read: Read, confidence: Float[Tensor, "B T A"]) -> Float[Tensor, "B T A"]:
        """Return scores from 0 to 1. `confidence` is the mean over the keypoints of an animal."""
        gap = torch.diff(read.before, dim=1, prepend=read.before[:, :1])
        terms = {
            "confidence": confidence[..., None],
            "saliency": gap.square().sum(dim=3, keepdim=True).log1p(),
            "context": self.context(read.embedding),
        }
        if self.without:
            terms[self.without] = torch.zeros_like(terms[self.without])
        scores: Tensor = self.score(torch.cat(list(terms.values()), dim=3)).squeeze(3)
        return scores.sigmoid()


class Looks(nn.Module):
    """The gate, and the features of pictures joined over time for each animal."""

    def __init__(self, recipe: Looking, pictures: int) -> None:
        """Build it for features of that width."""
        super().__init__()
        self.recipe, width = recipe, recipe.motion.width
        self.gate = Gate(recipe)
        self.align = two_layers(pictures, width, width)
        self.places = nn.Parameter(torch.randn(recipe.motion.size, width) * 0.02)
        self.join = Stack(width, DEPTH)

    def scores(self, read: Read, confidence: Float[Tensor, "B T A"]) -> Float[Tensor, "B T A"]:
        """Return by what frames are chosen; of a gate that is a rule, all alike."""
        if self.recipe.gate == "learned":
            made: Tensor = self.gate(read, confidence)
            return made
        return torch.ones_like(confidence)

    def choose(self, scores: Float[Tensor, "B T A"], inside: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T A"]:
        """Return which pictures are looked at; in training the gate's scores are noisy."""
        if self.recipe.gate == "uniform":
            return spread(scores, inside, self.recipe.opened)
        if self.recipe.gate == "random" or self.training:
            scores = scores + torch.randn_like(scores)
        return highest(scores, inside, self.recipe.opened)

    def forward(
        self,
        scores: Float[Tensor, "B T A"],
        pictures: Float[Tensor, "B T A V"],
        inside: Bool[Tensor, "B T"],
    ) -> Float[Tensor, "B T A D"]:
        """Return what the pictures that are looked at say of every frame; 0 where there are none."""
        opened = (pictures != 0).any(dim=3)
        if self.training:
            opened = opened & self.choose(scores, inside)
        values = self.align(pictures) * (scores * opened)[..., None]
        rows = (values + self.places[: values.shape[1], None]).transpose(1, 2).flatten(0, 1)  # (B * A, T, D)
        known = inside.repeat_interleave(values.shape[2], dim=0)
        joined = self.join(rows, known).view(values.shape[0], values.shape[2], *values.shape[1::2])
        return joined.transpose(1, 2) * opened.any(dim=1)[:, None, :, None]


class Watcher(nn.Module):
    """What all models that look at pictures share: the motion encoder, and what the gate asks for.

    Columns of the inputs are those of the poses, then the features of the picture of each animal, 0 where it
    was not looked at.
    """

    def __init__(self, recipe: Looking, sizes: Sizes) -> None:
        super().__init__()
        self.animals, keypoints = len(sizes.skeleton.animals), len(sizes.skeleton.keypoints)
        self.poses, self.fixed = self.animals * keypoints * 3, bool(recipe.start)
        pictures = sum(columns for _, columns in sizes.features) // self.animals
        self.motion = MotionEncoder(self.animals, keypoints, recipe.motion, pictures)
        self.motion.requires_grad_(not self.fixed)
        self.looks = Looks(recipe, pictures)

    def train(self, mode: bool = True) -> Watcher:
        """Set whether it trains; an encoder that is held fast drops nothing, and its codebooks stay."""
        super().train(mode)
        if self.fixed:
            self.motion.eval()
        return self

    def read(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> tuple[Read, Tensor]:
        """Return what the motion encoder says of keypoints alone, and the scores (B, T, A) of the gate."""
        read: Read = self.motion(x, inside)
        confidence = x[..., : self.poses].reshape(*inside.shape, self.animals, -1, 3)[..., 2].mean(dim=3)
        return read, self.looks.scores(read, confidence)

    def pictures(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B T A V"]:
        """Return the features of pictures that are among the inputs."""
        return x[..., self.poses :].reshape(*x.shape[:2], self.animals, -1)
