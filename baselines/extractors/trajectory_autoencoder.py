"""The network of task programming: an autoencoder of movement, and what programs want of its features.

Reference: Sun et al. 2021, Task Programming, CVPR, arXiv:2011.13917; sizes as CalMS21's appendix H and the
published configuration have them. Written from descriptions of the method alone.
"""

from __future__ import annotations

from itertools import pairwise
from math import log, pi

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from baselines.inputs.trajectories import THRESHOLDS, Basis
from baselines.recipes.representations import Treba

CLASSES = 3
"""Of every program."""
WIDEST = 16.0
"""The largest logarithm of a variance, and less zero the smallest."""
HEAT = 0.07
"""Of the contrastive loss."""
Posterior = tuple[Tensor, Tensor]
"""Mean and logarithm of the variance of the features, (B, Z)."""


def layers(*sizes: int) -> nn.Sequential:
    """Return linear layers, each rectified."""
    return nn.Sequential(*(m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())))


class Encoder(nn.Module):
    """Read states and movements both ways; the mean over time and the classes give the features."""

    def __init__(self, state: int, labels: int, features: int, hidden: int, units: int) -> None:
        super().__init__()
        self.read = nn.GRU(2 * state, units, bidirectional=True, batch_first=True)
        self.mix = layers(2 * units + labels, hidden, hidden)
        self.mean, self.log_variance = nn.Linear(hidden, features), nn.Linear(hidden, features)

    def forward(self, x: Float[Tensor, "B T S"], labels: Float[Tensor, "B L"]) -> Posterior:
        """Return mean and logarithm of the variance of the features of stretches."""
        y = self.mix(torch.cat([self.read(movements(x))[0].mean(dim=1), labels], dim=1))
        return self.mean(y), self.log_variance(y).clamp(-WIDEST, WIDEST)


class Decoder(nn.Module):
    """Draw one movement after another from the state, the features and what was drawn before."""

    def __init__(self, state: int, features: int, hidden: int, units: int) -> None:
        super().__init__()
        self.remember = nn.GRU(2 * state, units, batch_first=True)
        self.mix = layers(state + features + units, hidden, hidden)
        self.mean, self.log_variance = nn.Linear(hidden, state), nn.Linear(hidden, state)

    def forward(self, x: Float[Tensor, "B T S"], z: Float[Tensor, "B Z"]) -> Posterior:
        """Return mean and logarithm of the variance of the movement after each state but the last."""
        told = movements(x)
        memory = nn.functional.pad(self.remember(told)[0][:, :-1], (0, 0, 1, 0))
        return self._next(x[:, :-1], z[:, None].expand(-1, told.shape[1], -1), memory)

    def roll_out(
        self, start: Float[Tensor, "B S"], z: Float[Tensor, "B Z"], count: int, temperature: float = 0.0
    ) -> Float[Tensor, "B T S"]:
        """Return the states that follow each other from `start`, `count` movements on."""
        memory = start.new_zeros(1, len(start), self.remember.hidden_size)
        drawn = [start]
        for _ in range(count):
            mean, log_variance = self._next(drawn[-1], z, memory[0])
            movement = mean
            if temperature:
                movement = mean + temperature * (0.5 * log_variance).exp() * torch.randn_like(mean)
            _, memory = self.remember(torch.cat([drawn[-1], movement], dim=1)[:, None], memory)
            drawn.append(drawn[-1] + movement)
        return torch.stack(drawn, dim=1)

    def _next(self, state: Tensor, z: Tensor, memory: Tensor) -> Posterior:
        y = self.mix(torch.cat([state, z, memory], dim=-1))
        return self.mean(y), self.log_variance(y).clamp(-WIDEST, WIDEST)


class Approximator(nn.Module):
    """Tell the class that a program gives a stretch, from its states: unlike a program it has gradients."""

    def __init__(self, state: int, hidden: int, units: int) -> None:
        super().__init__()
        self.read = nn.GRU(2 * state, units, bidirectional=True, batch_first=True)
        self.mix = nn.Sequential(*layers(2 * units, hidden, hidden), nn.Linear(hidden, CLASSES))

    def forward(self, x: Float[Tensor, "B T S"]) -> Float[Tensor, "B 3"]:
        """Return the logits of the three classes."""
        logits: Tensor = self.mix(self.read(movements(x))[0].mean(dim=1))
        return logits


