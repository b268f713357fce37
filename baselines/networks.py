"""Networks between recordings and the engine: what goes in, what is asked, what comes out per recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import nn

from baselines import engine
from baselines.baseline import Recipe
from baselines.features import pose_features
from baselines.runs import Data, Inputs, Run, Scores, labelled
from baselines.windows import Windows, windows
from bench.recordings import Recording
from bench.tasks import Task


def build(run: Run, recipe: Recipe, data: Data) -> nn.Module:
    """Make the untrained model for the keypoints and classes of this task."""
    keypoints = data.train[0].keypoints
    if keypoints is None:
        raise TypeError("recordings were loaded without poses")
    model: nn.Module = run.baseline.load()(
        int(np.prod(keypoints.shape[1:])), recipe.window, len(run.task.classes)
    )
    return model


def parameters(run: Run, recipe: Recipe, data: Data) -> int:
    """Count the trainable parameters; nothing is drawn at random for it."""
    with torch.device("meta"):
        return sum(p.numel() for p in build(run, recipe, data).parameters() if p.requires_grad)


def scores(run: Run, recipe: Recipe, part: str, data: Data, inputs: Inputs) -> Scores:
    """Train on one part; return the probabilities of every frame of its test recordings."""
    device, task = torch.device(run.device), run.task
    keep = [labelled(task, recording) for recording in data.train]
    truth = np.concatenate([task.truth(r)[kept] for r, kept in zip(data.train, keep, strict=True)])
    weights = [task.class_weights.get(part, {}).get(name, 1.0) for name in task.classes]
    model = engine.fit(
        lambda: build(run, recipe, data),
        _windows(task, recipe, data.train, device, keep),
        torch.from_numpy(truth.argmax(axis=1)).to(device),
        torch.tensor(weights, dtype=torch.float32, device=device),
        recipe,
        seed=run.seed,
        inputs={**inputs, "part": part, "seed": run.seed, "device": run.device},
        checkpoint=run.folder / f"{run.name}-{part}.pt",
    )
    predicted = engine.predict(model, _windows(task, recipe, data.test, device))
    ends = np.cumsum([recording.frames for recording in data.test])
    return {r.id: predicted[end - r.frames : end] for r, end in zip(data.test, ends, strict=True)}


def _windows(
    task: Task,
    recipe: Recipe,
    recordings: Sequence[Recording],
    device: torch.device,
    keep: Sequence[Bool[np.ndarray, " _"]] | None = None,
) -> Windows:
    features: list[Float32[np.ndarray, "_ F"]] = [
        pose_features(recording.keypoints, task.dataset.image)
        for recording in recordings
        if recording.keypoints is not None
    ]
    return windows(features, recipe, device, keep)
