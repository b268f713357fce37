"""Scoring a folder from Python: the same result as the command writes, and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import results, store, submitting
from bench.cli import cli
from bench.datasets import demo
from bench.errors import SubmissionError, UsageError
from bench.submissions import write_run


@pytest.fixture
def entry(bench_home: Path, tmp_path: Path) -> Path:
    """Write an entry that answers `demo` with the truth, seen through a little noise."""
    store.pull_simulated(demo.TASK.dataset)
    folder = tmp_path / "mine"
    assert CliRunner().invoke(cli, ["new", str(folder), "--task", "demo"]).exit_code == 0
    draw = np.random.default_rng(3)
    scores = {}
    for id_, recording in submitting.answered(demo.TASK).items():
        noisy = recording.labels + draw.uniform(0, 1.5, recording.labels.shape)
        scores[id_] = (noisy / noisy.sum(axis=1, keepdims=True)).astype(np.float32)
    write_run(folder, "demo", "seed0", {"all": scores})
    return folder


def test_a_folder_is_scored_as_the_command_scores_it(entry: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    (result,) = submitting.evaluate(str(entry))
    assert sorted(tmp_path.rglob("*")) == before
    done = CliRunner().invoke(cli, ["evaluate", str(entry), "--results", str(tmp_path / "results")])
    assert done.exit_code == 0, done.output
    written = results.read(tmp_path / "results" / "demo--mine.json")
    assert written.digest() == result.digest()
    assert 0.5 < result.scores["f1"].value < 1


def test_a_submission_is_read_with_the_recordings_that_it_answers(entry: Path) -> None:
    (submitted,) = submitting.read_submission(entry, "demo")
    assert set(submitted.recordings) == set(demo.TASK.load_split().ids("all", "test"))
    assert submitted.summary == ""
    assert submitted.title == submitted.entry.name


def test_an_entry_differs_from_itself_by_nothing(entry: Path) -> None:
    (submitted,) = submitting.read_submission(entry)
    found = submitting.compare_submitted(submitted, submitted)
    assert {row.metric for row in found.differences} == {metric.name for metric in demo.TASK.metrics}
    assert {row.difference for row in found.differences if not np.isnan(row.difference)} == {0.0}
    assert "changed" not in submitting.comparison_json(found)


def test_faults_are_raised_before_anything_is_scored(entry: Path) -> None:
    with pytest.raises(UsageError):
        submitting.evaluate(entry, "nothing")
    (entry / "demo" / "seed0.npz").write_bytes(b"no archive")
    with pytest.raises(SubmissionError):
        submitting.evaluate(entry)
