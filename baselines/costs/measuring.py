"""What a network costs to train and to predict with, measured by what trains it and by what predicts."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from baselines.contract import Answer, Data, Derived, Epoch, PictureExtractor, Predictor, Question
from baselines.dependencies import Inputs
from baselines.runs import curves, videos
from baselines.runs.job import Job, inputs_of
from baselines.runs.unit import Unit
from bench.recordings import Recording

LEARNED = 5_120
"""About so many labelled frames are an epoch that is measured: forty batches of most recipes."""
FRAMES = {"cpu": 4096, "cuda": 262_144}
"""So many are predicted at once, where the test recordings have them."""
SINGLE = 200
"""So many are predicted one at a time."""
LATER = "it looks at later frames: it cannot follow a live recording"


@dataclass(frozen=True)
class Measured:
    """What was measured of a network."""

    seconds_per_epoch: float
    share: float
    """How many times as many frames an epoch has as was measured."""
    epochs: int
    predicting: float
    """Seconds, for all test recordings."""
    frames_per_second: float
    pictures_per_frame: float | None
    """Calls of the encoder of pictures, for each frame that is predicted; None where no picture is read."""
    latencies: Sequence[float]
    """Milliseconds for a frame that comes alone; empty where the network looks at later frames."""


@dataclass(frozen=True, eq=False)
class Counted:
    """An extractor of pictures that counts those that it encodes."""

    extractor: PictureExtractor
    encoded: list[int]

    def __call__(self, recordings: Iterable[Recording], question: Question) -> Iterator[Answer]:
        """Encode all pictures."""
        return self.extractor(recordings, question)

    def some(self, recording: Recording, chosen: Bool[np.ndarray, "T A"]) -> Float32[np.ndarray, "T A D"]:
        """Encode the chosen pictures."""
        self.encoded.append(int(chosen.sum()))
        return self.extractor.some(recording, chosen)


@dataclass(frozen=True)
class Alone:
    """A workspace of a training that nothing comes before: its weights start at random."""

    checkpoint: Path
    extractors: Mapping[str, Callable[[Recording], Derived]]
    predictors: Mapping[str, Callable[[], Predictor]]
    dataset: str
    encoded: list[int]
    """Pictures that were encoded, of each recording that was predicted."""
    digest: str = ""

    @property
    def inputs(self) -> Inputs:
        """Nothing goes on from it."""
        return {}

    def start(self) -> Mapping[str, Any]:
        """Return a checkpoint without weights."""
        return {"model": {}}

    def features(self, extractor: str, recording: Recording) -> Derived:
        """Return the features of a recording."""
        return self.extractors[extractor](recording)

    def extractor(self, name: str) -> Predictor:
        """Return an extractor, restored, which counts the pictures that it is asked for one by one."""
        made = self.predictors[name]()
        return Counted(made, self.encoded) if isinstance(made, PictureExtractor) else made

    def video(self, recording: Recording) -> Path:
        """Return the video of a recording; raise `DataError` where there is none."""
        return videos.video_of(self.dataset, recording)

    def report(self, history: Sequence[Epoch]) -> None:
        """Write the log, which says how long each epoch took."""
        curves.write(self.checkpoint.with_suffix(".csv"), history)


def measured(unit: Unit) -> Measured:
    """Train two epochs, of a network of windows short ones, and predict some frames.

    Features that are learned first are learned for one epoch: what they cost is not measured. The files go
    into the folder of the unit.
    """
    job = replace(unit.job, needs=tuple(_short(need) for need in unit.job.needs))
    made = job.workspace()
    workspace = Alone(
        job.path.with_suffix(".pt"), made.extractors or {}, made.predictors or {}, job.sources.dataset, []
    )
    for need in job.needs:
        if need.baseline.answers == {"features"}:
            need.train()
    recipe, data = job.run.recipe, job.sources.data()
    few, share = data, 1.0
    if recipe.sees is not None:  # the time of an epoch grows with its windows; of whole stretches it does not
        drawn: int | None = getattr(recipe, "drawn", None)
        few, share = cut(data, job.run.questions, recipe.sees, LEARNED, drawn)
    run = replace(job.run, recipe=recipe.with_epochs(2))  # in the first epoch kernels are chosen
    state = job.baseline.learn(run, few, workspace)
    with workspace.checkpoint.with_suffix(".csv").open(encoding="utf-8") as log:
        epoch = float(list(csv.DictReader(log))[1]["seconds"]) * share
    predictor = job.baseline.restore(run, state, workspace)
    rate, frames = _rate(predictor, unit, workspace.encoded)
    return Measured(
        seconds_per_epoch=epoch,
        share=share,
        epochs=recipe.epochs_for(unit.question.task),
        predicting=sum(_lengths(unit)) / rate,
        frames_per_second=rate,
        pictures_per_frame=sum(workspace.encoded) / frames if "video" in job.baseline.reads else None,
        latencies=_latencies(predictor, unit) if job.baseline.causal else [],
    )


def _short(need: Job) -> Job:
    """Return a job whose features are learned for one epoch; others as they are."""
    recipe = None if need.run.recipe is None else need.run.recipe.with_epochs(1)
    if recipe is None or need.baseline.answers != {"features"}:
        return need
    run = replace(need.run, recipe=recipe)
    return replace(
        need, run=run, inputs=inputs_of(run, str(need.inputs["baseline"]), need.sources, need.needs)
    )


def cut(
    data: Data,
    questions: Sequence[Question],
    sees: tuple[int, int],
    frames: int,
    drawn: int | None = None,
) -> tuple[Data, float]:
    """Cut all recordings to the same share, so that each class and each group stays; return what is left out.

    About so many labelled frames are left, and of each recording what a window spans besides. The second
    value is how many times as many frames an epoch has: all there were, or at most so many as are drawn.
    """
    whole = sum(_labelled(data, question) for question in questions)
    share = min(1.0, frames / max(1, whole))
    span = sees[1] - sees[0]
    train, val = (
        {
            key: [begun(recording, share, span) for recording in recordings]
            for key, recordings in by_question.items()
        }
        for by_question in (data.train, data.val)
    )
    few = Data(train, val, [begun(recording, share, span) for recording in data.unlabelled])
    left = sum(_labelled(few, question) for question in questions)
    of_epoch, of_few = (count if drawn is None else min(drawn, count) for count in (whole, left))
    return few, of_epoch / max(1, of_few)


def begun(recording: Recording, share: float, span: int = 0) -> Recording:
    """Return the first frames of a recording: a share of them, and `span` more."""
    return piece(recording, 0, span + math.ceil(share * recording.frames))


def piece(recording: Recording, first: int, stop: int) -> Recording:
    """Return the frames `[first, stop)` of a recording; its segments are not needed to measure anything."""

    def part(array: np.ndarray | None) -> Any:
        return None if array is None else array[first:stop]

    return replace(
        recording,
        labels=part(recording.labels),
        annotated=part(recording.annotated),
        keypoints=part(recording.keypoints),
        confidence=part(recording.confidence),
        features=part(recording.features),
        segments=None,
    )


def _labelled(data: Data, question: Question) -> int:
    return sum(int(question.labelled(recording).sum()) for recording in data.train[question.key])


def _rate(predictor: Predictor, unit: Unit, encoded: list[int]) -> tuple[float, int]:
    """Return the frames per second that are labelled where whole recordings are at hand, and the frames.

    What was counted before they are labelled is forgotten.
    """
    recordings = list(_some(unit.answered, FRAMES[unit.job.run.device]))
    for _ in predictor([begun(recordings[0], 0.25)], unit.question):
        pass
    encoded.clear()
    began = time.perf_counter()
    for _ in predictor(recordings, unit.question):
        pass
    took, frames = time.perf_counter() - began, sum(recording.frames for recording in recordings)
    return frames / took, frames


def _some(recordings: Iterable[Recording], frames: int) -> Iterator[Recording]:
    """Yield recordings until they have so many frames, the last one cut."""
    for recording in recordings:
        yield begun(recording, min(1.0, frames / recording.frames))
        frames -= recording.frames
        if frames <= 0:
            return


def _latencies(predictor: Predictor, unit: Unit) -> list[float]:
    """Return the milliseconds from a frame's pose to its answer, for frames that come one at a time."""
    last_frame, window = getattr(predictor, "last_frame", None), unit.job.run.recipe.sees
    if last_frame is None or window is None:
        return []
    recording, took = next(iter(unit.answered)), []
    for stop in islice(range(1 - window[0], recording.frames + 1), SINGLE):
        frames = piece(recording, stop - 1 + window[0], stop)
        began = time.perf_counter()
        last_frame(frames, unit.question)
        took.append(1000 * (time.perf_counter() - began))
    return took[len(took) // 10 :]  # the first ones wait for memory


def _lengths(unit: Unit) -> list[int]:
    return [recording.frames for recording in unit.answered]
