"""CalMS21: a resident mouse and an intruder, seven keypoints each, annotated frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from bench.datasets.calms21_features import name_beside
from bench.datasets.calms21_json import ANIMALS, CLASSES, EDGES, FPS, IMAGE, KEYPOINTS, read_layout
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError
from bench.files.opening import present
from bench.metrics import CONCATENATED_METRICS, FRAME_METRICS
from bench.recordings import Recording, one_hot
from bench.splits import FrozenSplit, Totals
from bench.tasks import Dataset, Protocol, Task

URL = "https://doi.org/10.22002/D1.1991"
REFERENCE = "Sun et al. 2021, arXiv:2104.02710"
TRAIN_IDS = tuple(f"mouse{number:03d}_task1_annotator1" for number in range(1, 71))
TEST_IDS = tuple(f"mouse{number:03d}_task1_annotator1" for number in range(71, 90))
POSE_FILES = ("calms21_task1_train.json", "calms21_task1_test.json")
LABEL_FILE = "task1_test_labels.csv"
ARCHIVE = "task1_classic_classification"


def read(folder: Path, skip: Collection[str] = ()) -> Iterator[Recording]:
    """Yield the recordings of the official Task 1 files in `folder`, without those named in `skip`.

    The JSON files have poses and labels. The table of test labels alone gives recordings without
    poses; it is read only where the JSON of the test recordings is absent.
    """
    paths = [path for name in POSE_FILES if (path := find(folder, name)) is not None]
    table = find(folder, LABEL_FILE)
    if not paths and table is None:
        raise DataError(
            f"no CalMS21 Task 1 file in {folder}",
            [f"expected {' and '.join(POSE_FILES)}, or {LABEL_FILE}"],
            hint=f"download {ARCHIVE}.zip from {URL}, and give it or its folder to bench pull --from",
        )
    if paths:
        yield from read_layout(paths, simulated=False, skip=skip)
    if table is not None and all(path.name != POSE_FILES[1] for path in paths):
        yield from (recording for recording in read_label_table(table) if recording.id not in skip)


def read_label_table(path: Path) -> Iterator[Recording]:
    """Yield the test recordings, truth only, of a CSV "sequence number,annotation" with one row per frame.

    Sequences are numbered 0 to 18, in the order of the official test file (mouse071 to mouse089), and
    annotations follow the official vocab: attack 0, investigation 1, mount 2, other 3.
    """
    rows = _label_rows(path)
    sequence, annotation = rows.T
    faults = []
    if (np.diff(sequence) < 0).any() or not np.array_equal(np.unique(sequence), np.arange(len(TEST_IDS))):
        numbers = ", ".join(map(str, np.unique(sequence)[:25]))
        faults.append(f"sequences {numbers}, expected 0 to {len(TEST_IDS) - 1}, in that order")
    outside = np.flatnonzero((annotation < 0) | (annotation >= len(CLASSES)))
    if outside.size:
        faults.append(
            f"{outside.size} annotations outside 0 to {len(CLASSES) - 1}, the first in line {outside[0] + 2}"
        )
    if faults:
        raise _table_error(path, faults)
    for number, id_ in enumerate(TEST_IDS):
        labels = one_hot(annotation[sequence == number], len(CLASSES))
        annotated = np.ones(len(labels), dtype=bool)
        yield Recording(id_, id_.split("_", 1)[0], FPS, CLASSES, labels, annotated, annotator="0")


def find(folder: Path, name: str, archive: str = ARCHIVE) -> Path | None:
    """Return an official file, in `folder` itself or in the folder of its archive; None without one.

    Raises `DataError` where something else stands in its place.
    """
    return present(folder / name) or present(folder / archive / name)


def _label_rows(path: Path) -> Int[np.ndarray, "T 2"]:
    try:
        header, *rows = path.read_text(encoding="utf-8-sig").splitlines() or [""]
    except UnicodeDecodeError as error:
        raise _table_error(path, [f"not UTF-8: {error}"]) from None
    if header.strip() != "sequence number,annotation":
        raise _table_error(path, [f"header {header[:80]!r}, expected 'sequence number,annotation'"])
    if not rows:
        raise _table_error(path, ["no rows"])
    try:
        return np.loadtxt(rows, delimiter=",", dtype=np.int64, ndmin=2).reshape(-1, 2)
    except ValueError as error:
        raise _table_error(path, [f"not two whole numbers per line: {error}"]) from None


def _table_error(path: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"{path} is not the official table of test labels", faults, hint="take the file again, unchanged"
    )


def _official(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return {"all": {"train": TRAIN_IDS, "test": TEST_IDS}}


RULE = SplitRule(
    name="calms21-task1",
    source="official",
    words=(
        "The official files of Task 1: mouse001 to mouse070 train, mouse071 to mouse089 test; nothing is "
        "set aside for validation."
    ),
    choose=_official,
    published={
        "all": {
            "train": Totals(
                70, 507_738, {"attack": 14_039, "investigation": 146_615, "mount": 28_615, "other": 318_469}
            ),
            "test": Totals(
                19, 262_107, {"attack": 12_630, "investigation": 61_275, "mount": 31_848, "other": 156_354}
            ),
        }
    },
)

DATASET = Dataset(
    name="calms21",
    title="CalMS21: social behaviour of mouse dyads",
    url=URL,
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Sun JJ, Karigo T, Chakraborty D, Mohanty SP, Wild B, Sun Q, Chen C, Anderson DJ, Perona P, Yue Y, "
        "Kennedy A (2021). The Multi-Agent Behavior Dataset: Mouse Dyadic Social Interactions. "
        "NeurIPS Datasets and Benchmarks, arXiv:2104.02710."
    ),
    fps=FPS,
    animals=ANIMALS,
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=IMAGE,
    classes=CLASSES,
    files=(
        f"{POSE_FILES[0]} and {POSE_FILES[1]}, in the folder or in its {ARCHIVE}/, or {ARCHIVE}.zip; "
        f"or {LABEL_FILE}, the test labels without poses"
    ),
    read=read,
    resume=read,
    official=tuple(
        f"{place}{name}"
        for place in ("", f"{ARCHIVE}/")
        for name in (*POSE_FILES, *map(name_beside, POSE_FILES), LABEL_FILE)
    ),
    digests={f"{ARCHIVE}.zip": "md5:8a02654fddae28614ee24a6a082261b8"},
    notes=(
        "The published files place every keypoint in every frame; a hidden one has a low score.",
        "Task 1 alone; Tasks 2 and 3 are data sets of their own.",
        "A group is one mouse number of the official sequence ids.",
        "Where the archive's precomputed task-programming features lie beside the poses, they are read too.",
    ),
)

MSGL_WINDOWS = Protocol(
    name="msgl-windows",
    description=(
        "frames 34 to n - 2 of every test recording of n frames: the last frames of windows of 35, less the "
        "recording's last frame, as the MSGL-Transformer paper counts them"
    ),
    skip_first=34,
    skip_last=1,
)

_SPLIT = FrozenSplit("calms21-task1", "bc8d219c8778291d871f16d8aaf01617b931716be424123aad5de0f5fbe8e7ef")

TASK1 = Task(
    name="calms21-task1",
    title="CalMS21 Task 1: attack, investigation, mount",
    question="What does the resident do to the intruder in each frame, as one expert annotates it?",
    dataset=DATASET,
    classes=CLASSES,
    background="other",
    split=_SPLIT,
    metrics=FRAME_METRICS,
    reference=REFERENCE,
)

TASK1_MSGL = Task(
    name="calms21-task1-msgl",
    title="CalMS21 Task 1 on the frames of the MSGL-Transformer paper",
    question="As CalMS21 Task 1, on the 261,442 test frames that the MSGL-Transformer paper counts.",
    dataset=DATASET,
    classes=CLASSES,
    background="other",
    split=_SPLIT,
    metrics=(*FRAME_METRICS, *CONCATENATED_METRICS),
    protocol=MSGL_WINDOWS,
    reference=f"{REFERENCE}; the frames that count: the supports in Table 12 of the MSGL-Transformer paper",
)
