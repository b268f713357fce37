"""Truth and prediction as anyone's arrays, cut into the runs of frames that metrics measure.

`bench.metrics.arrays` says what an array may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Num, Shaped

from bench.errors import UsageError, first, nearest
from bench.metrics.checks import (
    Array,
    Wrong,
    finite_faults,
    index_faults,
    label_faults,
    shape_faults,
)
from bench.recordings import one_hot, spans

Arrays = Any
"""Anything that numpy reads as an array, or recording -> such a thing."""
Pair = tuple[Bool[np.ndarray, "T C"], Shaped[np.ndarray, "T ..."]]
"""The true labels of one run of frames, and the rows that were predicted for them."""
Read = Callable[[Array, Sequence[str], str], Shaped[np.ndarray, "T ..."]]
"""(prediction of one recording, classes, its place in words) -> one row per frame; raises `UsageError`."""


def pairs(truth: Arrays, prediction: Arrays, classes: Sequence[str], reads: str) -> list[Pair]:
    """Return truth and prediction of every run of frames that count, recording by recording.

    `reads` is what a metric judges: "labels", "scores" or "clusters". Raises `UsageError` with every fault.
    """
    several = isinstance(truth, Mapping)
    if several != isinstance(prediction, Mapping):
        raise UsageError("truth and prediction: expected two arrays, or recording -> array in both")
    true, predicted = (truth, prediction) if several else ({"": truth}, {"": prediction})
    faults = [f"{id_}: not in the prediction" for id_ in true if id_ not in predicted]
    faults += [f"{id_}: not in the truth{nearest(str(id_), true)}" for id_ in predicted if id_ not in true]
    runs: list[Pair] = []
    for id_ in true:
        if id_ in predicted:
            try:
                runs += _runs(true[id_], predicted[id_], classes, reads, f"{id_}: " if several else "")
            except UsageError as fault:
                faults.append(fault.title)
    if not runs and not faults:
        faults = ["no frame of the truth counts"]
    if faults:
        raise UsageError("arrays that cannot be compared", first(faults))
    return runs


def _runs(
    truth: Arrays, prediction: Arrays, classes: Sequence[str], reads: str, place: str
) -> Iterator[Pair]:
    """Yield truth and prediction of every run of frames of one recording that count."""
    labels, counted = _truth(_array(truth, f"{place}truth"), classes, f"{place}truth")
    rows = _READ[reads](_array(prediction, f"{place}prediction"), classes, f"{place}prediction")
    if len(rows) != len(labels):
        raise UsageError(f"{place}{len(rows):,} frames predicted, {len(labels):,} in the truth")
    yield from ((labels[run], rows[run]) for run in spans(counted))


def _array(values: Arrays, place: str) -> Array:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as fault:
        raise UsageError(f"{place}: no array ({fault})") from fault


def _truth(
    array: Array, classes: Sequence[str], place: str
) -> tuple[Bool[np.ndarray, "T C"], Bool[np.ndarray, " T"]]:
    """Return the labels of one recording, and which of its frames count."""
    counted = array >= 0 if array.dtype.kind in "iu" and array.ndim == 1 else np.ones(len(array), dtype=bool)
    return _labels(array, classes, place), counted


def _labels(array: Array, classes: Sequence[str], place: str) -> Bool[np.ndarray, "T C"]:
    if array.ndim == 2 and array.dtype.kind in "biuf" and np.isin(array, (0, 1)).all():
        _refuse(place, shape_faults(array.shape, (len(array), len(classes)), classes))
        return array.astype(bool)
    if array.ndim == 1 and array.dtype.kind in "UO":
        index = {name: i for i, name in enumerate(classes)}
        if odd := [name for name in dict.fromkeys(array.tolist()) if name not in index]:
            raise UsageError(f"{place}: {', '.join(map(repr, odd[:8]))}, expected {', '.join(classes)}")
        array = np.array([index[name] for name in array.tolist()], dtype=np.int64)
    _refuse(place, label_faults(array, classes))
    return one_hot(array, len(classes))


def _predicted_labels(array: Array, classes: Sequence[str], place: str) -> Bool[np.ndarray, "T C"]:
    if array.ndim == 2 and not np.isin(array, (0, 1)).all():
        raise UsageError(f"{place}: scores, expected labels: scores.argmax(axis=1)")
    if array.ndim == 1 and array.dtype.kind in "iu" and (array < 0).any():
        raise UsageError(f"{place}: -1 at frame {int((array < 0).argmax()):,}: every frame has a label")
    return _labels(array, classes, place)


def _scores(array: Array, classes: Sequence[str], place: str) -> Num[np.ndarray, "T C"]:
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{place}: {array.dtype}, expected numbers, one score per frame and class")
    _refuse(place, shape_faults(array.shape, (array.shape[0] if array.ndim else 0, len(classes)), classes))
    _refuse(place, finite_faults(array, [f"column {i}" for i in range(len(classes))]))
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _clusters(array: Array, _classes: Sequence[str], place: str) -> Num[np.ndarray, " T"]:
    _refuse(place, index_faults(array, "cluster id"))
    return array.astype(np.int64)


def _refuse(place: str, faults: Iterable[Wrong]) -> None:
    """Raise `UsageError` for the first of the faults of one array."""
    for _, text in faults:
        raise UsageError(f"{place}: {text}")


_READ: Mapping[str, Read] = {"labels": _predicted_labels, "scores": _scores, "clusters": _clusters}
