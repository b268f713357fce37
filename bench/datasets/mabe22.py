"""MABe22 mouse triplets: three mice, twelve keypoints each, one-minute clips, four behaviours at once.

Two layouts are read, both a dict pickled into an `.npy` (see `pickled`). In either,
`sequences[clip]["keypoints"]` is (frames, 3 mice, 12 keypoints, xy). The labels stand beside the keypoints,
`sequences[clip]["annotations"]` (labels, frames) with one `vocabulary` for all, or in a second file:
`label_array` (labels, all frames), `vocabulary`, and `frame_number_map[clip]` = [start, stop).

Source: Sun et al. 2023, arXiv:2207.10553, doi 10.22002/rdsa8-rde65; the files were never seen here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from bench.about import SPLIT_SOURCE
from bench.datasets.splitting.rules import SplitRule, Summary, shuffled
from bench.errors import DataError, first
from bench.files.opening import present
from bench.files.pickled import read_pickled
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit, Totals
from bench.tasks import Dataset, Task

FPS = 30.0
ANIMALS = ("mouse 1", "mouse 2", "mouse 3")
KEYPOINTS = (
    *("nose", "left ear", "right ear", "neck", "left forepaw", "right forepaw", "centre of the back"),
    *("left hindpaw", "right hindpaw", "tail base", "middle of the tail", "tail tip"),
)
EDGES = (
    *(("nose", "left ear"), ("nose", "right ear"), ("left ear", "neck"), ("right ear", "neck")),
    *(("neck", "left forepaw"), ("neck", "right forepaw"), ("neck", "centre of the back")),
    *(("centre of the back", "left hindpaw"), ("centre of the back", "right hindpaw")),
    *(("centre of the back", "tail base"), ("tail base", "middle of the tail")),
    ("middle of the tail", "tail tip"),
)
CLASSES = ("chases", "huddles", "oral_oral_contact", "oral_genital_contact")
CLIPS, FRAMES = 1_830, 1_800
POSES, LABELS = "mouse_submission_keypoints.npy", "mouse_submission_labels.npy"


def read(folder: Path) -> Iterator[Recording]:
    """Yield the clips in the order of the official file.

    The file of labels is not needed where the first file holds them. After the last good clip,
    `DataError` lists the faults of all the others.
    """
    poses_file, labels_file = present(folder / POSES), present(folder / LABELS)
    if poses_file is None:
        raise DataError(
            f"no MABe22 mouse triplets in {folder}",
            [f"expected {POSES}, and {LABELS}"],
            hint=f"download them from {URL}",
        )
    with tempfile.TemporaryDirectory() as poses, tempfile.TemporaryDirectory() as labels:
        content = read_pickled(poses_file, Path(poses))
        beside = read_pickled(labels_file, Path(labels)) if labels_file else None
        yield from _clips(content, beside)


def _clips(content: Any, beside: Any) -> Iterator[Recording]:
    sequences = content.get("sequences") if isinstance(content, dict) else None
    if not isinstance(sequences, dict) or not sequences:
        raise _error([f"{POSES}: no dict of 'sequences' in it"])
    source = content if beside is None else beside
    vocabulary = _vocabulary(source, POSES if beside is None else LABELS)
    columns = [vocabulary.index(name) for name in CLASSES]
    map_, array = _label_table(beside, len(vocabulary), sequences) if beside is not None else ({}, None)
    faults: list[str] = []
    for number, (name, clip) in enumerate(sequences.items(), start=1):
        annotations = clip.get("annotations") if isinstance(clip, dict) and array is None else None
        if array is not None and name in map_:
            annotations = array[:, slice(*map_[name])]
        wrong = _clip_faults(clip, annotations, vocabulary)
        faults += [f"{name}: {fault}" for fault in wrong]
        if not wrong:
            labels = np.asarray(annotations)[columns].T == 1
            yield _recording(number, name, np.asarray(clip["keypoints"]), labels)
    if faults:
        raise _error(faults)


def _recording(number: int, name: str, keypoints: np.ndarray, labels: np.ndarray) -> Recording:
    xy: Float32[np.ndarray, "T A K 2"] = keypoints.astype(np.float32)
    xy[np.isnan(xy).any(axis=-1)] = np.nan
    annotated = np.ones(len(labels), dtype=bool)
    return Recording(f"clip-{number:04d}", name, FPS, CLASSES, labels, annotated, xy)


def _vocabulary(source: Any, name: str) -> list[str]:
    words = source.get("vocabulary") if isinstance(source, dict) else None
    names = [str(word) for word in words] if isinstance(words, (list, np.ndarray)) else []
    lacking = [word for word in CLASSES if word not in names]
    if lacking or len(set(names)) < len(names):
        raise _error([f"{name}: vocabulary {names}, expected {', '.join(CLASSES)} among it, each once"])
    return names


def _label_table(
    beside: Any, rows: int, sequences: Mapping[str, Any]
) -> tuple[dict[str, tuple[int, int]], np.ndarray]:
    """Return which columns belong to which clip, and the labels of all clips."""
    array, map_ = beside.get("label_array"), beside.get("frame_number_map")
    faults = []
    if not isinstance(array, np.ndarray) or array.ndim != 2 or len(array) != rows:
        actual = array.shape if isinstance(array, np.ndarray) else type(array).__name__
        raise _error([f"{LABELS}: label_array {actual}, expected ({rows}, frames)"])
    if not isinstance(map_, dict):
        raise _error([f"{LABELS}: no dict 'frame_number_map'"])
    ranges: dict[str, tuple[int, int]] = {}
    for name, range_ in map_.items():
        bounds = (
            [int(x) for x in range_] if isinstance(range_, (list, np.ndarray)) and len(range_) == 2 else []
        )
        if not bounds or not 0 <= bounds[0] < bounds[1] <= array.shape[1]:
            faults.append(f"{LABELS}: {name}: columns {range_} of {array.shape[1]:,}")
        else:
            ranges[name] = (bounds[0], bounds[1])
    columns = sorted((*bounds, name) for name, bounds in ranges.items())
    pairs = pairwise(columns)
    faults += [f"{LABELS}: {a[2]} and {b[2]} share columns" for a, b in pairs if b[0] < a[1]]
    faults += [f"{name}: no keypoints, only labels" for name in map_ if name not in sequences]
    if faults:
        raise _error(faults)
    return ranges, array


def _clip_faults(clip: Any, annotations: Any, vocabulary: Sequence[str]) -> list[str]:
    keypoints = clip.get("keypoints") if isinstance(clip, dict) else None
    tail = (len(ANIMALS), len(KEYPOINTS), 2)
    if (
        not isinstance(keypoints, np.ndarray)
        or keypoints.shape[1:] != tail
        or keypoints.dtype.kind not in "iuf"
    ):
        actual = f"{keypoints.shape} of {keypoints.dtype}" if isinstance(keypoints, np.ndarray) else "none"
        return [f"keypoints {actual}, expected (frames, {', '.join(map(str, tail))}) numbers"]
    faults = []
    if np.isinf(keypoints).any():
        faults.append("infinite keypoints; one that was not found is NaN")
    expected = (len(vocabulary), len(keypoints))
    if not isinstance(annotations, np.ndarray):
        return [*faults, "no labels"]
    if annotations.shape != expected:
        return [*faults, f"labels of shape {annotations.shape}, expected {expected} (labels, frames)"]
    rows = annotations[[vocabulary.index(name) for name in CLASSES]]
    if outside := int((~np.isin(rows, (0, 1))).sum()):
        faults.append(f"{outside} labels that are neither 0 nor 1")
    return faults


def _error(faults: Sequence[str]) -> DataError:
    hint = f"download them again from {URL}"
    return DataError("MABe22 files are not as they should be", first(faults), hint=hint)


def _choose(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the split that the rule says in words; it needs the number of clips alone."""
    order = shuffled([f"clip-{number:04d}" for number in range(1, CLIPS + 1)], 0)
    cuts = (CLIPS * 5 // 10, CLIPS * 6 // 10)
    subsets = {"train": order[: cuts[0]], "val": order[cuts[0] : cuts[1]], "test": order[cuts[1] :]}
    return {"all": {subset: sorted(ids) for subset, ids in subsets.items()}}


RULE = SplitRule(
    name="mabe22-triplets",
    source=SPLIT_SOURCE,
    words=(
        "Ours, with the shares of LookAgain (arXiv:2603.07279), whose own split is not published: the 1,830 "
        "clips of the submission set are numbered from 1 in the order of the official file, clip-0001 to "
        'clip-1830, and of them, in the order of the SHA-256 of "0:" and that name, the first 50 % train, '
        "the next 10 % validate, the last 40 % test. Clips of one group of mice may stand on two sides: "
        "nothing in the files says which clips share their mice."
    ),
    choose=_choose,
    published={
        "all": {
            subset: Totals(count, count * FRAMES, {})
            for subset, count in (("train", 915), ("val", 183), ("test", 732))
        }
    },
)

URL = "https://doi.org/10.22002/rdsa8-rde65"
DATASET = Dataset(
    name="mabe22-triplets",
    title="MABe22 mouse triplets: four social behaviours",
    url=URL,
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Sun JJ, Marks M, Ulmer A, Chakraborty D, Geuther B, Hayes E, et al. (2023). MABe22: A Multi-Species "
        "Multi-Task Benchmark for Learned Representations of Behavior. ICML, arXiv:2207.10553."
    ),
    fps=FPS,
    animals=ANIMALS,
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=(850, 850),
    classes=CLASSES,
    files=f"{POSES} and {LABELS}",
    read=read,
    official=(POSES, LABELS),
    notes=(
        "Read from published descriptions of the layout; the files themselves were never seen.",
        "The set with videos and all labels: 1,830 clips of 1,800 frames, from descriptions of the files.",
        "LookAgain tracked the mice again with a network of its own; these are the published keypoints.",
        "A recording is named by its place in the official file; its group is the file's own name for it.",
        "Which clips show the same mice is not said: the split cannot keep them apart.",
        "The size of the image is not stated; 850 x 850 is assumed.",
    ),
)

TASK = Task(
    name="mabe22-triplets",
    title="MABe22 mouse triplets: chases, huddles, contacts",
    question="Which of four behaviours hold among the three mice in each frame? Several may, or none.",
    dataset=DATASET,
    classes=CLASSES,
    background=None,
    split=FrozenSplit("mabe22-triplets", "c22dd9ac076ad889cba0c57097ed0a36324cbb843f4c6a5ef788d76d5b8f9114"),
    metrics=FRAME_METRICS,
    exclusive=False,
    reference="Sun et al. 2023, arXiv:2207.10553; behaviours and shares of LookAgain, arXiv:2603.07279",
)
