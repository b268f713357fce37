"""RaSeformer: ActionFormer whose attention keeps, in each window, the keys that are most like the query.

Reference: the RatSeizure paper and its public code (github.com/UA-CVML/RatSeizure at a068209). Written afresh
from facts.

As in the paper and the code: queries, keys and values from depthwise convolutions; a window of 9 rows, of
which each head keeps the centre and the four others with the largest product of query and key. As in the
code, the windows are those of the first three levels; at the last three a row attends to all rows.
`raseformer_windows` has a window of 9 at all six levels, as the paper's text says.

The code of the two ablations is not public, and the text gives each one clause. Ours:
`raseformer_static_keynorm` keeps the centre and the four other keys of largest Euclidean norm, each head by
the norms of its own keys, so that what is kept does not depend on the query. `raseformer_shared_topk` keeps
the same keys for all heads: the centre and the four with the largest sum over heads of query times key.

Features, stretches, batches and the recipe of `raseformer_small` are as in `actionformer.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from baselines.contract import Baseline, Sizes
from baselines.engine import localisation
from baselines.models.actionformer import (
    LEVELS,
    POSES,
    RATSEIZURE,
    RATSEIZURE_WINDOWS,
    SMALL,
    VIDEO,
    ActionFormer,
    architecture,
)
from baselines.parts.attention import Heads, Keep, neighbours
from baselines.parts.point_answers import Candidates, PointLoss, candidates, point_loss
from baselines.recipes.localisation import Recipe

SHARE = 0.5
"""Of the keys of a window that are kept, rounded up: 5 of 9."""
OUTSIDE = -1e9
"""The salience of rows that are not inside."""

Salience = Callable[[Float[Tensor, "B H T W"], Heads], Float[Tensor, "B H T W"]]
"""(query times key of each window, keys) -> how salient each key of the window is."""


def of_query(products: Float[Tensor, "B H T W"], key: Heads) -> Float[Tensor, "B H T W"]:  # noqa: ARG001
    """Return the product of query and key, of each head by itself."""
    return products


def of_norm(products: Float[Tensor, "B H T W"], key: Heads) -> Float[Tensor, "B H T W"]:
    """Return the norm of the key, of each head by itself: the same for all queries."""
    norms = key.norm(dim=-1, keepdim=True)
    return torch.cat(neighbours(norms, products.shape[3]), dim=3)


def of_all_heads(products: Float[Tensor, "B H T W"], key: Heads) -> Float[Tensor, "B H T W"]:  # noqa: ARG001
    """Return the sum over heads of the products of query and key: the same for all heads."""
    return products.sum(dim=1, keepdim=True).expand_as(products)


def keep_salient(
    salience: Salience,
    share: float,
    products: Float[Tensor, "B H T W"],
    key: Heads,
    near: Bool[Tensor, "B 1 T W"],
) -> Bool[Tensor, "B H T W"]:
    """Keep the centre of each window, and the most salient others, as many as the share says."""
    window = products.shape[3]
    centre = window // 2
    values = salience(products, key).detach().masked_fill(~near, OUTSIDE)
    values = values.index_fill(3, torch.tensor(centre, device=key.device), -math.inf)
    others = values.topk(math.ceil(window * share) - 1, dim=3).indices
    kept = torch.zeros_like(products, dtype=torch.bool).scatter(3, others, value=True)
    return kept.index_fill(3, torch.tensor(centre, device=key.device), value=True)


def salient(salience: Salience, share: float = SHARE) -> Keep:
    """Return what keeps the most salient keys."""
    return partial(keep_salient, salience, share)


def _build(keep: Keep, windows: tuple[int, ...], recipe: Recipe, sizes: Sizes) -> ActionFormer:
    """Return the network for the features that it needs."""
    return ActionFormer(replace(architecture(recipe, sizes), windows=windows), keep)


def _declare(
    name: str,
    title: str,
    description: str,
    salience: Salience = of_query,
    windows: tuple[int, ...] = RATSEIZURE_WINDOWS,
    recipe: Recipe = RATSEIZURE,
    features: str = VIDEO,
) -> Baseline:
    return localisation.baseline(
        module=__name__,
        name=name,
        title=title,
        description=description,
        reference="the RatSeizure paper and its code; what each variant chooses stands in its model file",
        paper="https://github.com/UA-CVML/RatSeizure",
        recipe=recipe,
        network=partial(_build, salient(salience), windows),
        loss=partial(point_loss, PointLoss()),
        decode=partial(candidates, Candidates()),
        final=True,
        features=features,
        reads=() if features == VIDEO else ("poses",),
    )


PER_HEAD = "each head keeps 5 keys of a window of 9 by query and key"
RASEFORMER = _declare("raseformer", "RaSeformer", f"{PER_HEAD}, at three levels as in the paper's code")
RASEFORMER_SMALL = _declare(
    "raseformer_small",
    "RaSeformer, small",
    f"{PER_HEAD}, at three levels as in the paper's code; 64 channels in place of 512 (ours)",
    recipe=SMALL,
    features=POSES,
)
WINDOWS = _declare(
    "raseformer_windows",
    "RaSeformer, windows at all levels",
    f"{PER_HEAD}, at all six levels as in the paper's text",
    windows=(9,) * len(LEVELS),
)
OF_NORM = (
    "each head keeps 5 keys of a window of 9 by the norms of its keys (ours: norm of each head, centre kept)"
)
STATIC_KEYNORM = _declare(
    "raseformer_static_keynorm", "RaSeformer with static key norms", OF_NORM, salience=of_norm
)
STATIC_KEYNORM_SMALL = _declare(
    "raseformer_static_keynorm_small",
    "RaSeformer with static key norms, small",
    f"{OF_NORM}; 64 channels in place of 512 (ours)",
    salience=of_norm,
    recipe=SMALL,
    features=POSES,
)
SHARED = "all heads keep the same 5 keys of a window of 9 (ours: by the sum over heads of query times key)"
SHARED_TOPK = _declare(
    "raseformer_shared_topk", "RaSeformer with keys that heads share", SHARED, salience=of_all_heads
)
SHARED_TOPK_SMALL = _declare(
    "raseformer_shared_topk_small",
    "RaSeformer with keys that heads share, small",
    f"{SHARED}; 64 channels in place of 512 (ours)",
    salience=of_all_heads,
    recipe=SMALL,
    features=POSES,
)
