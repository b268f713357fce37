"""Networks that find segments in rows of features: how they learn, and how they predict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import (
    Baseline,
    Data,
    Derived,
    Need,
    Predictor,
    Question,
    Run,
    Sizes,
    State,
    Workspace,
)
from baselines.engine import devices, loop, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.points import Truth
from baselines.inputs.scaling import Scaled, moments
from baselines.inputs.stretches import drawn_length, drawn_start, overlapping, stretches
from baselines.recipes.localisation import Recipe
from bench.errors import DataError
from bench.metrics.softnms import soft_nms
from bench.recordings import MOST_DETECTIONS, Detections, Recording

Network = Callable[[Recipe, Sizes], nn.Module]
"""Builds a network: features Float (B, N, F) and which rows are inside, Bool (B, N), give any outputs."""
Loss = Callable[[Any, Bool[Tensor, "B N"], Sequence[Truth]], Tensor]
"""(outputs, which rows are inside, truth of each recording) -> the mean to descend."""
Decode = Callable[[Any, Bool[Tensor, "1 N"]], tuple[Tensor, Tensor, Tensor]]
"""(outputs of one recording, which rows are inside) -> bounds in rows (D, 2), labels (D,), scores (D,)."""

MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d)
SLOW = 0.1
"""The share of the rate at which slow weights learn."""


@dataclass(frozen=True, eq=False)
class _Read:
    """What is kept of a training recording."""

    values: Float32[Tensor, "N F"]
    truth: Truth


def baseline(
    *,
    module: str,
    name: str,
    title: str,
    description: str,
    reference: str,
    recipe: Recipe,
    network: Network,
    loss: Loss,
    decode: Decode,
    features: str,
    reads: Iterable[str] = ("poses",),
    paper: str | None = None,
    final: bool = False,
    nms: bool = True,
) -> Baseline:
    """Declare a network of this family; `module` is the `__name__` of the file.

    `features` is the extractor that it reads, as `module:name`, and `reads` what that needs. `final` says
    that the model suppresses detections itself, before it cuts them to the recording, or, without `nms`, that
    none need it; otherwise those that it answers are raw.
    """
    return Baseline(
        model=f"{module}:{name}",
        name=name,
        title=title,
        description=description,
        reference=reference,
        paper=paper,
        recipe=recipe,
        reads=frozenset(reads),
        answers=frozenset({"segments"}),
        learn=partial(learn, network, loss),
        restore=partial(restore, network, decode, final and nms),
        network=network,
        needs=(Need(features, "features"),),
        detections="final" if final else "raw",
        libraries=("numpy", "torch"),
        devices=frozenset({"cpu", "cuda"}),
        switches=frozenset({"precision", "tensorboard"}),
    )


def small(whole: Baseline, less: str, recipe: Recipe) -> Baseline:
    """Declare a network again, as `<name>_small`: on poses, by a recipe that one core trains in minutes.

    `less` says what it lacks.
    """
    return replace(
        whole,
        model=f"{whole.model}_small",
        name=f"{whole.name}_small",
        title=f"{whole.title}, small",
        description=f"{whole.description}; {less}",
        recipe=recipe,
        reads=frozenset({"poses"}),
        needs=(Need("baselines.extractors.egocentric:egocentric", "features"),),
    )


def learn(network: Network, loss: Loss, run: Run, data: Data, workspace: Workspace) -> State:
    """Train on the recordings of one question.

    Raises `DataError` where no segment can train, and what `loop.fit` raises.
    """
    recipe: Recipe = run.recipe
    (question,) = run.questions
    device = devices.own_device(run.device)
    read = [_read(run, question, recording, workspace, device) for recording in data.train[question.key]]
    if not any(len(one.truth[1]) for one in read):
        raise DataError(
            f"nothing to train {run.model.partition(':')[2]!r} on",
            [f"no segment in {len(read)} recordings"],
            hint="choose another task or another baseline",
        )
    scales = moments([one.values.cpu().numpy() for one in read])
    lengths = [len(one.values) for one in read]
    examples = torch.repeat_interleave(torch.tensor(stretches(lengths, recipe.longest)))

    def descend(forward: steps.Forward, chosen: Int64[Tensor, " B"]) -> tuple[Tensor, int]:
        some = [_drawn(recipe, read[number]) for number in chosen.tolist()]
        x, inside = padded([one.values for one in some], recipe.multiple, recipe.shortest)
        return loss(forward(x, inside), inside, [one.truth for one in some]), len(some)

    def batches(_epoch: int, seed: int) -> Sequence[Int64[Tensor, " _"]]:
        order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
        return torch.split(examples[order], recipe.batch)

    fitted = loop.fit(
        lambda: Scaled(network(recipe, run.sizes), *scales),
        batches,
        descend,
        partial(optimiser, recipe),
        partial(rate, recipe, math.ceil(len(examples) / recipe.batch)),
        epochs=recipe.epochs,
        seed=run.seed,
        device=device,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        ema=recipe.ema,
        clip=recipe.clip,
        switches=run.switches,
        report=workspace.report,
    )
    return State(arrays_of(fitted.model.state_dict()), {})


def optimiser(recipe: Recipe, model: nn.Module) -> AdamW:
    """Return AdamW, its weights in groups by whether they decay and whether they are slow."""
    if recipe.decays == "all" and not recipe.slow:
        return AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay)
    matrices = {f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, MATRICES)}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, weights in model.named_parameters():
        decays = recipe.decays == "all" or name in matrices
        slow = any(word in name for word in recipe.slow)
        groups.setdefault((decays, slow), []).append(weights)
    return AdamW(
        [
            {
                "params": weights,
                "weight_decay": recipe.decay if decays else 0.0,
                "scale": SLOW if slow else 1.0,
            }
            for (decays, slow), weights in groups.items()
        ],
        lr=recipe.lr,
    )


def rate(recipe: Recipe, batches: int, epoch: int, done: float, _history: loop.History) -> float:
    """Return the learning rate of a step in an epoch, from 1, of so many batches; `done` is their share."""
    if recipe.schedule == "milestones":
        return schedules.after_milestones(recipe.lr, recipe.milestones, epoch)
    if recipe.schedule == "epochs":
        return schedules.warm_cosine(recipe.lr, recipe.warm_up, recipe.epochs, epoch - 1 + done)
    step = round((epoch - 1 + done) * batches)
    counts = recipe.warm_up * batches, recipe.epochs * batches
    return schedules.warm_cosine_steps(recipe.lr, recipe.floor, *counts, step)


def restore(
    network: Network, decode: Decode, nms: bool, run: Run, state: State, workspace: Workspace
) -> Predictor:
    """Return what predicts by this state: the best detections of each recording.

    With `nms` the frozen Soft-NMS chooses them before they are cut to the length of the recording.
    """
    recipe: Recipe = run.recipe
    ((extractor, width),) = run.sizes.features
    device = torch.device(run.device)
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = Scaled(network(recipe, run.sizes), np.zeros(width), np.ones(width))
    loaded(model, state).to(device).eval()

    @torch.inference_mode()
    def detections(recording: Recording) -> Detections:
        derived = workspace.features(extractor, recording)
        values = torch.from_numpy(derived.values).to(device)
        found = []
        for start, stop in overlapping(len(values), recipe.longest, recipe.overlap):
            x, inside = padded([values[start:stop]], recipe.multiple, recipe.shortest)
            with float32(), steps.precision(device, run.switches):
                outputs = model(x, inside)
            bounds, labels, scores = decode(outputs, inside)
            found.append((bounds + start, labels, scores))
        bounds, labels, scores = (torch.cat(columns) for columns in zip(*found, strict=True))
        answer = in_seconds(bounds, labels, scores, derived)
        if nms:
            answer = soft_nms(answer)
        return cut(answer, recording.frames / recording.fps)

    def predict(recordings: Iterable[Recording], _question: Question) -> Iterator[Detections]:
        return map(detections, recordings)

    return predict


def in_seconds(
    bounds: Float[Tensor, "D 2"], labels: Int64[Tensor, " D"], scores: Float[Tensor, " D"], derived: Derived
) -> Detections:
    """Turn rows into seconds; what ends before it starts is left out."""
    seconds = derived.start + bounds.double().cpu().numpy() * derived.step
    kept = np.flatnonzero(seconds[:, 0] < seconds[:, 1])
    sure = scores.double().cpu().numpy()
    return Detections(seconds[kept], labels.cpu().numpy()[kept], sure[kept])


def cut(detections: Detections, duration: float) -> Detections:
    """Cut detections to the length of a recording; keep the best that may be submitted."""
    seconds = np.clip(detections.bounds, 0, duration)
    kept = np.flatnonzero(seconds[:, 0] < seconds[:, 1])
    best = kept[np.argsort(-detections.scores[kept], kind="stable")[:MOST_DETECTIONS]]
    return Detections(seconds[best], detections.labels[best], detections.scores[best])


def in_rows(bounds: Float[np.ndarray, "S 2"], derived: Derived) -> Float[np.ndarray, "S 2"]:
    """Turn seconds into rows of features, fractions included."""
    return (bounds - derived.start) / derived.step


def padded(
    rows: Sequence[Float32[Tensor, "_ F"]], multiple: int, shortest: int = 1
) -> tuple[Float32[Tensor, "B N F"], Bool[Tensor, "B N"]]:
    """Put recordings of several lengths into one array; return it and which of its rows are inside."""
    longest = -(-max(shortest, *map(len, rows)) // multiple) * multiple
    x = rows[0].new_zeros(len(rows), longest, rows[0].shape[1])
    inside = torch.zeros(len(rows), longest, dtype=torch.bool, device=x.device)
    for number, values in enumerate(rows):
        x[number, : len(values)], inside[number, : len(values)] = values, True
    return x, inside


def _drawn(recipe: Recipe, one: _Read) -> _Read:
    """Return the stretch of a recording that trains this time."""
    rows = len(one.values)
    length = drawn_length(rows, recipe.longest, recipe.crop)
    if length == rows:
        return one
    start, truth = drawn_start(rows, length, *one.truth)
    return _Read(one.values[start : start + length], truth)


def _read(
    run: Run, question: Question, recording: Recording, workspace: Workspace, device: torch.device
) -> _Read:
    derived = workspace.features(run.sizes.features[0][0], recording)
    segments = question.segments(recording)
    bounds = torch.from_numpy(in_rows(segments.bounds, derived)).float().to(device)
    labels = torch.from_numpy(segments.labels.astype(np.int64)).to(device)
    return _Read(torch.from_numpy(derived.values).to(device), (bounds, labels))
