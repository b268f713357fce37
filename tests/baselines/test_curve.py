"""`bench curve`: fewer labels, groups left out, what is written and what goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from baselines.contract import Data, Predictor, Question, Run, State, Workspace
from baselines.experiments.curve import Experiment, label_curve, left_out_groups, write_curve
from baselines.experiments.drawing import draw
from baselines.models import get_baseline
from bench.cli import cli
from bench.datasets import get_task
from bench.errors import BenchError, DataError, UsageError
from bench.recordings import Recording
from bench.results import plain
from bench.store import pull_simulated
from bench.submitting import evaluate
from bench.tasks import Task
from bench.text import curve_text

TASK = "demo-8x60"
LEARNED: list[int] = []


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Count what it is told; three recordings are too few."""
    question = run.questions[0]
    recordings = list(data.train[question.key])
    LEARNED.append(len(recordings))
    if len(recordings) < 3:
        raise DataError("too few", [str(len(recordings))])
    return State({"share": question.truth(recordings[0]).mean(axis=0)}, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[np.ndarray]:
        for recording in recordings:
            yield np.tile(state.arrays["share"].astype(np.float32), (recording.frames, 1))

    return predict


DEMANDING = replace(
    get_baseline("prior"), model="test_curve:DEMANDING", name="demanding", learn=learn, restore=restore
)


@pytest.fixture(autouse=True)
def stored(bench_home: Path) -> None:
    pull_simulated(get_task(TASK).dataset)
    LEARNED.clear()


def few_metrics() -> Task:
    """Return the task with the metrics that are printed: the others take time."""
    task = get_task(TASK)
    return replace(task, metrics=task.metrics[:3])


def bench(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None:
        raise result.exception
    return result


@pytest.mark.slow
def test_all_labels_score_as_an_entry_does_and_the_same_command_trains_nothing(tmp_path: Path) -> None:
    command = ("curve", "prior", "--task", TASK, "--fractions", "1,.2,.2", "--seeds", "2", "--out")
    told = bench(*command, str(tmp_path))
    path = tmp_path / f"{TASK}--prior--labels.json"
    first = path.read_bytes()
    content = json.loads(first)
    assert [point["fraction"] for point in content["points"]] == [0.2, 1.0]
    assert [point["labelled"]["seed0"]["all"]["groups"] for point in content["points"]] == [1, 4]
    assert content["points"][1]["labelled"]["seed1"]["all"]["frames"] == 240
    bench("train", "prior", "--task", TASK, "--seeds", "2", "--out", str(tmp_path / "prior"))
    (whole,) = evaluate(tmp_path / "prior")
    values = {name: score["value"] for name, score in content["points"][1]["scores"].items()}
    assert values == plain({name: score.value for name, score in whole.scores.items()})
    assert curve_text(content) in told.stdout
    assert "simulated" in told.stdout
    again = bench(*command, str(tmp_path), "--json")
    assert again.stdout.encode() == first == path.read_bytes()
    assert "is finished already" in again.stderr


@pytest.mark.slow
def test_a_share_on_which_training_fails_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    experiment = Experiment(DEMANDING, few_metrics(), [0], "cpu", tmp_path)
    content, fault = label_curve(experiment, [0.25, 0.75, 1.0])
    assert [point["fraction"] for point in content["points"]] == [0.75, 1.0]
    assert isinstance(fault, BenchError)
    assert "labels of 25 %" in fault.problems[0]
    with pytest.raises(DataError, match="too few"):
        label_curve(replace(experiment, work=tmp_path / "other"), [0.25])


@pytest.mark.slow
def test_each_training_group_is_tested_by_the_others(tmp_path: Path) -> None:
    content = left_out_groups(Experiment(DEMANDING, few_metrics(), [0], "cpu", tmp_path))
    assert LEARNED == [3] * 4
    assert [row["group"] for row in content["groups"]] == list(
        get_task(TASK).load_split().parts["all"]["train"]
    )
    values = [row["values"]["accuracy"] for row in content["groups"]]
    assert content["scores"]["accuracy"]["value"] == pytest.approx(np.mean(values))
    assert len(set(values)) > 1
    assert "mean over groups" in curve_text(content)


@pytest.mark.slow
def test_drawings_are_the_same_bytes_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plots`")
    experiment = Experiment(get_baseline("prior"), few_metrics(), [0, 1], "cpu", tmp_path / "work")
    for content in (label_curve(experiment, [0.5, 1.0])[0], left_out_groups(experiment)):
        path = write_curve(content, tmp_path)
        drawn = [draw(content, path.with_suffix(f".{k}.svg")) for k in range(2)]
        assert drawn[0] is not None
        assert drawn[1] is not None
        assert drawn[0].read_bytes() == drawn[1].read_bytes()
        assert "(simulated)" in drawn[0].read_text()


@pytest.mark.parametrize("fractions", ["", "0,1", "half", "2"])
def test_fractions_are_shares(fractions: str) -> None:
    with pytest.raises(UsageError, match="expected numbers"):
        bench("curve", "prior", "--task", TASK, "--fractions", fractions)
