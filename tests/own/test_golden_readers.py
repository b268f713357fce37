"""Files that real programs wrote, with what is right about them in a README: read, and compared with it.

The folders lie in `ETHOBENCH_GOLDEN`, `readers/NAME`: a declaration, its files, and a README whose sentence
"Expected: …" says what they hold. That sentence is read here, so a folder that is added is tested.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import adding, store
from bench.cli import cli
from bench.recordings import Recording
from tests.conftest import ROOT

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", ROOT.parent / "shared" / "golden")) / "readers"
FOLDERS = sorted(path.parent for path in GOLDEN.glob("*/own.toml"))
if not FOLDERS:
    pytest.skip(f"no files of real programs: {GOLDEN} (set ETHOBENCH_GOLDEN)", allow_module_level=True)


def expected(folder: Path) -> str:
    """Return what the README expects, up to what was found instead."""
    text = (folder / "README").read_text()
    return text[text.index("Expected:") : text.index("Found:")]


def saying(pattern: str) -> list[Path]:
    return [folder for folder in FOLDERS if re.search(pattern, expected(folder))]


@pytest.fixture
def added(request: pytest.FixtureRequest, tmp_path: Path, bench_home: Path) -> adding.Added:
    """Add the task of a folder; nothing is written beside the golden files."""
    shutil.copytree(request.param, tmp_path / "lab", copy_function=shutil.copyfile)
    (tmp_path / "lab").chmod(0o755)
    return adding.add(tmp_path / "lab" / "own.toml")


def only(added: adding.Added) -> Recording:
    (recording,) = store.load(
        added.task.dataset, list(added.stored.recordings), poses=bool(added.task.dataset.animals)
    )
    return recording


INTERVAL = r"\[(\d+), (\d+)\)"
FRAMES = r"(?<![.\d])(\d+) (?:annotated )?frames"
POINT = r"xy\[(\d+), (\d+), (\d+)\] = \[(\d+), (\d+)\]"
LOST = r"(\w+) is NaN \(not found\) in frames (\d+) to (\d+)"
SKELETON = r"(\w+) and (\w+) with (\w+) and (\w+)"


def of(pattern: str):
    """Run a test on the folders whose README says something of this kind."""
    folders = saying(pattern)
    return pytest.mark.parametrize(
        ("added", "says"),
        [(folder, expected(folder)) for folder in folders],
        ids=[folder.name for folder in folders],
        indirect=["added"],
    )


@pytest.mark.parametrize("added", FOLDERS, ids=lambda folder: folder.name, indirect=True)
def test_every_folder_is_a_task(added: adding.Added) -> None:
    assert added.new
    assert {source.labels.name[0] for source in added.sources.sources}.isdisjoint({"."})


@of(INTERVAL)
def test_bouts_are_in_the_frames_of_the_readme(added: adding.Added, says: str) -> None:
    recording = only(added)
    frames = np.zeros(recording.frames, dtype=bool)
    for start, stop in re.findall(INTERVAL, says):
        assert int(stop) <= recording.frames
        frames[int(start) : int(stop)] = True
    first, *_ = recording.classes
    assert np.flatnonzero(recording.labels[:, 0]).tolist() == np.flatnonzero(frames).tolist(), first
    assert recording.annotated.all()


@of(FRAMES)
def test_recordings_have_the_frames_of_the_readme(added: adding.Added, says: str) -> None:
    recording = only(added)
    assert recording.frames == recording.annotated.sum() == int(re.findall(FRAMES, says)[0])


@of(POINT)
def test_a_keypoint_is_where_the_readme_says(added: adding.Added, says: str) -> None:
    keypoints = only(added).keypoints
    assert keypoints is not None
    for t, a, k, x, y in np.array(re.findall(POINT, says), dtype=int):
        assert keypoints[t, a, k].tolist() == [x, y]


@of(LOST)
def test_an_absent_animal_is_lost_in_the_frames_of_the_readme(added: adding.Added, says: str) -> None:
    recording = only(added)
    assert recording.keypoints is not None
    assert recording.confidence is not None
    for animal, start, last in re.findall(LOST, says):
        place = added.task.dataset.animals.index(animal)
        lost = np.isnan(recording.keypoints[:, place]).all(axis=(1, 2))
        assert np.flatnonzero(lost).tolist() == list(range(int(start), int(last) + 1))
        assert np.isnan(recording.confidence[lost, place]).all()
        assert np.isfinite(recording.keypoints[:, 1 - place]).all()
    assert any("not found" in text for _, text in added.notes)


@of(SKELETON)
def test_animals_and_keypoints_are_those_of_the_readme(added: adding.Added, says: str) -> None:
    ((one, other, nose, tail),) = re.findall(SKELETON, says)
    assert (added.task.dataset.animals, added.task.dataset.keypoints) == ((one, other), (nose, tail))
    assert any("left out" in text for _, text in added.notes)


@pytest.mark.slow
@of(r"it trains")
def test_boosted_trees_train(added: adding.Added, says: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="boosted trees need scikit-learn")
    out = tmp_path / "gbdt"
    arguments = ["train", "gbdt", "--task", added.task.name, "--out", str(out)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, says
    with np.load(out / added.task.name / "seed0.npz") as scores:
        assert all(np.isfinite(scores[name]).all() for name in scores.files)
