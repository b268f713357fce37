"""CalMS21 Tasks 2 and 3: five annotators of the same classes, and seven behaviours asked one by one.

The official ids of these sequences were never seen here, only how many each part has (Table 5 of the
paper). A recording is therefore named by its place: `annotator2-test-04` is the fourth sequence of its
group in the official test file. What the file itself calls it is kept as the recording's group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.datasets.calms21 import DATASET as TASK1_DATASET
from bench.datasets.calms21 import REFERENCE, URL, find
from bench.datasets.calms21_features import name_beside
from bench.datasets.calms21_json import CLASSES, Identity, Name, annotator_of, read_layout
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit, Totals
from bench.tasks import Part, Task

ARCHIVE2, ARCHIVE3 = "task2_annotation_styles", "task3_new_behaviors"
FILES2 = ("calms21_task2_train.json", "calms21_task2_test.json")
FILES3 = ("calms21_task3_train.json", "calms21_task3_test.json")
BINARY = ("behaviour", "other")
BEHAVIOURS = {
    "approach": "approach",
    "disengaged": "disengaged",
    "groom": "grooming",
    "intromission": "intromission",
    "mount_attempt": "mount-attempt",
    "sniff_face": "sniff-face",
    "whiterearing": "white-rearing",
}
"""The files' names of the behaviours -> the names in Table 5, which are those of the parts."""
TABLE5 = {
    "annotator1": ((6, 139_112), (13, 286_810)),
    "annotator2": ((6, 135_623), (6, 150_919)),
    "annotator3": ((6, 107_420), (4, 77_079)),
    "annotator4": ((6, 108_325), (4, 76_174)),
    "annotator5": ((6, 92_383), (20, 364_007)),
    "approach": ((3, 20_624), (25, 126_468)),
    "disengaged": ((2, 35_751), (1, 19_088)),
    "grooming": ((2, 45_174), (13, 156_664)),
    "intromission": ((1, 19_200), (10, 55_218)),
    "mount-attempt": ((4, 46_847), (12, 85_836)),
    "sniff-face": ((3, 19_244), (47, 251_793)),
    "white-rearing": ((2, 36_181), (1, 17_939)),
}
"""Part -> (sequences, frames) of train and of test."""
TABLE7 = {
    "approach": 20.0,
    "disengaged": 50.0,
    "grooming": 5.0,
    "intromission": 3.0,
    "mount-attempt": 100.0,
    "sniff-face": 20.0,
    "white-rearing": 10.0,
}
"""Part -> weight of the behaviour in the training loss; that of the other frames is 1."""


def read_task2(folder: Path, skip: Collection[str] = ()) -> Iterator[Recording]:
    """Yield the recordings of the official Task 2 files in `folder`; either may be absent."""
    yield from _read(folder, FILES2, ARCHIVE2, _annotator, skip)


def read_task3(folder: Path, skip: Collection[str] = ()) -> Iterator[Recording]:
    """Yield the recordings of the official Task 3 files in `folder`; either may be absent.

    Their classes are "behaviour" and "other", whatever the part's behaviour is.
    """
    yield from _read(folder, FILES3, ARCHIVE3, _behaviour, skip)


def _read(
    folder: Path, names: Sequence[str], archive: str, name: Name, skip: Collection[str]
) -> Iterator[Recording]:
    paths = [path for file in names if (path := find(folder, file, archive)) is not None]
    if not paths:
        raise DataError(
            f"no file of CalMS21's {archive} in {folder}",
            [f"expected {' and '.join(names)}"],
            hint=f"download {archive}.zip from {URL}, and give it or its folder to bench pull --from",
        )
    places: set[tuple[Path, str, str]] = set()
    count: Counter[str] = Counter()

    def placed(path: Path, group: str, key: str) -> Identity:
        """Name a sequence by its place; its key must be new in its group, and of this subset."""
        subset = "train" if path.name == names[0] else "test"
        identity = name(path, group, key)
        if (path, group, key) in places:
            raise DataError("", [f"a second time in {group}"])
        places.add((path, group, key))
        wrong = {"train", "test"} - {subset}
        if wrong & set(key.split("/")):
            raise DataError("", [f"a sequence of {', '.join(wrong)} in {path.name}"])
        count[f"{identity.id}-{subset}"] += 1
        id_ = f"{identity.id}-{subset}-{count[f'{identity.id}-{subset}']:02d}"
        return Identity(id_, key.rsplit("/", 1)[-1], identity.vocab, identity.classes, identity.annotator)

    yield from read_layout(paths, simulated=False, name=placed, skip=skip)


