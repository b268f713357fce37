"""Runs in one folder: which are finished, which may join, which are refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from toy import run

from baselines.models import get_baseline
from baselines.runs import job
from baselines.runs.train import train_seeds
from bench.errors import DataError, UsageError
from bench.store import pull
from bench.submissions import read_entry

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")


def test_a_finished_run_is_not_repeated(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run(tmp_path / "conv", epochs=2)
    capsys.readouterr()
    before = path.stat().st_mtime_ns
    assert run(tmp_path / "conv", epochs=2) == path
    assert "finished already" in capsys.readouterr().err
    assert path.stat().st_mtime_ns == before


@pytest.mark.slow
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
    assert "epoch" not in capsys.readouterr().err, "the state of the model is there: nothing is trained"


def test_runs_that_were_trained_otherwise_are_refused(store: Path, tmp_path: Path) -> None:
    run(tmp_path / "conv", epochs=1)
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "conv", epochs=2, seed=2)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["recipe epochs"]
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "conv", epochs=1, asked=toy.task(all="ab"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["train recordings toy/all"]


@pytest.mark.slow
def test_the_entry_of_another_model_or_person_is_refused(store: Path, tmp_path: Path) -> None:
    """Also where nothing was trained on this task yet: its card would name one by the other."""
    out, other = tmp_path / "out", replace(toy.CONV, name="other", title="Another one")
    run(out, epochs=1, seed=0)
    card = (out / "submission.toml").read_bytes()
    second = replace(toy.task(), name="toy2")
    with pytest.raises(
        UsageError, match="is the entry 'Small convolution', and 'other' is another"
    ) as caught:
        run(out, other, second, epochs=1, seed=0)
    assert caught.value.hint == "bench train other --task toy2 --out FOLDER"
    shutil.rmtree(out / ".work")  # as in a fresh clone
    with pytest.raises(UsageError, match="is another model"):
        run(out, other, second, epochs=1, seed=0)
    assert (out / "submission.toml").read_bytes() == card
    run(out, toy.CONV, second, epochs=1, seed=0)
    (out / "submission.toml").write_bytes(card.replace(b"Small convolution", b"Mine"))
    run(out, toy.CONV, second, epochs=1, seed=1)
    assert read_entry(out).name == "Mine"


@pytest.mark.parametrize(
    ("changed", "baseline"),
    [
        ({"annotator": "another"}, "conv"),
        ({"group": "together"}, "conv"),
        ({"confidence": np.full((211, 2, 3), 0.5, np.float32)}, "conv"),
        ({"annotator": "another"}, "prior"),
    ],
)
def test_recordings_of_which_anything_changed_are_other_ones(
    store: Path, tmp_path: Path, changed: dict, baseline: str
) -> None:
    chosen, epochs = (toy.CONV, 1) if baseline == "conv" else (get_baseline("prior"), None)
    run(tmp_path / "out", chosen, epochs=epochs)
    recordings = [replace(toy.recording("a"), **changed), *map(toy.recording, "bcde")]
    pull(replace(toy.DATASET, read=lambda _: iter(recordings)), Path(), replace=True)
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "out", chosen, epochs=epochs)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["train recordings toy/all"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patched", "changed", "baseline", "says"),
    [
        ("closure_digest", lambda *modules: "0" * 64, "conv", "code"),
        ("version", lambda name: f"{name} 99", "conv", "numpy torch"),
        ("version", lambda name: f"{name} 99", "prior", "numpy"),
        ("version", lambda name: f"{name} 99", "gbdt", "numpy scikit-learn"),
    ],
)
def test_other_code_or_libraries_neither_finish_nor_resume_a_run(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patched, changed, baseline: str, says: str
) -> None:
    few = replace(get_baseline("gbdt"), recipe=replace(get_baseline("gbdt").recipe, frames=90, trees=2))
    chosen = {"conv": toy.CONV, "prior": get_baseline("prior"), "gbdt": few}[baseline]
    epochs = 1 if baseline == "conv" else None
    path = run(tmp_path / "out", chosen, epochs=epochs)
    made = path.read_bytes()
    monkeypatch.setattr(job, patched, changed)
    with pytest.raises(DataError, match="trained otherwise") as caught:
        run(tmp_path / "out", chosen, epochs=epochs)
    assert [problem.split(":")[0] for problem in caught.value.problems] == says.split()
    assert caught.value.hint.startswith("the same command with --out FOLDER trains elsewhere")
    assert path.read_bytes() == made
    if baseline == "conv":
        for record in ("inputs.json", "seed1.json"):
            (tmp_path / "out/.work/toy" / record).unlink()
        with pytest.raises(DataError, match="checkpoint of another run"):
            run(tmp_path / "out", chosen, epochs=epochs)


@pytest.mark.slow
def test_without_their_records_runs_are_not_joined_by_others(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "conv"
    first = run(out, epochs=1, seed=0)
    made = first.read_bytes()
    shutil.rmtree(out / ".work")
    with pytest.raises(DataError, match="does not say how they were trained") as caught:
        run(out, epochs=2, seed=1)
    assert caught.value.problems == ("seed0.npz: no record, or not the file that was recorded",)
    assert f"rm -r {out / 'toy'} first" in caught.value.hint
    assert not (out / "toy" / "seed1.npz").exists()
    assert run(out, epochs=1, seed=0).read_bytes() == made, "the same run may be written again"
    second = run(out, epochs=1, seed=1)
    second.write_bytes(made)
    with pytest.raises(DataError, match="does not say") as caught:
        run(out, epochs=1, seed=2)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["seed1.npz"]
    second.unlink()
    (out / "toy" / "mine.csv").write_text("by hand")
    with pytest.raises(DataError, match="does not say") as caught:
        run(out, epochs=1, seed=2)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["mine.csv"]


def test_without_the_shared_record_those_of_the_runs_still_say_how_they_were_trained(
    store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made = run(out, epochs=1, seed=0).read_bytes()
    (out / ".work/toy/inputs.json").unlink()
    with pytest.raises(DataError, match="trained otherwise") as caught:
        train_seeds(toy.CONV, toy.task(), seeds=[0, 1], device="cpu", out=out, epochs=2)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["recipe epochs"]
    assert [path.name for path in (out / "toy").iterdir()] == ["seed0.npz"]
    assert (out / "toy/seed0.npz").read_bytes() == made


def test_damaged_records_are_named_and_nothing_is_lost(store: Path, tmp_path: Path) -> None:
    out, prior = tmp_path / "out", get_baseline("prior")
    path = run(out, prior, seed=0)
    made = path.read_bytes()
    for name, content, why in (
        ("seed0.json", b"[]", "found a list, expected an object"),
        ("seed0.json", b'"\xff"', "not UTF-8"),
        ("inputs.json", b'{"baseline": "pri', "Unterminated string"),
    ):
        record = out / ".work/toy" / name
        fine = record.read_bytes()
        record.write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is damaged") as caught:
            run(out, prior, seed=0)
        assert why in caught.value.problems[0]
        assert f"rm {record} " in caught.value.hint
        record.unlink()
        run(out, prior, seed=1 if name == "inputs.json" else 0)
        assert record.read_bytes() == fine, "written anew"
        assert path.read_bytes() == made
