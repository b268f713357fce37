"""RatSeizure: ten-second clips of rats in seizures, annotated with segments of fourteen labels.

The annotation file may not be passed on: this reads the copy that a user has. Its layout:
`{"database": {clip: {subset, duration, annotations: [{segment: [start, end], label, label_id}]}}}`, in
seconds. Which clips are augmented copies is published nowhere; a user who knows puts a list beside it.

Source: the RatSeizure paper, and github UA-CVML/RatSeizure at commit a068209.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError, FileError, first
from bench.files.faults import shown
from bench.files.opening import present
from bench.files.schema import is_number, text_fault
from bench.files.strict_json import read_json
from bench.metrics import DETECTION_METRICS
from bench.recordings import Recording, Segments
from bench.splits import FrozenSplit, Totals
from bench.tasks import WHOLE_RECORDINGS, Dataset, Protocol, Task

FPS = 30.0
SECONDS = 10.0
FRAMES = round(SECONDS * FPS)
FILE, LIST = "ratseizure.json", "subsets.csv"
SHA256 = "a8fde6f1b3c2c280"
"""The first digits of the official file's; it has 283,740 bytes."""
LABELS = (
    *("others", "staring", "mouth clonus", "wet dog shakes", "head nodding", "neck jerk"),
    *("unilateral forelimb clonus", "bilateral forelimb clonus", "alternating forelimb clonus"),
    *("rearing", "falling", "wild running", "jumping", "tonic extension"),
)
"""In the order of the file's `label_id`; `others` is what the paper calls Normal."""
_TELLING = (
    *(("others", "normal"), ("staring",), ("mouth",), ("wet",), ("nodding",), ("jerk",)),
    *(("unilateral",), ("bilateral",), ("alternating",)),
    *(("rearing",), ("falling",), ("running",), ("jumping",), ("tonic",)),
)
"""A word that the label of that number has, however else it is spelt."""
AUGMENTATION = ("non-augmented", "augmented")
CLASSES = (*LABELS, *AUGMENTATION)
"""The last two hold in every frame of a clip that the user's list calls so, and in none without a list."""
CLIPS = {"train": 513, "test": 281}
SEGMENTS = {"train": 836, "test": 451}
_SUBSETS = {"training": "train", "testing": "test"}
_MOST = 32 * 2**20  # bytes; a hundred times the official file
URL = "https://github.com/UA-CVML/RatSeizure"


def read(folder: Path) -> Iterator[Recording]:
    """Yield the clips of the annotation file in its order, with what the list, if any, says of them.

    Raises `DataError` listing the faults of all clips, before the first one is yielded.
    """
    path, beside = present(folder / FILE), present(folder / LIST)
    if path is None:
        raise DataError(
            f"no RatSeizure annotation in {folder}", [f"expected {FILE}"], hint=f"get it from {URL}"
        )
    try:
        content = read_json(path, _MOST, follow=True)
    except FileError as error:
        raise _error(path, [f"{FILE}: {error.title}"]) from None
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict) or not database:
        raise _error(path, [f"{FILE}: expected an object 'database' of clips"])
    faults = [f"{FILE}: clip {shown(clip)} {fault}" for clip in database if (fault := text_fault(clip))]
    faults += [
        f"{FILE}: {clip}: {fault}" for clip, entry in database.items() for fault in _clip_faults(entry)
    ]
    if faults:
        raise _error(path, faults)
    listed = _read_list(beside, list(database)) if beside else {}
    place: Counter[str] = Counter()
    for clip, entry in database.items():
        subset = _SUBSETS[entry["subset"]]
        place[subset] += 1
        yield _recording(f"{subset}-{place[subset]:03d}", clip, entry["annotations"], listed.get(clip, ""))


