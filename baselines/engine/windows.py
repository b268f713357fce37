"""Networks between recordings and the engine: what goes in, what is asked, what comes out per recording."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float32
from torch import nn

from baselines.contract import Baseline, Pretraining, Recipe
from baselines.engine import checkpoints, curves, devices, loop
from baselines.engine.faults import device_faults
from baselines.engine.losses import class_weights
from baselines.engine.steps import in_head
from baselines.engine.validation import hold_out_groups, hold_out_windows
from baselines.inputs.poses import pose_features
from baselines.inputs.scaling import Scaled
from baselines.inputs.windows import Examples, inside, windows
from baselines.runs.pretraining import pretraining_digest, pretraining_ids
from baselines.runs.run import Data, Inputs, Run, Scores, labelled
from bench.errors import DataError, UsageError
from bench.recordings import Recording
from bench.resources import home
from bench.store import load
from bench.tasks import Task


def parameters(baseline: Baseline, recipe: Recipe, features: int, classes: int) -> int:
    """Count the trainable parameters."""
    model = _sketch(baseline, recipe, features, classes)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def check_switches(run: Run, recipe: Recipe) -> None:
    """Raise `UsageError` where the network cannot be computed as the switches say."""
    features = 2 * len(run.task.dataset.animals) * len(run.task.dataset.keypoints)
    sketch = _sketch(run.baseline, recipe, features, len(run.task.classes))
    if run.switches.devices > 1:
        devices.check_shareable(sketch, run.device)
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in sketch.modules())
    if recurrent and run.device == "cuda" and run.switches.precision == "bf16":
        raise UsageError(
            f"on a GPU torch rounds the recurrent layers of {run.baseline.name!r} to float16, not bfloat16",
            hint="leave out --precision",
        )


def scores(run: Run, recipe: Recipe, part: str, data: Data, inputs: Inputs) -> Scores:
    """Train on one part; return the probabilities of every frame of its test recordings.

    Raises `TrainingError` where the device refuses, or a loss is not finite.
    """
    with device_faults(run.device):
        return _scores(run, recipe, part, data, inputs)


def _scores(run: Run, recipe: Recipe, part: str, data: Data, inputs: Inputs) -> Scores:
    task, start = run.task, None
    if recipe.pretraining is not None:
        tuning = recipe.pretraining.tunings[task.name]
        start = pretrained(run, recipe, recipe.pretraining, new_head=tuning.head == "new")
        recipe = recipe.tuned(tuning)
    checkpoint = run.folder / f"{run.name}-{part}.pt"
    inputs = {**inputs, "part": part, "seed": run.seed, "device": run.device}
    model = learn(run, recipe, part, data, inputs, checkpoint, start)
    curves.plot(checkpoint.with_suffix(".csv"), f"{run.baseline.title}, {task.name}, {part}, {run.name}")
    seen = windows(_features(task, recipe, data.test), recipe, torch.device(run.device))
    predicted = loop.predict(model, seen, exclusive=task.exclusive, switches=run.switches)
    ends = np.cumsum([recording.frames for recording in data.test])
    return {r.id: predicted[end - r.frames : end] for r, end in zip(data.test, ends, strict=True)}


def pretrained(run: Run, recipe: Recipe, pretraining: Pretraining, *, new_head: bool) -> dict[str, Any]:
    """Return the state in which the pretraining with the seed of `run` ends; less its head, if that is new.

    It is trained by whoever needs it first, under `$BENCH_HOME`, and found there by the digest of all that
    it depends on: by other parts, by other tasks and by variants that learn it alike. Another process that
    needs it meanwhile waits; one that was killed is gone on from.
    """
    task, ids = pretraining_ids(pretraining)
    (part,) = task.parts
    recipe = replace(recipe, pretraining=None)
    first = replace(run, task=task, recipe=recipe, folder=home() / "pretrained")
    inputs = {
        **first.inputs({}),
        "train recordings": pretraining_digest(pretraining),
        "seed": run.seed,
        "device": run.device,
    }
    del inputs["baseline"]  # whichever asks, it depends on the model alone
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    checkpoint = first.folder / f"{digest[:16]}.pt"
    first.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(checkpoint.with_suffix(".lock")):
        state = checkpoints.load(checkpoint, inputs)
        if state is None or len(state["history"]) < recipe.epochs:
            print(f"first on {task.name}, seed {run.seed}: {checkpoint}", file=sys.stderr)
            data = Data(train=list(load(task.dataset, ids, poses=True)), test=())
            learn(first, recipe, part.name, data, inputs, checkpoint)
            state = checkpoints.load(checkpoint, inputs) or {}
    weights = {name: w for name, w in state["model"].items() if not (new_head and in_head(name))}
    return {"model": weights, "optimiser": state["optimiser"]}


def learn(
    run: Run,
    recipe: Recipe,
    part: str,
    data: Data,
    inputs: Inputs,
    checkpoint: Path,
    start: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Train the network of one part, on as many devices as the run asks for."""
    everything = (run, recipe, part, data, inputs, checkpoint, start)
    if run.switches.devices > 1:
        devices.launch(run.switches.devices, run.device, _learn, *everything)
    return _learn(*everything)  # after the others, it only reads what they wrote


