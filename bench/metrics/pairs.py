"""Truth and prediction as anyone's arrays, cut into the runs of frames that metrics measure.

`bench.metrics.arrays` says what an array may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Num, Shaped

from bench.errors import UsageError, first, nearest
from bench.recordings import one_hot, spans

Arrays = Any
"""Anything that numpy reads as an array, or recording -> such a thing."""
Pair = tuple[Bool[np.ndarray, "T C"], Shaped[np.ndarray, "T ..."]]
"""The true labels of one run of frames, and the rows that were predicted for them."""
Read = Callable[[Shaped[np.ndarray, "*_"], Sequence[str], str], Shaped[np.ndarray, "T ..."]]
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


def class_names(classes: Sequence[str], background: str | None = None) -> tuple[str, ...]:
    """Return the names; raise `UsageError` for names or a background that mean nothing."""
    names = () if isinstance(classes, str) else tuple(classes)
    if not names or len(set(names)) < len(names):
        raise UsageError(f"classes {classes!r}: expected a list of different names")
    if background is not None and background not in names:
        raise UsageError(f"background {background!r} is not a class{nearest(background, names)}")
    return names


def _runs(
    truth: Arrays, prediction: Arrays, classes: Sequence[str], reads: str, place: str
) -> Iterator[Pair]:
    """Yield truth and prediction of every run of frames of one recording that count."""
    labels, counted = _truth(_array(truth, f"{place}truth"), classes, f"{place}truth")
    rows = _READ[reads](_array(prediction, f"{place}prediction"), classes, f"{place}prediction")
    if len(rows) != len(labels):
        raise UsageError(f"{place}{len(rows):,} frames predicted, {len(labels):,} in the truth")
    yield from ((labels[run], rows[run]) for run in spans(counted))


def _array(values: Arrays, place: str) -> Shaped[np.ndarray, "*_"]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as fault:
        raise UsageError(f"{place}: no array ({fault})") from fault


def _truth(
    array: Shaped[np.ndarray, "*_"], classes: Sequence[str], place: str
) -> tuple[Bool[np.ndarray, "T C"], Bool[np.ndarray, " T"]]:
    """Return the labels of one recording, and which of its frames count."""
    if array.ndim == 1 and array.dtype.kind in "iu":
        counted = array >= 0
        return one_hot(_indices(array, -1, classes, place), len(classes)), counted
    labels = _labels(array, classes, place)
    return labels, np.ones(len(labels), dtype=bool)


def _labels(array: Shaped[np.ndarray, "*_"], classes: Sequence[str], place: str) -> Bool[np.ndarray, "T C"]:
    if array.ndim == 2:
        return _table(array, classes, place)
    if array.ndim != 1 or array.dtype.kind not in "iuUO":
        found = f"shape {array.shape} of {array.dtype}"
        raise UsageError(f"{place}: {found}, expected names or indices of classes (T,), or Bool (T, C)")
    if array.dtype.kind in "iu":
        return one_hot(_indices(array, 0, classes, place), len(classes))
    index = {name: i for i, name in enumerate(classes)}
    if odd := [name for name in dict.fromkeys(array.tolist()) if name not in index]:
        raise UsageError(f"{place}: {', '.join(map(repr, odd[:8]))}, expected {', '.join(classes)}")
    return one_hot(np.array([index[name] for name in array.tolist()], dtype=np.int64), len(classes))


def _table(array: Shaped[np.ndarray, "T K"], classes: Sequence[str], place: str) -> Bool[np.ndarray, "T C"]:
    if array.shape[1] != len(classes):
        raise UsageError(f"{place}: {array.shape[1]} columns, expected {len(classes)}: {', '.join(classes)}")
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise UsageError(f"{place}: expected true and false; of scores the label is scores.argmax(axis=1)")
    return array.astype(bool)


def _indices(
    array: Shaped[np.ndarray, " T"], least: int, classes: Sequence[str], place: str
) -> Shaped[np.ndarray, " T"]:
    odd = (array < least) | (array >= len(classes))
    if odd.any():
        frame = int(odd.argmax())
        known = f"{least} to {len(classes) - 1}"
        raise UsageError(
            f"{place}: {array[frame]} at frame {frame:,}, expected {known}: {', '.join(classes)}"
        )
    return array


def _scores(array: Shaped[np.ndarray, "*_"], classes: Sequence[str], place: str) -> Num[np.ndarray, "T C"]:
    if array.ndim != 2 or array.shape[1] != len(classes) or array.dtype.kind not in "biuf":
        found = f"shape {array.shape} of {array.dtype}"
        raise UsageError(f"{place}: {found}, expected numbers (T, {len(classes)}): {', '.join(classes)}")
    if not np.isfinite(array).all():
        raise UsageError(f"{place}: NaN or infinite scores")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _clusters(array: Shaped[np.ndarray, "*_"], classes: Sequence[str], place: str) -> Num[np.ndarray, " T"]:  # noqa: ARG001
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise UsageError(f"{place}: shape {array.shape} of {array.dtype}, expected whole numbers (T,)")
    return array.astype(np.int64)


_READ: Mapping[str, Read] = {"labels": _labels, "scores": _scores, "clusters": _clusters}
