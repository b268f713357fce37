"""`train` from the store to the submission: what it learns, writes, skips, resumes and refuses."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from toy import run

from baselines.inputs.poses import pose_features
from baselines.models import get_baseline
from baselines.runs import curves
from baselines.switches import Switches
from bench.datasets import get_task
from bench.errors import DataError, UsageError
from bench.store import pull
from bench.submissions import read_entry, read_tasks

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.engine import checkpoints  # noqa: E402
from baselines.models.conv1d import Conv1D  # noqa: E402

TEST_FRAMES = {id_: toy.FRAMES[id_] for id_ in "de"}


def accuracy(path: Path) -> float:
    with np.load(path) as scores:
        hits = [
            toy.recording(id_).labels[np.arange(frames), scores[f"all/{id_}"].argmax(axis=1)][5:]
            for id_, frames in TEST_FRAMES.items()
        ]
    return float(np.concatenate(hits).mean())


@pytest.mark.slow
def test_the_convolution_learns_what_the_prior_cannot(store: Path, tmp_path: Path) -> None:
    prior = accuracy(run(tmp_path / "prior", get_baseline("prior")))
    assert accuracy(run(tmp_path / "conv")) > prior + 0.3


@pytest.mark.slow
def test_what_it_writes_is_a_valid_submission(store: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "conv", toy.task(first="ab", second="c")
    for seed in (1, 2):
        run(out, asked=asked, seed=seed, epochs=1)
    expected = dict.fromkeys(("first", "second"), TEST_FRAMES)
    entry, read = read_tasks(out, lambda name: asked, lambda task: expected)
    predictions = read["toy"]
    assert sorted(predictions) == ["seed1", "seed2"]
    one, other = predictions["seed1"]["first"]["d"], predictions["seed1"]["second"]["d"]
    assert not np.array_equal(one, other), "a part has its own model"
    assert not np.array_equal(one, predictions["seed2"]["first"]["d"])
    card = entry.tasks["toy"]
    assert card.classes == toy.CLASSES
    assert (card.description, card.remark) == ("a small convolution", "1 of 10 epochs")
    assert card.parameters == sum(p.numel() for p in Conv1D(12, 37, 3).parameters())
    assert not card.causal


def test_git_ignores_the_work_folder(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shown = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    )
    assert ".work" not in shown.stdout
    assert "submission.toml" in shown.stdout


@pytest.mark.slow
def test_a_card_edited_by_hand_keeps_its_words(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    card = tmp_path / "conv" / "submission.toml"
    card.write_text(card.read_text().replace("Small convolution", "My convolution"))
    run(tmp_path / "conv", epochs=1, seed=2)
    assert read_entry(tmp_path / "conv").name == "My convolution"


def test_a_recording_without_poses_is_refused_and_not_left_out() -> None:
    from baselines.engine.window_prediction import WindowPredictor
    from baselines.runs.questions import question_of

    model = Conv1D(12, 37, 3)
    predictor = WindowPredictor(model.eval(), toy.CONV.recipe, toy.DATASET.skeleton)
    recordings = [toy.recording("a"), replace(toy.recording("b"), keypoints=None), toy.recording("c")]
    with pytest.raises(DataError) as caught:
        list(predictor(recordings, question_of(toy.task(), "all", None)))
    assert caught.value.problems == ("b: labels only, no poses",)


def test_frames_that_nobody_annotated_do_not_train(store: Path, tmp_path: Path) -> None:
    with np.load(run(tmp_path / "prior", get_baseline("prior"))) as scores:
        annotated = sum(toy.recording(id_).annotated.sum() for id_ in "abc")
        counts = sum(toy.recording(id_).labels.sum(axis=0) for id_ in "abc")
        np.testing.assert_array_equal(scores["all/d"][0], (counts / annotated).astype(np.float32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"asked": replace(toy.task(), kind="clusters")}, "asks for clusters"),
        ({"switches": Switches(graphs=True)}, "no CUDA graphs"),
        ({"baseline": get_baseline("prior"), "switches": Switches("bf16")}, "are for networks"),
        ({"baseline": get_baseline("gbdt"), "tensorboard": True}, "are for networks"),
        ({"baseline": get_baseline("conv1d_finetuned")}, "no tuning for 'toy'"),
        ({"asked": get_task("ratseizure")}, "looks at poses, and 'ratseizure' has none"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(tmp_path / "conv", **changed)
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device") as caught:
        run(tmp_path / "conv", device="cuda")
    assert "--device cpu" in caught.value.hint


def test_an_empty_store_and_labels_alone_say_what_to_type(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path / "conv")
    assert "bench pull toy" in caught.value.hint
    blind = [replace(toy.recording(id_), keypoints=None) for id_ in toy.FRAMES]
    pull(replace(toy.DATASET, read=lambda _: iter(blind)), Path())
    with pytest.raises(DataError, match="lacks 3 of 3") as caught:
        run(tmp_path / "conv")
    assert "a: labels only, no poses" in caught.value.problems


@pytest.mark.slow
@pytest.mark.parametrize("name", toy.TRAINED)
def test_killed_in_the_middle_it_ends_as_if_undisturbed(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """SIGKILL after the first checkpoint, then the same training: the same weights, the same bytes."""
    killed, whole, baseline = tmp_path / "killed", tmp_path / "whole", toy.TRAINED[name]
    command = [sys.executable, str(Path(toy.__file__)), str(killed), name]
    checkpoint = killed / ".work" / "toy" / "seed1-all.pt"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    reached = len(checkpoints.read(checkpoint)[0]["history"])
    assert 1 <= reached < baseline.recipe.epochs
    assert not (killed / "toy" / "seed1.npz").exists()

    capsys.readouterr()
    run(killed, baseline)
    assert f"going on after epoch {reached} of {baseline.recipe.epochs}" in capsys.readouterr().err
    path = run(whole, baseline)
    ends = [checkpoints.read(out / ".work/toy/seed1-all.pt")[0] for out in (killed, whole)]
    assert list(ends[0]["best"]) == (["validation_loss"] if name == "msgl" else [])
    pairs = [(ends[0]["model"], ends[1]["model"])]
    pairs += [(ends[0]["best"][key], ends[1]["best"][key]) for key in ends[0]["best"]]
    for one, other in pairs:
        assert one.keys() == other.keys()
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    states = [(out / ".work/toy/seed1-all.safetensors").read_bytes() for out in (killed, whole)]
    assert states[0] == states[1]
    assert (killed / "toy" / "seed1.npz").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_shuffled_labels_teach_nothing(store: Path, tmp_path: Path) -> None:
    """The same network that learns the toy does not beat the prior once labels lie where they may."""
    rng = np.random.default_rng(0)
    shuffled = []
    for id_ in toy.FRAMES:
        recording = toy.recording(id_)
        if id_ in "abc":
            order = 5 + rng.permutation(recording.frames - 5)
            recording.labels[5:] = recording.labels[order]
        shuffled.append(recording)
    pull(replace(toy.DATASET, read=lambda _: iter(shuffled)), Path(), replace=True)
    prior = accuracy(run(tmp_path / "prior", get_baseline("prior")))
    assert accuracy(run(tmp_path / "conv")) < prior + 0.1


@pytest.mark.slow
def test_msgl_learns_the_toy_and_keeps_its_scaling(store: Path, tmp_path: Path) -> None:
    prior = accuracy(run(tmp_path / "prior", get_baseline("prior")))
    assert accuracy(run(tmp_path / "msgl", toy.MSGL)) > prior + 0.3
    assert "random windows" in read_entry(tmp_path / "msgl").tasks["toy"].description
    best = checkpoints.read(tmp_path / "msgl/.work/toy/seed1-all.pt")[0]["best"]["validation_loss"]
    seen = [pose_features(toy.recording(id_).keypoints, toy.DATASET.image, "mean") for id_ in "abc"]
    frames = np.concatenate(seen)
    mean = np.nanmean(frames, axis=0)
    np.testing.assert_allclose(best["mean"], mean, rtol=1e-4)
    filled = np.where(np.isnan(frames), mean, frames)
    np.testing.assert_allclose(best["deviation"], filled.std(axis=0), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("validation", ["recordings", "windows"])
def test_a_validation_recording_neither_trains_nor_scales(
    bench_home: Path, tmp_path: Path, validation: str
) -> None:
    """Whatever c holds, the network that a and b trained for one epoch is the same.

    Random windows validate only where the split names no recordings for it: RatSI's folds do.
    """
    recipe = replace(toy.MSGL.recipe, validation=validation, epochs=1, class_weights="task")
    watched = replace(toy.MSGL, recipe=recipe)
    split = toy.task(all="ab").split
    parts = {"all": {**split.parts["all"], "val": {"c": ("c",)}}}
    asked = replace(toy.task(), split=replace(split, parts=parts))
    states = []
    for turn, factor in enumerate((1, 3)):
        recordings = [toy.recording(id_) for id_ in toy.FRAMES]
        recordings[2] = replace(recordings[2], keypoints=recordings[2].keypoints * np.float32(factor))
        pull(replace(toy.DATASET, read=lambda _, made=recordings: iter(made)), Path(), replace=True)
        run(tmp_path / f"out{turn}", watched, asked)
        states.append(checkpoints.read(tmp_path / f"out{turn}/.work/toy/seed1-all.pt")[0])
    assert all(torch.equal(value, states[1]["model"][key]) for key, value in states[0]["model"].items())
    losses = [state["history"][0]["validation_loss"] for state in states]
    assert losses[0] != losses[1]
    said = read_entry(tmp_path / "out1").tasks["toy"].description
    assert "random windows" not in said
    assert "training groups" not in said


def test_groups_that_never_train_are_on_the_card(store: Path, tmp_path: Path) -> None:
    """Where recordings validate and the split names none, they come out of the training set."""
    watched = replace(toy.MSGL, recipe=replace(toy.MSGL.recipe, validation="recordings", past=5, epochs=1))
    run(tmp_path / "out", watched)
    said = read_entry(tmp_path / "out").tasks["toy"].description.split("; ")
    assert "its epoch chosen on a fifth of the training groups, which never trains" in said


def test_recordings_shorter_than_a_window_are_said(store: Path, tmp_path: Path) -> None:
    long = replace(toy.MSGL, recipe=replace(toy.MSGL.recipe, past=400))
    with pytest.raises(DataError, match="nothing to train 'msgl' on") as caught:
        run(tmp_path / "msgl", long)
    assert "a window of 401 samples in 3 recordings" in caught.value.problems[0]


def test_every_epoch_is_logged_and_drawn(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is in the extra `plots`")
    run(tmp_path / "msgl", toy.MSGL)
    work = tmp_path / "msgl" / ".work" / "toy"
    with (work / "seed1-all.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["epoch", "loss", "validation_loss", "lr", "seconds"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert {row["lr"] for row in rows} == {"0.001"}
    assert all(float(row["seconds"]) > 0 and float(row["validation_loss"]) > 0 for row in rows)
    drawn = (work / "seed1-all.svg").read_text()
    assert drawn.count("<svg") == 1


def test_without_matplotlib_there_is_no_plot_and_it_is_said_once(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    curves.can_plot.cache_clear()
    for seed in (1, 2):
        run(tmp_path / "conv", epochs=1, seed=seed)
    curves.can_plot.cache_clear()
    assert capsys.readouterr().err.count("pip install -c constraints.txt '.[plots]'") == 1
    assert not list(tmp_path.rglob("*.svg"))
