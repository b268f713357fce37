"""A recording: what was seen, what the animals did, and which frames somebody looked at.

Conventions, stated once and converted in the readers: frames count from 0, ranges are half-open
`[start, stop)`, keypoints are pixels with x to the right and y down; segments are seconds from the
start of the recording, `[start, end)`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Shaped

from bench.errors import DataError, SubmissionError

RECORDING_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
"""Ids are safe as file names, as keys of an .npz and in any page."""


MOST_DETECTIONS = 2_000
"""Of one recording that an entry may submit: ten times what Soft-NMS leaves."""
FURTHEST = 1e12
"""Seconds. A segment further out is of no recording, and lengths of such numbers may overflow."""
SHOWN = 8
"""How many row numbers a message lists before it only counts them."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The true segments of one recording, S of them; they may overlap, and there may be none.

    Raises `DataError` for bounds that are not finite, labels outside `[0, classes)` and lengths that differ.
    """

    bounds: Float[np.ndarray, "S 2"]
    """Seconds, (start, end)."""
    labels: Int[np.ndarray, " S"]
    """Class index in `[0, classes)`."""
    classes: int
    """The number of classes, whether or not this recording shows them."""

    def __post_init__(self) -> None:
        faults = segment_faults(self.bounds, self.labels, self.classes)
        if faults:
            raise DataError("true segments that cannot be scored", faults)


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one recording, D of them, in any order: shuffling the rows changes no score.

    Raises `SubmissionError` for an end that is not after its start, for NaN and infinity anywhere, for bounds
    beyond 1e12 s, for negative labels and for lengths that differ. The reference evaluators let these
    through: a segment of length zero can make their tIoU 0/0, which then counts as a hit, and a NaN score
    sorts first.
    """

    bounds: Float[np.ndarray, "D 2"]
    """Seconds, (start, end), start < end."""
    labels: Int[np.ndarray, " D"]
    """Class index."""
    scores: Float[np.ndarray, " D"]
    """Finite; higher is surer. Only their order counts."""

    def __post_init__(self) -> None:
        faults = detection_faults(self.bounds, self.labels, self.scores)
        if faults:
            raise SubmissionError("detections that cannot be scored", faults)

    def take(self, rows: Shaped[np.ndarray, " K"]) -> Detections:
        """Return the chosen rows, by index or by mask."""
        return Detections(self.bounds[rows], self.labels[rows], self.scores[rows])


