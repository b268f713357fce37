"""The script that asks whether models learn: on light models, and on what it must find wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is in the extra `train`")

from sanity import Found, faults, main, store_shuffled, stored_in

from bench.datasets import get_task
from bench.store import load_all, pull_simulated


def test_light_models_beat_the_prior_and_learn_nothing_from_shuffled_labels(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--task", "demo-40x250", "--epochs", "2", "--models", "single_frame", "msgl_tcn"]
    assert main(arguments) == 0, capsys.readouterr().out
    assert "shuffled labels lift none beyond the allowance" in capsys.readouterr().out


def test_what_learns_nothing_and_what_sees_too_much_is_named() -> None:
    prior, guess = (0.0, 0.2), (0.3, 0.2)
    assert not faults(Found("good", (0.6, 0.7), (0.1, 0.24), 1.0), prior, guess)
    assert faults(Found("blind", (0.0, 0.3), (0.0, 0.2), 1.0), prior, guess) == [
        "blind: F1 0.000, no better than the prior's 0.000"
    ]
    assert faults(Found("leaky", (0.6, 0.7), (0.2, 0.6), 1.0), prior, guess) == [
        "leaky: MAP 0.600 from shuffled labels, chance is 0.200"
    ]


def test_shuffling_moves_training_labels_alone(tmp_path: Path, bench_home: Path) -> None:
    task = get_task("demo-6x50")
    pull_simulated(task.dataset)
    before = {r.id: r for r in load_all(task.dataset)}
    with stored_in(tmp_path / "shuffled"):
        store_shuffled(task, list(before.values()))
        after = {r.id: r for r in load_all(task.dataset)}
    tested = set(task.load_split().ids("all", "test"))
    assert list(before) == list(after)
    for id_, recording in after.items():
        assert np.array_equal(recording.keypoints, before[id_].keypoints, equal_nan=True)
        assert np.array_equal(recording.labels, before[id_].labels) == (id_ in tested)
    counts = [sum(r.labels.sum(axis=0) for r in every.values()) for every in (before, after)]
    assert counts[0].tolist() == counts[1].tolist()
