"""Two animals as task programming sees them: states in few numbers, and programs that a human wrote of them.

Reference: Sun et al. 2021, Task Programming: Learning Data Efficient Behavior Representations, CVPR,
arXiv:2011.13917, and appendix H of CalMS21, arXiv:2104.02710. States and programs equal the published ones,
but for the two angles between an animal and the other: the published code folds them by an expression that
is no angle; here they are as the paper describes them.

Poses have the shape (B, T, 2, K, 2), in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from bench.recordings import Skeleton

COMPONENTS = 5
"""Of the posture of an animal, at most."""
PLACE = 4
"""Numbers of a state that say where an animal is and where it heads."""
CALMS21_WIDTH = 1024.0
"""Pixels: the thresholds of distances are of such an image."""
BEFORE, AFTER = -2, 2
"""The frames, relative to the middle one, between which the programs measure movement."""
THRESHOLDS = (
    *((10.0, 20.0), (10.0, 20.0)),
    *((0.5, 1.5), (0.5, 1.5)),
    *((5.0, 8.0), (5.0, 8.0)),
    *((60.0, 200.0), (60.0, 200.0)),
    *((-0.5, 0.5), (-0.5, 0.5)),
)
"""Of the ten programs: speed, angle to the other, movement of the nose, of the first and the second animal;
distance from nose to nose and from the first's nose to the second's tail; bend between head and body, of the
first and the second. Pixels and radians."""
ANGLES = (2, 3, 8, 9)
"""The programs whose values are radians."""


@dataclass(frozen=True)
class Roles:
    """Which keypoints are nose, neck and base of the tail."""

    nose: int
    neck: int
    tail: int


def roles(skeleton: Skeleton) -> Roles:
    """Return the keypoints by name; where names say nothing, the first, the middle and the last one."""
    names = [name.lower() for name in skeleton.keypoints]

    def named(words: tuple[str, ...], otherwise: int) -> int:
        return next((i for i, name in enumerate(names) if any(word in name for word in words)), otherwise)

    middle = named(("neck", "body", "cent"), len(names) // 2)
    return Roles(named(("nose", "top"), 0), middle, named(("tail",), len(names) - 1))


def components(skeleton: Skeleton) -> int:
    """Return how many numbers stand for a posture: the neck is at the origin, the tail on the axis."""
    return min(COMPONENTS, 2 * len(skeleton.keypoints) - 3)


def scaled(xy: Float[Tensor, "... 2"], image: tuple[int, int]) -> Float[Tensor, "... 2"]:
    """Return places as shares of half the image, from its middle."""
    half = torch.tensor(image, dtype=xy.dtype, device=xy.device) / 2
    return (xy - half) / half


def postures(
    xy: Float[Tensor, "*B K 2"], at: Roles
) -> tuple[Float[Tensor, "*B K2"], Float[Tensor, "*B 2"], Float[Tensor, "*B 2"]]:
    """Return scaled keypoints relative to the neck, turned so that the body points along y; neck and turn.

    The turn is given as the sine and the cosine of its angle.
    """
    neck = xy[..., at.neck, :]
    axis = neck - xy[..., at.tail, :]
    angle = pi / 2 - torch.atan2(axis[..., 1], axis[..., 0])
    turn = torch.stack([angle.sin(), angle.cos()], dim=-1)
    return _turned(xy - neck[..., None, :], turn).flatten(-2), neck, turn


@dataclass(frozen=True, eq=False)
class Basis:
    """What postures are made of."""

    components: Float[Tensor, "C K2"]
    mean: Float[Tensor, " K2"]


def basis(shapes: Float[Tensor, "N K2"], count: int) -> Basis:
    """Return the mean of postures and their principal axes; the largest number of each axis is positive."""
    mean = shapes.double().mean(dim=0)
    centred = shapes.double() - mean
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    axes = vectors.T.flip(0)[:count]
    largest = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
    return Basis((axes * largest.sign()).to(shapes.dtype), mean.to(shapes.dtype))


def states(
    xy: Float[Tensor, "B T 2 K 2"], own: Basis, at: Roles, image: tuple[int, int]
) -> Float[Tensor, "B T S"]:
    """Return of each animal the place of the neck, sine and cosine of the turn, and C numbers of posture."""
    shapes, neck, turn = postures(scaled(xy, image), at)
    values = (shapes - own.mean) @ own.components.T
    return torch.cat([neck, turn, values], dim=-1).flatten(-2)


def rebuilt(states: Float[Tensor, "B T S"], own: Basis, image: tuple[int, int]) -> Float[Tensor, "B T 2 K 2"]:
    """Return the keypoints that states stand for, in pixels."""
    apart = states.unflatten(-1, (2, -1))  # type: ignore[no-untyped-call]
    neck, turn, values = apart[..., :2], apart[..., 2:PLACE], apart[..., PLACE:]
    shapes = (values @ own.components + own.mean).unflatten(-1, (-1, 2))
    back = turn * torch.tensor([-1.0, 1.0], dtype=states.dtype, device=states.device)
    xy: Tensor = _turned(shapes, back) + neck[..., None, :]
    half = torch.tensor(image, dtype=states.dtype, device=states.device) / 2
    return xy * half + half


def programs(xy: Float[Tensor, "B T 2 K 2"], at: Roles) -> Float[Tensor, "B 10"]:
    """Return the values of the ten programs at frame T // 2 of each stretch, in pixels and radians."""
    middle = xy.shape[1] // 2
    now, before, after = (xy[:, middle + step] for step in (0, BEFORE, AFTER))  # (B, 2, K, 2)
    nose, neck, tail = now[:, :, at.nose], now[:, :, at.neck], now[:, :, at.tail]
    centre = now.mean(dim=2)
    speed = _length(after.mean(dim=2) - before.mean(dim=2))
    noses = (after[:, :, at.nose] - after.mean(dim=2)) - (before[:, :, at.nose] - before.mean(dim=2))
    to_other = _angle(centre.flip(1) - centre)
    social = _folded(to_other - _angle(neck - tail)).abs()
    bend = _folded(_angle(neck - tail) - _angle(nose - neck))
    between = torch.stack([_length(nose[:, 0] - nose[:, 1]), _length(nose[:, 0] - tail[:, 1])], dim=1)
    return torch.cat([speed, social, _length(noses), between, bend], dim=1)


