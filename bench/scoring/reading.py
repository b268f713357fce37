"""Arrays and groups, in memory or in files: read, compared, and refused with all that is wrong."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.errors import DataError, SubmissionError
from bench.scoring.arrays import GIB, Source, read_groups, read_npz
from bench.scoring.checks import group_faults, refuse, truth_faults
from bench.submissions.faults import Fault

SPARE = GIB // 8
"""Bytes beyond four times the expected ones, so that small mistakes are told in detail."""
AGAIN = "mend what is listed, then score again"

Arrays = Mapping[str, np.ndarray] | str | Path
"""Recording id -> array, or the file that holds them."""
Groups = Mapping[str, str] | str | Path | None
"""Recording id -> its group, or a CSV of recording,group; None: each recording is its own."""


def read_arrays(
    command: Sequence[object],
    truth: Arrays,
    predictions: Arrays,
    groups: Groups,
    classes: Sequence[str] | None,
    load: Callable[[Path, int], Source],
    compare: Callable[[Mapping[str, np.ndarray], Source], Iterable[Fault]],
) -> tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray], Mapping[str, str] | None]:
    """Return truth, predictions and groups; raise one error with all that is wrong.

    `load` reads a file of predictions that needs at most so many bytes of memory, `compare` compares what it
    holds with the truth, and `command` are the words after `bench score`.
    """
    labels = Source(dict(truth)) if isinstance(truth, Mapping) else read_npz(Path(truth))
    wrong = labels.faults + (list(truth_faults(labels.arrays, classes)) if labels.whole else [])
    named, group_wrong = read_named_groups(groups, labels.arrays if labels.whole else ())
    frames = sum(len(array) for array in labels.arrays.values() if array.ndim)
    most = 4 * 8 * frames * max(len(classes or ()), 1) + SPARE
    source = Source(dict(predictions)) if isinstance(predictions, Mapping) else load(Path(predictions), most)
    sound = source.whole and not wrong and not group_wrong
    unfit = source.faults + (list(compare(labels.arrays, source)) if sound else [])
    refuse_all(command, groups, (wrong, group_wrong, unfit), "the predictions do not fit the truth")
    return labels.arrays, source.arrays, named


def read_named_groups(groups: Groups, ids: Collection[str]) -> tuple[Mapping[str, str] | None, list[Fault]]:
    """Return the groups, and what is wrong with them; where rows cannot be read, none is missing."""
    if groups is None or isinstance(groups, Mapping):
        return groups, list(group_faults(ids, groups))
    named, faults = read_groups(Path(groups))
    return named, faults or [fault.at(str(groups)) for fault in group_faults(ids, named)]


def refuse_all(command: Sequence[object], groups: Groups, faults: Sequence[list[Fault]], title: str) -> None:
    """Raise one error with the faults of truth and groups, or of the predictions, and what to type next.

    `command` are the words after `bench score`; `faults` are those of the truth, the groups and the
    predictions.
    """
    _, truth, predictions, *_ = command
    wrong, group_wrong, unfit = faults
    files = not any(isinstance(source, Mapping) for source in (truth, predictions))
    table = None if isinstance(groups, Mapping) else groups
    words = ["bench", "score", *map(str, command), *options({"--groups": table})]
    again = shlex.join(words) if files else ""
    wrong = [fault.at(str(truth)) for fault in wrong] if files else wrong
    unfit = [fault.at(str(predictions)) for fault in unfit] if files else unfit
    if wrong or group_wrong:
        mend = [str(path) for path, own in ((truth, wrong), (groups, group_wrong)) if own]
        hint = f"mend {' and '.join(mend)}, then: {again}" if files else AGAIN
        refuse(DataError, "the truth cannot be scored", [*wrong, *group_wrong, *unfit], hint)
    refuse(SubmissionError, title, unfit, f"mend {predictions}, then: {again}" if files else AGAIN)


def options(values: Mapping[str, object]) -> list[str]:
    """Return the words that one types for these options; an option whose value is None is left out."""
    return [word for name, value in values.items() if value is not None for word in (name, _word(value))]


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def annotated(truth: Mapping[str, np.ndarray]) -> list[str]:
    """Return the recordings of which any frame counts."""
    return [id_ for id_, labels in truth.items() if (labels >= 0).any()]


def counted(truth: Mapping[str, np.ndarray]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return how many frames count, and a warning where a recording has none."""
    frames, empty = sum(map(len, truth.values())), len(truth) - len(annotated(truth))
    counting = sum(int((labels >= 0).sum()) for labels in truth.values())
    warning = f"recordings without an annotated frame, left out: {empty:,}"
    return {"frames": counting, "unannotated": frames - counting}, (warning,) if empty else ()
