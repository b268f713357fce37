"""A trained run, put back to work: it answers recordings that nobody has labelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from baselines import dependencies
from baselines.contract import Adapter, Answer, Baseline, Predictor, Question, Recipe, Run, State
from baselines.models import load
from baselines.runs import states
from baselines.runs.derived import kept_features
from baselines.runs.questions import ADAPTERS, as_json, sizes_of
from baselines.runs.unit import beside
from baselines.runs.workspace import Folder
from baselines.switches import Switches
from bench.errors import DataError
from bench.recordings import Recording, Skeleton
from bench.tasks import Task


@dataclass(frozen=True, eq=False)
class Restored:
    """The model of one part of one run, as it was trained."""

    question: Question
    """Its classes are those of the answers, in their order."""
    skeleton: Skeleton
    """Of the recordings that it was trained on; others must have the same animals and keypoints."""
    predictor: Predictor
    adapter: Adapter | None
    learned: State
    """By the adapter."""

    def answers(self, recordings: Iterable[Recording]) -> Iterator[Answer]:
        """Yield the answer for each recording, in the kind that the task asks for; no label is looked at."""
        rates: list[float] = []

        def blind() -> Iterator[Recording]:
            for recording in recordings:
                rates.append(recording.fps)
                yield recording.without_labels()

        for number, answer in enumerate(self.predictor(blind(), self.question)):
            if self.adapter is None:
                yield answer
            else:
                yield self.adapter.apply(self.learned, answer, self.question, rates[number])


def restore(entry: Path, task: Task, run: str, part: str, device: str = "cpu") -> Restored:
    """Restore the model of one part of a run, such as "seed0", of an entry that was trained here.

    Raises `DataError` where the work folder does not hold it, or where its recipe is declared otherwise now.
    """
    path = entry / ".work" / task.name / f"{run}-{part}.safetensors"
    if states.inputs_of(path) is None:
        raise DataError(
            f"{path} is not there: nothing to predict with",
            hint=f"bench train MODEL --task {task.name} --out {entry}",
        )
    predictor, restored = _predictor(path, device, task.dataset.name)
    (question,) = [one for one in restored.questions if one.key == f"{task.name}/{part}"]
    adapter = next((a for a in ADAPTERS.values() if (a.source, a.target) == (question.kind, task.kind)), None)
    learned = State({}, {})
    if adapter is not None and (kept := beside(path, adapter.name)).is_file():
        learned, _ = states.load(kept)
    return Restored(question, restored.sizes.skeleton, predictor, adapter, learned)


def _predictor(path: Path, device: str, dataset: str) -> tuple[Predictor, Run]:
    """Return what predicts by a state, and the training that it is of; `dataset` has the videos."""
    state, inputs = states.load(path)
    baseline = load(inputs["model"])
    asked = sorted(inputs["questions"].values(), key=lambda question: question["place"])
    questions = tuple(_question(values) for values in asked)
    skeleton = _skeleton(inputs["skeleton"])
    run = Run(
        model=inputs["model"],
        recipe=_recipe(baseline, inputs["recipe"], path),
        questions=questions,
        sizes=sizes_of(baseline, skeleton, questions),
        seed=inputs["seed"],
        device=device,
        switches=Switches(**inputs["switches"]),
    )
    extractors, predictors = {}, {}
    for need in baseline.needs:
        if need.use == "features":
            name = load(need.model).name
            kept = beside(path, name)
            made_by = dependencies.digest(states.inputs_of(kept) or {})
            extractor, trained = _predictor(kept, device, dataset)
            predictors[name] = partial(_same, extractor)
            extractors[name] = kept_features(made_by, predictors[name], trained.questions[0])
    workspace = Folder(
        path.with_suffix(".pt"),
        inputs,
        dependencies.digest(inputs),
        extractors=extractors,
        predictors=predictors,
        dataset=dataset,
    )
    return baseline.restore(run, state, workspace), run


def _same(predictor: Predictor) -> Predictor:
    return predictor


def _recipe(baseline: Baseline, values: Any, path: Path) -> Recipe | None:
    """Return the recipe of a baseline as it was trained: with other epochs, or another plain number."""
    recipe: Any = baseline.recipe
    if values is None or recipe is None:
        return None
    if values.get("epochs") is not None:
        recipe = recipe.with_epochs(values["epochs"]) or recipe
    now = as_json(recipe)
    others = {name: value for name, value in values.items() if now.get(name) != value}
    plain = {name: value for name, value in others.items() if isinstance(value, int | float | str)}
    recipe = replace(recipe, **plain)
    if differing := dependencies.differences(values, as_json(recipe)):
        title = f"{path} was trained by another recipe than {baseline.name!r} has now"
        raise DataError(title, differing, hint="train it anew")
    return recipe


def _question(values: dict[str, Any]) -> Question:
    return Question(
        key=values["key"],
        classes=tuple(values["classes"]),
        kind=values["kind"],
        exclusive=values["exclusive"],
        weights=tuple((name, weight) for name, weight in values["weights"]),
    )


def _skeleton(values: dict[str, Any]) -> Skeleton:
    width, height = values["image"]
    edges = tuple((a, b) for a, b in values["edges"])
    return Skeleton(tuple(values["animals"]), tuple(values["keypoints"]), edges, (width, height))
