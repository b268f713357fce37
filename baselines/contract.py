"""The contract between a model and the benchmark: what a model is told, and what it gives back.

A model declares a `Baseline`. Its `learn` gets the questions, the recordings that train and a place to work,
and returns a `State`; its `restore` makes a `Predictor` of that state, here or on another machine. Models see
no test label: they never get a test recording to learn from, and predict from copies without labels.

Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int64

from baselines.dependencies import Inputs
from baselines.switches import Switches
from bench.recordings import Detections, Recording, Segments, Skeleton

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["frames", "segments", "clusters", "features"]
"""Of an answer: one score per frame and class, scored segments, one cluster per frame, rows of features."""
Frames = Float32[np.ndarray, "T C"]
"""Probabilities, in the order of the question's classes."""
Clusters = Int64[np.ndarray, " T"]
Epoch = Mapping[str, float | int | None]
"""What the log holds of one epoch, by column."""


@dataclass(frozen=True, eq=False)
class Derived:
    """Features that a model computed of one recording: N rows of F, each of one moment."""

    values: Float32[np.ndarray, "N F"]
    start: float
    """Seconds from the start of the recording to the moment of row 0."""
    step: float
    """Seconds from one row to the next."""
    made_by: str
    """The digest of the training that made them."""

    def at(self, frames: int, fps: float) -> Float32[np.ndarray, "T F"]:
        """Return the nearest row for each of so many frames; frame i is at second i / fps."""
        rows = np.rint((np.arange(frames) / fps - self.start) / self.step).astype(np.int64)
        return self.values[np.clip(rows, 0, len(self.values) - 1)]


Answer = Frames | Detections | Clusters | Derived
A = TypeVar("A")


def typed(answer: Answer, expected: type[A]) -> A:
    """Return an answer as the type that its model declares; raise `TypeError` where it is another."""
    if not isinstance(answer, expected):
        raise TypeError(f"{expected.__name__} expected, and not {type(answer).__name__}")
    return answer


@dataclass(frozen=True)
class Question:
    """One part of one task, as a model learns it."""

    key: str
    """`<task>/<part>`."""
    classes: tuple[str, ...]
    kind: Kind
    exclusive: bool
    """Whether exactly one class holds in every annotated frame."""
    weights: tuple[tuple[str, float], ...] = ()
    """Class -> weight of the training loss, where the task declares one."""

    @property
    def task(self) -> str:
        """The name of its task."""
        return self.key.partition("/")[0]

    @property
    def part(self) -> str:
        """The name of its part."""
        return self.key.partition("/")[2]

    def truth(self, recording: Recording) -> Bool[np.ndarray, "T C"]:
        """Return which classes hold in each frame of a recording that trains."""
        return recording.labels_of(self.classes)

    def segments(self, recording: Recording) -> Segments:
        """Return the true segments of a recording that trains."""
        return recording.segments_of(self.classes)

    def labelled(self, recording: Recording) -> Bool[np.ndarray, " T"]:
        """Return the frames that can train: annotated and, of exclusive classes, with one of them."""
        if not self.exclusive:
            return recording.annotated
        return recording.annotated & self.truth(recording).any(axis=1)


@dataclass(frozen=True)
class Sizes:
    """All that the size of a model depends on, known before a recording is read."""

    skeleton: Skeleton
    classes: tuple[int, ...]
    """Of each question."""
    features: tuple[tuple[str, int], ...] = ()
    """Extractor -> columns of its features, for those that the model needs."""


@runtime_checkable
class Recipe(Protocol):
    """What a training can be told: frozen, hashable, plain values."""

    @property
    def sees(self) -> tuple[int, int] | None:
        """The first and the last frame that a prediction looks at, relative to its own; None: no window."""

    @property
    def validates(self) -> bool:
        """Whether the validation recordings are looked at."""

    def words(self, held_out: bool) -> tuple[str, ...]:
        """Say what a reader of the card could not guess; `held_out`: the split has recordings to validate."""

    def epochs_for(self, task: str) -> int | None:
        """Return how many epochs it trains on a task; None where it knows no epochs."""

    def with_epochs(self, epochs: int) -> Recipe | None:
        """Return the recipe with another number of epochs; None where it knows no epochs."""


@dataclass(frozen=True)
class Need:
    """Another training that comes first; its digest is part of this one's."""

    model: str
    """`module:name`, as `Baseline.model`."""
    use: Literal["start", "features"]
    """To go on from its last checkpoint, or to read its features."""
    task: str = ""
    """What it learns, of one part; empty: it learns what this model is asked, without its labels."""


@dataclass(frozen=True, eq=False)
class State:
    """All that predicting reads, what the training data were scaled by included."""

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    """JSON values."""


@dataclass(frozen=True, eq=False)
class Data:
    """The recordings to learn from, by the key of the question.

    They are read whenever they are iterated over: pass over them as few times as will do. No test recording
    is among them.
    """

    train: Mapping[str, Iterable[Recording]]
    val: Mapping[str, Iterable[Recording]]
    """Empty where the recipe validates by none, or the split has none."""
    unlabelled: Iterable[Recording] = ()
    """Copies without labels, of what the baseline declares as `unlabelled`."""