def _official(names: Sequence[str], archive: str) -> tuple[str, ...]:
    every = (*names, *map(name_beside, names))
    return (*every, *(f"{archive}/{name}" for name in every))


def _annotator(_: Path, group: str, key: str) -> Identity:
    number = annotator_of(group)
    if number not in "12345":
        raise DataError("", [f"group {group!r}, expected annotators 1 to 5"])
    return Identity(f"annotator{number}", key, annotator=number)


def _behaviour(_: Path, group: str, key: str) -> Identity:
    if group not in BEHAVIOURS:
        raise DataError("", [f"group {group!r}, expected one of {', '.join(BEHAVIOURS)}"])
    return Identity(BEHAVIOURS[group], key, (group, "other"), BINARY)


def _rule(name: str, file: str, parts: Sequence[str]) -> SplitRule:
    def choose(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
        return {
            part: {
                subset: [f"{part}-{subset}-{number:02d}" for number in range(1, count + 1)]
                for subset, (count, _frames) in zip(("train", "test"), TABLE5[part], strict=True)
            }
            for part in parts
        }

    return SplitRule(
        name=name,
        source="official",
        words=(
            f"The official files {file}_train.json and {file}_test.json; nothing is set aside for "
            "validation. An id is the place of the sequence in its group of the file, from 01; the ids in "
            "the files were not seen, only how many sequences and frames there are (Table 5 of the paper)."
        ),
        choose=choose,
        published={
            part: {
                subset: Totals(recordings, frames, {})
                for subset, (recordings, frames) in zip(("train", "test"), TABLE5[part], strict=True)
            }
            for part in parts
        },
    )


ANNOTATORS = tuple(f"annotator{number}" for number in range(1, 6))
RULE2 = _rule("calms21-task2", "calms21_task2", ANNOTATORS)
RULE3 = _rule("calms21-task3", "calms21_task3", tuple(BEHAVIOURS.values()))

_NEVER_SEEN = (
    "Read from the published layout; the files themselves were not at hand when this reader was written.",
    "A recording is named by its place in the official file; its group is the file's own name for it.",
)

DATASET2 = replace(
    TASK1_DATASET,  # the licence, the mice, the image and the frame rate are the same
    name="calms21-task2",
    title="CalMS21 Task 2: the styles of five annotators",
    classes=CLASSES,
    files=f"{FILES2[0]} and {FILES2[1]}, in the folder or in its {ARCHIVE2}/, or {ARCHIVE2}.zip",
    read=read_task2,
    resume=read_task2,
    official=_official(FILES2, ARCHIVE2),
    digests={f"{ARCHIVE2}.zip": "md5:c97e87e13e77ffb80c073e05c05a4683"},
    notes=_NEVER_SEEN,
)

DATASET3 = replace(
    TASK1_DATASET,  # the licence, the mice, the image and the frame rate are the same
    name="calms21-task3",
    title="CalMS21 Task 3: seven new behaviours",
    classes=BINARY,
    files=f"{FILES3[0]} and {FILES3[1]}, in the folder or in its {ARCHIVE3}/, or {ARCHIVE3}.zip",
    read=read_task3,
    resume=read_task3,
    official=_official(FILES3, ARCHIVE3),
    digests={f"{ARCHIVE3}.zip": "md5:df59df02d069bab1cfc376cdc1a3925b"},
    notes=(*_NEVER_SEEN, "The class is called behaviour; which one it is, is said by the recording's part."),
)

TASK2 = Task(
    name="calms21-task2",
    title="CalMS21 Task 2: annotation styles",
    question="What does the resident do to the intruder in each frame, as each of five people annotates it?",
    dataset=DATASET2,
    classes=CLASSES,
    background="other",
    split=FrozenSplit("calms21-task2", "821b719bafb1fcb3f0c324d3df9198891b6291d18f625b03bc030a6f0d3eacda"),
    metrics=FRAME_METRICS,
    parts=tuple(Part(name, f"Annotator {name[-1]}") for name in ANNOTATORS),
    reference=REFERENCE,
)

TASK3 = Task(
    name="calms21-task3",
    title="CalMS21 Task 3: new behaviours",
    question="Does the part's behaviour hold in each frame? Seven questions, each with its own recordings.",
    dataset=DATASET3,
    classes=BINARY,
    background="other",
    split=FrozenSplit("calms21-task3", "361023ae5733126de9b9a660553cc1e326a61458a375fe934eaf77c05f6fc2ab"),
    metrics=FRAME_METRICS,
    parts=tuple(Part(name, name.replace("-", " ").capitalize()) for name in BEHAVIOURS.values()),
    reference=REFERENCE,
    class_weights={part: {"behaviour": weight, "other": 1.0} for part, weight in TABLE7.items()},
)