class TREBA(nn.Module):
    """The autoencoder, its approximators of programs, and a space for each program to compare features in."""

    components: Tensor
    shape: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        state: int,
        programs: int = len(THRESHOLDS),
        features: int = 32,
        hidden: int = 256,
        units: int = 256,
        shape: tuple[int, int] = (5, 14),
    ) -> None:
        super().__init__()
        self.register_buffer("components", torch.zeros(shape))
        self.register_buffer("shape", torch.zeros(shape[1]))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.encoder = Encoder(state, programs * CLASSES, features, hidden, units)
        self.decoder = Decoder(state, features, hidden, units)
        self.approximators = nn.ModuleList(Approximator(state, hidden, units) for _ in range(programs))
        self.spaces = nn.ModuleList(
            nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, features))
            for _ in range(programs)
        )

    @property
    def basis(self) -> Basis:
        """What postures are made of."""
        return Basis(self.components, self.shape)

    def forward(
        self, x: Float[Tensor, "B T S"], other: Tensor | None, told: Int64[Tensor, "B P"], recipe: Treba
    ) -> Float[Tensor, ""]:
        """Return the loss of the approximators; or, given the moved stretches, of the autoencoder."""
        if other is None:
            return self.judged(x, told).sum()
        mean, log_variance = self.encoder(x, one_hot(told))
        z = drawn(mean, log_variance)
        loss = surprise(x, self.decoder(x, z)) + divergence(mean, log_variance).sum()
        mean_moved, log_variance_moved = self.encoder(other, one_hot(told))
        moved = self.decoder(other, drawn(mean_moved, log_variance_moved))
        loss = loss + surprise(other, moved) + divergence(mean_moved, log_variance_moved).sum()
        loss = loss + recipe.contrast * self.contrast(mean, mean_moved, told).sum()
        rolled = self.decoder.roll_out(x[:, 0], z, x.shape[1] - 1, recipe.temperature)
        return loss + recipe.consistency * self.judged(rolled, told).sum()

    def judged(self, x: Float[Tensor, "B T S"], told: Int64[Tensor, "B P"]) -> Float[Tensor, " P"]:
        """Return the cross-entropy of each program's classes, summed over stretches."""
        each = [
            nn.functional.cross_entropy(approximator(x), classes, reduction="sum")
            for approximator, classes in zip(self.approximators, told.T, strict=True)
        ]
        return torch.stack(each)

    def contrast(
        self, mean: Float[Tensor, "B Z"], moved: Float[Tensor, "B Z"], told: Int64[Tensor, "B P"]
    ) -> Float[Tensor, " P"]:
        """Return the supervised contrastive loss of the features in the space of each program."""
        both = torch.cat([mean, moved])
        return torch.stack(
            [
                contrastive(space(both), torch.cat([classes, classes]))
                for space, classes in zip(self.spaces, told.T, strict=True)
            ]
        )


def movements(x: Float[Tensor, "B T S"]) -> Float[Tensor, "B T1 S2"]:
    """Return each state but the last, and the movement to the next."""
    return torch.cat([x[:, :-1], x[:, 1:] - x[:, :-1]], dim=2)


def drawn(mean: Float[Tensor, "B Z"], log_variance: Float[Tensor, "B Z"]) -> Float[Tensor, "B Z"]:
    """Draw features."""
    return mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


def one_hot(told: Int64[Tensor, "B P"]) -> Float[Tensor, "B L"]:
    """Return the classes of all programs as 0 and 1."""
    return nn.functional.one_hot(told, CLASSES).flatten(1).float()


def surprise(x: Float[Tensor, "B T S"], expected: Posterior) -> Float[Tensor, ""]:
    """Return the negative log likelihood of the movements, summed."""
    mean, log_variance = expected
    error = (x[:, 1:] - x[:, :-1] - mean).square()
    return 0.5 * (log(2 * pi) + log_variance + error * (-log_variance).exp()).sum()


def divergence(
    mean: Float[Tensor, "B Z"], log_variance: Float[Tensor, "B Z"], *, free: bool = True
) -> Float[Tensor, " B"]:
    """Return how far features are from a standard normal; the first 1 / Z of each is free."""
    each = -0.5 * (1 + log_variance - mean.square() - log_variance.exp())
    return (each.clamp(min=1 / mean.shape[1]) if free else each).sum(dim=1)


def contrastive(x: Float[Tensor, "N Z"], classes: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """Return the supervised contrastive loss: rows of one class should be alike (Khosla et al. 2020)."""
    x = nn.functional.normalize(x, dim=1)
    others = ~torch.eye(len(x), dtype=torch.bool, device=x.device)
    alike = (x @ x.T / HEAT).masked_fill(~others, -torch.inf)
    shares = (alike - alike.logsumexp(dim=1, keepdim=True)).masked_fill(~others, 0)
    positive = (classes[:, None] == classes) & others
    return -((shares * positive).sum(dim=1) / positive.sum(dim=1)).mean()
