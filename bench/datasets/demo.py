"""The demo: simulated mice in the files and the layout of CalMS21. No animal was ever seen.

The published CalMS21 files have a position everywhere, because their tracker always answers, with a
low score where it guesses. The simulated tracker guesses in the same way, and now and then finds nothing:
such a keypoint is written `null` with score 0 (JSON has no NaN), so that every step after the reader has
met lost keypoints before it meets recordings, of which some lack a third of them.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.about import SPLIT_SOURCE, TITLE
from bench.datasets.calms21_json import ANIMALS, CLASSES, EDGES, FPS, IMAGE, KEYPOINTS, read_layout
from bench.datasets.movement import Simulated
from bench.datasets.simulation import simulate
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError, UsageError
from bench.files.writing import replacing_text
from bench.metrics import FRAME_METRICS, NAMED_CLUSTER_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit, Groups, RuledSplit, Split
from bench.tasks import NAMED_IN_TRAINING, Dataset, Scene, Task

RECORDINGS, FRAMES = 20, 2000
SEED = 342  # bouts are few: with this seed train, val and five test recordings or more show every class
FILES = {"train": "calms21_task1_train.json", "test": "calms21_task1_test.json"}
Item = TypeVar("Item")
NAME = re.compile(r"demo-([0-9]{1,9})x([0-9]{1,9})")
MOST_RECORDINGS, MOST_FRAMES = 100_000, 10_000_000
"""A name alone asks for a size: a card of a stranger can hold any."""
RULE_IN_WORDS = (
    "By number: the first six tenths of the recordings train, the next tenth validates, the others test; "
    "rounded down, with at least one recording in each."
)


def write(folder: Path, *, recordings: int = RECORDINGS, frames: int = FRAMES, seed: int = SEED) -> None:
    """Simulate recordings of `frames` frames each and write the two files of a CalMS21 release.

    One recording is held at a time. A recording depends on seed and number alone, not on how many there are.
    Raises `UsageError` where there is nothing to split or to simulate.
    """
    check_size(recordings, frames, seed)
    subsets = cut(range(1, recordings + 1))
    for file, numbers in (("train", [*subsets["train"], *subsets["val"]]), ("test", subsets["test"])):
        keys = {number: f"task1/{file}/{recording_id(number)}" for number in numbers}
        write_file(folder / FILES[file], "annotator-id_0", keys, lambda n: simulate(seed, n, frames))


def write_file(
    path: Path,
    group: str,
    keys: Mapping[int, str],
    draw: Callable[[int], Simulated],
    classes: Sequence[str] = CLASSES,
) -> None:
    """Draw recordings (number -> key) into one file of the layout; a file that is there is whole.

    Without classes their labels are left out.
    """
    with replacing_text(path) as out:
        out.write(f"{{{json.dumps(group)}: {{")
        for position, (number, key) in enumerate(keys.items()):
            out.write(",\n" if position else "\n")
            _write_sequence(out, key, draw(number), classes)
        out.write("\n}}\n")


def read(folder: Path, skip: Collection[str] = ()) -> Iterator[Recording]:
    """Yield the simulated recordings of `folder` without those in `skip`; those of real mice are refused."""
    paths = [folder / name for name in FILES.values() if (folder / name).is_file()]
    if len(paths) < len(FILES):
        lacking = [f"{folder / name} is missing" for name in FILES.values() if not (folder / name).is_file()]
        raise DataError("the simulated recordings are not there", lacking, hint="bench demo")
    yield from read_layout(paths, simulated=True, skip=skip)


def sized(recordings: int, frames: int) -> Task:
    """Return the task `demo-<recordings>x<frames>`: the demo at another size, split by the same rule.

    Raises `UsageError` for sizes that cannot be split.
    """
    check_size(recordings, frames)
    name = f"demo-{recordings}x{frames}"
    split = RuledSplit(partial(split_by_number, name, recordings))
    size = f"{recordings:,} recordings of {frames:,} frames"
    return _task(name, size, partial(write, recordings=recordings, frames=frames), split)


def split_by_number(name: str, recordings: int) -> Split:
    """Return the split of recordings that are numbered from 1; each is a group of its own."""
    subsets = cut([recording_id(number) for number in range(1, recordings + 1)])
    groups: dict[str, Groups] = {
        subset: {_group(id_): (id_,) for id_ in ids} for subset, ids in subsets.items()
    }
    return Split(name=name, source=SPLIT_SOURCE, rule=RULE_IN_WORDS, parts={"all": groups})


def task_by_name(name: str) -> Task | None:
    """Return the sized task that `name` asks for; None where it has no such form."""
    matched = NAME.fullmatch(name)
    return sized(int(matched[1]), int(matched[2])) if matched else None


def check_size(recordings: int, frames: int, seed: int = SEED) -> None:
    """Raise `UsageError` where there is nothing to split or to simulate."""
    problems = []
    if recordings < 4:
        problems.append(
            f"{recordings} recordings, expected 4 or more: train, validate and test need their own"
        )
    if recordings > MOST_RECORDINGS:
        problems.append(f"{recordings:,} recordings, expected at most {MOST_RECORDINGS:,}")
    if frames > MOST_FRAMES:
        problems.append(f"{frames:,} frames, expected at most {MOST_FRAMES:,}")
    if frames < 1:
        problems.append(f"{frames} frames, expected 1 or more")
    if seed < 0:
        problems.append(f"seed {seed}, expected 0 or more")
    if problems:
        raise UsageError("the demo cannot be made in this size", problems)


def recording_id(number: int) -> str:
    """Return the id of the simulated recording of that number, from 1."""
    return f"mouse{number:05d}_simulated"


def cut(items: Sequence[Item]) -> dict[str, Sequence[Item]]:
    """Return what trains, validates and tests, as `RULE_IN_WORDS` says."""
    train, val = len(items) * 6 // 10, max(1, len(items) // 10)
    return {"train": items[:train], "val": items[train : train + val], "test": items[train + val :]}


def number_of(id_: str) -> int:
    """Return the number of the simulated recording of that id."""
    return int(_group(id_).removeprefix("mouse"))


def empty_scene(id_: str) -> Scene:
    """Return what is around the animals of a recording: bedding alone."""
    return Scene(zlib.crc32(id_.encode()))


def _group(id_: str) -> str:
    return id_.split("_", 1)[0]


def _choose(recordings: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return {"all": cut([summary.id for summary in recordings])}


def _write_sequence(out: TextIOWrapper, key: str, mice: Simulated, classes: Sequence[str]) -> None:
    keypoints = json.dumps(np.round(mice.keypoints.transpose(0, 1, 3, 2), 2).tolist())
    vocab = {name: index for index, name in enumerate(classes)}
    metadata = {"annotator_id": 0, "vocab": vocab} if classes else {}
    out.write(f'{json.dumps(key)}: {{"keypoints": {keypoints.replace("NaN", "null")}, "scores": ')
    out.write(json.dumps(np.round(mice.scores, 3).tolist()))
    if classes:
        out.write(f', "annotations": {json.dumps(mice.labels.tolist())}')
    out.write(f', "metadata": {json.dumps({**metadata, "simulated": True})}}}')


def _task(name: str, size: str, simulate_files: partial[None], split: FrozenSplit | RuledSplit) -> Task:
    dataset = Dataset(
        name=name,
        title=f"Simulated mouse dyads ({size})",
        url="",
        licence="Apache-2.0",
        citation=f"Simulated by {TITLE}; no animal was recorded and nobody annotated.",
        fps=FPS,
        animals=ANIMALS,
        keypoints=KEYPOINTS,
        edges=EDGES,
        image=IMAGE,
        classes=CLASSES,
        files=f"{FILES['train']} and {FILES['test']}, marked as simulated",
        read=read,
        resume=read,
        simulate=simulate_files,
        scene=empty_scene,
        official=tuple(FILES.values()),
        notes=("Simulated: scores on it say that the software works, and nothing about animals.",),
    )
    return Task(
        name=name,
        title=f"Demo: simulated attack, investigation, mount ({size})",
        question="What does the simulated resident do to the simulated intruder in each frame?",
        dataset=dataset,
        classes=CLASSES,
        background="other",
        split=split,
        metrics=FRAME_METRICS,
        reference=f"made by bench.datasets.simulation; split by {TITLE}",
    )


RULE = SplitRule(name="demo", source=SPLIT_SOURCE, words=RULE_IN_WORDS, choose=_choose)

TASK = _task(
    "demo",
    f"{RECORDINGS} recordings of {FRAMES:,} frames",
    partial(write, recordings=RECORDINGS, frames=FRAMES, seed=SEED),
    FrozenSplit("demo", "b947bae5aef3b0b2d05baa57ce44a6945400bff5f91d5048815be1968c0f73f4"),
)
DATASET = TASK.dataset

TASK_CLUSTERS = replace(
    TASK,
    name="demo-clusters",
    title="Demo: clusters that tell simulated attack, investigation and mount apart",
    question="In which frames does the simulated resident do the same, without a look at any label?",
    metrics=NAMED_CLUSTER_METRICS,
    kind="clusters",
    protocol=NAMED_IN_TRAINING,
)
