"""Networks that label one frame by the window around it: how they learn, and how they predict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import nn

from baselines.contract import Baseline, Data, Need, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, steps
from baselines.engine.losses import class_weights
from baselines.engine.states import arrays_of, loaded
from baselines.engine.thresholds import Threshold, best_threshold
from baselines.engine.validation import held_out_groups, hold_out_windows
from baselines.engine.window_prediction import WindowPredictor, features_of, predict_all
from baselines.engine.window_training import fit
from baselines.inputs.poses import columns
from baselines.inputs.scaling import Scaled, moments
from baselines.inputs.windows import Examples, inside, windows
from baselines.recipes.windows import Recipe, small
from bench.errors import DataError
from bench.recordings import Recording

Network = Callable[[Recipe, Sizes], nn.Module]
"""Builds a network that takes windows Float (B, W, F) and returns logits Float (B, C).

Its last layer is called `head`: that is what a tuning may begin anew.
"""


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
    reads: Iterable[str] = (),
    needs: Sequence[Need] = (),
    tasks: Sequence[str] = (),
) -> Baseline:
    """Declare a network of this family; `module` is the `__name__` of the file."""
    return Baseline(
        model=f"{module}:{name}",
        name=name,
        title=title,
        description=description,
        reference=reference,
        paper=paper,
        recipe=recipe,
        reads=frozenset({"poses", *reads}),
        answers=frozenset({"frames"}),
        learn=partial(learn, network),
        restore=partial(restore, network),
        network=network,
        example=_example,
        needs=tuple(needs),
        tasks=tuple(tasks),
        causal=recipe.future == 0,
        libraries=("numpy", "torch"),
        devices=frozenset({"cpu", "cuda"}),
        switches=frozenset({"precision", "compiled", "graphs", "devices", "tensorboard"}),
    )


def small_variant(parent: Baseline, network: Network) -> Baseline:
    """Return a baseline of minutes on one core: a smaller network, and what `small` makes of the recipe."""
    recipe = parent.recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"{parent.name} has no recipe of windows")
    return replace(
        parent,
        model=f"{parent.model}_small",
        name=f"{parent.name}_small",
        title=f"{parent.title}, small",
        description=f"{parent.description}; an eighth of the channels, a short training: both are ours",
        recipe=small(recipe),
        learn=partial(learn, network),
        restore=partial(restore, network),
        network=network,
    )


def plain(build: Callable[[int, int, int], nn.Module]) -> Network:
    """Return the builder of a network that is built as `build(features, window, classes)`."""

    def network(recipe: Recipe, sizes: Sizes) -> nn.Module:
        return build(width(recipe, sizes), recipe.window, sizes.classes[0])

    return network


def width(recipe: Recipe, sizes: Sizes) -> int:
    """Return how many numbers a window holds of each frame, F."""
    poses = columns(sizes.skeleton) if recipe.inputs != "features" else 0
    return poses + (sum(width for _, width in sizes.features) if recipe.inputs != "poses" else 0)


def learn(network: Network, run: Run, data: Data, workspace: Workspace) -> State:
    """Train on the recordings of one question.

    Raises `DataError` where nothing can train, and what `loop.fit` raises.
    """
    (question,) = run.questions
    recipe, start = _opening(run, question, workspace)
    train, held_out, features = _examples(run, recipe, data, workspace)
    balanced = recipe.class_weights == "balanced"
    declared = {} if recipe.class_weights == "none" else dict(question.weights)
    weights = class_weights(train.targets, question.classes, declared, balanced=balanced)

    def build() -> nn.Module:
        built = network(recipe, run.sizes)
        return Scaled(built, *moments(features)) if recipe.scaling == "standard" else built

    model = fit(
        build,
        train,
        weights,
        recipe,
        seed=run.seed,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        held_out=held_out,
        start=start,
        switches=run.switches,
        report=workspace.report,
        poses=columns(run.sizes.skeleton),
    )
    facts = {}
    if recipe.threshold and held_out is not None and question.exclusive and len(question.classes) == 2:
        scores = predict_all(model.eval(), held_out.windows, recipe, question, run.switches)
        facts = {"threshold": asdict(best_threshold(scores, held_out.targets.cpu().numpy() == 1))}
    return State(arrays_of(model.state_dict()), facts)


def restore(network: Network, run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what predicts by this state."""
    recipe: Recipe = run.recipe
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = network(recipe, run.sizes)
        if recipe.scaling == "standard":
            features = width(recipe, run.sizes)
            model = Scaled(model, np.zeros(features), np.ones(features))
    loaded(model, state).to(torch.device(run.device)).eval()
    there = state.facts.get("threshold")
    return WindowPredictor(
        model,
        recipe,
        run.sizes.skeleton,
        run.switches,
        partial(derived, run, workspace),
        Threshold(**there) if there else None,
    )


