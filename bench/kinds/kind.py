"""What a kind of task is: the functions that differ between frames, segments and clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.recordings import Recording, Segments
from bench.splits import Subset
from bench.tasks import Task

Truth = Bool[np.ndarray, "T C"] | Segments
"""Of one span: the classes of each frame, or the true segments in seconds."""
Length = int | float
"""Of one recording: its frames or, where segments are asked for, its seconds."""
DetectionForm = Literal["raw", "final"]
"""Raw detections go through the frozen Soft-NMS before they are scored; final ones are scored as they are."""


@dataclass(frozen=True, eq=False)
class Span:
    """A run of consecutive frames of one recording that count; where segments are asked for, all of them."""

    recording: str
    frames: slice
    truth: Any
    """A `Truth`; segments in seconds from the start of the recording, and clean."""
    group: int
    """Index of its group among all groups of the task that are scored."""


@dataclass(frozen=True, eq=False)
class Cut:
    """What one part of a task is scored on."""

    test: Sequence[Span]
    train: Sequence[Span] = ()
    """Where an entry answers training recordings too, else empty. Their groups are not resampled: -1."""


@dataclass(frozen=True)
class Words:
    """How tables name what is counted."""

    unit: str
    """What a class has so many of, in the plural: the heading of a column."""
    total: str
    """The same where a sentence gives the sum: "12,000 <total>"."""
    count: Callable[[int, Mapping[str, int]], int]
    """(frames, support by class) -> that sum."""
    beside: bool
    """Whether a few classes are columns beside the value; else they are rows of a table of their own."""
    scored: Callable[[Mapping[str, Any]], str]
    """What `bench score` counted -> a sentence."""


@dataclass(frozen=True)
class Floor:
    """Answers that look at no data of the recording, with which entries are compared."""

    name: str
    title: str
    draws: int
    """Of how many random draws the value is the mean; 1 where nothing is drawn."""
    learn: Callable[[Task, Sequence[Recording]], Callable[[Recording, int], Any]]
    """(task, training recordings of a part) -> (test recording with its truth, draw) -> an answer."""


@dataclass(frozen=True)
class Kind:
    """One kind of task. `bench.submissions.forms` says how its predictions are written."""

    name: str
    subsets: tuple[Subset, ...]
    """The recordings that an entry answers: those of these subsets. Only those of "test" are scored."""
    labels_frames: bool
    """Whether predictions become a label per frame: then there is a confusion, and boundaries and onsets."""
    length: Callable[[Recording], Length]
    """How long an answer for a recording must be."""
    cut: Callable[[Task, Recording], Iterator[tuple[slice, Truth]]]
    """The frames of each span of a recording that counts, and their truth."""
    judge: Callable[[Task, Cut, Mapping[str, Any], DetectionForm | None], Mapping[str, Sequence[Any]]]
    """(task, one part, its predictions by recording, form) -> by what a metric reads, the prediction of each
    test span."""
    count: Callable[[Any], Int[np.ndarray, " C"]]
    """Truth of a span -> in how many frames each class holds, or how many true segments it has."""
    truth_bytes: Callable[[Any], bytes]
    """Truth of a span -> the bytes that a digest reads."""
    answer_bytes: Callable[[Any], tuple[str, bytes]]
    """Prediction of a recording -> its size in words and its values, for a digest."""
    to_arrays: Callable[[Any], Mapping[str, np.ndarray]]
    """Prediction of a recording -> the same as arrays by name, for a file."""
    from_arrays: Callable[[Mapping[str, np.ndarray]], Any]
    """Those arrays -> the prediction."""
    view: Callable[[Task, Recording], Recording]
    """A recording with the classes of the task, in its order, and the frames and segments that count."""
    prior: Callable[[Float[np.ndarray, " C"], int], Any] | None
    """(share of each class in training, frames of a recording) -> an answer that looks at nothing; None where
    the kind has none."""
    floors: tuple[Floor, ...]
    """What entries are compared with beside it."""
    tally: Callable[[Task, Recording], dict[tuple[str, str], int]]
    """What `bench verify` counts of a recording beside its frames: (quantity, class) -> number."""
    words: Words
