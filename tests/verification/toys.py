"""Results of a toy task of two parts and two runs, scored by the code that scores every entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.evaluation import evaluate
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording, one_hot
from bench.results import Result, canonical, digest_of, to_json
from bench.splits import Split
from bench.tasks import Part, Task
from tests.toys import DATASET
from tests.toys import task as base_task

CLASSES = ("attack", "mount", "other")
FRAMES = {"m1": 211, "m2": 97, "m3": 151, "m4": 83, "m5": 127, "m6": 61, "m7": 173, "m8": 89, "m9": 119}
GROUPS = {
    "one": {"a": ("m1", "m2"), "b": ("m3",), "c": ("m4",), "d": ("m5",), "e": ("m6",)},
    "two": {"e": ("m6",), "f": ("m7", "m8"), "g": ("m9",)},
}
METRICS = (
    *("f1", "map", "accuracy", "f1_all_classes", "recall", "cohen_kappa", "accuracy_at_transition", "edit"),
    *("onset_error_median", "onset_f1_within_5", "offset_f1_area"),
)
"""One of each sort: fewer are checked more quickly."""
Content = dict[str, Any]


def toy_task(*, exclusive: bool = True) -> Task:
    """Return a task that no list names: seven groups, five of them in the first part."""
    name = "toy" if exclusive else "toy-overlap"
    split = Split(
        name=name,
        source="own",
        rule="all",
        parts={part: {"train": {}, "val": {}, "test": of} for part, of in GROUPS.items()},
    )
    parts = (Part("one", "the first part"), Part("two", "the second part"))
    dataset, metrics = (
        replace(DATASET, name=name),
        [metric for metric in FRAME_METRICS if metric.name in METRICS],
    )
    return replace(
        base_task(),
        name=name,
        dataset=dataset,
        split=split,
        parts=parts,
        exclusive=exclusive,
        metrics=tuple(metrics),
    )


def toy_result(task: Task, *, seeds: tuple[int, ...] = (1, 2), id_: str = "toy-entry") -> Result:
    """Score noisy answers, one run for each seed; m1 has a gap in its annotation, m9 shows no mount."""
    rng = np.random.default_rng(0)
    truth, runs, split = {}, {}, task.load_split()
    for name, frames in FRAMES.items():
        labels = np.repeat(rng.integers(0, 3, frames // 7 + 1), 7)[:frames]
        labels = np.where(labels == 1, 2, labels) if name == "m9" else labels
        held = one_hot(labels, 3) | (not task.exclusive and np.arange(frames)[:, None] % 5 == 0)
        annotated = np.ones(frames, dtype=bool)
        annotated[40:52] = name != "m1"
        truth[name] = Recording(name, name, 25.0, CLASSES, held & annotated[:, None], annotated)
    for seed in seeds:
        draw = np.random.default_rng(seed)
        noise = {name: draw.uniform(0, 0.8, (frames, 3)) for name, frames in FRAMES.items()}
        answers = {name: (0.4 * truth[name].labels + noise[name]).astype(np.float32) for name in FRAMES}
        runs[f"seed{seed}"] = {
            part: {name: answers[name] for name in split.ids(part, "test")} for part in split.parts
        }
    return evaluate(task, card(id_), runs, truth)


def card(id_: str) -> Content:
    """Return the card of an entry as a result holds it."""
    return {
        "id": id_,
        "name": "Toy entry",
        "authors": ["A. Mouse"],
        "licence": "MIT",
        "code": "https://example.org/code",
        "paper": None,
        "classes": list(CLASSES),
        "output": "probabilities",
        "description": "It looks.",
        "extra_data": "none",
        "causal": False,
        "parameters": 72540,
        "flops_per_frame": None,
        "frames_per_second": 1000.5,
        "latency_ms": None,
        "seconds_per_epoch": None,
        "peak_memory_mib": None,
        "hardware": None,
    }


def content(result: Result) -> Content:
    """Return the content of the file of a result, to be changed."""
    return dict(json.loads(canonical(to_json(result))))


def write_content(folder: Path, made: Content, *, seal: bool = True) -> Path:
    """Write a content under the name that it gives itself; with `seal`, its digest is made anew."""
    if seal and "digest" in made:
        made["digest"] = digest_of(made)
    path = folder / f"{made['task']['name']}--{made['entry']['id']}.json"
    path.write_bytes(json.dumps(made, allow_nan=True).encode())
    return path


def put(*place: str | int, value: Any) -> Callable[[Content], None]:
    """Return a change that puts a value, or what a function makes of the old one, at a place."""

    def change(made: Content) -> None:
        inner: Any = made
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value(inner[place[-1]]) if callable(value) else value

    return change


def drop(*place: str | int) -> Callable[[Content], None]:
    """Return a change that takes a key away."""

    def change(made: Content) -> None:
        inner: Any = made
        for step in place[:-1]:
            inner = inner[step]
        del inner[place[-1]]

    return change
