"""Networks between recordings and the engine: what goes in, what is asked, what comes out per recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from baselines import curves, engine
from baselines.baseline import Baseline, Recipe
from baselines.features import pose_features
from baselines.losses import class_weights
from baselines.runs import Data, Inputs, Run, Scores, labelled
from baselines.scaling import Scaled
from baselines.validation import hold_out_groups, hold_out_windows
from baselines.windows import Examples, inside, windows
from bench.errors import DataError
from bench.recordings import Recording
from bench.tasks import Task


def parameters(baseline: Baseline, recipe: Recipe, features: int, classes: int) -> int:
    """Count the trainable parameters; nothing is drawn at random for it."""
    with torch.device("meta"):
        model: nn.Module = baseline.load()(features, recipe.window, classes)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def scores(run: Run, recipe: Recipe, part: str, data: Data, inputs: Inputs) -> Scores:
    """Train on one part; return the probabilities of every frame of its test recordings."""
    task, held_out = run.task, None
    if recipe.validation == "recordings":
        learned, validating = (data.train, data.val) if data.val else hold_out_groups(data.train, run.seed)
        train, held_out = _examples(run, recipe, learned), _examples(run, recipe, validating)
    else:
        learned, train = data.train, _examples(run, recipe, data.train)
        if recipe.validation == "windows":
            train, held_out = hold_out_windows(train, run.seed)
    seen = _features(task, learned)

    def build() -> nn.Module:
        network: nn.Module = run.baseline.load()(seen[0].shape[1], recipe.window, len(task.classes))
        return Scaled(network, seen) if recipe.scaling == "standard" else network

    checkpoint = run.folder / f"{run.name}-{part}.pt"
    model = engine.fit(
        build,
        train,
        class_weights(recipe, train.targets, task.classes, task.class_weights.get(part, {})),
        recipe,
        seed=run.seed,
        inputs={**inputs, "part": part, "seed": run.seed, "device": run.device},
        checkpoint=checkpoint,
        held_out=held_out,
    )
    curves.plot(checkpoint.with_suffix(".csv"), f"{run.baseline.title}, {task.name}, {part}, {run.name}")
    predicted = engine.predict(model, windows(_features(task, data.test), recipe, torch.device(run.device)))
    ends = np.cumsum([recording.frames for recording in data.test])
    return {r.id: predicted[end - r.frames : end] for r, end in zip(data.test, ends, strict=True)}


def _examples(run: Run, recipe: Recipe, recordings: Sequence[Recording]) -> Examples:
    """Return the frames that can train, or validate, and their classes.

    Raises `DataError` where there are none: no frame is annotated, or all recordings are too short.
    """
    device, task = torch.device(run.device), run.task
    keep = [labelled(task, recording) for recording in recordings]
    if recipe.ends == "whole":
        keep = [kept & inside(len(kept), recipe) for kept in keep]
    truth = np.concatenate([task.truth(r)[kept] for r, kept in zip(recordings, keep, strict=True)])
    if not len(truth):
        raise DataError(
            f"nothing to train {run.baseline.name!r} on",
            [f"no annotated frame with a window of {recipe.window} samples in {len(recordings)} recordings"],
            hint="choose another task or another baseline",
        )
    return Examples(
        windows(_features(task, recordings), recipe, device, keep),
        torch.from_numpy(truth.argmax(axis=1)).to(device),
    )


def _features(task: Task, recordings: Sequence[Recording]) -> list[Float32[np.ndarray, "_ F"]]:
    """Return the features of each recording; raise `DataError` where one has no poses.

    Leaving it out would give the predictions of one recording to another.
    """
    features, blind = [], []
    for recording in recordings:
        if recording.keypoints is None:
            blind.append(f"{recording.id}: labels only, no poses")
        else:
            features.append(pose_features(recording.keypoints, task.dataset.image))
    if blind:
        raise DataError("networks look at poses", blind, hint="load the recordings with poses")
    return features
