"""How a network learns to label frames by the windows around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from baselines.dependencies import Inputs
from baselines.engine import devices, keras, loop, losses, schedules, steps
from baselines.inputs.augmentation import augment
from baselines.inputs.windows import Examples
from baselines.recipes.windows import Recipe
from baselines.switches import OFF, Switches

AT_ONCE, AT_ONCE_CUDA = 256, 8192
"""Windows that a device is quick with: more leave the cache, and 1024 take three times as long on a CPU."""


def fit(
    build: Callable[[], nn.Module],
    train: Examples,
    weights: losses.Weights,
    recipe: Recipe,
    *,
    seed: int,
    checkpoint: Path,
    inputs: Inputs,
    held_out: Examples | None = None,
    start: Mapping[str, Any] | None = None,
    switches: Switches = OFF,
    report: Callable[[loop.History], None] = lambda _: None,
    poses: int | None = None,
) -> nn.Module:
    """Train `build()` by a recipe; return it as it was after its last epoch, or the best one on `held_out`.

    `weights` are those of the classes in the loss; `poses` is how many of the first columns of a window are
    coordinates, None where all are. Raises what `loop.fit` raises.
    """

    def held_out_losses(history: loop.History) -> list[float]:
        return loop.values_of(loop.VALIDATION, history)

    def rate(epoch: int, _done: float, history: loop.History) -> float:
        base = schedules.after_milestones(recipe.phase(epoch)[0].lr, recipe.milestones, epoch)
        base = schedules.warm(base, recipe.warm_up, epoch)
        if recipe.plateau is None:
            return base
        plateau = recipe.plateau
        return schedules.after_plateaus(base, plateau.factor, plateau.patience, held_out_losses(history))

    def validate(model: nn.Module) -> Mapping[str, Tensor]:
        if held_out is None:
            return {}
        return {loop.VALIDATION: evaluate(model, held_out, weights, recipe, switches)}

    fitted = loop.fit(
        build,
        partial(batches, train, recipe.batch, drawn=recipe.drawn),
        partial(_loss, train, weights, recipe, poses),
        partial(optimiser, recipe, switches),
        rate,
        epochs=recipe.epochs,
        seed=seed,
        device=train.targets.device,
        checkpoint=checkpoint,
        inputs=inputs,
        validate=validate,
        stop=lambda history: schedules.waited_too_long(recipe.patience, held_out_losses(history)),
        open_epoch=partial(_open_epoch, recipe),
        start=start,
        switches=switches,
        report=report,
    )
    if best := fitted.best.get(loop.VALIDATION):
        fitted.model.load_state_dict(best)
    return fitted.model


@torch.inference_mode()
def evaluate(
    model: nn.Module, examples: Examples, weights: losses.Weights, recipe: Recipe, switches: Switches = OFF
) -> Float32[Tensor, ""]:
    """Return the loss over all examples at once, the model in evaluation: no batch is weighted alone."""
    model.eval()
    sums = []
    device = examples.targets.device
    for chosen in torch.split(torch.arange(len(examples), device=device), at_once(device, recipe)):
        with steps.precision(device, switches):
            logits = model(examples.windows.gather(chosen))
        sums.append(losses.cross_entropy(logits.float(), examples.targets[chosen], weights, recipe.smoothing))
    balanced = recipe.class_weights == "balanced"
    return torch.stack(sums).sum() / losses.divisor(examples.targets, weights, balanced=balanced)


def batches(
    examples: Examples, size: int, _epoch: int, seed: int, *, drawn: int | None = None
) -> Sequence[Int64[Tensor, " _"]]:
    """Draw the order in which examples train, anew for every epoch: all of them, or so many."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[:drawn]
    parts = torch.split(order.to(examples.targets.device), size)
    if size > 1 and len(parts) > 1 and len(parts[-1]) < max(2, devices.size()):
        # batch normalisation divides by the deviation within a batch, and one frame has none; and every
        # process needs a frame
        return (*parts[:-2], torch.cat(parts[-2:]))
    return parts


def optimiser(recipe: Recipe, switches: Switches, model: nn.Module) -> Optimizer:
    """Return an optimiser of all weights that remembers nothing.

    A CUDA graph replays one epsilon, so that there Keras' Adam takes the steps of torch's.
    """
    fused = True if next(model.parameters()).device.type == "cuda" else None  # one kernel for all weights
    if recipe.sgd is not None:
        sgd = recipe.sgd
        return SGD(
            model.parameters(),
            lr=recipe.lr,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            weight_decay=sgd.decay,
            fused=fused,
        )
    adam = Adam(
        model.parameters(),
        lr=recipe.lr,
        betas=recipe.betas,
        eps=recipe.eps,
        fused=fused,
        capturable=switches.graphs,
    )
    return keras.add_epsilon_first(adam) if recipe.adam == "keras" and not switches.graphs else adam


def at_once(device: torch.device, recipe: Recipe) -> int:
    """Return how many windows the device is quick with, and has memory for."""
    quick = AT_ONCE_CUDA if device.type == "cuda" else AT_ONCE
    return min(quick, recipe.together or quick)


def _loss(
    train: Examples,
    weights: losses.Weights,
    recipe: Recipe,
    poses: int | None,
    forward: steps.Forward,
    chosen: Int64[Tensor, " B"],
) -> tuple[Tensor, int]:
    """Return the loss of a batch of examples, of which this process computes its share."""
    mine = devices.share(chosen)
    moved = augment(train.windows.gather(mine), recipe.augmentation, poses, recipe.past)
    logits = forward(moved)
    summed = losses.cross_entropy(logits.float(), train.targets[mine], weights, recipe.smoothing)
    balanced = recipe.class_weights == "balanced"
    return summed / losses.divisor(train.targets[chosen], weights, balanced=balanced), len(chosen)


def _open_epoch(recipe: Recipe, model: nn.Module, learnable: frozenset[str], epoch: int) -> bool:
    """Free the weights that learn in the phase of an epoch; say whether its optimiser starts anew.

    Batch normalisations go on learning where the head alone does: the code of CalMS21 never freezes them.
    """
    phase, opens = recipe.phase(epoch)
    if phase.trains == "head":
        steps.free_head(model, learnable)
    else:
        steps.free(model, learnable)
    return opens and phase.adam == "new"