def _opening(run: Run, question: Question, workspace: Workspace) -> tuple[Recipe, dict[str, Any] | None]:
    """Return the recipe of this question, and where its training starts from."""
    recipe: Recipe = run.recipe
    tuning = dict(recipe.tunings).get(question.task)
    if tuning is None:
        return recipe, None
    state = workspace.start()
    kept = {
        name: weights
        for name, weights in state["model"].items()
        if not (tuning.head == "new" and steps.in_head(name))
    }
    goes_on = tuning.phases[0].adam == "kept" and "optimiser" in state
    return recipe.tuned(tuning), {"model": kept, **({"optimiser": state["optimiser"]} if goes_on else {})}


def derived(run: Run, workspace: Workspace, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return the features that others made of each frame of a recording, in the order of the needs."""
    made = [workspace.features(name, recording) for name, _ in run.sizes.features]
    return np.concatenate([one.at(recording.frames, recording.fps) for one in made], axis=1)


@dataclass(frozen=True, eq=False)
class _Read:
    """What is kept of a training recording."""

    group: str
    features: Float32[np.ndarray, "T F"]
    keep: Bool[np.ndarray, " T"]
    """Frames that can train: labelled, and of a window that lies within the recording where others do not."""
    truth: Bool[np.ndarray, "N C"]
    """Of those frames."""


def _examples(
    run: Run, recipe: Recipe, data: Data, workspace: Workspace
) -> tuple[Examples, Examples | None, list[Float32[np.ndarray, "_ F"]]]:
    """Return what trains, what is held out, and the features of the recordings that train."""
    (question,) = run.questions
    train = _read(run, recipe, question, data.train[question.key], workspace)
    held_out: list[_Read] = []
    if recipe.validation != "none":
        held_out = _read(run, recipe, question, data.val.get(question.key, ()), workspace)
        if recipe.validation == "recordings" and not held_out:
            groups = held_out_groups([one.group for one in train], run.seed)
            held_out = [one for one in train if one.group in groups]
            train = [one for one in train if one.group not in groups]
    examples, validating = _together(run, recipe, question, train), None
    if held_out:
        validating = _together(run, recipe, question, held_out)
    elif recipe.validation == "windows":
        examples, validating = hold_out_windows(examples, run.seed)
    return examples, validating, [one.features for one in train]


def _read(
    run: Run, recipe: Recipe, question: Question, recordings: Iterable[Recording], workspace: Workspace
) -> list[_Read]:
    """Read recordings once, and keep what trains of them."""
    kept = []
    for recording in recordings:
        keep = question.labelled(recording)
        if recipe.ends == "whole":
            keep = keep & inside(len(keep), recipe)
        features = features_of(recording, recipe, run.sizes.skeleton, partial(derived, run, workspace))
        kept.append(_Read(recording.group, features, keep, question.truth(recording)[keep]))
    return kept


def _together(run: Run, recipe: Recipe, question: Question, read: Sequence[_Read]) -> Examples:
    """Return the frames that can train, or validate, and their classes.

    Raises `DataError` where there are none: no frame is annotated, or all recordings are too short.
    """
    truth = np.concatenate([one.truth for one in read])
    if not len(truth):
        raise DataError(
            f"nothing to train {run.model.partition(':')[2]!r} on",
            [f"no annotated frame with a window of {recipe.window} samples in {len(read)} recordings"],
            hint="choose another task or another baseline",
        )
    device = devices.own_device(run.device)
    return Examples(
        windows([one.features for one in read], recipe, device, [one.keep for one in read]),
        torch.from_numpy(truth.argmax(axis=1) if question.exclusive else truth).to(device),
    )


def _example(recipe: Recipe, sizes: Sizes) -> tuple[Any, ...]:
    """Return one window, which labels one frame."""
    return torch.zeros(1, recipe.window, width(recipe, sizes)), 1
