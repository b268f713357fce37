"""What `bench tasks` prints: every task with its classes, and whether its recordings are here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.errors import DataError
from bench.resources import home
from bench.store import how_to_pull, manifest
from bench.tasks import Task
from bench.text.tables import table


def tasks_text(tasks: Sequence[Task]) -> str:
    """Return one line per task, and where the recordings are."""
    rows = [[task.name, task.title, _classes(task), _held(task)] for task in tasks]
    drawn = table(["task", "title", "classes", "recordings here"], rows, "llll", limits={1: 40})
    return f"{drawn}\n\nrecordings are in {home()} ($BENCH_HOME)"


def tasks_json(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Return the same as JSON values; `recordings` is null where none are stored."""
    return [
        {
            "name": task.name,
            "title": task.title,
            "question": task.question,
            "dataset": task.dataset.name,
            "simulated": task.dataset.simulated,
            "kind": task.kind,
            "classes": list(task.classes),
            "background": task.background,
            "exclusive": task.exclusive,
            "parts": [part.name for part in task.parts],
            "metrics": [metric.name for metric in task.metrics],
            "recordings": _count(task),
        }
        for task in tasks
    ]


def _count(task: Task) -> int | None:
    try:
        return len(manifest(task.dataset).recordings)
    except DataError:
        return None


def _classes(task: Task) -> str:
    """Name up to four classes, or the first three and the number of all."""
    names = list(task.classes)
    return ", ".join(names if len(names) <= 4 else [*names[:3], f"… {len(names)} in all"])


def _held(task: Task) -> str:
    """Say how many recordings the store holds, or the command that gets them."""
    try:
        recordings = manifest(task.dataset).recordings
    except DataError:
        return f"none: {how_to_pull(task.dataset)}"
    within = task.protocol.within
    if within and not any(stored.counts.get(name) for stored in recordings.values() for name in within):
        return f"absent: none of {len(recordings)} is {' or '.join(within)}"
    return f"{len(recordings)}" + (" (simulated)" if task.dataset.simulated else "")
