"""A small task with two parts and recordings of different lengths, and a submission that is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from bench.errors import UsageError, nearest
from bench.splits import Split
from bench.submissions import Entry, Expected, Predictions, TaskCard, read_tasks, write_card, write_run
from bench.tasks import Part, Protocol, Task
from tests.toys import DATASET

CLASSES = ("attack", "investigation", "mount", "other")
EXPECTED = {
    "all": {"mouse001": 41, "mouse002": 67, "mouse003": 90},
    "rater-2": {"mouse001": 41, "na": 23, "001": 1},
}
Arrays = dict[str, dict[str, np.ndarray]]


def make_task(name: str = "demo", exclusive: bool = True, expected=EXPECTED) -> Task:
    dataset = replace(
        DATASET, fps=30.0, animals=("resident", "intruder"), image=(1024, 570), classes=CLASSES, files="none"
    )
    parts = {part: {"test": {f"cage-{id_}": (id_,) for id_ in ids}} for part, ids in expected.items()}
    return Task(
        name=name,
        title="Demo",
        question="What?",
        dataset=dataset,
        classes=CLASSES,
        background="other",
        split=Split(name=name, source="own", rule="by hand", parts=parts),
        metrics=(),
        parts=tuple(Part(part, part) for part in expected),
        exclusive=exclusive,
        protocol=Protocol("late-frames", "frames 3 to n - 3", skip_first=3, skip_last=2),
    )


TASK = make_task()


def get_task(name: str) -> Task:
    if name != TASK.name:
        raise UsageError(f"unknown task {name!r}{nearest(name, [TASK.name])}")
    return TASK


def read(folder: Path, task: Task = TASK, expected: Expected = EXPECTED) -> tuple[Entry, Predictions]:
    """Read a submission as `bench validate --task` does: one task of it."""

    def known(name: str) -> Task:
        return task if name == task.name else get_task(name)

    entry, predictions = read_tasks(folder, known, lambda task: expected, only=task.name)
    return entry, predictions[task.name]


def random_scores(seed: int = 0, expected: Mapping[str, Mapping[str, int]] = EXPECTED) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        part: {
            id_: rng.dirichlet(np.ones(len(CLASSES)), frames).astype(np.float32)
            for id_, frames in recordings.items()
        }
        for part, recordings in expected.items()
    }


def make_entry(folder: Path, **changes) -> Entry:
    card = TaskCard(CLASSES, "probabilities", "a toy", "none", causal=False, parameters=72540)
    return Entry(
        **{
            "id": folder.name,
            "name": "Mine",
            "authors": ("A. Mouse",),
            "licence": "MIT",
            "tasks": {"demo": card},
            **changes,
        }
    )


def save_npz(folder: Path, scores: Arrays, run: str = "seed0", task: str = "demo") -> Path:
    """Save as a submitter would, with numpy, whatever the arrays are."""
    path = folder / task / f"{run}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{f"{part}/{id_}": array for part, ids in scores.items() for id_, array in ids.items()})
    return path


def as_table(scores: Arrays) -> pa.Table:
    blocks = [(part, id_, array) for part, ids in scores.items() for id_, array in ids.items()]
    columns = {
        "part": [part for part, _, array in blocks for _ in array],
        "recording": [id_ for _, id_, array in blocks for _ in array],
        "frame": np.concatenate([np.arange(len(array)) for *_, array in blocks]),
    }
    values = np.concatenate([array for *_, array in blocks])
    return pa.table({**columns, **{name: values[:, i] for i, name in enumerate(CLASSES)}})


def save_table(folder: Path, table: pa.Table, form: str, run: str = "seed0") -> Path:
    path = folder / "demo" / f"{run}.{form}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "parquet":
        pq.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a submission without a fault: two runs."""
    path = tmp_path / "mine"
    write_card(path, make_entry(path))
    for seed in range(2):
        write_run(path, "demo", f"seed{seed}", random_scores(seed))
    return path


Damage = Callable[[Path], None]
