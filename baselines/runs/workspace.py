"""Where a training works: its files in one folder, and what the trainings that it needs have made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.contract import Derived, Epoch, Predictor
from baselines.dependencies import Inputs
from baselines.runs import curves, videos
from bench.errors import DataError
from bench.recordings import Recording


@dataclass(frozen=True)
class Folder:
    """A `Workspace` on the disk."""

    checkpoint: Path
    inputs: Inputs
    digest: str
    first: tuple[Path, Inputs] | None = None
    """Checkpoint and inputs of the training that this one goes on from."""
    extractors: Mapping[str, Callable[[Recording], Derived]] | None = None
    """Name of an extractor -> what gives its features."""
    predictors: Mapping[str, Callable[[], Predictor]] | None = None
    """Name of an extractor -> what restores it."""
    dataset: str = ""
    """The one whose videos are looked at."""
    write: Callable[[Epoch], None] | None = None
    """Where each epoch is written besides the log."""

    def start(self) -> Mapping[str, Any]:
        """Return the last checkpoint of the training that this one goes on from."""
        from baselines.engine import checkpoints  # here, because it imports torch

        if self.first is None:
            raise TypeError("the baseline declares no training to start from")
        state = checkpoints.load(*self.first)
        if state is None:
            raise DataError(f"{self.first[0]} is not there", hint="run the same command again")
        return state

    def features(self, extractor: str, recording: Recording) -> Derived:
        """Return the features of a recording."""
        return (self.extractors or {})[extractor](recording)

    def extractor(self, name: str) -> Predictor:
        """Return an extractor, restored."""
        return (self.predictors or {})[name]()

    def video(self, recording: Recording) -> Path:
        """Return the video of a recording; raise `DataError` where there is none."""
        return videos.video_of(self.dataset, recording)

    def report(self, history: Sequence[Epoch]) -> None:
        """Write the log anew, and the last epoch where it is written besides."""
        curves.write(self.checkpoint.with_suffix(".csv"), history)
        if self.write:
            self.write(history[-1])
