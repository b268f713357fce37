"""Answers of a model on the disk, until those of all parts of a run are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from baselines.contract import Answer
from bench.files.writing import replacing
from bench.kinds import Kind

Answers = dict[str, Any]
"""Recording id -> the answer of the task's kind: scores, detections or clusters."""


def save(path: Path, answers: Mapping[str, Answer], kind: Kind) -> None:
    """Write the answers of one part in one step; equal answers give equal bytes."""
    arrays = {
        f"{id_}/{name}": array
        for id_, answer in sorted(answers.items())
        for name, array in kind.to_arrays(answer).items()
    }
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: Path, kind: Kind) -> Answers:
    """Read what `save` wrote."""
    arrays: defaultdict[str, dict[str, np.ndarray]] = defaultdict(dict)
    with np.load(path) as archive:
        for key in archive.files:
            id_, _, name = key.partition("/")
            arrays[id_][name] = archive[key]
    return {id_: kind.from_arrays(of_recording) for id_, of_recording in arrays.items()}
