"""Training windows moved at random, so that a network does not learn where in the cage things happen."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from baselines.recipes.windows import Augmentation


def augment(
    x: Float32[Tensor, "B W F"], how: Augmentation | None, poses: int | None = None, middle: int = 0
) -> Float32[Tensor, "B W F"]:
    """Mirror each window or not, rotate it about the origin, shift it, stretch a part of it to the whole.

    Features are (…, x, y) pairs; None leaves all. Where `poses` is given, the first so many columns alone are
    moved; the others are no places. No stretch moves sample `middle`. Angles, shifts and stretches are
    uniform, one of each per window, and drawn from torch's generator of the device. The coordinates are
    shares of the image's width and height, so on an image that is not square the rotation shears: CalMS21's
    code does this, and so does its published number.
    """
    if how is None:
        return x
    angle = how.rotation * _uniform(len(x), device=x.device)
    shift = how.shift * _uniform(len(x), 2, device=x.device)
    flip = None
    if how.reflect:  # drawn last: recipes that do not mirror keep their angles and shifts
        flip = _uniform(len(x), device=x.device) < 0
    poses = x.shape[2] if poses is None else poses
    moved = move(x[..., :poses], angle, shift, flip)
    if poses < x.shape[2]:
        moved = torch.cat([moved, x[..., poses:]], dim=2)
    if how.zoom == 1:
        return moved
    share = (1 + how.zoom + (1 - how.zoom) * _uniform(len(x), device=x.device)) / 2
    return stretch(moved, share, middle)


def move(
    x: Float32[Tensor, "B W F"],
    angle: Float32[Tensor, " B"],
    shift: Float32[Tensor, "B 2"],
    flip: Bool[Tensor, " B"] | None = None,
) -> Float32[Tensor, "B W F"]:
    """Mirror some windows, x to -x, rotate each by its angle about the origin, then shift it.

    The angle is in radians, from y towards x as in CalMS21's code; the shift has the unit of the coordinates.
    """
    px, py = x.view(*x.shape[:2], -1, 2).unbind(dim=3)  # (B, W, F / 2)
    if flip is not None:
        px = torch.where(flip[:, None, None], -px, px)
    sin, cos = angle.sin()[:, None, None], angle.cos()[:, None, None]
    turned = torch.stack([cos * px + sin * py, cos * py - sin * px], dim=3)
    return (turned + shift[:, None, None]).flatten(2)


def stretch(
    x: Float32[Tensor, "B W F"], share: Float32[Tensor, " B"], middle: int
) -> Float32[Tensor, "B W F"]:
    """Stretch a share, from 0 to 1, of each window to all of it; sample `middle` stays where it is.

    Between samples it is interpolated linearly.
    """
    place = torch.arange(x.shape[1], device=x.device) - middle
    position = middle + share[:, None] * place  # (B, W)
    before = position.floor()
    part = (position - before)[:, :, None]
    first = before.long()[:, :, None].expand_as(x)
    second = (first + 1).clamp(max=x.shape[1] - 1)
    return x.gather(1, first) * (1 - part) + x.gather(1, second) * part


def _uniform(*shape: int, device: torch.device) -> Tensor:
    """Draw from [-1, 1)."""
    return 2 * torch.rand(*shape, device=device) - 1