def _recording(id_: str, clip: str, rows: Sequence[Mapping[str, Any]], augmentation: str) -> Recording:
    bounds = np.array([row["segment"] for row in rows], dtype=np.float64).reshape(-1, 2)
    numbers = np.array([row["label_id"] for row in rows], dtype=np.int64)
    labels: Bool[np.ndarray, "T C"] = np.zeros((FRAMES, len(CLASSES)), dtype=bool)
    for (start, stop), number in zip(np.rint(bounds * FPS).astype(int), numbers, strict=True):
        labels[start:stop, number] = True
    if augmentation:
        labels[:, CLASSES.index(augmentation)] = True
    annotated = np.ones(FRAMES, dtype=bool)
    segments = Segments(bounds, numbers, len(CLASSES))
    return Recording(id_, clip, FPS, CLASSES, labels, annotated, segments=segments)


def _clip_faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"{shown(entry)}, expected an object of subset, duration and annotations"
        return
    absent = [name for name in ("subset", "duration", "annotations") if name not in entry]
    if absent:
        yield f"without {', '.join(absent)}"
        return
    if not isinstance(entry["subset"], str) or entry["subset"] not in _SUBSETS:
        yield f"subset {shown(entry['subset'])}, expected one of {', '.join(_SUBSETS)}"
    if not is_number(entry["duration"]) or entry["duration"] != SECONDS:
        yield f"duration {shown(entry['duration'])}, expected {SECONDS:g} seconds"
    if "fps" in entry and entry["fps"] != FPS:
        yield f"fps {shown(entry['fps'])}, expected {FPS:g}"
    rows = entry["annotations"]
    if not isinstance(rows, list):
        yield f"annotations {shown(rows)}, expected a list"
        return
    for number, row in enumerate(rows):
        yield from (f"annotation {number}: {fault}" for fault in _row_faults(row))


def _row_faults(row: Any) -> Iterator[str]:
    fields = ("segment", "label", "label_id")
    if not isinstance(row, dict) or any(name not in row for name in fields):
        yield f"{shown(row)}, expected an object of {', '.join(fields)}"
        return
    segment, label, number = (row[name] for name in fields)
    if not isinstance(segment, list) or len(segment) != 2 or not all(map(is_number, segment)):
        yield f"segment {shown(segment)}, expected [start, end] in seconds"
    elif not 0 <= segment[0] < segment[1] <= SECONDS:
        yield f"segment {segment}, expected 0 <= start < end <= {SECONDS:g} seconds"
    if type(number) is not int or not 0 <= number < len(LABELS):
        yield f"label_id {shown(number)}, expected 0 to {len(LABELS) - 1}"
    elif not isinstance(label, str) or not any(word in label.lower() for word in _TELLING[number]):
        yield f"label {shown(label)} with label_id {number}, which is {LABELS[number]!r}"


