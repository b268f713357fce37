"""`train` from the store to the submission: what it learns, writes, skips, resumes and refuses."""

from __future__ import annotations

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

from baselines import get_baseline, train
from bench.errors import DataError, UsageError
from bench.store import pull
from bench.submissions import read_entry, read_submission

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

TEST_FRAMES = {id_: toy.FRAMES[id_] for id_ in "de"}


@pytest.fixture
def store(bench_home: Path) -> Path:
    pull(toy.DATASET, Path())
    return bench_home


def run(out: Path, baseline=toy.CONV, task=None, **changed):
    arguments = {"seed": 1, "device": "cpu", "out": out, **changed}
    return train(baseline, task or toy.task(), **arguments)


def accuracy(path: Path) -> float:
    with np.load(path) as scores:
        hits = [
            toy.recording(id_).labels[np.arange(frames), scores[f"all/{id_}"].argmax(axis=1)][5:]
            for id_, frames in TEST_FRAMES.items()
        ]
    return float(np.concatenate(hits).mean())


def test_the_convolution_learns_what_the_prior_cannot(store: Path, tmp_path: Path) -> None:
    prior = accuracy(run(tmp_path / "prior", get_baseline("prior")))
    assert accuracy(run(tmp_path / "conv")) > prior + 0.3


def test_what_it_writes_is_a_valid_submission(store: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "conv", toy.task(first="ab", second="c")
    for seed in (1, 2):
        run(out, task=asked, seed=seed, epochs=1)
    expected = dict.fromkeys(("first", "second"), TEST_FRAMES)
    entry, predictions = read_submission(out, asked, expected)
    assert sorted(predictions) == ["seed1", "seed2"]
    one, other = predictions["seed1"]["first"]["d"], predictions["seed1"]["second"]["d"]
    assert not np.array_equal(one, other), "a part has its own model"
    assert not np.array_equal(one, predictions["seed2"]["first"]["d"])
    card = entry.tasks["toy"]
    assert card.classes == toy.CLASSES
    assert card.description == "a small convolution; 1 of 10 epochs"
    assert card.parameters == sum(p.numel() for p in toy.CONV.load()(12, 37, 3).parameters())
    assert not card.causal


def test_git_ignores_the_work_folder(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shown = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    )
    assert ".work" not in shown.stdout
    assert "submission.toml" in shown.stdout


def test_a_card_edited_by_hand_keeps_its_words(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    card = tmp_path / "conv" / "submission.toml"
    card.write_text(card.read_text().replace("Small convolution", "My convolution"))
    run(tmp_path / "conv", epochs=1, seed=2)
    assert read_entry(tmp_path / "conv").name == "My convolution"


def test_a_finished_run_is_not_repeated(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run(tmp_path / "conv", epochs=2)
    capsys.readouterr()
    before = path.stat().st_mtime_ns
    assert run(tmp_path / "conv", epochs=2) == path
    assert "finished already" in capsys.readouterr().err
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["changed", "deleted"])
def test_predictions_that_are_gone_or_changed_are_made_again(
    store: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run(tmp_path / "conv", epochs=2)
    made = path.read_bytes()
    capsys.readouterr()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(made[:-1])
    run(tmp_path / "conv", epochs=2)
    assert path.read_bytes() == made
    assert "going on after epoch 2 of 2" in capsys.readouterr().err


def test_runs_that_were_trained_otherwise_are_refused(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "conv", epochs=2, seed=2)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["recipe"]
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "conv", epochs=1, task=toy.task(all="ab"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["train recordings"]


def test_frames_that_nobody_annotated_do_not_train(store: Path, tmp_path: Path) -> None:
    with np.load(run(tmp_path / "prior", get_baseline("prior"))) as scores:
        annotated = sum(toy.recording(id_).annotated.sum() for id_ in "abc")
        counts = sum(toy.recording(id_).labels.sum(axis=0) for id_ in "abc")
        np.testing.assert_array_equal(scores["all/d"][0], (counts / annotated).astype(np.float32))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"task": replace(toy.task(), kind="segments")}, "asks for segments"),
        ({"task": replace(toy.task(), exclusive=False)}, "gives each frame one class"),
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


def test_killed_in_the_middle_it_ends_as_if_undisturbed(store: Path, tmp_path: Path) -> None:
    """SIGKILL after the first checkpoint, then the same command: the same weights, the same bytes."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, str(Path(toy.__file__)), str(killed)]
    checkpoint = killed / ".work" / "toy" / "seed1-all.pt"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    reached = len(torch.load(checkpoint, weights_only=True)["history"])
    assert 1 <= reached < toy.CONV.recipe.epochs
    assert not (killed / "toy" / "seed1.npz").exists()

    again = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    assert f"going on after epoch {reached} of {toy.CONV.recipe.epochs}" in again.stderr
    path = run(whole)
    weights = [
        torch.load(out / ".work" / "toy" / "seed1-all.pt", weights_only=True)["model"]
        for out in (killed, whole)
    ]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert (killed / "toy" / "seed1.npz").read_bytes() == path.read_bytes()
