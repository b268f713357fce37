"""`bench predict`: of the same poses in files an entry says what it says in its submission."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from click.testing import CliRunner, Result

from baselines.models import get_baseline
from baselines.runs import kept, states
from baselines.runs.train import train
from bench.cli import cli
from bench.datasets import get_task
from bench.datasets.formats.boris import read_events
from bench.errors import BenchError, DataError, UsageError
from bench.kinds import labels_of
from bench.recordings import Detections, Recording, Skeleton
from bench.store import load_all, pull_simulated

pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

sys.path.insert(0, str(Path(__file__).parents[1] / "labelling"))
import pose_files

TASK = "demo-6x120"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Train three entries on the demo; return the folder that holds them, and the poses as files."""
    folder = tmp_path_factory.mktemp("predict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(folder / "home"))
        dataset = get_task(TASK).dataset
        pull_simulated(dataset)
        for name in ("dilated_tcn", "pose_kmeans"):
            epochs = 2 if name == "dilated_tcn" else None
            train(get_baseline(name), get_task(TASK), seed=0, device="cpu", out=folder / name, epochs=epochs)
        for recording in load_all(dataset):
            path = folder / "poses" / f"{recording.id}DLC_resnet50_x.csv"
            pose_files.deeplabcut_csv(path, recording.keypoints, dataset.animals, dataset.keypoints)
        yield folder


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["predict", *arguments])


def submitted(entry: Path) -> dict[str, np.ndarray]:
    with np.load(entry / TASK / "seed0.npz") as archive:
        return {name.removeprefix("all/"): archive[name] for name in archive.files}


@pytest.mark.parametrize("name", ["dilated_tcn", "pose_kmeans"])
def test_the_poses_of_the_test_recordings_get_the_scores_of_the_submission(
    name: str, trained: Path, tmp_path: Path
) -> None:
    done = predict(str(trained / name), str(trained / "poses"), "--format", "npz", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    tested = submitted(trained / name)
    assert tested
    assert len(list(tmp_path.glob("*.npz"))) == 6
    for id_, scores in tested.items():
        with np.load(tmp_path / f"{id_}.npz") as archive:
            assert archive["classes"].tolist() == list(get_task(TASK).classes)
            np.testing.assert_array_equal(archive["scores"], scores)


def test_a_stored_data_set_gets_the_same(trained: Path, tmp_path: Path) -> None:
    done = predict(str(trained / "dilated_tcn"), TASK, "--format", "npz", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    for id_, scores in submitted(trained / "dilated_tcn").items():
        with np.load(tmp_path / f"{id_}.npz") as archive:
            np.testing.assert_array_equal(archive["scores"], scores)


def test_a_folder_without_poses_does_not_hide_a_data_set(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (TASK, "empty"):
        Path(name).mkdir()
    done = predict(str(trained / "pose_kmeans"), TASK, "--format", "npz", "--out", "out")
    assert (done.exit_code, len(list(Path("out").iterdir()))) == (0, 6)
    refused = predict(str(trained / "pose_kmeans"), "empty")
    assert isinstance(refused.exception, UsageError)
    assert "holds no poses" in refused.exception.title


def test_frames_and_bouts_say_the_same(trained: Path, tmp_path: Path) -> None:
    entry, poses = str(trained / "dilated_tcn"), str(trained / "poses")
    assert predict(entry, poses, "--out", str(tmp_path / "csv")).exit_code == 0
    assert predict(entry, poses, "--format", "boris", "--out", str(tmp_path / "boris")).exit_code == 0
    task = get_task(TASK)
    for id_, scores in submitted(trained / "dilated_tcn").items():
        labels = labels_of(scores, exclusive=True)
        with (tmp_path / "csv" / f"{id_}.csv").open(newline="") as lines:
            table = list(csv.DictReader(lines))
        assert [row["label"] for row in table] == [task.classes[i] for i in labels.argmax(axis=1)]
        if labels[:, :-1].any():
            events = read_events(tmp_path / "boris" / f"{id_}.csv")
            found = np.zeros_like(labels)
            for interval in events.intervals:
                found[interval.start : interval.stop, task.classes.index(interval.label)] = True
            np.testing.assert_array_equal(found[:, :-1], labels[:, :-1])


def test_each_format_has_a_folder_of_its_own(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    poses = sorted((trained / "poses").glob("*.csv"))[0]
    for form in ("csv", "boris", "npz"):
        assert predict(str(trained / "pose_kmeans"), str(poses), "--format", form).exit_code == 0
    assert len({path.parent for path in Path("labels").glob("*/*")}) == 3


def test_another_skeleton_is_refused_by_name_and_the_good_files_are_labelled(
    trained: Path, tmp_path: Path
) -> None:
    dataset = get_task(TASK).dataset
    xy = pose_files.positions(40, 2, 7)
    pose_files.deeplabcut_csv(tmp_path / "poses" / "a.csv", xy, dataset.animals, dataset.keypoints)
    odd = ("snout", *dataset.keypoints[1:])
    pose_files.deeplabcut_csv(tmp_path / "poses" / "b.csv", xy, dataset.animals, odd)
    done = predict(str(trained / "dilated_tcn"), str(tmp_path / "poses"), "--out", str(tmp_path / "out"))
    assert isinstance(done.exception, DataError)
    told = " ".join(done.exception.problems)
    assert all(word in told for word in ("b.csv", "snout", "nose"))
    assert "--rename" in str(done.exception.hint)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]
    mapped = ("--rename", "snout=nose", "--out", str(tmp_path / "mapped"))
    assert predict(str(trained / "dilated_tcn"), str(tmp_path / "poses"), *mapped).exit_code == 0
    both = [(tmp_path / "mapped" / name).read_bytes() for name in ("a.csv", "b.csv")]
    assert both[0] == both[1]


def test_another_frame_rate_is_said(trained: Path, tmp_path: Path) -> None:
    arguments = (str(trained / "dilated_tcn"), str(trained / "poses"), "--out", str(tmp_path))
    other, same = predict(*arguments, "--fps", "25"), predict(*arguments, "--fps", "30")
    assert "25 frames per second" in other.output
    assert "note" not in same.output


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["ENTRY", "no such folder"], UsageError),
        (["NONE", "POSES"], UsageError),
        (["ENTRY", "POSES", "--task", "demo"], UsageError),
        (["ENTRY", "POSES", "--run", "seed7"], UsageError),
        (["ENTRY", "POSES", "--part", "one"], UsageError),
        (["ENTRY", "POSES", "--rename", "snout"], UsageError),
        (["ENTRY", "POSES", "--image", "1280"], UsageError),
        (["ENTRY", "ENTRY"], UsageError),
    ],
)
def test_what_cannot_be_done_is_refused(
    arguments: Sequence[str], kind: type[BenchError], trained: Path, tmp_path: Path
) -> None:
    places = {"ENTRY": str(trained / "dilated_tcn"), "POSES": str(trained / "poses"), "NONE": str(tmp_path)}
    done = predict(*(places.get(word, word) for word in arguments))
    assert isinstance(done.exception, kind)
    assert done.exception.hint or done.exception.problems or "expected" in done.exception.title


