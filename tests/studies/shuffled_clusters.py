"""A floor that no class prior gives: clusters whose frames are shuffled.

    python tests/studies/shuffled_clusters.py ENTRY --task TASK

ENTRY is a submission with predictions of a task that asks for clusters, whose card the floor borrows. The
clusters are those of the entry, each recording's frames in random order: as many and as large, and they tell
nothing. Five draws are scored as five runs. Of tasks that ask for segments `bench.floors` has the floors.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import bench
from bench.submissions.card import CARD

DRAWS = 5
Predictions = dict[str, dict[str, object]]


def shuffled(entry: Path, task: str) -> Iterator[Predictions]:
    """Yield part -> recording -> clusters, of every draw."""
    with np.load(sorted((entry / task).glob("*.npz"))[0]) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 72])
        made: Predictions = {}
        for name, ids in arrays.items():
            part, _, recording = name.partition("/")
            made.setdefault(part, {})[recording] = rng.permutation(ids)
        yield made


def main() -> None:
    """Print every number of the floor: mean over draws, and deviation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("entry", type=Path)
    parser.add_argument("--task", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder) / options.entry.name
        floor.mkdir()
        shutil.copy(options.entry / CARD, floor)
        for draw, predictions in enumerate(shuffled(options.entry, options.task)):
            bench.write_run(floor, options.task, f"seed{draw}", predictions)
        (result,) = bench.evaluate(floor, options.task)
    for name, score in result.scores.items():
        print(f"{name}: {score.value:.4f} ± {score.std_runs:.4f}")


if __name__ == "__main__":
    main()
