"""Networks that label all frames of a stretch at once: how they learn from crops, and how they predict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import Baseline, Data, Need, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, losses, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.motion import known_poses
from baselines.inputs.poses import columns, keypoints_of, pose_features
from baselines.inputs.scaling import Scaled, moments
from baselines.inputs.sequences import UNKNOWN, Sequences, sequences
from baselines.recipes.sequences import Recipe
from bench.errors import DataError
from bench.recordings import Recording

Network = Callable[[Recipe, Sizes], nn.Module]
"""Builds a network: features Float (B, T, F) and which frames are inside, Bool (B, T), give the logits Float
(B, T, C) of every frame; where there are several questions, a tuple with those of each.

Where a recipe looks at crops without labels, the network called with `aside=True` gives what it learns from
them: a loss.
"""


Asked = Callable[[Run, Workspace, nn.Module, Recording], Float32[np.ndarray, "T F"]]
"""What a trained network is asked: how its inputs are made, where they are other than in training."""
_Read = list[tuple[Float32[np.ndarray, "_ F"], Int64[np.ndarray, "_ ..."]]]
"""Of each recording, its features and the target of every frame."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of each question, and crops without labels; by their first rows."""

    questions: tuple[Int64[Tensor, " _"], ...]
    aside: Int64[Tensor, " _"] | None


@dataclass(frozen=True, eq=False)
class Material:
    """The recordings to learn from."""

    questions: tuple[Sequences, ...]
    """Of each question."""
    weights: tuple[losses.Weights, ...]
    aside: Sequences | None
    """Recordings without labels."""


def baseline(
    *,
    module: str,
    name: str,
    title: str,
    description: str,
    reference: str,
    recipe: Recipe,
    network: Network,
    paper: str | None = None,
    serves: Literal["part", "parts"] | tuple[str, ...] = "part",
    unlabelled: Sequence[str] = (),
    needs: Sequence[Need] = (),
    causal: bool = False,
    asked: Asked | None = None,
    video: bool = False,
) -> Baseline:
    """Declare a network of this family; `module` is the `__name__` of the file.

    Features that it needs stand beside the poses. `video` says that they are made from videos.
    """
    return Baseline(
        model=f"{module}:{name}",
        name=name,
        title=title,
        description=description,
        reference=reference,
        paper=paper,
        recipe=recipe,
        reads=frozenset({"poses", "video"} if video else {"poses"}),
        answers=frozenset({"frames"}),
        learn=partial(learn, network),
        restore=partial(restore, network, asked or _as_trained),
        network=network,
        example=_example,
        serves=serves,
        needs=tuple(needs),
        unlabelled=tuple(unlabelled),
        causal=causal,
        extra="train,video" if video else "train",
        libraries=("av", "numpy", "opencv-python-headless", "torch") if video else ("numpy", "torch"),
        devices=frozenset({"cpu", "cuda"}),
        switches=frozenset({"precision", "tensorboard"}),
    )


def learn(network: Network, run: Run, data: Data, workspace: Workspace) -> State:
    """Train on the recordings of all questions at once; the state holds the best weights for each.

    Raises `DataError` where no frame can train, and what `loop.fit` raises.
    """
    recipe: Recipe = run.recipe
    device = devices.own_device(run.device)
    read = [_read(run, workspace, question, data.train[question.key]) for question in run.questions]
    scales = moments([features for recordings in read for features, _ in recordings])
    start = workspace.start()["model"] if recipe.start else {}
    material = _material(run, workspace, read, data, device)
    held_out = {
        question.key: _laid_out(_read(run, workspace, question, recordings), recipe.size, device)
        for question in run.questions
        if (recordings := list(data.val.get(question.key, ())))
    }
    fitted = loop.fit(
        lambda: _scaled(network(recipe, run.sizes), recipe, *scales),
        partial(_batches, material, recipe.batch),
        partial(_loss, material, recipe),
        partial(_optimiser, recipe),
        partial(_rate, recipe),
        epochs=recipe.epochs,
        seed=run.seed,
        device=device,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        start={"model": {f"{recipe.start}.{name}": w for name, w in start.items()}} if start else None,
        validate=partial(_held_out_losses, run, material, held_out),
        clip=recipe.clip,
        switches=run.switches,
        report=workspace.report,
    )
    last = fitted.model.state_dict()
    arrays: dict[str, np.ndarray] = {}
    for question in run.questions:
        best = fitted.best.get(_column(run, question), last)
        arrays |= {f"{question.key}/{name}": array for name, array in arrays_of(best).items()}
    return State(arrays, {})