def _learn(
    run: Run,
    recipe: Recipe,
    part: str,
    data: Data,
    inputs: Inputs,
    checkpoint: Path,
    start: Mapping[str, Any] | None,
) -> nn.Module:
    task, held_out = run.task, None
    learned, validating = data.train, data.val
    if recipe.validation == "recordings" and not validating:
        learned, validating = hold_out_groups(learned, run.seed)
    train = _examples(run, recipe, learned)
    if validating:
        held_out = _examples(run, recipe, validating)
    elif recipe.validation == "windows":
        train, held_out = hold_out_windows(train, run.seed)
    seen = _features(task, recipe, learned)

    def build() -> nn.Module:
        network: nn.Module = run.baseline.load()(seen[0].shape[1], recipe.window, len(task.classes))
        return Scaled(network, seen) if recipe.scaling == "standard" else network

    weights = class_weights(recipe, train.targets, task.classes, task.class_weights.get(part, {}))
    events = checkpoint.with_suffix("") if run.tensorboard and devices.rank() == 0 else None
    with curves.scalars(events) as report:
        return loop.fit(
            build,
            train,
            weights,
            recipe,
            seed=run.seed,
            inputs=inputs,
            checkpoint=checkpoint,
            held_out=held_out,
            switches=run.switches,
            start=start,
            report=report,
        )


def _sketch(baseline: Baseline, recipe: Recipe, features: int, classes: int) -> nn.Module:
    """Return a network without weights: nothing is drawn at random for it."""
    with torch.device("meta"):
        model: nn.Module = baseline.load()(features, recipe.window, classes)
    return model


def _examples(run: Run, recipe: Recipe, recordings: Sequence[Recording]) -> Examples:
    """Return the frames that can train, or validate, and their classes.

    Raises `DataError` where there are none: no frame is annotated, or all recordings are too short.
    """
    device, task = devices.own_device(run.device), run.task
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
        windows(_features(task, recipe, recordings), recipe, device, keep),
        torch.from_numpy(truth.argmax(axis=1) if task.exclusive else truth).to(device),
    )


def _features(
    task: Task, recipe: Recipe, recordings: Sequence[Recording]
) -> list[Float32[np.ndarray, "_ F"]]:
    """Return the features of each recording; raise `DataError` where one has no poses.

    Leaving it out would give the predictions of one recording to another.
    """
    features, blind = [], []
    for recording in recordings:
        if recording.keypoints is None:
            blind.append(f"{recording.id}: labels only, no poses")
        else:
            features.append(pose_features(recording.keypoints, task.dataset.image, recipe.missing))
    if blind:
        raise DataError("networks look at poses", blind, hint="load the recordings with poses")
    return features
