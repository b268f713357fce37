"""What a submission predicts, by run, part and recording: a row of scores per frame, or detections."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.kinds import Kind, Length
from bench.submissions.faults import Fault

Prediction = Any
"""Of one recording, in the form that the kind of the task has: `bench.kinds` says which."""
Predictions = Mapping[str, Mapping[str, Mapping[str, Prediction]]]
"""Run -> part -> recording id -> prediction."""
Expected = Mapping[str, Mapping[str, Length]]
"""Part -> recording id -> how long it is."""
Key = tuple[str, str]
"""Part and recording id."""
Shape = tuple[int, ...]

SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
"""Names of entries, tasks, runs and parts: safe in files, keys, pages and commands."""
SAFE_NAME_RULE = "lower-case letters, digits, '_' and '-', 100 at most"


@dataclass(frozen=True)
class Content:
    """What one run file holds, before anybody compared it with what is needed."""

    shapes: dict[Key, Shape | None] = field(default_factory=dict)
    """Of every recording that is there; None where nothing was read of it."""
    answers: dict[Key, Prediction] = field(default_factory=dict)
    """Of the recordings that can be scored: arrays of the right shape, or detections without fault."""
    faults: list[Fault] = field(default_factory=list)


def predictions_digest(kind: Kind, predictions: Predictions) -> str:
    """Return the SHA-256 of names, shapes and values, whatever the file format and the order were."""
    digest = hashlib.sha256()
    for run, parts in sorted(predictions.items()):
        for part, recordings in sorted(parts.items()):
            for id_, prediction in sorted(recordings.items()):
                # no name holds a slash, a blank or a line break: two different runs never read alike
                size, data = kind.answer_bytes(prediction)
                digest.update(f"{run}/{part}/{id_} {size}\n".encode() + data)
    return digest.hexdigest()
