"""A network that reads evenly spaced rows of whole recordings, and what it says of each row.

It is what a stack learns beside trees: rows hold what other models say of a recording that they never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.dependencies import Inputs
from baselines.engine import loop, losses, schedules, steps
from baselines.engine.forests import Rows
from baselines.engine.settings import float32
from baselines.recipes.stacking import Net

Crop = tuple[int, int]
"""The number of a recording, and the row at which a crop begins."""


def train(
    build: Callable[[], nn.Module],
    rows: Sequence[Rows],
    net: Net,
    exclusive: bool,
    *,
    seed: int,
    checkpoint: Path,
    inputs: Inputs,
) -> nn.Module:
    """Train on crops of rows; return the network after the last epoch, in evaluation.

    `build` makes a network that takes (B, T, F) and which rows are inside, Bool (B, T), and returns a tuple
    with the logits (B, T, C). Raises what `loop.fit` raises.
    """
    fitted = loop.fit(
        build,
        partial(_crops, [len(one.x) for one in rows], net),
        partial(_loss, rows, net, exclusive),
        lambda model: AdamW(model.parameters(), lr=net.lr, weight_decay=net.decay),
        lambda epoch, done, _history: schedules.warm_cosine(net.lr, 1, net.epochs, epoch - 1 + done),
        epochs=net.epochs,
        seed=seed,
        device=torch.device("cpu"),
        checkpoint=checkpoint,
        inputs=inputs,
    )
    return fitted.model.eval()


@torch.inference_mode()
def answers(
    model: nn.Module, x: Float32[np.ndarray, "R F"], *, exclusive: bool
) -> Float64[np.ndarray, "R C"]:
    """Return the probabilities of all rows of one recording."""
    with float32():
        (logits,) = model(torch.from_numpy(x)[None], torch.ones(1, len(x), dtype=torch.bool))
    shares = losses.probabilities(logits[0], exclusive=exclusive).numpy().astype(np.float64)
    whole: Float64[np.ndarray, "R C"] = shares / shares.sum(axis=1, keepdims=True) if exclusive else shares
    return whole


def _crops(lengths: Sequence[int], net: Net, _epoch: int, seed: int) -> list[list[Crop]]:
    """Cut every recording into crops from a random row on, and draw batches of them."""
    draw = np.random.default_rng(seed)
    crops = [
        (number, start)
        for number, length in enumerate(lengths)
        for start in range(-int(draw.integers(net.crop)), length, net.crop)
    ]
    order = [crops[place] for place in draw.permutation(len(crops))]
    return [order[start : start + net.batch] for start in range(0, len(order), net.batch)]


def _loss(
    rows: Sequence[Rows], net: Net, exclusive: bool, forward: steps.Forward, crops: Sequence[Crop]
) -> tuple[Tensor, int]:
    """Return the mean loss over the rows of a batch that can train."""
    x = torch.zeros(len(crops), net.crop, rows[0].x.shape[1])
    inside, usable = torch.zeros(2, len(crops), net.crop, dtype=torch.bool)
    truth = torch.zeros(len(crops), net.crop, rows[0].truth.shape[1], dtype=torch.bool)
    for place, (number, start) in enumerate(crops):
        one, first = rows[number], max(start, 0)
        stop = min(start + net.crop, len(one.x))
        here = slice(first - start, stop - start)
        x[place, here] = torch.from_numpy(one.x[first:stop])
        truth[place, here] = torch.from_numpy(one.truth[first:stop])
        usable[place, here] = torch.from_numpy(one.usable[first:stop])
        inside[place, here] = True
    (logits,) = forward(x, inside)
    told = truth[usable]
    targets = told.int().argmax(dim=1) if exclusive else told
    count = max(len(told), 1)
    weights = torch.ones(told.shape[1]) if exclusive else torch.ones(2, told.shape[1])
    return losses.cross_entropy(logits[usable], targets, weights) / count, count
