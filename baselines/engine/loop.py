"""The loop that trains every network, its parts as arguments.

The same inputs and seed give the same weights on CPU, also when the training was killed and went on: all
randomness of an epoch, the order of the examples, the dropout and the augmentation, is drawn from
generators seeded with (seed, epoch), and learning rate and early stop follow from the losses so far, so
that nothing of it needs to be remembered. Another number of threads, another processor or another version
of torch may sum in another order and so differ in the last digits. On CUDA, cuDNN is asked for its
deterministic kernels and for all bits of float32; other kernels may still sum in any order there. Switches
that are on (`baselines/switches.py`) round otherwise, each in a way of its own.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from baselines.contract import Epoch
from baselines.dependencies import Inputs
from baselines.engine import checkpoints, devices, schedules, settings, steps
from baselines.engine.faults import TrainingError
from baselines.engine.steps import Loss
from baselines.switches import OFF, Switches

LOOK_EVERY = 50  # batches between two looks at the loss: each look waits for the device
VALIDATION = "validation_loss"
"""The column of the log that a family fills which validates by one number."""

History = Sequence[Epoch]
"""What the log holds of the epochs so far."""
Batches = Callable[[int, int], Sequence[Any]]
"""(epoch, seed) -> the batches of an epoch, from 1, drawn from a generator of their own."""
Schedule = Callable[[int, float, History], float]
"""(epoch, share of its batches that are done, log so far) -> learning rate."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A network that was trained."""

    model: nn.Module
    """As it was after the last epoch; with an average of its weights, the average."""
    best: Mapping[str, Mapping[str, Tensor]]
    """Name of a validation -> the weights after the epoch that it was lowest in."""
    history: History


def _nothing(_model: nn.Module) -> Mapping[str, Tensor]:
    return {}


def _never(_history: History) -> bool:
    return False


def _unchanged(_model: nn.Module, _learnable: frozenset[str], _epoch: int) -> bool:
    return False


def _silent(_history: History) -> None:
    return


def fit(
    build: Callable[[], nn.Module],
    batches: Batches,
    loss: Loss,
    optimise: Callable[[nn.Module], Optimizer],
    schedule: Schedule,
    *,
    epochs: int,
    seed: int,
    device: torch.device,
    checkpoint: Path,
    inputs: Inputs,
    validate: Callable[[nn.Module], Mapping[str, Tensor]] = _nothing,
    stop: Callable[[History], bool] = _never,
    open_epoch: Callable[[nn.Module, frozenset[str], int], bool] = _unchanged,
    start: Mapping[str, Any] | None = None,
    ema: float | None = None,
    clip: float | None = None,
    switches: Switches = OFF,
    report: Callable[[History], None] = _silent,
) -> Fitted:
    """Train `build()`, which is called after seeding; go on from `checkpoint` where that exists.

    `loss` returns the mean to descend and the number of its examples. `validate` returns numbers by name,
    lower where better; the weights of the best epoch of each are kept. `stop` ends it before `epochs`.
    `open_epoch` may freeze learnable weights for the epoch that begins, and returns whether a new optimiser
    trains from here on. `start` is the checkpoint of another training: weights and, where it has the key
    "optimiser", that one's memory. `ema` is the share of the average of the weights that each step keeps: the
    average is validated and returned. `clip` bounds the norm of the gradients. Raises `DataError` where the
    checkpoint belongs to other `inputs`, `TrainingError` where a loss is not finite.
    """
    with settings.reproducible(device), settings.float32():
        torch.manual_seed(derive(seed, 0))
        model = build().to(device)
        learnable = _learnable(model)
        optimiser = optimise(model)
        average = None if ema is None else AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema))  # type: ignore[no-untyped-call]
        history, best = _restored(model, optimiser, average, checkpoints.load(checkpoint, inputs), start)
        _say_where(history, epochs)
        step: steps.Step | None = None
        while len(history) < epochs and not stop(history):
            epoch, began, free = len(history) + 1, time.monotonic(), _learnable(model)
            if open_epoch(model, learnable, epoch):
                optimiser, step = optimise(model), None
            order = batches(epoch, derive(seed, epoch))
            if step is None or _learnable(model) != free:
                step = steps.prepare(model, loss, optimiser, average, clip, switches, order[0])
            torch.manual_seed(derive(seed, epoch, devices.rank()))  # dropout, augmentation
            mean, rate = _epoch(model, step, order, optimiser, schedule, epoch, history)
            values = _validated(validate, _shown(model, average), epoch)
            for name in _better(values, history):
                best[name] = {key: w.clone() for key, w in _shown(model, average).state_dict().items()}
            row = {"epoch": epoch, "loss": mean, **values, "lr": rate}
            history.append({**row, "seconds": time.monotonic() - began})
            if devices.rank() == 0:
                state = _state(model, optimiser, average)
                checkpoints.save(checkpoint, inputs, {**state, "best": best, "history": history})
                report(history)
                say(_line(history, epochs))
    return Fitted(_shown(model, average), best, history)


