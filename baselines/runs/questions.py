"""What is asked of a model: the parts of a task as questions, through an adapter where kinds differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from baselines.adapters.bouts import BOUTS
from baselines.adapters.majority import MAJORITY
from baselines.contract import Adapter, Baseline, Question, Sizes
from baselines.models import load
from bench.errors import UsageError
from bench.kinds import kind_of
from bench.recordings import Skeleton
from bench.tasks import Task

ADAPTERS = {adapter.name: adapter for adapter in (BOUTS, MAJORITY)}


def adapter_for(baseline: Baseline, task: Task) -> Adapter | None:
    """Return what turns the answers of a baseline into those that a task asks for; None where they are.

    Raises `UsageError` where nothing does.
    """
    if task.kind in baseline.answers:
        return None
    for adapter in ADAPTERS.values():
        if adapter.target == task.kind and adapter.source in baseline.answers:
            return adapter
    raise UsageError(
        f"baseline {baseline.name!r} answers {' and '.join(sorted(baseline.answers))}; "
        f"task {task.name!r} asks for {task.kind}",
        hint=f"bench models, which says below its table who answers {task.kind}",
    )


def question_of(task: Task, part: str, adapter: Adapter | None) -> Question:
    """Return one part of a task as a model learns it; of segments several may hold at a time."""
    return Question(
        key=f"{task.name}/{part}",
        classes=task.classes,
        kind=adapter.source if adapter else task.kind,
        exclusive=task.exclusive and kind_of(task).labels_frames,
        weights=tuple(sorted(task.class_weights.get(part, {}).items())),
    )


def sizes_of(baseline: Baseline, skeleton: Skeleton, questions: Sequence[Question]) -> Sizes:
    """Return all that the size of a model depends on."""
    bare = Sizes(skeleton, tuple(len(question.classes) for question in questions))
    features = []
    for need in baseline.needs:
        if need.use == "features":
            extractor = load(need.model)
            if extractor.width is None:
                raise TypeError(f"{need.model} is needed for features and declares no width")
            features.append((extractor.name, extractor.width(extractor.recipe, bare)))
    return Sizes(skeleton, bare.classes, tuple(features))


def as_json(value: Any) -> Any:
    """Return a frozen dataclass of plain values, or None, as JSON values."""
    return None if value is None else json.loads(json.dumps(asdict(value)))