def _read_list(path: Path, clips: Sequence[str]) -> dict[str, str]:
    """Return clip -> "non-augmented" or "augmented"; every clip of the file must be there once."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = csv.reader(lines)
    except (ValueError, csv.Error) as error:
        raise _list_error(path, [f"{LIST}: no csv in UTF-8 with a header: {error}"]) from None
    if header != ["clip", "subset"]:
        raise _list_error(path, [f"{LIST}: header {','.join(header)!r}, expected 'clip,subset'"])
    faults, listed, expected = [], dict[str, str](), set(clips)
    for line, row in enumerate(rows, start=2):
        if len(row) != 2 or row[1] not in AUGMENTATION:
            faults.append(f"{','.join(row)!r}, expected a clip and {' or '.join(AUGMENTATION)}")
        elif row[0] not in expected:
            faults.append(f"no clip {row[0]!r} in {FILE}")
        elif row[0] in listed:
            faults.append(f"clip {row[0]!r} a second time")
        else:
            listed[row[0]] = row[1]
            continue
        faults[-1] = f"{LIST}: line {line}: {faults[-1]}"
    if lacking := [clip for clip in clips if clip not in listed]:
        faults.append(f"{LIST}: without {len(lacking)} of {len(clips)} clips, the first {lacking[0]!r}")
    if faults:
        raise _list_error(path, faults)
    return listed


def _error(path: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"{path} is not the official annotation of RatSeizure",
        first(faults),
        hint=f"get it again from {URL}",
    )


def _list_error(path: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"{path} does not say of every clip whether it is augmented",
        first(faults),
        hint="mend the list, or take it out: all clips are scored without it",
    )


def _choose(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    ids = {s: [f"{s}-{place:03d}" for place in range(1, count + 1)] for s, count in CLIPS.items()}
    return {"all": ids}


RULE = SplitRule(
    name="ratseizure",
    source="official",
    words=(
        f"The subsets of the official file {FILE}: training trains, testing tests, nothing is set aside for "
        "validation. Ids as in the official file, which may not be passed on: an id here is the place of the "
        "clip among those of its subset, from 001, and the recording's group is the clip's own name."
    ),
    choose=_choose,
    published={"all": {s: Totals(count, count * FRAMES, {}, SEGMENTS[s]) for s, count in CLIPS.items()}},
)

DATASET = Dataset(
    name="ratseizure",
    title="RatSeizure: seizures of rats in ten-second clips",
    url=URL,
    licence="RatSeizure data licence: no redistribution, in whole or in part; the videos need an agreement",
    citation=(
        "Tsai TY, Yu A, Lee L, Ye F, Shin D, Kao TJ, Li X, Chang MC (2026). RatSeizure: A Benchmark and "
        "Saliency-Context Transformer for Rat Seizure Localization."
    ),
    fps=FPS,
    animals=("rat",),
    keypoints=(),
    image=(0, 0),
    classes=CLASSES,
    files=f"{FILE} (283,740 bytes); beside it, if you know which clips are augmented, {LIST}: clip,subset",
    read=read,
    redistributable=False,
    notes=(
        "Annotations alone, no poses and no videos; the file that you have is read and never passed on.",
        "In predictions a clip goes by its own name or by its place: test-001 is the first testing clip.",
        "All fourteen labels are scored, others (the paper's Normal) among them, as in the paper.",
        f"Which clips are augmented is published nowhere; without {LIST} those two tasks have no clips.",
        "The clips are cut from nine recordings, every 5 s, and some are altered copies of others.",
        "Which clips come from one recording is not said: a group is one clip, so intervals are too short.",
    ),
    official=(FILE, LIST),
    digests={FILE: f"sha256:{SHA256}"},
)

_QUESTION = "From when to when does the rat show which of fourteen seizure behaviours?"
_REFERENCE = "RatSeizure paper; evaluator: github UA-CVML/RatSeizure at commit a068209"
_SPLIT = FrozenSplit("ratseizure", "497f4e2ba46a69a08aa0ecd1824b6db0d6801bb1c07348a8c3c831b45ad2537b")


def _task(name: str, title: str, question: str, protocol: Protocol) -> Task:
    return Task(
        name=name,
        title=title,
        question=question,
        dataset=DATASET,
        classes=LABELS,
        background=None,
        split=_SPLIT,
        metrics=DETECTION_METRICS,
        kind="segments",
        exclusive=False,
        protocol=protocol,
        reference=_REFERENCE,
    )


def _subset_task(augmentation: str) -> Task:
    protocol = Protocol(
        name=f"{augmentation}-clips",
        description=(
            f"the test clips that the user's {LIST} calls {augmentation}, whole; the other clips, and all "
            "detections in them, do not count. The paper does not say what it did with those"
        ),
        within=(augmentation,),
    )
    title = f"RatSeizure: the {augmentation} clips"
    question = f"{_QUESTION} In the {augmentation} clips alone."
    return _task(f"ratseizure-{augmentation}", title, question, protocol)


TASKS = (
    _task("ratseizure", "RatSeizure: fourteen seizure behaviours", _QUESTION, WHOLE_RECORDINGS),
    *map(_subset_task, AUGMENTATION),
)
"""Tasks of their own and no parts of one: what ranks is the number of all clips, no mean over subsets."""
