"""Predictions in the forms that users have them in, turned into those that submissions hold.

Scores of one recording may be a numpy array, nested lists, a table with one column per class (pandas) or a
tensor (torch); neither library is imported. Detections may be `Detections` or rows as in the JSON file,
clusters any array of whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from bench.errors import SubmissionError
from bench.recordings import Detections
from bench.submissions.detections import Rows
from bench.tasks import Task

ByPart = Mapping[str, Mapping[str, Any]]
"""Part -> recording id -> what is predicted of it."""


def by_part(task: Task, predictions: Mapping[str, Any]) -> ByPart:
    """Return predictions by part and recording; a task of one part may leave out the part.

    Raises `SubmissionError` where parts are needed and left out.
    """
    parts = [part.name for part in task.parts]
    if predictions and all(isinstance(one, Mapping) for one in predictions.values()):
        return predictions
    if len(parts) > 1 or any(isinstance(one, Mapping) for one in predictions.values()):
        raise SubmissionError(
            f"task {task.name!r}: expected {{part: {{recording: prediction}}}}, parts {', '.join(parts)}",
            [f"{key!r} is {type(one).__name__}" for key, one in list(predictions.items())[:1]],
        )
    return {parts[0]: predictions}


def as_scores(values: Any, classes: Sequence[str]) -> Float32[np.ndarray, "*_"]:
    """Return scores as float32, whatever shape they have; a table's columns go by their names.

    Raises `SubmissionError` for columns that are not the classes, and for what is no array of numbers.
    """
    if hasattr(values, "detach"):  # a tensor, perhaps on a device and with a gradient
        values = values.detach().cpu().float()
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):
        values = _columns(values, classes)
    try:
        array = np.asarray(values)
    except ValueError as fault:
        raise SubmissionError(f"no array: {fault}") from None
    if array.dtype.kind not in "fiub":
        raise SubmissionError(f"{array.dtype}, expected numbers (frames, {len(classes)})")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named as that
        return array.astype("<f4")


def as_clusters(values: Any) -> Int64[np.ndarray, "*_"]:
    """Return clusters as int64, whatever shape they have.

    Raises `SubmissionError` for what is no array of whole numbers, or holds one beyond 64 bits.
    """
    if hasattr(values, "detach"):  # a tensor, perhaps on a device
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except ValueError as fault:
        raise SubmissionError(f"no array: {fault}") from None
    if array.dtype.kind not in "iu" or not np.can_cast(array.dtype, np.int64):
        raise SubmissionError(f"{array.dtype}, expected whole numbers of at most 64 bits (frames,)")
    return array.astype(np.int64)


def as_rows(values: Any, classes: Sequence[str]) -> Rows:
    """Return detections as rows of the JSON file: {"segment": [start, end], "label": name, "score": number}.

    Labels of `Detections` are indices of `classes`. Raises `SubmissionError` for an index that is none, and
    for what is neither `Detections` nor a list of rows.
    """
    if isinstance(values, Detections):
        if (values.labels >= len(classes)).any():
            raise SubmissionError(f"label {values.labels.max()}, expected 0 to {len(classes) - 1}")
        columns = (values.bounds.tolist(), values.labels.tolist(), values.scores.tolist())
        rows = zip(*columns, strict=True)
        return [{"segment": bounds, "label": classes[k], "score": score} for bounds, k, score in rows]
    if not isinstance(values, list):
        raise SubmissionError(f"{type(values).__name__}, expected Detections or a list of rows")
    return [_plain(row) for row in values]


def _columns(table: Any, classes: Sequence[str]) -> Any:
    """Return the columns of the classes, in the order of the task; numbered columns are in it already."""
    names = list(table.columns)
    if set(classes) <= set(names):
        return table[list(classes)].to_numpy()
    if names == list(range(len(names))):
        return table.to_numpy()
    listed = ", ".join(map(repr, names[:8]))
    raise SubmissionError(f"columns {listed}; expected {', '.join(classes)}")


def _plain(value: Any) -> Any:
    """Return a value with Python's own numbers and lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
