"""A recording: what was seen, what the animals did, and which frames somebody looked at.

Conventions, stated once and converted in the readers: frames count from 0, ranges are half-open
`[start, stop)`, keypoints are pixels with x to the right and y down.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Shaped

from bench.errors import DataError

RECORDING_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
"""Ids are safe as file names, as keys of an .npz and in any page."""


@dataclass(frozen=True, eq=False)
class Recording:
    """One session of one or more animals, as one annotator labelled it.

    Raises `DataError` naming every fault where the arrays do not belong together.
    """

    id: str
    group: str
    """The unit of statistical independence: animal, cage or session. Never split between train and test."""
    fps: float
    classes: tuple[str, ...]
    labels: Bool[np.ndarray, "T C"]
    """What holds in each frame: one-hot where classes exclude each other, all False where not annotated."""
    annotated: Bool[np.ndarray, " T"]
    """Which frames somebody annotated; the others never count."""
    keypoints: Float32[np.ndarray, "T A K 2"] | None = None
    """Pixels (x, y) of K keypoints of A animals; NaN = not detected. None where only the truth is at hand."""
    confidence: Float32[np.ndarray, "T A K"] | None = None
    """Tracker confidence in [0, 1], NaN where not detected; None where the data set has none."""
    annotator: str | None = None

    def __post_init__(self) -> None:
        problems = list(_faults(self))
        if problems:
            raise DataError(f"recording {self.id!r} is not consistent", problems)

    @property
    def frames(self) -> int:
        """The number of frames, T."""
        return len(self.labels)

    def truth_digest(self) -> str:
        """Return the SHA-256 of what scoring reads: class names, labels and annotated frames."""
        head = f"{self.id}\n{self.frames}\n{'|'.join(self.classes)}\n".encode()
        bits = np.packbits(self.labels).tobytes() + np.packbits(self.annotated).tobytes()
        return hashlib.sha256(head + bits).hexdigest()


def one_hot(labels: Shaped[np.ndarray, " T"], classes: int) -> Bool[np.ndarray, "T C"]:
    """Turn class indices into Bool (frames, classes); a negative index (not annotated) is a row of False."""
    return np.asarray(labels)[:, None] == np.arange(classes)


def spans(counted: Bool[np.ndarray, " T"]) -> list[slice]:
    """Cut the frames that count into runs `[start, stop)`; a bout never reaches across two of them."""
    edges = np.flatnonzero(np.diff(counted.astype(np.int8), prepend=0, append=0))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _faults(r: Recording) -> list[str]:
    frames = len(r.labels)
    faults = []
    if not RECORDING_ID.fullmatch(r.id):
        faults.append(f"id {r.id!r}: expected lower-case letters, digits, '_' and '-', 100 at most")
    if not r.fps > 0:
        faults.append(f"fps {r.fps}: expected more than 0")
    if frames == 0:
        faults.append("no frames")
    if r.labels.shape[1] != len(r.classes):
        faults.append(
            f"labels of {r.labels.shape[1]} classes, expected {len(r.classes)}: {', '.join(r.classes)}"
        )
    if len(r.annotated) != frames:
        faults.append(f"annotated has {len(r.annotated)} frames, labels have {frames}")
    elif r.labels[~r.annotated].any():
        faults.append("labels in frames that are marked as not annotated")
    return faults + _pose_faults(r)


def _pose_faults(r: Recording) -> list[str]:
    faults = []
    if r.keypoints is not None:
        if len(r.keypoints) != r.frames:
            faults.append(f"{len(r.keypoints)} frames of keypoints, {r.frames} of labels")
        if np.isinf(r.keypoints).any():
            faults.append("infinite keypoint coordinates; a missing keypoint is NaN")
    if r.confidence is not None and (r.keypoints is None or r.confidence.shape != r.keypoints.shape[:3]):
        found = None if r.keypoints is None else r.keypoints.shape[:3]
        faults.append(f"confidence of shape {r.confidence.shape}, keypoints of {found}")
    return faults
