"""A unit of work: the answers of one part of one run. Whoever does it, and wherever, writes the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from baselines.contract import Answer, Predictor, Question, State
from baselines.dependencies import Inputs, differences
from baselines.engine.faults import device_faults
from baselines.engine.settings import one_thread
from baselines.runs import answers, records, states, videos
from baselines.runs.answers import Answers
from baselines.runs.job import Job, whereabouts
from baselines.runs.questions import ADAPTERS
from baselines.runs.recordings import Recordings
from bench.closure import closure_digest
from bench.errors import DataError
from bench.files.locking import locked
from bench.kinds import Kind, kind_named


@dataclass(frozen=True)
class Unit:
    """One part of one run. Its answers stay in the work folder until those of all parts are there."""

    job: Job
    question: Question
    answered: Recordings
    """What it answers for, without labels."""
    label: str
    """What people call the model and the task."""
    folder: Path
    inputs: Inputs
    """As they are where it was planned, without the seed."""
    adapter: str = ""
    """Of `ADAPTERS`; empty where the model answers in the kind of the task."""

    @property
    def name(self) -> str:
        """What its files are called: state, record, answers."""
        return f"seed{self.job.run.seed}-{self.question.part}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.label}, seed {self.job.run.seed}, part {self.question.part}"

    @property
    def all_inputs(self) -> dict[str, Any]:
        """All that its answers depend on."""
        return {**self.inputs, "seed": self.job.run.seed}

    @property
    def path(self) -> Path:
        """Where its answers are written."""
        return self.folder / f"{self.name}.npz"

    @property
    def log(self) -> Path:
        """Where a worker writes what it would have printed."""
        return self.path.with_suffix(".log")

    @property
    def state_path(self) -> Path:
        """Where the state lies that it answers by."""
        return self.path.with_suffix(".safetensors")

    @property
    def kind(self) -> Kind:
        """What its task asks for."""
        return kind_named(ADAPTERS[self.adapter].target if self.adapter else self.question.kind)

    def is_done(self) -> bool:
        """Whether its answers are there, made from the same inputs."""
        return records.is_finished(self.folder, self.path, self.all_inputs)

    def train(self) -> None:
        """Learn, where nobody has, and write the answers; a killed unit goes on.

        Where another process is at the same unit, wait for it and take what it wrote. Raises what `Job.train`
        raises.
        """
        with locked(self.folder / f"{self.name}.lock"):
            if self.is_done():
                return
            self.check()
            self.job.train()
            self._keep_states()
            libraries = self.job.baseline.libraries
            with one_thread(libraries), device_faults(self.job.run.device):
                answers.save(self.path, dict(self._answers(self.job.predictor())), self.kind)
            records.finish(self.folder, self.path, self.all_inputs)

    def check(self) -> None:
        """Raise `DataError` where it would answer otherwise here and now than it was planned."""
        self.answered.require()
        planned = dict(self.inputs)
        now = inputs_of(self.job.inputs_now(), self.question, self.answered, self.adapter)
        if differing := differences(planned, now):
            raise DataError(f"{whereabouts()} would train otherwise than asked", differing)

    def read(self) -> Answers:
        """Return the answers that `train` wrote."""
        return answers.load(self.path, self.kind)

    def forget(self) -> None:
        """Delete the answers; the state stays."""
        records.forget(self.folder, self.path)

    def _keep_states(self) -> None:
        """Put copies of what several units share beside the answers: all that predicting reads."""
        copies = {} if self.job.path == self.state_path else {self.job.path: self.state_path}
        for need, job in zip(self.job.baseline.needs, self.job.needs, strict=True):
            if need.use == "features":
                copies[job.path] = beside(self.state_path, job.baseline.name)
        for path, copy in copies.items():
            state, inputs = states.load(path)
            states.save(copy, state, inputs)

    def _answers(self, predictor: Predictor) -> Iterator[tuple[str, Answer]]:
        adapted, fps = self._adapter_state(predictor), self.answered.dataset.fps
        results = predictor(iter(self.answered), self.question)
        for id_, answer in zip(self.answered.ids, results, strict=True):
            if adapted is None:
                yield id_, answer
            else:
                yield id_, ADAPTERS[self.adapter].apply(adapted, answer, self.question, fps)

    def _adapter_state(self, predictor: Predictor) -> State | None:
        """Return what the adapter has learned, and keep it where that is anything."""
        if not self.adapter:
            return None
        state = ADAPTERS[self.adapter].fit(predictor, self.job.sources.data(), self.question)
        if state.arrays:
            states.save(beside(self.state_path, self.adapter), state, self.all_inputs)
        return state


def inputs_of(job: Inputs, question: Question, answered: Recordings, adapter: str) -> dict[str, Any]:
    """Return, as JSON values, all that the answers of one part depend on but the seed.

    `job` is what the training depends on.
    """
    return {
        **job,
        "test recordings": {question.key: answered.digest()},
        **({"test videos": {question.key: videos.digest([answered])}} if "videos" in job else {}),
        **(
            {"adapter": adapter, "code of the adapter": closure_digest(f"baselines.adapters.{adapter}")}
            if adapter
            else {}
        ),
    }


def beside(state: Path, name: str) -> Path:
    """Return where another state lies that a model answers by: of an extractor, or of its adapter."""
    return state.with_suffix(f".{name}.safetensors")


def elsewhere(unit: Unit) -> Unit:
    """Return a unit whose folders have names that hold in every process."""
    folder, job = unit.folder.absolute(), unit.job
    if job.folder is not None:
        job = replace(job, folder=job.folder.absolute())
    return replace(unit, folder=folder, job=job)
