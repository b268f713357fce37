"""Scores of our own runs, whole or of some parts, for the numbers that a published table prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from baselines.reproduction.jobs import parts_of
from baselines.runs.train import Trained
from bench.datasets import get_task
from bench.published import Job, RunValues, values
from bench.recordings import Recording
from bench.submissions import Predictions, read_tasks
from bench.submitting import lengths, recordings_to_answer
from bench.tasks import Task


def score(job: Job, entry: Path, runs: Sequence[Trained], metrics: Sequence[str]) -> RunValues:
    """Score the parts that a job needs, by the metrics of these names."""
    task = get_task(job.task)
    parts, recordings = parts_of(job), recordings_to_answer(task)
    read = _read(task, entry, runs, recordings)
    predictions = {run: {part: by_part[part] for part in parts} for run, by_part in read.items()}
    return values(task, predictions, recordings, metrics)


def _read(
    task: Task, entry: Path, runs: Sequence[Trained], recordings: Mapping[str, Recording]
) -> Predictions:
    """Read whole runs from the submission, checked as any other; of others, the parts that are trained."""
    parts = {one.name: {unit.question.part: unit.read() for unit in one.units} for one in runs if one.lacks}
    whole = [one.name for one in runs if not one.lacks]
    if not whole:
        return parts
    expected = lengths(task, recordings)
    _, read = read_tasks(entry, get_task, lambda _: expected, only=task.name)
    return {**parts, **{run: read[task.name][run] for run in whole}}
