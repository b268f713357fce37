"""A job: one training, from recordings to a state on the disk. Whoever does it, and wherever, the same state.

A job computes in one thread: another number would sum in another order, and then results would depend on
the machine. Small networks lose little by it, and many jobs side by side use all cores.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from baselines import dependencies
from baselines.contract import Baseline, Data, Predictor, Run, State
from baselines.dependencies import Inputs
from baselines.engine.faults import device_faults
from baselines.engine.settings import one_thread
from baselines.models import load
from baselines.runs import curves, states, videos
from baselines.runs.derived import kept_features
from baselines.runs.questions import as_json
from baselines.runs.recordings import Recordings, Several
from baselines.runs.workspace import Folder
from bench.closure import closure_digest
from bench.errors import DataError, UsageError
from bench.files.locking import locked
from bench.resources import home

SETTINGS = "baselines.engine.settings"
"""The second root of what every result depends on: threads and deterministic kernels."""
SHARED = "pretrained"
"""The folder of `$BENCH_HOME` for jobs that several runs need."""


@dataclass(frozen=True)
class Sources:
    """Which recordings a job learns from; as `Data`, not read yet."""

    train: Mapping[str, Recordings]
    val: Mapping[str, Recordings]
    unlabelled: tuple[Recordings, ...] = ()

    @property
    def dataset(self) -> str:
        """The name of the data set that is learned from; of several, of the first."""
        return next(recordings.dataset.name for recordings in self.train.values())

    @property
    def all(self) -> tuple[Recordings, ...]:
        """All recordings that are looked at."""
        return (*self.train.values(), *self.val.values(), *self.unlabelled)

    def data(self) -> Data:
        """Return what the model gets."""
        return Data(dict(self.train), dict(self.val), Several(self.unlabelled))

    def require(self) -> None:
        """Raise `DataError` saying how to get what the store lacks."""
        for recordings in self.all:
            recordings.require()


@dataclass(frozen=True)
class Job:
    """One training. Its checkpoint, log and state lie in one folder."""

    run: Run
    sources: Sources
    words: str
    """What people call it, the seed apart."""
    inputs: Inputs
    """As they are where it was planned, without the seed."""
    needs: tuple[Job, ...] = ()
    folder: Path | None = None
    """Where its files lie; None: among those in `$BENCH_HOME` that several runs share."""
    label: str = ""
    """What its files are called, the seed apart; empty where they are shared: by its digest then."""
    tensorboard: bool = False
    """Whether every epoch is written for TensorBoard too, beside the CSV; no result depends on it."""

    @property
    def all_inputs(self) -> dict[str, Any]:
        """All that its state depends on."""
        return {**self.inputs, "seed": self.run.seed}

    @property
    def digest(self) -> str:
        """The SHA-256 of all that its state depends on."""
        return dependencies.digest(self.all_inputs)

    @property
    def place(self) -> Path:
        """The folder of its files."""
        return home() / SHARED if self.folder is None else self.folder

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"seed{self.run.seed}-{self.label}" if self.label else self.digest[:16]

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.words}, seed {self.run.seed}"

    @property
    def path(self) -> Path:
        """Where its state is written."""
        return self.place / f"{self.name}.safetensors"

    @property
    def log(self) -> Path:
        """Where a worker writes what it would have printed."""
        return self.path.with_suffix(".log")

    @property
    def baseline(self) -> Baseline:
        """The declaration of the model, which is imported for it."""
        return load(self.run.model)

    def is_done(self) -> bool:
        """Whether its state is there, made from the same inputs."""
        return states.inputs_of(self.path) == self.all_inputs

    def train(self) -> None:
        """Learn, after what it needs, and write the state; a killed job goes on after its last epoch.

        Where another process is at the same job, wait for it and take what it wrote. Raises `DataError` where
        recordings, code or libraries are no longer, or not here, those that were planned with.
        """
        for need in self.needs:
            need.train()
        with locked(self.place / f"{self.name}.job.lock"):
            if self.is_done():
                return
            self.check()
            print(f"{self.title}: {self.path}" if self.folder is None else self.title, file=sys.stderr)
            with one_thread(self.baseline.libraries):
                states.save(self.path, self._learn(), self.all_inputs)

    def check(self) -> None:
        """Raise `DataError` where it would train otherwise here and now than it was planned."""
        self.sources.require()
        if differing := dependencies.differences(self.inputs, self.inputs_now()):
            raise DataError(f"{whereabouts()} would train otherwise than asked", differing)

    def inputs_now(self) -> dict[str, Any]:
        """Return what its state would depend on here and now, but the seed."""
        return inputs_of(self.run, str(self.inputs["baseline"]), self.sources, self.needs)

    def state(self) -> State:
        """Return the state that `train` wrote."""
        return states.load(self.path)[0]

    def predictor(self) -> Predictor:
        """Return what predicts by the state."""
        return self.baseline.restore(self.run, self.state(), self.workspace())

    def workspace(self) -> Folder:
        """Return where the model works, and what the jobs that it needs have made for it."""
        uses = list(zip(self.baseline.needs, self.needs, strict=True))
        first = [job for need, job in uses if need.use == "start"]
        extractors = {job.baseline.name: job for need, job in uses if need.use == "features"}
        restored = {name: cache(job.predictor) for name, job in extractors.items()}
        return Folder(
            checkpoint=self.path.with_suffix(".pt"),
            inputs=self.all_inputs,
            digest=self.digest,
            first=(first[0].path.with_suffix(".pt"), first[0].all_inputs) if first else None,
            extractors={
                name: kept_features(job.digest, restored[name], job.run.questions[0])
                for name, job in extractors.items()
            },
            predictors=restored,
            dataset=self.sources.dataset,
        )

    def _learn(self) -> State:
        devices = self.run.switches.devices
        with device_faults(self.run.device):
            if devices > 1:
                from baselines.engine.devices import launch

                launch(devices, self.run.device, _learn_here, self)
            state = _learn_here(self)  # after the others, it only reads what they wrote
        if (log := self.path.with_suffix(".csv")).is_file() and self.folder is not None:
            curves.plot(log, f"{self.title}")
        return state


def _learn_here(job: Job) -> State:
    """Learn in this process, of which there may be one for each device."""
    events = None
    if job.tensorboard:
        from baselines.engine.devices import rank

        events = None if rank() else job.path.with_suffix("")
    with curves.scalars(events) as write:
        workspace = replace(job.workspace(), write=write)
        return job.baseline.learn(job.run, job.sources.data(), workspace)


def inputs_of(run: Run, name: str, sources: Sources, needs: Sequence[Job]) -> dict[str, Any]:
    """Return, as JSON values, all that a state depends on but the seed; `name` is that of the baseline."""
    baseline = load(run.model)
    unlabelled = {part.dataset.name: part.digest() for part in sources.unlabelled}
    return {
        "baseline": name,
        "model": run.model,
        "recipe": as_json(run.recipe),
        "device": run.device,
        "questions": {q.key: {**as_json(q), "place": i} for i, q in enumerate(run.questions)},
        "skeleton": as_json(run.sizes.skeleton),
        "train recordings": {key: recordings.digest() for key, recordings in sources.train.items()},
        "validation recordings": {key: recordings.digest() for key, recordings in sources.val.items()},
        **({"unlabelled recordings": unlabelled} if unlabelled else {}),
        **({"videos": videos.digest(sources.all)} if "video" in baseline.reads else {}),
        **({"needs": {need.run.model: dependencies.digest(need.inputs) for need in needs}} if needs else {}),
        "switches": asdict(run.switches),
        "code": closure_digest(run.model.partition(":")[0], SETTINGS),
        **{library: version(library) for library in baseline.libraries},
    }


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
