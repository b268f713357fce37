"""What a submission predicts: one row of scores per frame, by run, part and recording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from bench.submissions.faults import Fault

Scores = Float32[np.ndarray, "_ _"]
"""(frames, classes), classes in the task's order."""
Predictions = dict[str, dict[str, dict[str, Scores]]]
"""Run -> part -> recording id -> scores of every frame."""
Expected = Mapping[str, Mapping[str, int]]
"""Part -> recording id -> number of frames."""
Key = tuple[str, str]
"""Part and recording id."""

SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
"""Names of entries, tasks, runs and parts: safe in files, keys, pages and commands."""
SAFE_NAME_RULE = "lower-case letters, digits, '_' and '-', 100 at most"


@dataclass(frozen=True)
class Found:
    """What one run file holds, before anybody compared it with what is needed."""

    shapes: dict[Key, tuple[int, ...] | None] = field(default_factory=dict)
    """Of every array that is there; None where nothing was read of it."""
    arrays: dict[Key, Scores] = field(default_factory=dict)
    """Those of the right shape."""
    faults: list[Fault] = field(default_factory=list)


def predictions_digest(predictions: Predictions) -> str:
    """Return the SHA-256 of names, shapes and values, whatever the file format and the order were."""
    digest = hashlib.sha256()
    for run, parts in sorted(predictions.items()):
        for part, recordings in sorted(parts.items()):
            for id_, scores in sorted(recordings.items()):
                # no name holds a slash, a blank or a line break: two different runs never read alike
                digest.update(f"{run}/{part}/{id_} {len(scores)} {scores.shape[1]}\n".encode())
                digest.update(np.ascontiguousarray(scores, dtype="<f4").tobytes())
    return digest.hexdigest()
