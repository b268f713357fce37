"""A unit of work: one part of one run. Whoever does it, and wherever, writes the same scores.

A unit computes in one thread: another number would sum in another order, and then results would depend
on the machine. Small networks lose little by it, and many units side by side use all cores.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from baselines.contract import Recipe
from baselines.runs import records
from baselines.runs.run import Data, Inputs, Run, Scores, differences, load_part
from bench.errors import DataError, UsageError
from bench.submissions import write_run


@dataclass(frozen=True)
class Unit:
    """One part of one run. Its scores stay in the work folder until those of all parts are there."""

    run: Run
    part: str
    inputs: Inputs
    """Of the run, as they are where it was asked for."""

    @property
    def name(self) -> str:
        """What its files are called: checkpoint, log, scores."""
        return f"{self.run.name}-{self.part}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.run.baseline.name} on {self.run.task.name}, seed {self.run.seed}, part {self.part}"

    @property
    def path(self) -> Path:
        """Where its scores are written."""
        return self.run.folder / f"{self.name}.npz"

    @property
    def log(self) -> Path:
        """Where a worker writes what it would have printed."""
        return self.path.with_suffix(".log")

    def is_done(self) -> bool:
        """Whether its scores are there, made from the same inputs."""
        return records.is_finished(self.run.folder, self.path, self._all_inputs)

    def train(self) -> None:
        """Learn, and write the scores of the test recordings; a killed unit goes on.

        Where another process is at the same unit, wait for it and take what it wrote. Raises `DataError`
        where recordings, code or libraries are no longer, or not here, those that were asked for.
        """
        self.run.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.run.folder / f"{self.name}.lock"), one_thread(self.run):
            if not self.is_done():
                scores = {self.part: self._scores(self._load())}
                write_run(self.run.folder.parent, self.run.task.name, self.name, scores)
                records.finish(self.run.folder, self.path, self._all_inputs)

    def read(self) -> Scores:
        """Return the scores that `train` wrote."""
        prefix = f"{self.part}/"
        with np.load(self.path) as archive:
            return {name.removeprefix(prefix): archive[name] for name in archive.files}

    def forget(self) -> None:
        """Delete the scores; the checkpoint stays."""
        records.forget(self.run.folder, self.path)

    @property
    def _all_inputs(self) -> dict[str, Any]:
        return {**self.inputs, "part": self.part, "seed": self.run.seed, "device": self.run.device}

    def _load(self) -> Data:
        """Read the recordings, and see that they train as was asked: here and now may differ from there."""
        data = load_part(self.run.task, self.run.recipe, self.part)
        if differing := differences(_of_part(self.inputs, self.part), self.run.inputs({self.part: data})):
            raise DataError(f"{whereabouts()} would train otherwise than asked", differing)
        return data

    def _scores(self, data: Data) -> Scores:
        run = self.run
        print(f"{run.baseline.title} on {run.task.name}, part {self.part}, seed {run.seed}", file=sys.stderr)
        if not isinstance(run.recipe, Recipe):
            fitted: Scores = run.baseline.load()(run, data)
            return fitted
        from baselines.engine import windows  # here, because it imports torch

        return windows.scores(run, run.recipe, self.part, data, self.inputs)


def whereabouts() -> str:
    """Name this process and its machine."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def check_device(device: str) -> None:
    """Raise `UsageError` where this machine has no such device."""
    if device == "cpu":
        return
    import torch  # here, because the prior trains without it

    if not torch.cuda.is_available():
        raise UsageError("torch finds no CUDA device", hint="train with --device cpu")


@contextmanager
def one_thread(run: Run) -> Iterator[None]:
    """Compute in one thread, whatever the machine has; leave the numbers of threads as they were found."""
    if run.recipe is None:  # adds up counts, and needs none of the libraries below
        yield
        return
    from threadpoolctl import threadpool_limits

    network = isinstance(run.recipe, Recipe)
    library = import_module("torch" if network else "sklearn.ensemble")  # what is not loaded has no limits
    found = library.get_num_threads() if network else 0
    with threadpool_limits(limits=1):
        try:
            if network:
                library.set_num_threads(1)
            yield
        finally:
            if network:
                library.set_num_threads(found)


def _of_part(inputs: Inputs, part: str) -> Inputs:
    """Leave out the recordings of other parts, which a unit does not read."""
    return {
        name: {part: value[part]} if name.endswith(" recordings") else value for name, value in inputs.items()
    }
