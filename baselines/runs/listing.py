"""The baselines as a table: what each is, how large it is on a task, what it sees of time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from baselines.contract import Baseline, Recipe
from bench.tasks import Task
from bench.text import table as aligned

FEATURES, CLASSES = 28, 4
"""Of CalMS21 Task 1, where papers count parameters."""


def parameters(baseline: Baseline, task: Task | None = None) -> int | None:
    """Return how many numbers a network learns on a task, on CalMS21 Task 1 where none is given.

    None where it is no network, where the task has no poses, or where torch is not installed to build it.
    """
    if not isinstance(baseline.recipe, Recipe) or find_spec("torch") is None:
        return None
    from baselines.engine import windows  # here, because it imports torch

    features, classes = FEATURES, CLASSES
    if task is not None:
        features = len(task.dataset.animals) * len(task.dataset.keypoints) * 2
        classes = len(task.classes)
    if not features:
        return None
    return windows.parameters(baseline, baseline.recipe, features, classes)


def rows(baselines: Sequence[Baseline], task: Task | None = None) -> list[dict[str, Any]]:
    """Return one row per baseline, as JSON values.

    `window` is the first and the last frame seen, relative to the labelled one; null where there is no
    window.
    """
    return [
        {
            "name": baseline.name,
            "title": baseline.title,
            "parameters": parameters(baseline, task),
            "window": _window(baseline),
            "causal": baseline.causal,
            "reference": baseline.reference,
        }
        for baseline in baselines
    ]


def table(baselines: Sequence[Baseline], task: Task | None = None) -> str:
    """Return the same rows as text; references below, by number."""
    listed = rows(baselines, task)
    numbers = {
        name: number for number, name in enumerate(dict.fromkeys(row["reference"] for row in listed), 1)
    }
    cells = [
        (
            row["name"],
            row["title"],
            "-" if row["parameters"] is None else f"{row['parameters']:,}",
            "-"
            if row["window"] is None
            else " … ".join(f"{frame:+d}" if frame else "0" for frame in row["window"]),
            "yes" if row["causal"] else "no",
            f"[{numbers[row['reference']]}]",
        )
        for row in listed
    ]
    headers = ("name", "model", "parameters", "frames seen", "causal", "from")
    drawn = aligned(headers, cells, "llrrll")
    sizes = f"task {task.name}" if task else "CalMS21 Task 1: --task TASK counts at those of another"
    return "\n".join(
        [
            drawn,
            "",
            f"parameters at the sizes of {sizes}; frames seen: relative to the labelled one",
            *(f"[{number}] {name}" for name, number in numbers.items()),
        ]
    )


def _window(baseline: Baseline) -> list[int] | None:
    recipe = baseline.recipe
    if not isinstance(recipe, Recipe):
        return None
    return [-recipe.past * recipe.gap, recipe.future * recipe.gap]
