"""Learning rates as functions of the epoch and of the losses so far: resuming needs no memory of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

PLATEAU_THRESHOLD = 1e-4
"""The share by which a loss must fall to count as better: torch's default."""


def after_plateaus(rate: float, factor: float, patience: int, losses: Sequence[float]) -> float:
    """Return the rate of the next epoch, as torch's `ReduceLROnPlateau` sets it after these losses."""
    best, waited = math.inf, 0
    for loss in losses:
        better = loss < best * (1 - PLATEAU_THRESHOLD)
        best, waited = (loss, 0) if better else (best, waited + 1)
        if waited > patience:
            rate, waited = rate * factor, 0
    return rate


def after_milestones(rate: float, milestones: Sequence[int], epoch: int) -> float:
    """Return the rate of an epoch, from 1: a tenth after each milestone that has passed."""
    return rate * 0.1 ** sum(epoch > milestone for milestone in milestones)


def warm(rate: float, warm_up: int, epoch: int) -> float:
    """Return the rate of an epoch, from 1, that rises evenly over the first `warm_up` epochs."""
    return rate * epoch / warm_up if epoch < warm_up else rate


def warm_cosine(rate: float, warm_up: int, epochs: int, done: float, least: float = 0.0) -> float:
    """Return the rate after `done` epochs, part of one included.

    It rises evenly to `rate`, then falls as a cosine to `least` at the last epoch.
    """
    if done < warm_up:
        return rate * done / warm_up
    share = (done - warm_up) / max(epochs - warm_up, 1)
    return least + (rate - least) * 0.5 * (1 + math.cos(math.pi * share))


def warm_cosine_steps(rate: float, floor: float, warm_up: int, steps: int, step: int) -> float:
    """Return the rate of a step, from 0: it rises to the last step of the warm-up, then falls to `floor`.

    As ActionFormer's code has it, at every step.
    """
    if step < warm_up:
        return rate * step / max(warm_up - 1, 1)
    share = (step - warm_up) / max(steps - warm_up, 1)
    return floor + (rate - floor) * 0.5 * (1 + math.cos(math.pi * share))


def best_epoch(losses: Sequence[float]) -> int:
    """Return the first epoch, from 1, whose validation loss no other one undercuts."""
    return 1 + min(range(len(losses)), key=losses.__getitem__)


def waited_too_long(patience: int | None, losses: Sequence[float]) -> bool:
    """Say whether the best loss is `patience` epochs ago."""
    return patience is not None and bool(losses) and len(losses) - best_epoch(losses) >= patience
