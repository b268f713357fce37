"""From predictions to the result of an entry on a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.evaluation.details import MEASURES, details
from bench.evaluation.measured import measure
from bench.evaluation.scores import RESAMPLES, score_all
from bench.evaluation.spans import cut, group_frames, summarise_truth
from bench.kinds import kind_of
from bench.metrics import METRICS_VERSION
from bench.recordings import Recording
from bench.results import Result
from bench.submissions import Predictions, predictions_digest
from bench.tasks import Task


def evaluate(
    task: Task,
    entry: Mapping[str, Any],
    predictions: Predictions,
    recordings: Mapping[str, Recording],
    *,
    resamples: int = RESAMPLES,
) -> Result:
    """Score every run and part of one entry on one task, with intervals over test groups.

    `predictions` (run -> part -> recording id -> scores, or detections of the form that `entry` names in
    "detections") must fit `recordings`, as reading by `bench.submissions` makes sure. Raises `UsageError`
    for detections of which `entry` does not say whether they are raw or final.
    """
    split = task.load_split()
    kind, cuts = kind_of(task), cut(task, split, recordings)
    also = MEASURES if kind.labels_frames else ()
    measured = measure(task, cuts, predictions, entry.get("detections"), also)
    scores, how = score_all(task.metrics, measured, resamples)
    truth = summarise_truth(task, cuts)
    return Result(
        entry=entry,
        task=task_card(task),
        metrics_version=METRICS_VERSION,
        split_digest=split.digest,
        truth_digest=truth.truth_digest,
        predictions_digest=predictions_digest(kind, predictions),
        recordings=truth.recordings,
        groups=truth.groups,
        frames=truth.frames,
        support=truth.support,
        interval=how,
        scores=scores,
        group_frames=group_frames(cuts),
        details=details(
            task,
            {part: [span.recording for span in of_part.test] for part, of_part in cuts.items()},
            {part: [span.group for span in of_part.test] for part, of_part in cuts.items()},
            measured.runs,
            measured.measures,
        ),
    )


def task_card(task: Task) -> dict[str, Any]:
    """Return what a page says about a task, as plain JSON values."""
    return {
        "name": task.name,
        "title": task.title,
        "question": task.question,
        "kind": task.kind,
        "classes": list(task.classes),
        "background": task.background,
        "exclusive": task.exclusive,
        "reference": task.reference,
        "parts": [{"name": part.name, "title": part.title} for part in task.parts],
        "protocol": {"name": task.protocol.name, "description": task.protocol.description},
        "metrics": [
            {
                "name": metric.name,
                "title": metric.title,
                "definition": metric.definition,
                "reference": metric.reference,
                "unit": metric.unit,
                "mean": metric.mean,
                "higher_is_better": metric.higher_is_better,
            }
            for metric in task.metrics
        ],
        "dataset": {
            "name": task.dataset.name,
            "title": task.dataset.title,
            "url": task.dataset.url,
            "licence": task.dataset.licence,
            "citation": task.dataset.citation,
            "simulated": task.dataset.simulated,
            "fps": task.dataset.fps,
            "notes": list(task.dataset.notes),
        },
    }
