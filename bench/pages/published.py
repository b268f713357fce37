"""What papers print on a task, for its page: beside the entries, unranked and as printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.datasets import TASKS
from bench.published import Rival, read_published, rivals


@dataclass(frozen=True)
class Beside:
    """The published models of a task, the best by its ranking metric first."""

    metrics: tuple[Mapping[str, Any], ...]
    """The task's metrics that any of them has a value of."""
    rivals: tuple[Rival, ...]
    follows: bool
    """Whether a value follows from a table instead of being printed."""


def beside(task: Mapping[str, Any]) -> Beside | None:
    """Return what is published on the task of this card; None where nothing is."""
    known = {one.name: one for one in TASKS}
    names = [metric["name"] for metric in task["metrics"]]
    found = [
        rival
        for rival in rivals(task["name"], read_published(), known.get)
        if set(names) & set(rival.numbers)
    ]
    if not found:
        return None
    shown = tuple(
        metric for metric in task["metrics"] if any(metric["name"] in rival.numbers for rival in found)
    )
    signs = {metric["name"]: 1 if metric["higher_is_better"] else -1 for metric in shown}

    def merit(rival: Rival) -> list[float]:
        values = {name: number.value for name, number in rival.numbers.items()}
        return [signs[name] * values[name] if name in values else float("-inf") for name in signs]

    ordered = sorted(found, key=merit, reverse=True)
    ordered.sort(key=lambda rival: rival.part)  # stable; the whole task has none, so it comes first
    return Beside(shown, tuple(ordered), any(set(rival.follows) & set(signs) for rival in found))
