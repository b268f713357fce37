"""What a baseline learns before it is tuned on the task that was asked: which recordings, of which task."""

from __future__ import annotations

import hashlib

from baselines.contract import Baseline, Boosting, Pretraining, Recipe
from bench.datasets import get_task
from bench.errors import UsageError
from bench.store import load, manifest
from bench.tasks import Task


def check_tuning(baseline: Baseline, task: Task) -> None:
    """Raise `UsageError` where a baseline that is pretrained has no tuning for the task."""
    recipe = baseline.recipe
    if not isinstance(recipe, Recipe) or recipe.pretraining is None:
        return
    tasks = list(recipe.pretraining.tunings)
    if task.name not in tasks:
        raise UsageError(
            f"baseline {baseline.name!r} learns {recipe.pretraining.task} first and is then tuned on "
            f"{' or '.join(tasks)}; there is no tuning for {task.name!r}",
            hint=f"bench train {baseline.name} --task {tasks[0]}",
        )


def pretraining_ids(pretraining: Pretraining) -> tuple[Task, list[str]]:
    """Return the task that is learned first, and the recordings that it is learned from."""
    task = get_task(pretraining.task)
    (part,) = task.parts
    return task, task.load_split().ids(part.name, "train")


def pretraining_digest(pretraining: Pretraining) -> str:
    """Digest those recordings; raise `DataError` saying how to get them where they are not at hand."""
    task, ids = pretraining_ids(pretraining)
    next(load(task.dataset, ids, poses=True))  # says all that is missing
    stored = manifest(task.dataset).recordings
    return hashlib.sha256("".join(stored[id_].truth + stored[id_].rest for id_ in ids).encode()).hexdigest()


def extra_data(recipe: Recipe | Boosting | None) -> str:
    """Say on the card what a model has seen beside the training recordings of its task."""
    if not isinstance(recipe, Recipe) or recipe.pretraining is None:
        return "none"
    return f"the training recordings of {get_task(recipe.pretraining.task).title}, with their labels"
