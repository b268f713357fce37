"""What a network costs, counted and measured by the engine that trains it."""

from __future__ import annotations

import csv
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from baselines.contract import Recipe
from baselines.costs.profiling import Costs
from baselines.engine import loop
from baselines.engine import windows as networks
from baselines.inputs.poses import pose_features
from baselines.inputs.windows import Windows, inside, windows
from baselines.runs.run import Data, Run, labelled
from bench.recordings import Recording
from bench.tasks import Task

STEPS = 40
"""About so many batches are an epoch that is measured."""
FRAMES = {"cpu": 4096, "cuda": 262_144}
"""So many are predicted at once, where the test recordings have them."""
SINGLE = 200
"""So many are predicted one at a time."""
LATER = "it looks at later frames: it cannot follow a live recording"


def costs(run: Run, recipe: Recipe, part: str, data: Data) -> Costs:
    """Count and measure one network on one part; its checkpoint goes into the run's folder."""
    notes = {}
    if run.device == "cuda":
        torch.cuda.reset_peak_memory_stats()  # another model's peak is none of this one's
    if recipe.pretraining is not None:
        notes["seconds_per_run"] = f"without the pretraining on {recipe.pretraining.task}"
        recipe = recipe.tuned(recipe.pretraining.tunings[run.task.name])
    few = _few(run.task, recipe, data)
    share = _examples(run.task, recipe, data.train) / _examples(run.task, recipe, few.train)
    checkpoint = run.folder / "profile.pt"
    twice = replace(recipe, epochs=2, phases=())  # in the first epoch kernels are chosen
    model = networks.learn(run, twice, part, few, {}, checkpoint)
    with checkpoint.with_suffix(".csv").open(encoding="utf-8") as log:
        epoch = float(list(csv.DictReader(log))[1]["seconds"]) * share
    if share > 1:
        notes["seconds_per_epoch"] = f"from {STEPS} batches or a few more, times {share:.1f}"
    seen = _windows(run, recipe, data.test)
    rate = _rate(model, seen, run)
    alone = _alone(model, seen, run) if run.baseline.causal else []
    if not alone:
        notes |= dict.fromkeys(("latency_ms", "latency_ms_p95"), LATER)
    return Costs(
        seconds_per_run=recipe.epochs * epoch + len(seen) / rate,
        seconds_per_epoch=epoch,
        flops_per_frame=flops(run, recipe),
        frames_per_second=rate,
        latency_ms=statistics.median(alone) if alone else None,
        latency_ms_p95=float(np.quantile(alone, 0.95)) if alone else None,
        notes=notes,
    )


def flops(run: Run, recipe: Recipe) -> int:
    """Count what labelling one frame takes: matrix products, convolutions, attention; a multiply-add is 2.

    Nothing is computed: on the meta device, recurrent layers and attention are the products that they are
    made of, which the kernels of a device hide. Sums, activations and normalisations are left out.
    """
    features = 2 * len(run.task.dataset.animals) * len(run.task.dataset.keypoints)
    with torch.device("meta"):
        model: nn.Module = run.baseline.load()(features, recipe.window, len(run.task.classes))
        window = torch.zeros(1, recipe.window, features)
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(window)
    return int(counter.get_total_flops())


def _few(task: Task, recipe: Recipe, data: Data) -> Data:
    """Cut all recordings to the same share, so that each class and each group stays.

    Where only whole windows train, each keeps one window more.
    """
    share = min(1.0, STEPS * recipe.batch / _examples(task, recipe, data.train))
    span = (recipe.past + recipe.future) * recipe.gap if recipe.ends == "whole" else 0
    return Data(
        train=[_start(recording, share, span) for recording in data.train],
        val=[_start(recording, share, span) for recording in data.val],
        test=(),
    )


def _start(recording: Recording, share: float, span: int) -> Recording:
    end = span + math.ceil(share * recording.frames)
    return replace(
        recording,
        labels=recording.labels[:end],
        annotated=recording.annotated[:end],
        keypoints=None if recording.keypoints is None else recording.keypoints[:end],
        confidence=None if recording.confidence is None else recording.confidence[:end],
        segments=None,
    )


def _examples(task: Task, recipe: Recipe, recordings: Sequence[Recording]) -> int:
    """Count the frames that train, those that will be held out included."""
    count = 0
    for recording in recordings:
        kept = labelled(task, recording)
        count += int((kept & inside(len(kept), recipe) if recipe.ends == "whole" else kept).sum())
    return max(1, count)


def _windows(run: Run, recipe: Recipe, recordings: Sequence[Recording]) -> Windows:
    """Return a window of every frame."""
    seen = [
        pose_features(recording.keypoints, run.task.dataset.image, recipe.missing)
        for recording in recordings
        if recording.keypoints is not None
    ]
    return windows(seen, recipe, torch.device(run.device))


def _rate(model: nn.Module, seen: Windows, run: Run) -> float:
    """Return the frames per second that are labelled where all are at hand."""
    some = replace(seen, frames=seen.frames[: FRAMES[run.device]])
    loop.predict(model, replace(some, frames=some.frames[: len(some) // 4]), exclusive=run.task.exclusive)
    began = time.perf_counter()
    loop.predict(model, some, exclusive=run.task.exclusive)
    return len(some) / (time.perf_counter() - began)


def _alone(model: nn.Module, seen: Windows, run: Run) -> list[float]:
    """Return the milliseconds from a frame's pose to its probabilities, for frames one at a time."""
    found = []
    for i in range(min(SINGLE, len(seen))):
        one = replace(seen, frames=seen.frames[i : i + 1])
        began = time.perf_counter()
        loop.predict(model, one, exclusive=run.task.exclusive)
        found.append(1000 * (time.perf_counter() - began))
    return found[len(found) // 10 :]  # the first ones wait for memory