@dataclass(frozen=True)
class Run:
    """One training, as plain values: it can be sent to a machine that has not imported the model."""

    model: str
    """`module:name`, as `Baseline.model`."""
    recipe: Any
    """The `Recipe` of the baseline, its epochs perhaps other ones; None where the model needs none."""
    questions: tuple[Question, ...]
    sizes: Sizes
    seed: int
    device: str
    switches: Switches


@runtime_checkable
class Workspace(Protocol):
    """Where a training works, and what others have made for it."""

    @property
    def checkpoint(self) -> Path:
        """Where a killed training goes on from."""

    @property
    def inputs(self) -> Inputs:
        """All that the training depends on; a checkpoint of other inputs is refused."""

    @property
    def digest(self) -> str:
        """Of those inputs: what `Derived.made_by` says."""

    def start(self) -> Mapping[str, Any]:
        """Return the last checkpoint of the training that this one goes on from: "model", "optimiser"."""

    def features(self, extractor: str, recording: Recording) -> Derived:
        """Return the features of a recording, by the name of the extractor that the baseline needs."""

    def extractor(self, name: str) -> Predictor:
        """Return an extractor that the baseline needs, to be asked for less than all features."""

    def video(self, recording: Recording) -> Path:
        """Return the video of a recording; raise `DataError` where there is none."""

    def report(self, history: Sequence[Epoch]) -> None:
        """Log all epochs so far."""


@runtime_checkable
class Predictor(Protocol):
    """A trained model. It answers copies of recordings without labels, in their order, and holds a few."""

    def __call__(self, recordings: Iterable[Recording], question: Question, /) -> Iterator[Answer]:
        """Yield one answer for each recording.

        A predictor of a causal model may also have `last_frame(recording, question)`, which answers for the
        last frame alone: how long that takes is the latency of the model.
        """


@runtime_checkable
class PictureExtractor(Predictor, Protocol):
    """An extractor of a picture of each animal in each frame, of all of them or of some."""

    def some(self, recording: Recording, chosen: Bool[np.ndarray, "T A"]) -> Float32[np.ndarray, "T A D"]:
        """Return the features of the chosen pictures, and 0 for the others, which are not encoded."""


@dataclass(frozen=True)
class Adapter:
    """What turns one kind of answer into another, where a task asks for a kind that a model does not give."""

    name: str
    source: Kind
    target: Kind
    causal: bool
    words: str
    """For the card."""
    fit: Callable[[Predictor, Data, Question], State]
    """Learn from the training recordings, where there is something to learn."""
    apply: Callable[[State, Any, Question, float], Answer]
    """State, answer, question, frames per second -> the answer of the other kind."""


@dataclass(frozen=True)
class Baseline:
    """A model that anyone can train with `bench train <name>`.

    The function `baseline` of a family (`engine/windows.py`, ...) fills in most of it.
    """

    model: str
    """`module:name`: where this declaration is found again."""
    name: str
    title: str
    description: str
    reference: str
    reads: frozenset[str]
    """Of "poses", "edges" and "video": what a data set must have; videos lie beside the store."""
    answers: frozenset[Kind]
    learn: Callable[[Run, Data, Workspace], State]
    restore: Callable[[Run, State, Workspace], Predictor]
    recipe: Recipe | None = None
    """None: there is nothing to be told."""
    paper: str | None = None
    network: Callable[[Any, Sizes], nn.Module] | None = None
    """Recipe and sizes -> the network, without data: learning, restoring and counting build it alike."""
    example: Callable[[Any, Sizes], tuple[Any, ...]] | None = None
    """Recipe and sizes -> the inputs of one forward pass and, last, how many frames it labels."""
    detections: Literal["raw", "final"] = "raw"
    """Of a model that answers segments: whether the frozen Soft-NMS has still to choose among them."""
    width: Callable[[Any, Sizes], int] | None = None
    """Of an extractor: the columns of its features."""
    serves: Literal["part", "parts"] | tuple[str, ...] = "part"
    """Who shares one training: a part has its own; all parts of a task; or the parts of these tasks."""
    tasks: tuple[str, ...] = ()
    """The only tasks that it can be asked; empty: any."""
    needs: tuple[Need, ...] = ()
    unlabelled: tuple[str, ...] = ()
    """Data sets that are looked at without their labels; "test": the test recordings, said on the card."""
    extra_data: str = ""
    """What it has seen beside the recordings, in words for the card."""
    causal: bool = False
    """Whether what it says of a frame depends on no later frame."""
    extra: str = "train"
    """The extra of the package that installs its libraries; empty where none is needed."""
    libraries: tuple[str, ...] = ("numpy",)
    """The distributions that compute: another version may round, or draw, otherwise."""
    devices: frozenset[str] = frozenset({"cpu"})
    switches: frozenset[str] = frozenset()
    """Of "precision", "compiled", "graphs", "devices" and "tensorboard": those that it knows."""