@dataclass(frozen=True)
class Skeleton:
    """What the keypoints of a data set's recordings are: known before a recording is read.

    Raises `DataError` for an edge that names no keypoint.
    """

    animals: tuple[str, ...]
    keypoints: tuple[str, ...]
    """Of every animal, in the order of the arrays."""
    edges: tuple[tuple[str, str], ...]
    """Pairs of keypoints that are joined, in every animal alike; empty where nobody declared them."""
    image: tuple[int, int]
    """Width and height of the video in pixels."""

    def __post_init__(self) -> None:
        unknown = sorted({name for edge in self.edges for name in edge} - set(self.keypoints))
        if unknown:
            raise DataError(
                "edges of a skeleton that join no keypoints",
                [f"{name!r}: expected one of {', '.join(self.keypoints)}" for name in unknown],
            )


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
    segments: Segments | None = None
    """What holds from when to when, where the annotators gave segments; its labels count `classes`.

    `labels` may then be their frames, or nothing but False: `annotated` says which frames were watched.
    """
    features: Float32[np.ndarray, "T F"] | None = None
    """F numbers per frame that the data set gives beside the poses, such as CalMS21's of task programming."""

    def __post_init__(self) -> None:
        problems = list(_faults(self))
        if problems:
            raise DataError(f"recording {self.id!r} is not consistent", problems)

    def __repr__(self) -> str:
        """Name the recording and say how large it is: what a notebook shows."""
        poses = "no poses"
        if self.keypoints is not None:
            poses = f"{self.keypoints.shape[1]} x {self.keypoints.shape[2]} keypoints"
        size = f"{self.frames:,} frames at {self.fps:g} per second"
        return f"<recording {self.id}: {size}, {poses}; {', '.join(self.classes)}>"

    @property
    def frames(self) -> int:
        """The number of frames, T."""
        return len(self.labels)

    def without_labels(self) -> Recording:
        """Return a copy in which nobody has annotated anything: what a model may predict from."""
        labels, annotated = np.zeros_like(self.labels), np.zeros_like(self.annotated)
        return replace(self, labels=labels, annotated=annotated, segments=None)

    def labels_of(self, classes: Sequence[str]) -> Bool[np.ndarray, "T C"]:
        """Return the labels of these classes, in this order; raise `DataError` where it lacks one."""
        return self.labels[:, self._places(classes)]

    def segments_of(self, classes: Sequence[str]) -> Segments:
        """Return the true segments of these classes, in this order; raise `DataError` where it lacks one.

        They are its own where it has them, else the bouts of its frame labels: from the start of the first
        frame to the end of the last, in seconds. No bout reaches across frames that nobody annotated,
        because no class holds there.
        """
        places = self._places(classes)
        if self.segments is None:
            return segments_of(self.labels[:, places], self.fps)
        number = np.full(len(self.classes), -1)
        number[places] = np.arange(len(places))
        labels = number[self.segments.labels]
        kept = labels >= 0
        return Segments(self.segments.bounds[kept], labels[kept], len(places))

    def _places(self, classes: Sequence[str]) -> list[int]:
        missing = [name for name in classes if name not in self.classes]
        if missing:
            raise DataError(
                f"recording {self.id!r} has no labels for what is asked",
                [f"no {', '.join(missing)}; it has {', '.join(self.classes)}"],
            )
        return [self.classes.index(name) for name in classes]

    def truth_digest(self) -> str:
        """Return the SHA-256 of what scoring reads: class names, labels, annotated frames and segments.

        Segments count where there are some to count, so that the digests frozen without them hold.
        """
        head = f"{self.id}\n{self.frames}\n{'|'.join(self.classes)}\n".encode()
        bits = np.packbits(self.labels).tobytes() + np.packbits(self.annotated).tobytes()
        digest = hashlib.sha256(head + bits)
        if self.segments is not None:
            digest.update(f"\n{len(self.segments.labels)} segments\n".encode())
            digest.update(self.segments.bounds.astype("<f8").tobytes())
            digest.update(self.segments.labels.astype("<i8").tobytes())
        return digest.hexdigest()


def one_hot(labels: Shaped[np.ndarray, " T"], classes: int) -> Bool[np.ndarray, "T C"]:
    """Turn class indices into Bool (frames, classes); a negative index (not annotated) is a row of False."""
    return np.asarray(labels)[:, None] == np.arange(classes)


def spans(counted: Bool[np.ndarray, " T"]) -> list[slice]:
    """Cut the frames that count into runs `[start, stop)`; a bout never reaches across two of them."""
    edges = np.flatnonzero(np.diff(counted.astype(np.int8), prepend=0, append=0))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def segments_of(labels: Bool[np.ndarray, "T C"], fps: float) -> Segments:
    """Return the bouts of frame labels, the longest runs of frames in which a class holds, in seconds.

    >>> segments_of(np.array([[False, True], [True, True], [True, False]]), 2.0).bounds.tolist()
    [[0.5, 1.5], [0.0, 1.0]]
    """
    runs = [(run.start, run.stop, c) for c, held in enumerate(labels.T) for run in spans(held)]
    table = np.array(runs, dtype=np.int64).reshape(-1, 3)
    return Segments(table[:, :2] / fps, table[:, 2], labels.shape[1])


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
    if r.features is not None and len(r.features) != frames:
        faults.append(f"{len(r.features)} frames of features, {frames} of labels")
    return faults + _pose_faults(r) + (_segment_faults(r, r.segments) if r.segments is not None else [])


