"""What is held out of the training set to choose the epoch that is kept, and what that choice needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from baselines.contract import Phase, Plateau, Recipe
from baselines.inputs.windows import Examples
from bench.errors import UsageError
from bench.recordings import Recording

SHARE = 0.2
"""Of the windows, or of the groups, that are held out."""
PLATEAU_THRESHOLD = 1e-4
"""The share by which a loss must fall to count as better: torch's default."""
STREAM = 20  # apart from the engine's draws of the same seed


def hold_out_windows(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Part windows at random into those that train and the fifth that validates.

    A validation window shares all but one frame with its neighbours, which train: its loss is too good.
    This is how the released weights of MSGL were chosen; it is here to repeat that, not to recommend it.
    """
    order = torch.from_numpy(_generator(seed).permutation(len(examples))).to(examples.targets.device)
    held_out = max(1, round(SHARE * len(examples)))
    return examples.subset(order[held_out:]), examples.subset(order[:held_out])


def hold_out_groups(
    recordings: Sequence[Recording], seed: int
) -> tuple[Sequence[Recording], Sequence[Recording]]:
    """Part recordings into those that train and those that validate: a fifth of the groups, one at least.

    Raises `UsageError` where there is but one group.
    """
    groups = sorted({recording.group for recording in recordings})
    if len(groups) < 2:
        raise UsageError(
            "nothing can be held out to validate: all training recordings are of one group",
            hint="train a baseline whose recipe needs no validation, such as conv1d",
        )
    drawn = _generator(seed).permutation(groups)[: max(1, round(SHARE * len(groups)))]
    held_out = set(drawn.tolist())
    return (
        [recording for recording in recordings if recording.group not in held_out],
        [recording for recording in recordings if recording.group in held_out],
    )


def best_epoch(losses: Sequence[float]) -> int:
    """Return the first epoch, from 1, whose validation loss no other one undercuts."""
    return 1 + min(range(len(losses)), key=losses.__getitem__)


def learning_rate(phase: Phase, plateau: Plateau | None, losses: Sequence[float]) -> float:
    """Return the rate of the next epoch, as torch's `ReduceLROnPlateau` sets it after these losses."""
    rate, best, waited = phase.lr, math.inf, 0
    if plateau is None:
        return rate
    for loss in losses:
        better = loss < best * (1 - PLATEAU_THRESHOLD)
        best, waited = (loss, 0) if better else (best, waited + 1)
        if waited > plateau.patience:
            rate, waited = rate * plateau.factor, 0
    return rate


def is_over(recipe: Recipe, epochs: int, losses: Sequence[float]) -> bool:
    """Say whether training ends after `epochs`: all are done, or too long ago was the best one."""
    if recipe.patience is not None and losses and epochs - best_epoch(losses) >= recipe.patience:
        return True
    return epochs >= recipe.epochs


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, STREAM])
