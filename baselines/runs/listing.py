"""The baselines as a table: what each is, how large it is on a task, what it sees of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from baselines.contract import Baseline, Question
from baselines.models import MODELS, get_baseline, models
from baselines.runs.check import is_causal
from baselines.runs.questions import ADAPTERS, sizes_of
from bench.about import install_hint
from bench.datasets import get_task
from bench.errors import UsageError
from bench.plugins import plugins
from bench.tasks import Task
from bench.text import table as aligned

SIZES = "calms21-task1"
"""The task at whose sizes papers count parameters."""


def parameters(baseline: Baseline, task: Task | None = None) -> int | None:
    """Return how many numbers a network learns on a task, on CalMS21 Task 1 where none is given.

    None where it is no network, where the task lacks what it reads, or where torch is not installed.
    """
    if baseline.network is None or find_spec("torch") is None:
        return None
    from baselines.engine import counting  # here, because it imports torch

    task = task or get_task(SIZES)
    skeleton = task.dataset.skeleton
    lacks = {"poses": not skeleton.keypoints, "edges": not skeleton.edges}
    if any(lacks.get(what, False) for what in baseline.reads):
        return None
    question = Question(task.name, task.classes, "frames", task.exclusive)
    return counting.parameters(baseline, baseline.recipe, sizes_of(baseline, skeleton, [question]))


def rows(baselines: Sequence[Baseline], task: Task | None = None) -> list[dict[str, Any]]:
    """Return one row per baseline, as JSON values.

    `answers` are the kinds of answer that the model gives by itself; `window` is the first and the last
    frame seen, relative to the labelled one, null where there is no window.
    """
    return [
        {
            "name": baseline.name,
            "title": baseline.title,
            "answers": sorted(baseline.answers),
            "parameters": parameters(baseline, task),
            "window": _window(baseline),
            "causal": is_causal(baseline),
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
    headers = ("name", "model", "parameters", "frames", "causal", "from")
    drawn = aligned(headers, cells, "llrrll")
    sizes = f"task {task.name}" if task else "CalMS21 Task 1: --task TASK counts at those of another"
    return "\n".join(
        [
            drawn,
            "",
            f"parameters at the sizes of {sizes}; frames: seen ones, relative to the labelled one",
            *_kinds(listed),
            *(
                f"who answers {adapter.source} can answer {adapter.target}: {adapter.words}"
                for adapter in ADAPTERS.values()
            ),
            *(f"[{number}] {name}" for name, number in numbers.items()),
        ]
    )


def _kinds(listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each kind of answer but frames: the models that give it."""
    names: dict[str, list[str]] = {}
    for row in listed:
        for kind in row["answers"]:
            names.setdefault(kind, []).append(row["name"])
    most = names.pop("frames", [])
    return [f"answer {kind}: {', '.join(of_kind)}" for kind, of_kind in names.items()] + (
        [f"answer frames: {'all others' if names else 'all'}"] if most else []
    )


def every() -> list[Baseline]:
    """Return all baselines of the list and of plugins, each imported.

    One of a plugin that cannot be used is left out with a warning.
    """
    found = [get_baseline(name) for name in MODELS]
    for plugin in plugins("bench.models"):
        if plugin.name in MODELS:
            continue
        try:
            found.append(get_baseline(plugin.name))
        except UsageError as fault:
            plugin.refuse("; ".join(fault.problems or [fault.title]))
    return found


def without_torch() -> list[dict[str, str]]:
    """Return what is known of the baselines where none can be imported: what to install for each."""
    return [{"name": name, "title": title, "extra": extra} for name, (_, title, extra) in models().items()]


def table_without_torch() -> str:
    """Return the same as text."""
    cells = [(row["name"], row["title"], row["extra"] or "-") for row in without_torch()]
    extras = dict.fromkeys(row["extra"] for row in without_torch())
    hints = [f"{extra}: {install_hint(extra)}" for extra in extras if extra]
    return "\n".join(
        [aligned(("name", "model", "extra"), cells, "lll"), "", "torch is not installed", *hints]
    )


def _window(baseline: Baseline) -> list[int] | None:
    window = baseline.recipe.sees if baseline.recipe is not None else None
    return None if window is None else list(window)
