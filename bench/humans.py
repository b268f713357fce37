"""How well two people agree: a line to hold a model against, where the same videos were labelled twice.

`leaderboard/reference/humans.json` holds it, computed by the frozen metrics: `python -m bench.humans FOLDER`
prints that file anew from the labels, one folder for each data set as in the tests' data.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from bench.resources import resource
from bench.results import canonical
from bench.scoring import score_frames

CALMS21 = ("attack", "investigation", "mount", "other")


@dataclass(frozen=True)
class Human:
    """What a second annotator scores, the first one taken as the truth."""

    metric: str
    value: float
    low: float
    high: float
    recordings: int
    frames: int
    words: str
    """Whose labels of which recordings, in words that follow the value."""
    source: str


def humans(task: str) -> tuple[Human, ...]:
    """Return the lines of a task; empty where nobody labelled its data twice."""
    return _frozen().get(task, ())


@cache
def _frozen() -> dict[str, tuple[Human, ...]]:
    path = resource("reference", "leaderboard/reference") / "humans.json"
    lines = json.loads(path.read_bytes())
    return {task: tuple(Human(**fields) for fields in of_task) for task, of_task in lines.items()}


def calms21(folder: Path) -> Human:
    """Score the second annotator of ten CalMS21 videos against the first."""
    with np.load(folder / "labels.npz", allow_pickle=False) as archive:
        first = {name.partition("/")[0]: archive[name] for name in archive if name.endswith("annotator1")}
        second = {name.partition("/")[0]: archive[name] for name in archive if name.endswith("annotator2")}
    truth = {name: labels.astype(np.int64) for name, labels in sorted(first.items())}
    scores = {name: np.eye(4, dtype=np.float32)[labels] for name, labels in sorted(second.items())}
    made = score_frames(truth, scores, CALMS21, background="other", fps=30.0).scores["f1"]
    return Human(
        metric="f1",
        value=made.value,
        low=made.low,
        high=made.high,
        recordings=len(truth),
        frames=sum(map(len, truth.values())),
        words="a second annotator against a first, on ten CalMS21 videos, none a test video of this task",
        source="BelloneLab/BANOS, labels of CalMS21 by two people",
    )


def main(folder: Path) -> None:
    """Print the file anew."""
    lines = {"calms21-task1": [asdict(calms21(folder / "calms21-two-annotators"))]}
    sys.stdout.buffer.write(canonical(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
