"""What is held out of the training set to choose the epoch that is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from baselines.inputs.windows import Examples
from bench.errors import UsageError

SHARE = 0.2
"""Of the windows, or of the groups, that are held out."""
STREAM = 20  # apart from the loop's draws of the same seed


def hold_out_windows(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Part windows at random into those that train and the fifth that validates.

    A validation window shares all but one frame with its neighbours, which train: its loss is too good.
    This is how the released weights of MSGL were chosen; it is here to repeat that, not to recommend it.
    """
    order = torch.from_numpy(_generator(seed).permutation(len(examples))).to(examples.targets.device)
    held_out = max(1, round(SHARE * len(examples)))
    return examples.subset(order[held_out:]), examples.subset(order[:held_out])


def held_out_groups(groups: Sequence[str], seed: int) -> set[str]:
    """Return the groups that validate, of those of the training recordings: a fifth of them, one at least.

    Raises `UsageError` where there is but one group.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise UsageError(
            "nothing can be held out to validate: all training recordings are of one group",
            hint="train a baseline whose recipe needs no validation, such as conv1d",
        )
    drawn = _generator(seed).permutation(names)[: max(1, round(SHARE * len(names)))]
    return set(drawn.tolist())


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, STREAM])
