"""The engine: one loop that trains every model, and the pass that predicts.

The same inputs and seed give the same weights on CPU, also when the run was killed and went on: all
randomness of an epoch, the order of the frames and the dropout, is drawn from generators seeded with
(seed, epoch), so that nothing of it needs to be remembered. Another number of threads, another
processor or another version of torch may sum in another order and so differ in the last digits. On
CUDA, cuDNN is asked for its deterministic kernels; other kernels may still sum in any order there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from tqdm import tqdm

from baselines import checkpoints
from baselines.baseline import Recipe
from baselines.runs import Inputs
from baselines.windows import Windows
from bench.errors import BenchError

LOOK_EVERY = 50  # batches between two looks at the loss: each look waits for the device
PREDICT_BATCH = 256  # larger ones leave the cache: 1024 takes three times as long on CPU


class TrainingError(BenchError):
    """Training cannot go on: the loss is no number any more."""


def fit(
    build: Callable[[], nn.Module],
    data: Windows,
    targets: Int64[Tensor, " N"],
    class_weights: Float32[Tensor, " C"],
    recipe: Recipe,
    *,
    seed: int,
    inputs: Inputs,
    checkpoint: Path,
) -> nn.Module:
    """Train `build()` on the class index of each window; return it with the weights of the last epoch.

    The loss is the cross-entropy of each frame times the weight of its class, then the plain mean over
    the batch, as Keras does. Goes on from `checkpoint` where that exists. Raises `DataError` where it
    belongs to other `inputs`, `TrainingError` where the loss is not finite.
    """
    device = data.rows.device
    with _reproducible(device):
        torch.manual_seed(_derive(seed, 0))
        model = build().to(device)
        optimiser = torch.optim.Adam(model.parameters(), lr=recipe.lr, betas=recipe.betas, eps=recipe.eps)
        losses: list[float] = []
        if saved := checkpoints.load(checkpoint, inputs):
            model.load_state_dict(saved["model"])
            optimiser.load_state_dict(saved["optimiser"])
            losses = saved["losses"]
            print(f"going on after epoch {len(losses)} of {recipe.epochs}", file=sys.stderr)

        for epoch in range(len(losses) + 1, recipe.epochs + 1):
            model.train()
            torch.manual_seed(_derive(seed, epoch))  # dropout
            generator = torch.Generator().manual_seed(_derive(seed, epoch))
            order = torch.randperm(len(data), generator=generator).to(device)
            total = torch.zeros((), device=device)
            starts = range(0, len(data), recipe.batch)
            bar = tqdm(starts, f"epoch {epoch}", unit=" batches", leave=False, disable=None)
            for batch, start in enumerate(bar, start=1):
                chosen = order[start : start + recipe.batch]
                target = targets[chosen]
                logits = model(data.gather(chosen))
                each = nn.functional.cross_entropy(logits, target, reduction="none")
                loss = (each * class_weights[target]).mean()
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()

                total += loss.detach() * len(chosen)
                if batch % LOOK_EVERY == 0 or batch == len(starts):
                    mean = _finite(total, epoch) / (start + len(chosen))
                    bar.set_postfix(loss=f"{mean:.4f}")
            losses.append(mean)
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "losses": losses}
            checkpoints.save(checkpoint, inputs, state)
            print(f"epoch {epoch} of {recipe.epochs}: loss {losses[-1]:.4f}", file=sys.stderr)
    return model


@torch.inference_mode()
def predict(model: nn.Module, data: Windows) -> Float32[np.ndarray, "N C"]:
    """Return the class probabilities of every window; rows sum to one."""
    model.eval()
    every = torch.arange(len(data), device=data.rows.device)
    scores = [
        model(data.gather(every[start : start + PREDICT_BATCH])).softmax(dim=1).cpu()
        for start in range(0, len(data), PREDICT_BATCH)
    ]
    return torch.cat(scores).numpy()


def _derive(seed: int, epoch: int) -> int:
    """Mix both numbers, so that epoch 1 of seed 0 has nothing to do with epoch 0 of seed 1."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])


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