def classes(values: Float[Tensor, "B 10"], image: tuple[int, int]) -> Int64[Tensor, "B 10"]:
    """Return 0, 1 or 2: below, between or above the thresholds; distances as shares of the image's width."""
    thresholds = torch.tensor(THRESHOLDS, dtype=values.dtype, device=values.device)
    lengths = torch.ones(len(THRESHOLDS), 1, dtype=values.dtype, device=values.device)
    lengths[[i for i in range(len(THRESHOLDS)) if i not in ANGLES]] = image[0] / CALMS21_WIDTH
    return (values[..., None] >= thresholds * lengths).sum(dim=-1)


def moved(xy: Float[Tensor, "B T 2 K 2"], image: tuple[int, int]) -> Float[Tensor, "B T 2 K 2"]:
    """Turn each stretch about the middle of the image, move it within it, mirror it; some are disturbed too.

    A quarter of the stretches get noise of 2 pixels, and one animal is moved by up to 20. Drawn from torch's
    generator of the device.
    """
    batch, device = len(xy), xy.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, device=device)

    size = torch.tensor(image, dtype=xy.dtype, device=device)
    angle = (2 * uniform(1, 1) - 1) * pi
    xy = _turned(xy - size / 2, torch.stack([angle.sin(), angle.cos()], dim=-1)) + size / 2
    low, high = -xy.amin(dim=(1, 2, 3)), size - xy.amax(dim=(1, 2, 3))  # (B, 2)
    fits = low <= high
    xy = xy + torch.where(fits, low + uniform(2) * (high - low), 0.0)[:, None, None, None]
    mirrored = (uniform(2) < 0.5)[:, None, None, None]
    xy = torch.where(mirrored, size - xy, xy)
    disturbed = uniform(1, 1, 1, 1) < 0.25
    noise = 2 * torch.randn(xy.shape, device=device)
    apart = torch.zeros(batch, 1, 2, 1, 2, device=device)
    which = (uniform() < 0.5).long()
    apart[torch.arange(batch, device=device), 0, which, 0] = 20 * (2 * uniform(2) - 1)
    return torch.where(disturbed, xy + noise + apart, xy)


def _turned(xy: Float[Tensor, "*B K 2"], turn: Float[Tensor, "*#B 2"]) -> Float[Tensor, "*B K 2"]:
    """Turn points by an angle that is given as its sine and cosine."""
    sin, cos = turn[..., None, 0], turn[..., None, 1]
    x, y = xy[..., 0], xy[..., 1]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-1)


def _angle(vectors: Float[Tensor, "*B 2"]) -> Float[Tensor, "*B"]:
    return torch.atan2(vectors[..., 1], vectors[..., 0])


def _folded(angle: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Return the same angle in [-pi, pi)."""
    return (angle + pi) % (2 * pi) - pi


def _length(vectors: Float[Tensor, "*B 2"]) -> Float[Tensor, "*B"]:
    return torch.linalg.vector_norm(vectors, dim=-1)
