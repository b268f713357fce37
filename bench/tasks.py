"""Tasks: a dataset is where recordings come from, a task is one question asked of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool

from bench.errors import DataError
from bench.metrics import Metric
from bench.recordings import Recording, Segments, Skeleton
from bench.splits import FrozenSplit, RuledSplit, Split

Kind = Literal["frames", "segments", "clusters"]
TASK_NAME = re.compile(
    r"(?!(?:index|audit|metrics|con|prn|aux|nul|com\d|lpt\d)$)(?=.{1,100}$)[a-z0-9]+(?:-[a-z0-9]+)*"
)
"""A task names files: its page beside `index.html` and others, and results and pages `<task>--<entry>`. The
rest of what is left out are names that Windows keeps for devices."""
TASK_NAME_RULE = (
    "lower-case letters, digits and single '-' between them, 100 at most, not 'index', 'audit' or 'metrics'"
)


@dataclass(frozen=True)
class Published:
    """A copy on a hub, pinned: `bench pull NAME` takes it, and takes nothing else for it."""

    repo: str
    """Organisation and name."""
    revision: str
    """The commit, 40 hex digits: branches and tags move."""
    manifest: str
    """SHA-256 of the copy's manifest, which holds the SHA-256 of every other file."""


@dataclass(frozen=True)
class Scene:
    """What a drawn video shows beside the animals of a simulated recording."""

    seed: int
    """Of the bedding."""
    feeder: tuple[float, float] | None = None
    """Its middle, in pixels as keypoints; None where there is none."""


@dataclass(frozen=True)
class Dataset:
    """Where recordings come from, under which licence, and how the official files are read."""

    name: str
    title: str
    url: str
    licence: str
    citation: str
    fps: float
    animals: tuple[str, ...]
    keypoints: tuple[str, ...]
    image: tuple[int, int]
    """Width and height of the video in pixels."""
    classes: tuple[str, ...]
    """Every label that its recordings can carry."""
    files: str
    """The official files, in words: what `bench pull NAME --from FOLDER` looks for."""
    read: Callable[[Path], Iterator[Recording]]
    """Reads a folder of official files; raises `DataError` listing every fault."""
    simulate: Callable[[Path], None] | None = None
    """Writes the official files, where the data are simulated and not recorded."""
    scene: Callable[[str], Scene] | None = None
    """Id of a simulated recording -> what `bench render` draws around its animals."""
    redistributable: bool = True
    """Whether the licence lets anyone publish a copy; where it does not, `bench push` refuses."""
    published: Published | None = None
    """The copy that `bench pull NAME` takes by itself, where its maintainers published one."""
    notes: tuple[str, ...] = ()
    """Assumptions and known faults of the data."""
    official: tuple[str, ...] = ("*", "*/*")
    """Patterns of what `read` may open, from its folder; an import keeps the digest of all that matches."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Official file or archive -> "<algorithm>:<hex>", the first digits at least; others are refused."""
    resume: Callable[[Path, Collection[str]], Iterator[Recording]] | None = None
    """As `read`, without the recordings of these ids, where passing over one is quicker than reading it."""
    edges: tuple[tuple[str, str], ...] = ()
    """Which keypoints of an animal are joined: the anatomical skeleton. Empty where nobody declared it."""
    modules: tuple[str, ...] = ()
    """Modules that `read` calls and does not import, those of plugins: an import depends on them too."""

    @property
    def simulated(self) -> bool:
        """Whether no animal was ever seen: every page says so."""
        return self.simulate is not None

    @property
    def skeleton(self) -> Skeleton:
        """What a model may know of the poses before it has seen one."""
        return Skeleton(self.animals, self.keypoints, self.edges, self.image)


@dataclass(frozen=True)
class Protocol:
    """Which frames of a recording count; where segments are asked for, all of it or nothing.

    Part of the task, because it changes the number.
    """

    name: str
    description: str
    skip_first: int = 0
    skip_last: int = 0
    within: tuple[str, ...] = ()
    """Only frames in which one of these classes holds count; empty = whatever holds."""

    def counted(self, recording: Recording) -> Bool[np.ndarray, " T"]:
        """Return True for the annotated frames that this protocol scores."""
        inside = np.zeros(recording.frames, dtype=bool)
        inside[self.skip_first : recording.frames - self.skip_last] = True
        if self.within:
            inside &= recording.labels[:, np.isin(recording.classes, self.within)].any(axis=1)
        return inside & recording.annotated


ALL_FRAMES = Protocol("all-frames", "every annotated frame of every test recording")
WHOLE_RECORDINGS = Protocol(
    "whole-recordings",
    "every detection in a test recording that somebody annotated counts; one in a stretch that nobody "
    "annotated is false, like any that no true segment answers",
)
"""The protocol of localisation: a recording of which any frame counts is scored as a whole."""
NAMED_IN_TRAINING = Protocol(
    "named-in-training",
    "every annotated frame of every test recording; a cluster stands for the class that most of its "
    "annotated training frames have (the first of the task among those that tie), and one that no training "
    "frame has for the class that most training frames have",
)
"""The protocol of clusters."""


@dataclass(frozen=True)
class Part:
    """One column of a task's table: an annotator, a behaviour or a fold."""

    name: str
    title: str


@dataclass(frozen=True)
class Task:
    """One question asked of a dataset; everything that decides a number is declared here."""

    name: str
    title: str
    question: str
    dataset: Dataset
    classes: tuple[str, ...]
    background: str | None
    """The class whose frames count but whose own value stays out of the mean. Localisation has none: what
    is not searched for is no class."""
    split: FrozenSplit | RuledSplit | Split
    metrics: tuple[Metric, ...]
    """The first ranks."""
    parts: tuple[Part, ...] = (Part("all", "all test recordings"),)
    kind: Kind = "frames"
    exclusive: bool = True
    """Whether exactly one class holds in every annotated frame."""
    protocol: Protocol = ALL_FRAMES
    reference: str = ""
    class_weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Part -> class -> weight of the training loss, where the reference declares one."""

    @property
    def foreground(self) -> Bool[np.ndarray, " C"]:
        """Which classes enter a mean "without background"."""
        return np.array([name != self.background for name in self.classes])

    def load_split(self) -> Split:
        """Return the split, checked against its declaration; raise `SplitError` where it differs."""
        split = self.split if isinstance(self.split, Split) else self.split.load()
        if list(split.parts) != [part.name for part in self.parts]:
            raise DataError(
                f"task {self.name!r} and its split disagree",
                [f"parts {list(split.parts)}, declared {[part.name for part in self.parts]}"],
            )
        return split

    def truth(self, recording: Recording) -> Bool[np.ndarray, "T C"]:
        """Return the labels of this task's classes, in this task's order."""
        return recording.labels_of(self.classes)

    def segments(self, recording: Recording) -> Segments:
        """Return the true segments of this task's classes, in this task's order."""
        return recording.segments_of(self.classes)
