"""Training windows moved at random, so that a network does not learn where in the cage things happen."""

from __future__ import annotations

import torch
from jaxtyping import Float32
from torch import Tensor

from baselines.recipes.windows import Augmentation


def augment(x: Float32[Tensor, "B W F"], how: Augmentation | None) -> Float32[Tensor, "B W F"]:
    """Mirror each window or not, rotate it about the origin, shift it; features are (…, x, y) pairs.

    None leaves them. Angles and shifts are uniform, one of each per window, and drawn from torch's
    generator of the device. The coordinates are shares of the image's width and height, so on an image
    that is not square the rotation shears: CalMS21's code does this, and so does its published number.
    """
    if how is None:
        return x
    angle = how.rotation * _uniform(len(x), 1, 1, device=x.device)
    shift = how.shift * _uniform(len(x), 1, 1, 2, device=x.device)
    sin, cos = angle.sin(), angle.cos()
    points = x.view(*x.shape[:2], -1, 2)  # (B, W, F / 2, 2)
    px, py = points.unbind(dim=3)
    if how.reflect:  # drawn last: recipes that do not mirror keep their angles and shifts
        px = torch.where(_uniform(len(x), 1, 1, device=x.device) < 0, -px, px)
    turned = torch.stack([cos * px - sin * py, sin * px + cos * py], dim=3)
    return (turned + shift).flatten(2)


def _uniform(*shape: int, device: torch.device) -> Tensor:
    """Draw from [-1, 1)."""
    return 2 * torch.rand(*shape, device=device) - 1
