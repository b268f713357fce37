"""The engine: one loop that trains every model, and the pass that predicts.

The same inputs and seed give the same weights on CPU, also when the run was killed and went on: all
randomness of an epoch, the order of the frames, the dropout and the augmentation, is drawn from
generators seeded with (seed, epoch), and learning rate and early stop follow from the validation losses
so far, so that nothing of it needs to be remembered. Another number of threads, another processor or
another version of torch may sum in another order and so differ in the last digits. On CUDA, cuDNN is
asked for its deterministic kernels; other kernels may still sum in any order there.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from tqdm import tqdm

from baselines import checkpoints, validation
from baselines.augmentation import augment
from baselines.baseline import Recipe
from baselines.curves import COLUMNS, Epoch
from baselines.curves import write as write_log
from baselines.losses import cross_entropy
from baselines.runs import Inputs
from baselines.windows import Examples, Windows
from bench.errors import BenchError

LOOK_EVERY = 50  # batches between two looks at the loss: each look waits for the device
PREDICT_BATCH = 256  # larger ones leave the cache: 1024 takes three times as long on CPU


class TrainingError(BenchError):
    """Training cannot go on: the loss is no number any more."""


def fit(
    build: Callable[[], nn.Module],
    train: Examples,
    class_weights: Float32[Tensor, " C"],
    recipe: Recipe,
    *,
    seed: int,
    inputs: Inputs,
    checkpoint: Path,
    held_out: Examples | None = None,
) -> nn.Module:
    """Train `build()`; return it as it was after the last epoch, or after the best one on `held_out`.

    Goes on from `checkpoint` where that exists, and logs every epoch beside it. Raises `DataError` where
    it belongs to other `inputs`, `TrainingError` where a loss is not finite.
    """
    device = train.targets.device
    with _reproducible(device):
        torch.manual_seed(_derive(seed, 0))
        model = build().to(device)
        optimiser = torch.optim.Adam(model.parameters(), lr=recipe.lr, betas=recipe.betas, eps=recipe.eps)
        history: list[Epoch] = []
        best: dict[str, Tensor] = {}
        if saved := checkpoints.load(checkpoint, inputs):
            model.load_state_dict(saved["model"])
            optimiser.load_state_dict(saved["optimiser"])
            history, best = saved["history"], saved["best"]
            print(f"going on after epoch {len(history)} of {recipe.epochs}", file=sys.stderr)

        while not validation.is_over(recipe, len(history), losses := _held_out_losses(history)):
            epoch, began = len(history) + 1, time.monotonic()
            rate = optimiser.param_groups[0]["lr"] = validation.learning_rate(recipe, losses)
            model.train()
            torch.manual_seed(_derive(seed, epoch))  # dropout, augmentation
            batches = _batches(train, recipe.batch, _derive(seed, epoch))
            total, seen = torch.zeros((), device=device), 0
            bar = tqdm(batches, f"epoch {epoch}", unit=" batches", leave=False, disable=None)
            for batch, chosen in enumerate(bar, start=1):
                x = augment(train.windows.gather(chosen), recipe.augmentation)
                summed, divisor = cross_entropy(model(x), train.targets[chosen], class_weights, recipe)
                loss = summed / divisor
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()

                total, seen = total + loss.detach() * len(chosen), seen + len(chosen)
                if batch % LOOK_EVERY == 0 or batch == len(batches):
                    mean = _finite(total, epoch) / seen
                    bar.set_postfix(loss=f"{mean:.4f}")
            held = _finite(evaluate(model, held_out, class_weights, recipe), epoch) if held_out else None
            if held is not None and held < min(losses, default=math.inf):
                best = {name: value.clone() for name, value in model.state_dict().items()}
            row = (epoch, mean, held, rate, time.monotonic() - began)
            history.append(dict(zip(COLUMNS, row, strict=True)))
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "best": best}
            checkpoints.save(checkpoint, inputs, {**state, "history": history})
            _report(history, recipe, checkpoint.with_suffix(".csv"))
        if best:
            model.load_state_dict(best)
    return model


@torch.inference_mode()
def evaluate(
    model: nn.Module, examples: Examples, class_weights: Float32[Tensor, " C"], recipe: Recipe
) -> Float32[Tensor, ""]:
    """Return the loss over all examples at once, the model in evaluation: no batch is weighted alone."""
    model.eval()
    every = torch.arange(len(examples), device=examples.targets.device)
    sums, divisors = zip(
        *(
            cross_entropy(
                model(examples.windows.gather(chosen)), examples.targets[chosen], class_weights, recipe
            )
            for chosen in torch.split(every, PREDICT_BATCH)
        ),
        strict=True,
    )
    return torch.stack(sums).sum() / torch.stack(divisors).sum()


@torch.inference_mode()
def predict(model: nn.Module, data: Windows) -> Float32[np.ndarray, "N C"]:
    """Return the class probabilities of every window; rows sum to one."""
    model.eval()
    every = torch.arange(len(data), device=data.rows.device)
    scores = [model(data.gather(chosen)).softmax(dim=1).cpu() for chosen in torch.split(every, PREDICT_BATCH)]
    return torch.cat(scores).numpy()


def _derive(seed: int, epoch: int) -> int:
    """Mix both numbers, so that epoch 1 of seed 0 has nothing to do with epoch 0 of seed 1."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])


def _batches(examples: Examples, size: int, seed: int) -> Sequence[Int64[Tensor, " _"]]:
    """Draw the order in which examples train, anew for every epoch."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
    batches = torch.split(order.to(examples.targets.device), size)
    if size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
        # batch normalisation divides by the deviation within a batch, and one frame has none
        return (*batches[:-2], torch.cat(batches[-2:]))
    return batches


def _held_out_losses(history: Sequence[Epoch]) -> list[float]:
    return [loss for epoch in history if (loss := epoch["validation_loss"]) is not None]


def _report(history: Sequence[Epoch], recipe: Recipe, log: Path) -> None:
    write_log(log, history)
    done, held = history[-1], history[-1]["validation_loss"]
    text = f"epoch {done['epoch']} of {recipe.epochs}: loss {done['loss']:.4f}"
    if held is not None:
        text += f", held out {held:.4f}, best in epoch {validation.best_epoch(_held_out_losses(history))}"
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
