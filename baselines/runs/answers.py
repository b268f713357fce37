"""Answers of a model on the disk, until those of all parts of a run are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from baselines.contract import Answer
from bench.files.writing import replacing
from bench.recordings import Detections

Answers = dict[str, Any]
"""Recording id -> the answer of the task's kind: scores, detections or clusters."""


def save(path: Path, answers: Mapping[str, Answer]) -> None:
    """Write the answers of one part in one step; equal answers give equal bytes."""
    arrays: dict[str, np.ndarray] = {}
    for id_, answer in sorted(answers.items()):
        if isinstance(answer, Detections):
            arrays |= {f"{id_}/{name}": getattr(answer, name) for name in ("bounds", "labels", "scores")}
        elif isinstance(answer, np.ndarray):
            arrays[f"{id_}/answer"] = answer
        else:
            raise TypeError(f"{id_}: an answer of type {type(answer).__name__} cannot be submitted")
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: Path) -> Answers:
    """Read what `save` wrote."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    answers: Answers = {}
    for name, array in arrays.items():
        id_, _, column = name.partition("/")
        if column == "answer":
            answers[id_] = array
        elif column == "bounds":
            answers[id_] = Detections(array, arrays[f"{id_}/labels"], arrays[f"{id_}/scores"])
    return answers
