"""Simulated mice in the files and the layout of CalMS21's unlabelled set. No animal was ever seen."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

from bench.datasets import demo
from bench.datasets.calms21_unlabelled import DATASET as OFFICIAL_DATASET
from bench.datasets.calms21_unlabelled import FILES, GROUP, read
from bench.datasets.simulation import simulate

_read = partial(read, simulated=True)


def write(
    folder: Path, *, recordings: int = demo.RECORDINGS, frames: int = demo.FRAMES, seed: int = demo.SEED
) -> None:
    """Simulate recordings of `frames` frames each and write them into the four files of the official set.

    One recording is held at a time. Raises `UsageError` where there are fewer recordings than files.
    """
    demo.check_size(recordings, frames, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(FILES):
        first, last = (recordings * at // len(FILES) for at in (number, number + 1))
        keys = {n: f"{GROUP}/{demo.recording_id(n)}" for n in range(first + 1, last + 1)}
        demo.write_file(folder / name, GROUP, keys, lambda n: simulate(seed, n, frames), ())


DATASET = dataclasses.replace(
    demo.DATASET,
    name="demo-unlabelled",
    title="Simulated mouse dyads without labels",
    classes=(),
    files=f"{FILES[0]} to part4, marked as simulated",
    read=_read,
    resume=_read,
    simulate=write,
    official=OFFICIAL_DATASET.official,
    notes=(
        *demo.DATASET.notes,
        "Any size of it is imported alike: bench simulate FOLDER --unlabelled --recordings N --frames T.",
    ),
)
