"""A trained entry, from the states beside its predictions: what it was asked, and what it answers now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import dependencies
from baselines.contract import Adapter, Answer, Baseline, Derived, Predictor, Question, Run, State
from baselines.engine.faults import device_faults
from baselines.engine.settings import one_thread
from baselines.models import load
from baselines.runs import states
from baselines.runs.derived import features_of
from baselines.runs.job import SETTINGS, check_device
from baselines.runs.questions import adapter_for, as_json, sizes_of
from baselines.runs.unit import beside
from baselines.runs.workspace import Folder
from baselines.switches import Switches
from bench.closure import closure_digest
from bench.errors import DataError, UsageError, nearest
from bench.recordings import Recording, Skeleton
from bench.tasks import Task

WORK = ".work"
"""The folder of an entry in which its states lie, by task."""


@dataclass(frozen=True)
class Kept:
    """One part of one run, as its training left it."""

    path: Path
    """Of its state."""
    run: Run
    question: Question
    inputs: Mapping[str, Any]
    """All that it depended on."""

    @property
    def baseline(self) -> Baseline:
        """The declaration of the model."""
        return load(self.run.model)

    @property
    def is_of_other_code(self) -> bool:
        """Whether the model's code has changed since: then it may say something else than its predictions."""
        return bool(self.inputs["code"] != closure_digest(self.run.model.partition(":")[0], SETTINGS))

    def predictor(self) -> Predictor:
        """Return what answers by this state."""
        state = states.load(self.path)[0]
        return self.baseline.restore(self.run, state, self._workspace())

    def _workspace(self) -> Folder:
        needed = [load(need.model).name for need in self.baseline.needs if need.use == "features"]
        return Folder(
            checkpoint=self.path.with_suffix(".pt"),
            inputs=self.inputs,
            digest=dependencies.digest(self.inputs),
            extractors={name: _features(beside(self.path, name), self.run.device) for name in needed},
        )


def read(path: Path, device: str) -> Kept:
    """Read what a state is of; raise `DataError` where it is damaged or its model has another recipe now."""
    inputs = states.load(path)[1]
    baseline = load(str(inputs["model"]))
    questions = tuple(_question(key, told) for key, told in inputs["questions"].items())
    skeleton = _skeleton(inputs["skeleton"])
    run = Run(
        model=baseline.model,
        recipe=_recipe(baseline, inputs["recipe"], path),
        questions=questions,
        sizes=sizes_of(baseline, skeleton, questions),
        seed=int(inputs["seed"]),
        device=device,
        switches=Switches(precision=inputs["switches"]["precision"]),
    )
    part = path.stem.partition("-")[2]
    asked = [question for question in questions if question.part == part] or list(questions)
    return Kept(path, run, asked[0], inputs)


def find(
    entry: Path, *, task: str | None = None, run: str | None = None, part: str | None = None
) -> tuple[str, Path]:
    """Return the task of an entry, and the state of one part of one run of it: the first run unless named.

    Raises `UsageError` where there is none, or several tasks or parts to choose from.
    """
    work = entry / WORK
    held = {folder.name: _states(folder) for folder in sorted(work.glob("*")) if folder.is_dir()}
    held = {name: found for name, found in held.items() if found}
    if not held:
        raise UsageError(
            f"{entry} holds no trained model",
            [f"{work}: no *.safetensors; `bench train` writes them beside the predictions"],
            hint="bench train NAME --task TASK --out FOLDER",
        )
    name = _one("task", task, list(held), entry)
    runs = list(dict.fromkeys(path.stem.partition("-")[0] for path in held[name]))
    chosen = _one("run", run, runs, entry) if run else runs[0]
    paths = {path.stem.partition("-")[2]: path for path in held[name] if path.stem.startswith(f"{chosen}-")}
    return name, paths[_one("part", part, list(paths), entry)]


def answers(kept: Kept, task: Task, recordings: Iterable[Recording]) -> Iterator[tuple[Recording, Answer]]:
    """Yield each recording with what the model says of it, in the kind of the task.

    Where reading fails after some recordings, all that were read are answered before the fault is raised.
    """
    check_device(kept.run.device)
    adapter = adapter_for(kept.baseline, task)
    learned = _adapter_state(adapter, kept)
    waiting: deque[Recording] = deque()
    faults: list[DataError] = []

    def passing() -> Iterator[Recording]:
        try:
            for recording in recordings:
                waiting.append(recording)
                yield recording.without_labels()
        except DataError as fault:
            faults.append(fault)

    with one_thread(kept.baseline.libraries), device_faults(kept.run.device):
        for answer in kept.predictor()(passing(), kept.question):
            recording = waiting.popleft()
            if adapter is not None:
                answer = adapter.apply(learned, answer, kept.question, recording.fps)
            yield recording, answer
    if faults:
        raise faults[0]


def _adapter_state(adapter: Adapter | None, kept: Kept) -> State:
    """Return what the adapter has learned; of one that learns nothing there is no file."""
    if adapter is None or not (path := beside(kept.path, adapter.name)).is_file():
        return State({}, {})
    return states.load(path)[0]


def _features(path: Path, device: str) -> Callable[[Recording], Derived]:
    """Return what computes the features of a recording by the state of an extractor."""
    extractor = read(path, device)
    predictor = extractor.predictor()
    return lambda recording: features_of(predictor, recording, extractor.question)


def _states(folder: Path) -> list[Path]:
    """Return the states of models, and none of adapters and extractors, which follow a second name."""
    return [path for path in sorted(folder.glob("*.safetensors")) if not path.stem.count(".")]


def _one(what: str, name: str | None, known: Sequence[str], entry: Path) -> str:
    """Return the one that is named, or the only one."""
    if name is None and len(known) == 1:
        return known[0]
    if name in known:
        return str(name)
    words = f"no {what} {name!r}{nearest(name, known)}" if name else f"several {what}s"
    raise UsageError(f"{entry} holds {words}", hint=f"--{what} {' or '.join(known)}")


def _recipe(baseline: Baseline, told: Any, path: Path) -> Any:
    """Return the recipe of the training: that of the model, its epochs perhaps other ones."""
    recipe = baseline.recipe
    if isinstance(told, dict) and recipe is not None and "epochs" in told:
        recipe = recipe.with_epochs(told["epochs"])
    if as_json(recipe) != told:
        raise DataError(
            f"{path} was trained by another recipe than {baseline.name!r} has now",
            dependencies.differences({"recipe": told}, {"recipe": as_json(recipe)}),
            hint="train it again, or use the version that trained it",
        )
    return recipe


def _question(key: str, told: Mapping[str, Any]) -> Question:
    return Question(
        key=key,
        classes=tuple(told["classes"]),
        kind=told["kind"],
        exclusive=told["exclusive"],
        weights=tuple((name, weight) for name, weight in told["weights"]),
    )


def _skeleton(told: Mapping[str, Any]) -> Skeleton:
    return Skeleton(
        animals=tuple(told["animals"]),
        keypoints=tuple(told["keypoints"]),
        edges=tuple((a, b) for a, b in told["edges"]),
        image=(told["image"][0], told["image"][1]),
    )
