"""What the class prior scores: it knows how often each class holds in training, and looks at nothing.

An entry below it has learned nothing, or has its columns in another order than the task's classes. They are
compared by the first three metrics of a task: of frames F1, average precision and accuracy. Where the
background is most common the F1 of the prior is 0, and nothing is below that; its average precision is the
share of each class, and its accuracy the share of the background.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench import store
from bench.datasets import get_task
from bench.errors import DataError
from bench.evaluation import cut, measure, score_all
from bench.files.opening import is_absent
from bench.kinds import ids_to_answer, kind_of
from bench.recordings import Recording
from bench.resources import resource
from bench.results import Result, Score
from bench.tasks import Task
from bench.verification.results import read_result

ENTRY = "prior"
"""The entry whose results are the prior's."""
COMPARED = 3
"""How many metrics of a task it is compared by."""


@dataclass(frozen=True)
class Prior:
    """What the prior scores on a task."""

    values: Mapping[str, float]
    """Metric -> value, of the first metrics of the task."""
    source: str
    """The result file that says it, or "computed from the training recordings"."""


def find_prior(result: Result, folder: Path) -> Prior | None:
    """Return what the prior scores on the task of a result, compared with the same truth.

    It is read in `folder`, else in the committed results of a checkout, else computed from the stored
    recordings. None where none of these gives it.
    """
    task = get_task(result.task["name"])
    for place in (folder, resource("results", "leaderboard/results")):
        path = place / f"{task.name}--{ENTRY}.json"
        try:
            reference = None if is_absent(path) else read_result(path)
        except DataError:  # `bench verify --results` says what is wrong with it
            reference = None
        if reference is not None and reference.truth_digest == result.truth_digest:
            return Prior(_values(task, reference.scores), str(path))
    values = _computed(task)
    return None if values is None else Prior(values, "computed from the training recordings")


def below(result: Result, prior: Prior) -> list[str]:
    """Return the metrics by which a result is worse than the prior; an undefined value is not worse."""
    metrics = {metric.name: metric for metric in get_task(result.task["name"]).metrics}
    worse = []
    for name, value in prior.values.items():
        score = result.scores[name].value
        defined = not (math.isnan(score) or math.isnan(value))
        if defined and (score < value if metrics[name].higher_is_better else score > value):
            worse.append(name)
    return worse


def _values(task: Task, scores: Mapping[str, Score]) -> dict[str, float]:
    return {metric.name: scores[metric.name].value for metric in task.metrics[:COMPARED]}


def _computed(task: Task) -> dict[str, float] | None:
    """Score the prior; None for a kind that has none, or where the recordings are not stored."""
    answer = kind_of(task).prior
    if answer is None:
        return None
    split = task.load_split()
    train = {part: split.ids(part, "train") for part in split.parts}
    answers = {part: ids_to_answer(task, split, part) for part in split.parts}
    ids = dict.fromkeys(id_ for part in split.parts for id_ in (*train[part], *answers[part]))
    try:
        recordings = {one.id: one for one in store.load(task.dataset, list(ids), poses=False)}
    except DataError:
        return None
    predictions = {}
    for part in split.parts:
        shares = _shares(task, [recordings[id_] for id_ in train[part]])
        predictions[part] = {id_: answer(shares, recordings[id_].frames) for id_ in answers[part]}
    task = replace(task, metrics=task.metrics[:COMPARED])
    measured = measure(task, cut(task, split, recordings), {ENTRY: predictions})
    scores, _ = score_all(task.metrics, measured, resamples=0)
    return _values(task, scores)


def _shares(task: Task, recordings: list[Recording]) -> Float[np.ndarray, " C"]:
    """Return in which share of the labelled frames each class holds, in [0, 1]; 0 without such frames."""
    frames, counts = 0, np.zeros(len(task.classes))
    for recording in recordings:
        truth = task.truth(recording)
        labelled = recording.annotated & (truth.any(axis=1) if task.exclusive else True)
        frames += int(labelled.sum())
        counts += truth[labelled].sum(axis=0)
    return counts / max(1, frames)
