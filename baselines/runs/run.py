"""A run: one baseline, one task, one seed; what it reads, and the digest of all that it depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from baselines.contract import Baseline, Boosting, Recipe, as_json
from baselines.runs.pretraining import pretraining_digest
from baselines.switches import OFF, Switches
from bench.errors import DataError
from bench.recordings import Recording
from bench.store import load, rest_digest
from bench.tasks import Task

Inputs = Mapping[str, Any]
"""All that a run depends on, as JSON values."""
Scores = dict[str, Float32[np.ndarray, "_ _"]]
"""Recording id -> scores (frames, classes)."""


@dataclass(frozen=True)
class Data:
    """The recordings of one part."""

    train: Sequence[Recording]
    test: Sequence[Recording]
    val: Sequence[Recording] = ()
    """Empty where the recipe asks for none, or the split has none."""


@dataclass(frozen=True)
class Run:
    """One baseline on one task with one seed. `recipe` is the baseline's, its epochs perhaps other ones."""

    baseline: Baseline
    task: Task
    recipe: Recipe | Boosting | None
    seed: int
    device: str
    folder: Path
    """Where checkpoints and records of this task lie."""
    switches: Switches = OFF
    tensorboard: bool = False
    """Whether every epoch is written for TensorBoard too, beside the CSV; no result depends on it."""

    @property
    def name(self) -> str:
        """What the submission calls it."""
        return f"seed{self.seed}"

    def inputs(self, parts: Mapping[str, Data]) -> dict[str, Any]:
        """Return, as JSON values, all that the predictions of every seed depend on."""
        return {
            "baseline": self.baseline.name,
            "model": self.baseline.model,
            "recipe": as_json(self.recipe),
            "device": self.device,
            "task": self.task.name,
            "classes": list(self.task.classes),
            "class weights": {part: dict(w) for part, w in self.task.class_weights.items()},
            "image": list(self.task.dataset.image),
            "split": self.task.load_split().digest,
            "train recordings": {part: _digest(data.train) for part, data in parts.items()},
            "validation recordings": {part: _digest(data.val) for part, data in parts.items()},
            "test recordings": {part: _digest(data.test) for part, data in parts.items()},
            **self._pretraining(parts),
            "switches": asdict(self.switches),
            "code": _code(),
            **{name: version(name) for name in self.libraries},
        }

    def _pretraining(self, parts: Mapping[str, Data]) -> dict[str, Any]:
        """Digest what is learned first; raise `DataError` saying how to get it where it is not at hand."""
        if not isinstance(self.recipe, Recipe) or self.recipe.pretraining is None:
            return {}
        return {"pretraining recordings": dict.fromkeys(parts, pretraining_digest(self.recipe.pretraining))}

    @property
    def libraries(self) -> tuple[str, ...]:
        """The distributions that compute: another version may round, or draw, otherwise."""
        if self.recipe is None:
            return ("numpy",)
        return ("numpy", "torch" if isinstance(self.recipe, Recipe) else "scikit-learn")


def load_parts(task: Task, recipe: Recipe | Boosting | None) -> dict[str, Data]:
    """Read what the recipe needs of every part; raise `DataError` where it is not at hand."""
    split = task.load_split()
    empty = [
        f"{part}: no {subset} recordings"
        for part in split.parts
        for subset in ("train", "test")
        if not split.ids(part, subset)
    ]
    if empty:
        raise DataError(f"task {task.name!r} cannot be trained on", empty, hint="choose another task")
    return {part: load_part(task, recipe, part) for part in split.parts}


def load_part(task: Task, recipe: Recipe | Boosting | None, part: str) -> Data:
    """Read what the recipe needs of one part; raise `DataError` where it is not at hand."""
    split, poses = task.load_split(), recipe is not None
    validates = isinstance(recipe, Recipe) and recipe.validation != "none"
    return Data(
        train=list(load(task.dataset, split.ids(part, "train"), poses=poses)),
        test=list(load(task.dataset, split.ids(part, "test"), poses=poses)),
        val=list(load(task.dataset, split.ids(part, "val") if validates else [], poses=poses)),
    )


def labelled(task: Task, recording: Recording) -> Bool[np.ndarray, " T"]:
    """Return the frames that can train: annotated and, where one class holds at a time, with that class."""
    if not task.exclusive:
        return recording.annotated
    return recording.annotated & task.truth(recording).any(axis=1)


def differences(found: Inputs, wanted: Inputs) -> list[str]:
    """Say which inputs of an earlier run are not those of this one, each by its own name."""
    there, now = _leaves(found), _leaves(wanted)
    return [
        f"{name}: {there.get(name, 'nothing')} there, {now.get(name, 'nothing')} now"
        for name in sorted({*there, *now})
        if (name in there, there.get(name)) != (name in now, now.get(name))
    ]


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Name every value of nested JSON objects: "recipe epochs", not the whole recipe."""
    if not (isinstance(value, Mapping) and value):
        return {name: value}
    return {
        leaf: inner
        for key, below in value.items()
        for leaf, inner in _leaves(below, f"{name} {key}".strip()).items()
    }


def _digest(recordings: Sequence[Recording]) -> str:
    """Digest all that a model can read of recordings: also frame rate, group and confidence."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(f"{recording.truth_digest()}{rest_digest(recording)}".encode())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return the SHA-256 of the source of this package, so that an edited model is another one."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()
