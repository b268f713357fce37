"""The engine: one loop that trains every model, and the pass that predicts.

The same inputs and seed give the same weights on CPU, also when the run was killed and went on: all
randomness of an epoch, the order of the frames, the dropout and the augmentation, is drawn from
generators seeded with (seed, epoch), and learning rate and early stop follow from the validation losses
so far, so that nothing of it needs to be remembered. Another number of threads, another processor or
another version of torch may sum in another order and so differ in the last digits. On CUDA, cuDNN is
asked for its deterministic kernels and for all bits of float32; other kernels may still sum in any order
there. Switches that are on (`baselines/switches.py`) round otherwise, each in a way of its own.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from tqdm import tqdm

from baselines.contract import Recipe
from baselines.engine import checkpoints, devices, steps, validation
from baselines.engine.curves import COLUMNS, Epoch
from baselines.engine.curves import write as write_log
from baselines.engine.faults import TrainingError
from baselines.engine.losses import Weights, cross_entropy, divisor, probabilities
from baselines.inputs.windows import Examples, Windows
from baselines.runs.run import Inputs
from baselines.switches import OFF, Switches

LOOK_EVERY = 50  # batches between two looks at the loss: each look waits for the device
PREDICT_BATCH = 256  # larger ones leave the cache: 1024 takes three times as long on CPU
PREDICT_BATCH_CUDA = 8192


def fit(
    build: Callable[[], nn.Module],
    train: Examples,
    class_weights: Weights,
    recipe: Recipe,
    *,
    seed: int,
    inputs: Inputs,
    checkpoint: Path,
    held_out: Examples | None = None,
    switches: Switches = OFF,
    start: Mapping[str, Any] | None = None,
    report: Callable[[Epoch], None] | None = None,
) -> nn.Module:
    """Train `build()`; return it as it was after the last epoch, or after the best one on `held_out`.

    Goes on from `checkpoint` where that exists, and logs every epoch beside it and to `report`. `start` is
    the state that a pretraining ended in: the weights that it holds, and the optimiser's memory. Raises
    `DataError` where the checkpoint belongs to other `inputs`, `TrainingError` where a loss is not finite.
    """
    device = train.targets.device
    with _reproducible(device), _float32():
        torch.manual_seed(_derive(seed, 0))
        model = build().to(device)
        learnable = {name for name, weights in model.named_parameters() if weights.requires_grad}
        optimiser = steps.adam(model, recipe, switches)
        history, best = _restored(model, optimiser, recipe, checkpoints.load(checkpoint, inputs), start)

        step: steps.Step | None = None
        while not validation.is_over(recipe, len(history), losses := _held_out_losses(history)):
            epoch, began = len(history) + 1, time.monotonic()
            phase, opens = recipe.phase(epoch)
            if opens and phase.adam == "new":
                optimiser = steps.adam(model, recipe, switches)
            if opens or step is None:
                steps.free(model, phase, learnable)
                step = steps.prepare(model, train, class_weights, recipe, optimiser, switches)
            rate = validation.learning_rate(phase, recipe.plateau, losses)
            steps.set_rate(optimiser, rate)
            mean = _epoch(model, step, train, recipe, seed, epoch)
            held = _held_out_loss(model, held_out, class_weights, recipe, switches, epoch)
            if held is not None and held < min(losses, default=math.inf):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            row = (epoch, mean, held, rate, time.monotonic() - began)
            history.append(dict(zip(COLUMNS, row, strict=True)))
            if devices.rank() == 0:
                state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "best": best}
                checkpoints.save(checkpoint, inputs, {**state, "history": history})
                _log(history, recipe, checkpoint, report)
        if best:
            model.load_state_dict(best)
    return model


def _restored(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    saved: Mapping[str, Any] | None,
    start: Mapping[str, Any] | None,
) -> tuple[list[Epoch], dict[str, Tensor]]:
    """Put the model and its optimiser where the checkpoint or the pretraining left them; return what was."""
    if state := saved or start:
        model.load_state_dict({**model.state_dict(), **state["model"]})
        if saved or recipe.phase(1)[0].adam == "kept":
            optimiser.load_state_dict(state["optimiser"])
    if not saved:
        return [], {}
    _say(f"going on after epoch {len(saved['history'])} of {recipe.epochs}")
    return saved["history"], saved["best"]


def _epoch(
    model: nn.Module, step: steps.Step, train: Examples, recipe: Recipe, seed: int, epoch: int
) -> float:
    """Train one epoch; return the mean loss of its frames."""
    model.train()
    torch.manual_seed(_derive(seed, epoch, devices.rank()))  # dropout, augmentation
    batches = _batches(train, recipe.batch, _derive(seed, epoch))
    total, seen = torch.zeros((), device=train.targets.device), 0
    silent = True if devices.rank() else None
    mean = math.nan
    bar = tqdm(batches, f"epoch {epoch}", unit=" batches", leave=False, disable=silent)
    for batch, chosen in enumerate(bar, start=1):
        total, seen = total + step(chosen), seen + len(chosen)
        if batch % LOOK_EVERY == 0 or batch == len(batches):
            mean = _finite(devices.added(total), epoch) / seen
            bar.set_postfix(loss=f"{mean:.4f}")
    return mean


def _held_out_loss(
    model: nn.Module,
    held_out: Examples | None,
    class_weights: Weights,
    recipe: Recipe,
    switches: Switches,
    epoch: int,
) -> float | None:
    if held_out is None:
        return None
    loss = evaluate(model, held_out, class_weights, recipe, switches)
    return _finite(devices.agreed(loss), epoch)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    examples: Examples,
    class_weights: Weights,
    recipe: Recipe,
    switches: Switches = OFF,
) -> Float32[Tensor, ""]:
    """Return the loss over all examples at once, the model in evaluation: no batch is weighted alone."""
    model.eval()
    sums = []
    for chosen in _pieces(len(examples), examples.targets.device):
        with steps.precision(chosen.device, switches):
            logits = model(examples.windows.gather(chosen))
        sums.append(cross_entropy(logits.float(), examples.targets[chosen], class_weights, recipe))
    return torch.stack(sums).sum() / divisor(examples.targets, class_weights, recipe)


@torch.inference_mode()
def predict(
    model: nn.Module, data: Windows, *, exclusive: bool = True, switches: Switches = OFF
) -> Float32[np.ndarray, "N C"]:
    """Return the class probabilities of every window; of classes that exclude each other they sum to one."""
    model.eval()
    scores = []
    with _float32():
        for chosen in _pieces(len(data), data.rows.device):
            with steps.precision(chosen.device, switches):
                logits = model(data.gather(chosen))
            scores.append(probabilities(logits, exclusive=exclusive))
    return torch.cat(scores).cpu().numpy()


def _pieces(count: int, device: torch.device) -> Sequence[Int64[Tensor, " _"]]:
    """Return the indices of all windows in pieces that the device is quick with."""
    size = PREDICT_BATCH_CUDA if device.type == "cuda" else PREDICT_BATCH
    return torch.split(torch.arange(count, device=device), size)


def _derive(seed: int, epoch: int, rank: int = 0) -> int:
    """Mix the numbers, so that epoch 1 of seed 0 has nothing to do with epoch 0 of seed 1."""
    entropy = [seed, epoch, rank] if rank else [seed, epoch]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0])


def _batches(examples: Examples, size: int, seed: int) -> Sequence[Int64[Tensor, " _"]]:
    """Draw the order in which examples train, anew for every epoch."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
    batches = torch.split(order.to(examples.targets.device), size)
    if size > 1 and len(batches) > 1 and len(batches[-1]) < max(2, devices.size()):
        # batch normalisation divides by the deviation within a batch, and one frame has none; and every
        # process needs a frame
        return (*batches[:-2], torch.cat(batches[-2:]))
    return batches