def test_a_state_of_another_recipe_is_refused(trained: Path, tmp_path: Path) -> None:
    _, path = kept.find(trained / "dilated_tcn")
    state, inputs = states.load(path)
    changed = json.loads(json.dumps(inputs))
    changed["recipe"]["batch"] += 1
    states.save(tmp_path / "seed0-all.safetensors", state, changed)
    with pytest.raises(DataError) as caught:
        kept.read(tmp_path / "seed0-all.safetensors", "cpu")
    assert "batch" in " ".join(caught.value.problems)


def test_a_localiser_needs_nothing_but_its_folder(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(toy.task(), kind="segments", exclusive=False)
    train(get_baseline("anchor_free"), asked, seed=0, device="cpu", out=tmp_path / "entry", epochs=2)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "another home"))  # as on another machine
    _, path = kept.find(tmp_path / "entry")
    blind = [toy.recording(id_).without_labels() for id_ in "de"]
    told = {one.id: answer for one, answer in kept.answers(kept.read(path, "cpu"), asked, blind)}
    results = json.loads((tmp_path / "entry" / "toy" / "seed0.json").read_text())["results"]
    assert list(told) == ["d", "e"]
    for id_, answer in told.items():
        assert isinstance(answer, Detections)
        np.testing.assert_allclose(answer.bounds, [row["segment"] for row in results[id_]], atol=1e-9)
        assert [asked.classes[label] for label in answer.labels] == [row["label"] for row in results[id_]]


def test_all_that_were_read_are_answered_before_a_fault(trained: Path) -> None:
    _, path = kept.find(trained / "dilated_tcn")
    one = kept.read(path, "cpu")
    skeleton: Skeleton = one.run.sizes.skeleton

    def recordings() -> Iterator[Recording]:
        for recording in list(load_all(get_task(TASK).dataset))[:2]:
            assert recording.keypoints is not None
            assert recording.keypoints.shape[1:3] == (len(skeleton.animals), len(skeleton.keypoints))
            yield recording
        raise DataError("the third cannot be read", ["third: damaged"])

    answered = []
    with pytest.raises(DataError):
        answered.extend(recording.id for recording, _ in kept.answers(one, get_task(TASK), recordings()))
    assert len(answered) == 2