def segment_faults(
    bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"], classes: int
) -> list[str]:
    """Say all that keeps these true segments from being scored; empty where nothing does."""
    faults = shape_faults(bounds, labels)
    if not faults:
        faults += bound_faults(bounds)
        faults += row_faults((labels < 0) | (labels >= classes), labels, f"a label outside 0..{classes - 1}")
    return faults


def detection_faults(
    bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"], scores: Shaped[np.ndarray, "*_"]
) -> list[str]:
    """Say all that keeps these detections from being scored, by row; empty where nothing does.

    A reader of many recordings calls this first, to report the faults of all of them at once.
    """
    faults = shape_faults(bounds, labels)
    if scores.shape != labels.shape:
        faults.append(f"scores of shape {scores.shape}, expected {labels.shape} as the labels")
    if faults:
        return faults
    finite = np.isfinite(bounds).all(axis=1)
    return [
        *bound_faults(bounds),
        *row_faults(finite & ~(bounds[:, 0] < bounds[:, 1]), bounds, "an end that is not after its start"),
        *row_faults(~np.isfinite(scores), scores, "a score that is not finite"),
        *row_faults(labels < 0, labels, "a negative label"),
    ]


def shape_faults(bounds: Shaped[np.ndarray, "*_"], labels: Shaped[np.ndarray, "*_"]) -> list[str]:
    """Say where bounds are not (rows, 2), or not as many as the labels."""
    faults = []
    if bounds.ndim != 2 or bounds.shape[1] != 2:
        faults.append(f"bounds of shape {bounds.shape}, expected (rows, 2): start and end")
    if labels.shape != bounds.shape[:1]:
        faults.append(
            f"labels of shape {labels.shape}, expected {bounds.shape[:1]}, one for each row of bounds"
        )
    return faults


def bound_faults(bounds: Shaped[np.ndarray, "D 2"]) -> list[str]:
    """Say which bounds are no times in seconds."""
    finite = np.isfinite(bounds).all(axis=1)
    far = finite & (np.abs(bounds) > FURTHEST).any(axis=1)
    return [
        *row_faults(~finite, bounds, "a start or end that is not finite"),
        *row_faults(far, bounds, f"a start or end beyond {FURTHEST:.0e} s"),
    ]


def row_faults(bad: Bool[np.ndarray, " D"], values: Shaped[np.ndarray, "D ..."], what: str) -> list[str]:
    """Put all rows with one fault on one line: their numbers, the fault, and the first value found."""
    if not bad.any():
        return []
    rows = np.flatnonzero(bad)
    numbers = ", ".join(str(row) for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    example = f"row {rows[0]} has {values[rows[0]].tolist()}"
    return [f"row{'s' if len(rows) > 1 else ''} {numbers}{more}: {what} ({example})"]


def _segment_faults(r: Recording, segments: Segments) -> list[str]:
    faults = []
    if segments.classes != len(r.classes):
        faults.append(f"segments of {segments.classes} classes, expected {len(r.classes)}")
    if not r.fps > 0:
        return faults  # nobody knows how long it is
    bounds, frame = segments.bounds, 1 / r.fps
    end = r.frames * frame
    outside = (bounds[:, 0] < -frame) | (bounds[:, 1] > end + frame)
    return [
        *faults,
        *row_faults(~(bounds[:, 0] < bounds[:, 1]), bounds, "a segment whose end is not after its start"),
        *row_faults(outside, bounds, f"a segment beyond the recording, which lasts {end:.3f} s"),
    ]


def _pose_faults(r: Recording) -> list[str]:
    faults = []
    if r.keypoints is not None:
        if len(r.keypoints) != r.frames:
            faults.append(f"{len(r.keypoints)} frames of keypoints, {r.frames} of labels")
        if np.isinf(r.keypoints).any():
            faults.append("infinite keypoint coordinates; a missing keypoint is NaN")
    if r.confidence is not None and (r.keypoints is None or r.confidence.shape != r.keypoints.shape[:3]):
        shape = None if r.keypoints is None else r.keypoints.shape[:3]
        faults.append(f"confidence of shape {r.confidence.shape}, keypoints of {shape}")
    return faults
