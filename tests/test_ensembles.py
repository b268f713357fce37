"""Ensembles: the mean of runs and entries, and what their card says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import store, submitting
from bench.cli import cli
from bench.datasets import get_task
from bench.ensembles import write_ensemble
from bench.errors import UsageError
from bench.submissions import Entry, TaskCard, read_entry, write_card, write_run

TASK = "demo-6x50"


@pytest.fixture
def entry(bench_home: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return what writes an entry of random probabilities: name, seeds of its runs, changes of its card."""
    task = get_task(TASK)
    store.pull_simulated(task.dataset)
    expected = submitting.lengths(task, submitting.recordings_to_answer(task))

    def make(name: str, seeds: tuple[int, ...], **changes: object) -> Path:
        for seed in seeds:
            draw, scores = np.random.default_rng(seed), {}
            for id_, frames in expected["all"].items():
                raw = draw.uniform(0, 1, (int(frames), 4))
                scores[id_] = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
            write_run(tmp_path / name, TASK, f"seed{seed}", {"all": scores})
        card = TaskCard(task.classes, "probabilities", "random", "none", True, parameters=10)
        tasks = {TASK: replace(card, **changes)}
        write_card(tmp_path / name, Entry(name, name.upper(), (f"author of {name}",), "MIT", tasks))
        return tmp_path / name

    return make


def answers(path: Path) -> list[np.ndarray]:
    (one,) = submitting.read_submission(path, TASK)
    return [np.concatenate(list(run["all"].values())) for run in one.predictions.values()]


def test_entries_count_alike_and_their_runs_too(entry: Callable[..., Path], tmp_path: Path) -> None:
    one = entry("one", (1, 2, 3), remark="1 of 9 epochs")
    other = entry("other", (4,), causal=False, extra_data="more mice", parameters=7)
    write_ensemble([one, other], TASK, tmp_path / "both")
    (mean,) = answers(tmp_path / "both")
    expected = (np.mean(answers(one), axis=0) + answers(other)[0]) / 2
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    np.testing.assert_allclose(mean.sum(axis=1), 1, atol=1e-5)
    made = read_entry(tmp_path / "both")
    card = made.tasks[TASK]
    assert made.authors == ("author of one", "author of other")
    assert (card.causal, card.extra_data, card.parameters) == (False, "more mice", 3 * 10 + 7)
    assert card.remark == "ONE: 1 of 9 epochs"
    assert "ONE (3 runs), OTHER (1 runs)" in card.description


def test_the_command_makes_an_entry_of_the_runs_of_one(entry: Callable[..., Path], tmp_path: Path) -> None:
    one, out = entry("one", (1, 2), parameters=None), tmp_path / "many"
    done = CliRunner().invoke(cli, ["ensemble", str(one), "--task", TASK, "--out", str(out)])
    assert done.exit_code == 0, done.exception
    assert f"bench evaluate {out}" in done.stdout
    np.testing.assert_allclose(answers(out)[0], np.mean(answers(one), axis=0), atol=1e-6)
    assert read_entry(out).tasks[TASK].parameters is None
    with pytest.raises(UsageError, match="already"):
        write_ensemble([one], TASK, out)


def test_what_has_no_mean_is_refused(entry: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one run"):
        write_ensemble([entry("alone", (1,))], TASK, tmp_path / "out")
    with pytest.raises(UsageError) as caught:
        write_ensemble([entry("loose", (1, 2), output="scores")], TASK, tmp_path / "out")
    assert caught.value.problems == ("loose: scores, expected probabilities",)
    assert not (tmp_path / "out").exists()
