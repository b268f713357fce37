"""Frames and clusters from files: read, compare, score."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.errors import DataError, SubmissionError
from bench.evaluation import RESAMPLES
from bench.scorefiles.read import GIB, Read, read_groups, read_npz, to_mend
from bench.scoring import Scores, score_clusters, score_frames
from bench.scoring.checks import check_question, group_faults, refuse, score_faults, truth_faults
from bench.scoring.clusters import all_cluster_faults
from bench.submissions.faults import Fault

SPARE = GIB // 8
"""Bytes beyond four times the expected ones, so that small mistakes are told in detail."""

Arrays = Mapping[str, np.ndarray]


def score_frame_files(
    truth: Path,
    predictions: Path,
    classes: Sequence[str],
    *,
    background: str | None = None,
    fps: float | None = None,
    groups: Path | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score frame scores in an .npz, .parquet or .csv against labels in an .npz; see `score_frames`.

    `truth` holds one array of class indices (frames,) per recording. `predictions` holds arrays (frames,
    classes), or a table of recording, frame and one column per class. `groups` is a CSV of recording,group.
    """
    check_question(classes, background, fps)

    def load(most: int) -> Read:
        if predictions.suffix not in (".parquet", ".csv"):
            return read_npz(predictions, most)
        from bench.scorefiles.tables import read_table  # pyarrow is slow to import

        return read_table(predictions, classes, most)

    def compare(labels: Arrays, found: Read) -> Iterable[Fault]:
        frames = {id_: len(array) for id_, array in labels.items()}
        return score_faults(frames, found.arrays, classes, found.unread)

    again = shlex.join(
        ["bench", "score", "frames", *map(str, (truth, predictions)), "--classes", ",".join(classes)]
    )
    labels, scores, named = _load(truth, predictions, groups, classes, load, compare, again)
    return score_frames(
        labels, scores, classes, background=background, fps=fps, groups=named, resamples=resamples
    )


def score_cluster_files(
    truth: Path,
    predictions: Path,
    classes: Sequence[str] | None = None,
    *,
    background: str | None = None,
    groups: Path | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score cluster ids in an .npz against labels in an .npz; see `score_clusters`."""
    if classes is not None:
        check_question(classes, background)

    def compare(labels: Arrays, found: Read) -> Iterable[Fault]:
        return all_cluster_faults(labels, found.arrays, found.unread)

    def load(most: int) -> Read:
        return read_npz(predictions, most)

    again = shlex.join(["bench", "score", "clusters", str(truth), str(predictions)])
    labels, clusters, named = _load(truth, predictions, groups, classes, load, compare, again)
    return score_clusters(labels, clusters, classes, background=background, groups=named, resamples=resamples)


def _load(
    truth: Path,
    predictions: Path,
    groups: Path | None,
    classes: Sequence[str] | None,
    load: Callable[[int], Read],
    compare: Callable[[Arrays, Read], Iterable[Fault]],
    again: str,
) -> tuple[Arrays, Arrays, Mapping[str, str] | None]:
    """Read truth, groups and predictions; raise one error with all that is wrong."""
    labels = read_npz(truth)
    named, group_wrong = read_groups(groups)
    wrong = [fault.at(str(truth)) for fault in labels.faults]
    if labels.whole:
        wrong += [fault.at(str(truth)) for fault in truth_faults(labels.arrays, classes, None)]
        if not group_wrong:  # rows that cannot be read leave recordings without a group
            group_wrong = [fault.at(str(groups)) for fault in group_faults(labels.arrays, named)]
    hint = to_mend({truth: wrong, groups: group_wrong}, again)
    wrong += group_wrong
    frames = sum(len(array) for array in labels.arrays.values() if array.ndim)
    found = load(4 * 8 * frames * max(len(classes or ()), 1) + SPARE)
    unfit = [*found.faults, *(compare(labels.arrays, found) if found.whole and not wrong else ())]
    unfit = [fault.at(str(predictions)) for fault in unfit]
    if wrong:
        refuse(DataError, "the truth cannot be scored", [*wrong, *unfit], hint)
    hint = f"mend {predictions}, then: {again}"
    refuse(SubmissionError, "the predictions do not fit the truth", unfit, hint)
    return labels.arrays, found.arrays, named
