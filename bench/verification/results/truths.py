"""What entries on a task were compared with: frozen where recordings were at hand, or from the store."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from bench import store
from bench.about import NAME
from bench.datasets import get_task
from bench.errors import DataError, FileError
from bench.evaluation import TruthSummary, cut, summarise_truth
from bench.files.strict_json import read_json
from bench.kinds import ids_to_answer
from bench.resources import resource
from bench.tasks import Task

_MOST = 2**24  # bytes


@cache
def frozen_truths() -> Mapping[str, TruthSummary]:
    """Return what is frozen, by task; raise `DataError` where the file does not hold it."""
    path = resource("reference", "leaderboard/reference") / "truths.json"
    try:
        content = read_json(path, _MOST, follow=True)
        return {name: TruthSummary(**fields) for name, fields in content.items()}
    except (FileError, AttributeError, TypeError) as fault:
        raise DataError(
            f"{path} does not hold what results are compared with", [str(fault)], hint=f"reinstall {NAME}"
        ) from fault


def stored_truth(task: Task) -> TruthSummary:
    """Return what the stored recordings of a task give; raise `DataError` where they are not all there."""
    split = task.load_split()
    ids = dict.fromkeys(id_ for part in split.parts for id_ in ids_to_answer(task, split, part))
    recordings = {recording.id: recording for recording in store.load(task.dataset, list(ids), poses=False)}
    return summarise_truth(task, cut(task, split, recordings))


def expected_truth(name: str) -> TruthSummary | None:
    """Return what results on the task of that name must have been compared with; None where nothing says it.

    A store of data that were changed and accepted says nothing.
    """
    if name in (frozen := frozen_truths()):
        return frozen[name]
    task = get_task(name)
    try:
        return None if store.manifest(task.dataset).changed else stored_truth(task)
    except DataError:  # not imported, or damaged: `bench verify` says so
        return None