def derive(seed: int, epoch: int, rank: int = 0) -> int:
    """Mix the numbers, so that epoch 1 of seed 0 has nothing to do with epoch 0 of seed 1."""
    entropy = [seed, epoch, rank] if rank else [seed, epoch]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])


def values_of(name: str, history: History) -> list[float]:
    """Return one column of the log, without the epochs that have no number there."""
    return [value for epoch in history if (value := epoch.get(name)) is not None]


def say(text: str) -> None:
    """Print a line, in the first of several processes."""
    if devices.rank() == 0:
        print(text, file=sys.stderr)


def _say_where(history: History, epochs: int) -> None:
    if history:
        say(f"going on after epoch {len(history)} of {epochs}")


def _learnable(model: nn.Module) -> frozenset[str]:
    return frozenset(name for name, weights in model.named_parameters() if weights.requires_grad)


def _shown(model: nn.Module, average: AveragedModel | None) -> nn.Module:
    """Return the network whose weights count."""
    if average is None:
        return model
    averaged: nn.Module = average.module
    return averaged


def _state(model: nn.Module, optimiser: Optimizer, average: AveragedModel | None) -> dict[str, Any]:
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
    return state if average is None else {**state, "average": average.state_dict()}


def _restored(
    model: nn.Module,
    optimiser: Optimizer,
    average: AveragedModel | None,
    saved: Mapping[str, Any] | None,
    start: Mapping[str, Any] | None,
) -> tuple[list[Epoch], dict[str, Mapping[str, Tensor]]]:
    """Put all where the checkpoint, or the training that came first, left it; return log and best weights.

    A new average begins at the weights that the first step begins at.
    """
    if state := saved or start:
        model.load_state_dict({**model.state_dict(), **state["model"]})
        if "optimiser" in state:  # which goes on in the tensors that it is given
            optimiser.load_state_dict(deepcopy(state["optimiser"]))
    if average is not None and not saved:
        average.update_parameters(model)
    if not saved:
        return [], {}
    if average is not None:
        average.load_state_dict(saved["average"])
    return saved["history"], saved["best"]


def _epoch(
    model: nn.Module,
    step: steps.Step,
    order: Sequence[Any],
    optimiser: Optimizer,
    schedule: Schedule,
    epoch: int,
    history: History,
) -> tuple[float, float]:
    """Train one epoch; return the mean loss of its examples, and the last learning rate."""
    model.train()
    device = next(model.parameters()).device
    total, examples, mean, rate = torch.zeros((), device=device), 0, math.nan, math.nan
    silent = True if devices.rank() else None
    bar = tqdm(order, f"epoch {epoch}", unit=" batches", leave=False, disable=silent)
    for done, batch in enumerate(bar):
        if (wanted := schedule(epoch, done / len(order), history)) != rate:
            steps.set_rate(optimiser, rate := wanted)
        value, count = step(batch)
        total, examples = total + value, examples + count
        if (done + 1) % LOOK_EVERY == 0 or done + 1 == len(order):
            mean = _finite(devices.added(total), epoch) / examples
            bar.set_postfix(loss=f"{mean:.4f}")
    return mean, rate


def _validated(
    validate: Callable[[nn.Module], Mapping[str, Tensor]], model: nn.Module, epoch: int
) -> dict[str, float | None]:
    """Return the numbers of one epoch; one that is None, where nothing is validated."""
    values = {name: _finite(devices.agreed(value), epoch) for name, value in validate(model).items()}
    return {**values} or {VALIDATION: None}


def _better(values: Mapping[str, float | None], history: History) -> list[str]:
    """Return the names of the numbers that are lower than ever before."""
    return [
        name
        for name, value in values.items()
        if value is not None and value < min(values_of(name, history), default=math.inf)
    ]


def _line(history: History, epochs: int) -> str:
    done = history[-1]
    line = f"epoch {done['epoch']} of {epochs}: loss {done['loss']:.4f}"
    for name, held in done.items():
        if name not in ("epoch", "loss", "lr", "seconds") and held is not None:
            words = "held out" if name == VALIDATION else name
            line += f", {words} {held:.4f}, best in epoch {schedules.best_epoch(values_of(name, history))}"
    return line


def _finite(total: Tensor, epoch: int) -> float:
    value = float(total)
    if not math.isfinite(value):
        raise TrainingError(
            f"the loss is not finite in epoch {epoch}: stopped",
            ["the last checkpoint is the one of the epoch before"],
            hint="look for wrong keypoints in the training recordings, or lower the learning rate",
        )
    return value
