"""The script that asks whether models learn: on light models, and on what it must find wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32, Int64

pytest.importorskip("torch", reason="torch is in the extra `train`")

from sanity import Found, Run, faults, judged, main, p_value, store_shuffled, stored_in
from trained import f1_and_map

from bench.datasets import get_task
from bench.scoring import score_frames
from bench.store import load_all, pull_simulated

PRIOR = Run(f1=0.0, f1_chance=0.0, map=0.2, map_chance=0.2)
LEARNED = Run(f1=0.6, f1_chance=0.2, map=0.7, map_chance=0.1)
LUCK = [Run(0.10, 0.11, 0.24, 0.22), Run(0.12, 0.11, 0.19, 0.23), Run(0.0, 0.0, 0.21, 0.2)]


def hot(labels: Int64[np.ndarray, " T"]) -> Float32[np.ndarray, "T C"]:
    """Return scores that are sure of these labels."""
    return np.eye(4, dtype=np.float32)[labels]


@pytest.mark.slow
def test_light_models_learn_from_true_labels_and_from_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--task", "demo-40x250", "--shuffles", "3", "--models", "single_frame", "msgl_tcn"]
    assert main(arguments) == 0, capsys.readouterr().out
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[2:-1]] == ["prior", "single_frame", "msgl_tcn"]
    assert said[-1] == "every model learns from true labels, and none from shuffled ones"


def test_what_learns_nothing_is_named() -> None:
    assert not faults([Found("good", LEARNED, LUCK, 1.0)], PRIOR)
    blind = Run(f1=0.0, f1_chance=0.0, map=0.23, map_chance=0.2)
    assert faults([Found("blind", blind, LUCK, 1.0)], PRIOR) == [
        "blind: F1 0.000, no better than the prior's 0.000",
        "blind: F1 0.000, no better than 0.120 from shuffled labels",
        "blind: MAP 0.230, no better than 0.240 from shuffled labels",
    ]


def test_what_sees_too_much_is_named() -> None:
    """Of four tests one is far beyond luck, and Holm's level for the others is not reached."""
    sees = [Run(0.10, 0.11, 0.61, 0.12), Run(0.12, 0.11, 0.58, 0.14), Run(0.1, 0.1, 0.6, 0.13)]
    every = [Found("good", LEARNED, LUCK, 1.0), Found("leaky", LEARNED, sees, 1.0)]
    (fault,) = faults(every, PRIOR)
    assert fault.startswith("leaky: MAP from shuffled labels beats chance, p 0.00")


def test_p_is_small_for_gains_that_repeat_and_not_for_those_that_cancel() -> None:
    assert p_value(np.array([0.3, 0.31, 0.29])) < 0.001
    assert p_value(np.array([0.1, -0.1, 0.0])) == pytest.approx(0.5)
    assert p_value(np.array([-0.3, -0.31, -0.29])) > 0.999
    assert p_value(np.zeros(3)) == 1.0
    assert p_value(np.full(3, 0.2)) == 0.0


def test_chance_in_f1_is_that_of_frames_drawn_at_random() -> None:
    """The mean over many random guesses, one in ten of each behaviour, against the formula."""
    task, rng = get_task("demo-6x50"), np.random.default_rng(0)
    truth = {"a": rng.choice(4, 4000, p=[0.05, 0.25, 0.1, 0.6])}
    truth["a"][:100] = -1
    runs = [judged(task, truth, {"a": hot(rng.choice(4, 4000, p=[0.1, 0.1, 0.1, 0.7]))}) for _ in range(40)]
    assert np.mean([run.f1 for run in runs]) == pytest.approx(np.mean([r.f1_chance for r in runs]), abs=0.003)


def test_f1_and_map_are_those_of_the_harness() -> None:
    task, rng = get_task("demo-6x50"), np.random.default_rng(0)
    truth = {"b": rng.choice(4, 300), "a": rng.choice(4, 200)}
    truth["b"][[7, 100, 101]] = -1
    scores = {id_: rng.random((len(held), 4)).astype(np.float32) for id_, held in truth.items()}
    theirs = score_frames(truth, scores, task.classes, background=task.background, resamples=0).scores
    assert f1_and_map(task, truth, scores) == (theirs["f1"].value, theirs["map"].value)


def test_luck_lifts_average_precision_above_the_prior_and_upside_down_as_much() -> None:
    """Scores that follow or oppose a behaviour at even odds: the reason for the chance that is used."""
    task, rng = get_task("demo-6x50"), np.random.default_rng(0)
    truth = {"a": rng.choice(4, 2000, p=[0.1, 0.1, 0.1, 0.7])}
    prior, runs = 0.1, []
    for _ in range(60):
        way = rng.choice(np.float32([-1, 1]), 4) * rng.random(4, np.float32)
        noise = rng.normal(size=(2000, 4)).astype(np.float32)
        runs.append(judged(task, truth, {"a": way * hot(truth["a"]) + noise}))
    gains = np.array([run.map - run.map_chance for run in runs])
    assert np.mean([run.map for run in runs]) > prior + 0.02
    assert abs(gains.mean()) < 2 * gains.std() / np.sqrt(len(gains))


def test_shuffling_moves_training_labels_alone(tmp_path: Path, bench_home: Path) -> None:
    task = get_task("demo-6x50")
    pull_simulated(task.dataset)
    before = {r.id: r for r in load_all(task.dataset)}
    with stored_in(tmp_path / "shuffled"):
        store_shuffled(task, list(before.values()), seed=0)
        after = {r.id: r for r in load_all(task.dataset)}
    tested = set(task.load_split().ids("all", "test"))
    assert list(before) == list(after)
    for id_, recording in after.items():
        assert np.array_equal(recording.keypoints, before[id_].keypoints, equal_nan=True)
        assert np.array_equal(recording.labels, before[id_].labels) == (id_ in tested)
    counts = [sum(r.labels.sum(axis=0) for r in every.values()) for every in (before, after)]
    assert counts[0].tolist() == counts[1].tolist()