def restore(network: Network, asked: Asked, run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what predicts by this state."""
    recipe: Recipe = run.recipe
    width, models = _columns(recipe, run.sizes), {}
    for question in run.questions:
        prefix = f"{question.key}/"
        own = {name.removeprefix(prefix): a for name, a in state.arrays.items() if name.startswith(prefix)}
        with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
            model = _scaled(network(recipe, run.sizes), recipe, np.zeros(width), np.ones(width))
        models[question.key] = loaded(model, State(own, {})).to(torch.device(run.device)).eval()

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        for recording in recordings:
            features = asked(run, workspace, models[question.key], recording)
            logits = _logits(run, models[question.key], features, _place(run, question))
            yield losses.probabilities(logits, exclusive=question.exclusive).cpu().numpy()

    return predict


@torch.inference_mode()
def _logits(
    run: Run, model: nn.Module, features: Float32[np.ndarray, "T F"], place: int
) -> Float32[Tensor, "T C"]:
    device = torch.device(run.device)
    laid_out = sequences([features], [np.zeros(len(features), np.int64)], run.recipe.size, device)
    with float32(), steps.precision(device, run.switches):
        return laid_out.whole(lambda crops: _answers(model(crops.features, crops.inside))[place]).float()


def _batches(material: Material, size: int, _epoch: int, seed: int) -> Sequence[Batch]:
    """Cut all recordings anew, and draw the crops of each batch; a question with fewer crops begins again."""
    drawn = [torch.split(crops.draw(seed), size) for crops in material.questions]
    aside = torch.split(material.aside.draw(seed), size) if material.aside else None
    count = max(map(len, drawn))
    return [
        Batch(
            tuple(pieces[number % len(pieces)] for pieces in drawn),
            aside[number % len(aside)] if aside else None,
        )
        for number in range(count)
    ]


def _loss(material: Material, recipe: Recipe, forward: steps.Forward, batch: Batch) -> tuple[Tensor, int]:
    """Return the mean over questions of their loss, and what is learned without labels; and the crops."""
    each = []
    for place, (frames, weights, first) in enumerate(
        zip(material.questions, material.weights, batch.questions, strict=True)
    ):
        crops = frames.gather(first)
        logits = _answers(forward(crops.features, crops.inside))[place]
        each.append(_masked(logits.float(), crops.targets, weights, recipe))
    loss = torch.stack(each).mean()
    if material.aside is not None and batch.aside is not None:
        crops = material.aside.gather(batch.aside)
        loss = loss + recipe.aside * forward(crops.features, crops.inside, aside=True)
    return loss, sum(map(len, batch.questions))


def _masked(
    logits: Float32[Tensor, "B T C"], targets: Tensor, weights: losses.Weights, recipe: Recipe
) -> Float32[Tensor, ""]:
    """Return the loss of the frames that are known; 0 where none is."""
    overlapping = targets.dim() == 3
    known = (targets[..., 0] if overlapping else targets) != UNKNOWN
    answers = targets[known].bool() if overlapping else targets[known]
    balanced = recipe.class_weights == "balanced"
    divisor = losses.divisor(answers, weights, balanced=balanced).clamp(min=1e-9)
    return losses.cross_entropy(logits[known], answers, weights) / divisor


@torch.inference_mode()
def _held_out_losses(
    run: Run, material: Material, held_out: Mapping[str, Sequences], model: nn.Module
) -> dict[str, Tensor]:
    """Return the loss of each question on its validation recordings."""
    model.eval()
    values = {}
    for question, weights in zip(run.questions, material.weights, strict=True):
        if question.key in held_out:
            frames, logits, targets = held_out[question.key], [], []
            for first in torch.split(frames.draw(0).sort().values, run.recipe.batch):
                crops = frames.gather(first)
                with steps.precision(first.device, run.switches):
                    answer = _answers(model(crops.features, crops.inside))[_place(run, question)]
                logits.append(answer.float())
                targets.append(crops.targets)
            together = torch.cat(logits), torch.cat(targets)
            values[_column(run, question)] = _masked(*together, weights, run.recipe)
    return values


def _read(run: Run, workspace: Workspace, question: Question, recordings: Iterable[Recording]) -> _Read:
    """Return the features of recordings and the target of every frame; `UNKNOWN` where none trains."""
    read: _Read = []
    for recording in recordings:
        truth = question.truth(recording)
        targets = truth.argmax(axis=1) if question.exclusive else truth.astype(np.int64)
        targets[~question.labelled(recording)] = UNKNOWN
        read.append((features_of(run, workspace, recording), targets))
    if not any((targets != UNKNOWN).any() for _, targets in read):
        raise DataError(
            f"nothing to train {run.model.partition(':')[2]!r} on",
            [f"no annotated frame in {len(read)} recordings of {question.key}"],
            hint="choose another task or another baseline",
        )
    return read


def _material(
    run: Run, workspace: Workspace, read: Sequence[_Read], data: Data, device: torch.device
) -> Material:
    """Lay out what trains: the recordings of each question, and those without labels where they are used."""
    recipe: Recipe = run.recipe
    asked = tuple(_laid_out(recordings, recipe.size, device) for recordings in read)
    weights = tuple(_weights(recipe, q, frames) for q, frames in zip(run.questions, asked, strict=True))
    aside: _Read = []
    if recipe.aside:
        poses = [features_of(run, workspace, recording) for recording in data.unlabelled]
        aside = [(features, np.full(len(features), UNKNOWN)) for features in poses]
    return Material(asked, weights, _laid_out(aside, recipe.size, device) if aside else None)


def _laid_out(read: _Read, size: int, device: torch.device) -> Sequences:
    return sequences([features for features, _ in read], [targets for _, targets in read], size, device)


def _rate(recipe: Recipe, epoch: int, done: float, _history: loop.History) -> float:
    return schedules.warm_cosine(recipe.lr, recipe.warm_up, recipe.epochs, epoch - 1 + done, recipe.last_lr)


def _weights(recipe: Recipe, question: Question, frames: Sequences) -> losses.Weights:
    known = frames.targets[(frames.targets if question.exclusive else frames.targets[:, 0]) != UNKNOWN]
    targets = known if question.exclusive else known.bool()
    balanced = recipe.class_weights == "balanced"
    return losses.class_weights(targets, question.classes, dict(question.weights), balanced=balanced)


def _optimiser(recipe: Recipe, model: nn.Module) -> AdamW:
    return AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay)


def _answers(logits: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return logits if isinstance(logits, tuple) else (logits,)


def _place(run: Run, question: Question) -> int:
    return [one.key for one in run.questions].index(question.key)


def _column(run: Run, question: Question) -> str:
    """Return the column of the log for the validation loss of a question."""
    return loop.VALIDATION if len(run.questions) == 1 else f"{loop.VALIDATION} {question.key}"


def features_of(run: Run, workspace: Workspace, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return what a network of this family learns from: poses, and the features that it needs beside them."""
    made = [
        workspace.features(name, recording).at(recording.frames, recording.fps)
        for name, _ in run.sizes.features
    ]
    return np.concatenate([poses_of(run, recording), *made], axis=1)


def poses_of(run: Run, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return the poses as the recipe of a run reads them."""
    image = run.sizes.skeleton.image
    if run.recipe.inputs == "known poses":
        return known_poses(recording, image)
    return pose_features(keypoints_of(recording), image, run.recipe.missing)


def _as_trained(
    run: Run,
    workspace: Workspace,
    model: nn.Module,  # noqa: ARG001  all are asked alike
    recording: Recording,
) -> Float32[np.ndarray, "T F"]:
    return features_of(run, workspace, recording)


def _columns(recipe: Recipe, sizes: Sizes) -> int:
    poses = columns(sizes.skeleton)
    beside = sum(width for _, width in sizes.features)
    return beside + (poses * 3 // 2 if recipe.inputs == "known poses" else poses)


def _scaled(
    network: nn.Module, recipe: Recipe, mean: Float64[np.ndarray, " F"], deviation: Float64[np.ndarray, " F"]
) -> nn.Module:
    """Return what a network is asked through, where its inputs are scaled."""
    return Scaled(network, mean, deviation) if recipe.inputs == "poses" else network


def _example(recipe: Recipe, sizes: Sizes) -> tuple[Any, ...]:
    """Return one crop, which labels its frames."""
    shape = (1, recipe.size)
    return torch.zeros(*shape, _columns(recipe, sizes)), torch.ones(shape, dtype=torch.bool), recipe.size