def _held_out_losses(history: Sequence[Epoch]) -> list[float]:
    return [loss for epoch in history if (loss := epoch["validation_loss"]) is not None]


def _log(
    history: Sequence[Epoch], recipe: Recipe, checkpoint: Path, report: Callable[[Epoch], None] | None
) -> None:
    write_log(checkpoint.with_suffix(".csv"), history)
    if report:
        report(history[-1])
    done, held = history[-1], history[-1]["validation_loss"]
    text = f"epoch {done['epoch']} of {recipe.epochs}: loss {done['loss']:.4f}"
    if held is not None:
        text += f", held out {held:.4f}, best in epoch {validation.best_epoch(_held_out_losses(history))}"
    _say(text)


def _say(text: str) -> None:
    if devices.rank() == 0:
        print(text, file=sys.stderr)


def _finite(total: Tensor, epoch: int) -> float:
    value = float(total)
    if not math.isfinite(value):
        raise TrainingError(
            f"the loss is not finite in epoch {epoch}: stopped",
            ["the last checkpoint is the one of the epoch before"],
            hint="look for wrong keypoints in the training recordings, or lower the learning rate",
        )
    return value


@contextmanager
def _reproducible(device: torch.device) -> Iterator[None]:
    """Ask torch for deterministic kernels; leave its settings and generators as they were found."""
    memory: Any = torch.utils.deterministic
    cudnn, strict = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    found = cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            torch.use_deterministic_algorithms(device.type == "cpu")
            cudnn.deterministic, cudnn.benchmark = True, False
            memory.fill_uninitialized_memory = False  # a quarter of the time, for memory that nobody reads
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory = found


@contextmanager
def _float32() -> Iterator[None]:
    """Keep cuDNN from rounding to TF32, as it does by default in convolutions and recurrent layers."""
    cudnn = torch.backends.cudnn
    found = cudnn.allow_tf32
    try:
        cudnn.allow_tf32 = False
        yield
    finally:
        cudnn.allow_tf32 = found
