"""The class prior: found in results or computed, and `bench evaluate` says who scores below it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import results, store, submitting
from bench.cli import cli
from bench.datasets import demo, get_task
from bench.errors import BenchError
from bench.metrics import NAMED_CLUSTER_METRICS
from bench.prior import below, find_prior
from bench.results import Result
from bench.submissions import write_run
from bench.tasks import NAMED_IN_TRAINING, Task

TASK = "demo-8x200"


@pytest.fixture
def entry(bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write an entry whose columns are turned by one: what it scores as attack is investigation."""
    monkeypatch.chdir(tmp_path)
    task = get_task(TASK)
    store.pull_simulated(task.dataset)
    assert CliRunner().invoke(cli, ["new", "turned", "--task", TASK]).exit_code == 0
    scores = {
        id_: np.roll(task.truth(recording), 1, axis=1).astype(np.float32)
        for id_, recording in submitting.recordings_to_answer(task).items()
    }
    write_run(Path("turned"), TASK, "seed0", {"all": scores})
    return Path("turned")


def bench(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments)
    if isinstance(done.exception, BenchError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def score_prior(task: Task) -> Result:
    """Score the entry `prior` as it is trained: class shares of the training frames in every frame."""
    split = task.load_split()
    train = np.concatenate(
        [task.truth(r) for r in store.load(task.dataset, split.ids("all", "train"), poses=False)]
    )
    shares = train.mean(axis=0).astype(np.float32)
    bench("new", "prior", "--task", task.name)
    held = submitting.recordings_to_answer(task)
    write_run(
        Path("prior"),
        task.name,
        "seed0",
        {"all": {i: np.tile(shares, (r.frames, 1)) for i, r in held.items()}},
    )
    return submitting.evaluate("prior")[0]


def test_columns_in_another_order_are_noticed(entry: Path, tmp_path: Path) -> None:
    printed = bench("evaluate", "turned")
    assert "BELOW THE PRIOR" in printed
    assert "computed from the training recordings" in printed
    assert "attack, investigation, mount, other" in printed
    result = score_prior(get_task(TASK))
    results.write(result, Path("leaderboard/results"))
    printed = bench("evaluate", "turned", "--json")
    assert f"leaderboard/results/{TASK}--prior.json" in printed
    assert "BELOW THE PRIOR" not in bench("evaluate", "prior"), "it is not below itself"


def test_a_prior_that_is_computed_is_the_one_that_is_trained(entry: Path, tmp_path: Path) -> None:
    task = get_task(TASK)
    trained = score_prior(task)
    prior = find_prior(trained, tmp_path / "nowhere")
    assert prior is not None
    assert prior.values == {name: trained.scores[name].value for name in ("f1", "map", "accuracy")}
    assert below(trained, prior) == []


def test_a_prior_compared_with_another_truth_or_tampered_with_is_not_taken(
    entry: Path, tmp_path: Path
) -> None:
    result = score_prior(get_task(TASK))
    path = results.write(result, tmp_path / "results")
    found = find_prior(result, tmp_path / "results")
    assert found is not None
    assert found.source == str(path)
    other = replace(result, truth_digest="f" * 64)
    prior = find_prior(other, tmp_path / "results")
    assert prior is not None
    assert prior.source == "computed from the training recordings"
    path.write_bytes(path.read_bytes().replace(b'"f1"', b'"f2"'))
    prior = find_prior(result, tmp_path / "results")
    assert prior is not None
    assert prior.source == "computed from the training recordings"
    shutil.rmtree(tmp_path / "home")
    assert find_prior(result, tmp_path / "results") is None, "neither results nor recordings"


def test_a_kind_without_a_prior_has_none(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = score_prior(get_task(TASK))
    segments = replace(get_task(TASK), kind="segments")
    monkeypatch.setattr(demo, "task_by_name", lambda name: segments)
    assert find_prior(result, tmp_path / "results") is None


def test_clusters_have_the_most_common_class(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, frames = score_prior(get_task(TASK)), get_task(TASK)
    clusters = replace(frames, kind="clusters", metrics=NAMED_CLUSTER_METRICS, protocol=NAMED_IN_TRAINING)
    monkeypatch.setattr(demo, "task_by_name", lambda name: clusters)
    prior = find_prior(result, tmp_path / "results")
    assert prior is not None
    assert prior.values["f1"] == 0, "every frame is background"
    assert prior.values["cluster_homogeneity"] == 0, "one cluster tells nothing"
