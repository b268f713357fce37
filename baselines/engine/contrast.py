"""The loss that draws two views of a thing together and pushes views of different things apart.

Reference: Chen et al. 2020, A Simple Framework for Contrastive Learning of Visual Representations (SimCLR),
arXiv:2002.05709: the normalised temperature-scaled cross entropy.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def contrastive_loss(
    one: Float[Tensor, "B D"], other: Float[Tensor, "B D"], temperature: float
) -> Float[Tensor, ""]:
    """Return the mean over all 2 B views of how badly each tells its partner from the other 2 B - 2.

    Row i of `one` and row i of `other` are views of one thing. Views are compared by the cosine.
    """
    views = nn.functional.normalize(torch.cat([one, other]), dim=1)
    alike = views @ views.T / temperature
    alike.fill_diagonal_(-torch.inf)  # a view is not compared with itself
    partner = torch.arange(len(views), device=views.device).roll(len(one))
    return nn.functional.cross_entropy(alike, partner)
