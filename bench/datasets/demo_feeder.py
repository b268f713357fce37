"""The demo with a feeder: simulated mice that do what keypoints alone cannot tell. No animal was ever seen.

`bench render` draws its recordings as video; there the feeder is visible (`feeding.py` says why it must be).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.about import TITLE
from bench.datasets import demo
from bench.datasets.calms21_json import Identity, read_layout
from bench.datasets.feeding import CLASSES, OTHER, places, simulate
from bench.errors import DataError
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording
from bench.splits import RuledSplit
from bench.tasks import Scene, Task

SEED = 343
FILES = {"train": "demo_feeder_train.json", "test": "demo_feeder_test.json"}
NAME = re.compile(r"demo-feeder-([0-9]{1,9})x([0-9]{1,9})")


def write(folder: Path, *, recordings: int, frames: int, seed: int = SEED) -> None:
    """Simulate recordings of `frames` frames each and write them into two files of the CalMS21 layout."""
    demo.check_size(recordings, frames, seed)
    subsets = demo.cut(range(1, recordings + 1))
    for file, numbers in (("train", [*subsets["train"], *subsets["val"]]), ("test", subsets["test"])):
        keys = {number: f"feeder/{file}/{demo.recording_id(number)}" for number in numbers}
        draw = partial(simulate, seed, frames=frames)
        demo.write_file(folder / FILES[file], "annotator-id_0", keys, draw, CLASSES)


def read(folder: Path, skip: Collection[str] = ()) -> Iterator[Recording]:
    """Yield the simulated recordings of `folder` without those in `skip`."""
    paths = [folder / name for name in FILES.values()]
    if lacking := [f"{path} is missing" for path in paths if not path.is_file()]:
        hint = "bench pull demo-feeder-16x600"
        raise DataError("the simulated recordings are not there", lacking, hint=hint)
    yield from read_layout(paths, simulated=True, name=_identity, skip=skip)


def scene(id_: str) -> Scene:
    """Return what is around the animals of a recording: bedding, and a feeder in a place of its own."""
    feeder = places(SEED, demo.number_of(id_))[0]
    return Scene(demo.empty_scene(id_).seed, (float(feeder[0]), float(feeder[1])))


def task_by_name(name: str) -> Task | None:
    """Return the task that `name` asks for, of any size; None where it has no such form.

    Raises `UsageError` for sizes that cannot be split.
    """
    matched = NAME.fullmatch(name)
    if matched is None:
        return None
    recordings, frames = int(matched[1]), int(matched[2])
    demo.check_size(recordings, frames)
    size = f"{recordings:,} recordings of {frames:,} frames"
    dataset = replace(
        demo.DATASET,
        name=name,
        title=f"Simulated mouse dyads with a feeder ({size})",
        classes=CLASSES,
        files=f"{FILES['train']} and {FILES['test']}, marked as simulated",
        read=read,
        resume=read,
        simulate=partial(write, recordings=recordings, frames=frames),
        scene=scene,
        official=tuple(FILES.values()),
        notes=(
            *demo.DATASET.notes,
            "Eating and pausing differ in the feeder alone, which is in no keypoint: bench render draws it.",
        ),
    )
    return Task(
        name=name,
        title=f"Demo: simulated eating at a feeder, and the same pose elsewhere ({size})",
        question="Does the simulated resident eat at the feeder, or stand in the same pose elsewhere?",
        dataset=dataset,
        classes=CLASSES,
        background=CLASSES[OTHER],
        split=RuledSplit(partial(demo.split_by_number, name, recordings)),
        metrics=FRAME_METRICS,
        reference=f"made by bench.datasets.feeding; split by {TITLE}",
    )


def _identity(_path: Path, _group: str, key: str) -> Identity:
    id_ = key.rsplit("/", 1)[-1]
    return Identity(id_, id_.split("_", 1)[0], CLASSES, CLASSES, annotator="0")
