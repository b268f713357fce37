"""The card: what is counted is what is there, and a drawing says what the numbers say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import store
from bench.cli import cli
from bench.datacard import bout_plot, survey, survey_dataset
from bench.datacard.plot import bar, doubling
from bench.datasets import DATASETS, demo
from bench.recordings import Recording, one_hot
from bench.splits import Split
from bench.tasks import Part, Published, Task
from bench.text import datacard_text, sources_text
from tests import toys
from tests.toys import CLASSES


def recording(id_: str, labels: list[int], group: str, *, missing: int | None = 0) -> Recording:
    """Return a recording of 2 animals x 3 keypoints whose first keypoint is lost in `missing` frames."""
    frames = len(labels)
    keypoints = None
    if missing is not None:
        keypoints = np.zeros((frames, 2, 3, 2), dtype=np.float32)
        keypoints[:missing, 0, 0] = np.nan
    truth = one_hot(np.array(labels), 3)
    return Recording(id_, group, 10.0, CLASSES, truth, np.array(labels) >= 0, keypoints)


DATASET = replace(
    toys.DATASET,
    title="Toy <mice>",
    url="https://example.org/toy",
    citation="Nobody (1999).",
    fps=10.0,
    keypoints=("nose", "ear", "tail"),
    read=lambda folder: iter(RECORDINGS),
    notes=("The mice were toys.",),
)
TASK = Task(
    name="toy",
    title="Toy <mice>",
    question="what?",
    dataset=DATASET,
    classes=("mount", "attack"),
    background=None,
    split=Split("toy", "own", "", {"all": {"train": {"g": ("r1", "r2")}, "test": {"h": ("r3", "r9")}}}),
    metrics=demo.TASK.metrics,
)
RECORDINGS = [
    recording("r1", [0, 0, -1, 0, 1, 1, 1, 2], "g", missing=2),
    recording("r2", [1, 1, 1, 1], "g", missing=None),
    recording("r3", [2, 0, 2, 0, 2], "h", missing=3),
]


def test_bouts_stop_where_nobody_annotated() -> None:
    seen = survey(TASK, RECORDINGS)
    mount, attack = seen.bouts()
    assert sorted(mount.tolist()) == [3, 4]
    assert sorted(attack.tolist()) == [1, 1, 1, 2], "frames 0 to 1 and 3 of r1, 1 and 3 of r3"


def test_missing_keypoints_count_the_frames_with_poses_only() -> None:
    missing = survey(TASK, RECORDINGS).missing()
    np.testing.assert_allclose(missing, [[5 / 13, 0, 0], [0, 0, 0]])
    assert survey(TASK, RECORDINGS[1:2]).missing() is None


def test_the_card_says_it() -> None:
    card = datacard_text(survey(TASK, RECORDINGS))
    assert "CC0; may be passed on" in card
    assert "Nobody (1999)." in card
    assert "3 of 2 groups, 2 with poses" in card
    assert "17 at 10 per second" in card
    lines = {line.split()[0]: line.split() for line in card.splitlines() if line}
    assert lines["train"][1:] == ["2", "1", "12", "91.7", "%", "63.6", "%", "27.3", "%"]
    assert lines["test"][1:] == ["1", "of", "2", "1", "5", "100.0", "%", "0.0", "%", "40.0", "%"]
    assert lines["a"][1:] == ["12.8", "%", "38.5", "%", "0.0", "%", "0.0", "%"]
    assert lines["attack"][1:4] == ["4", "1", "1"]
    assert "SIMULATED" not in card
    assert "- The mice were toys." in card


def test_simulated_data_say_so() -> None:
    task = replace(TASK, dataset=replace(DATASET, simulate=lambda folder: None, redistributable=False))
    card = datacard_text(survey(task, RECORDINGS))
    assert "SIMULATED: no animal was recorded" in card
    assert "may not be passed on" in card


def test_a_class_without_bouts_and_a_store_without_poses() -> None:
    card = datacard_text(survey(TASK, [recording("r2", [1, 1, 1, 1], "g", missing=None)]))
    assert "no recording here has poses" in card
    assert "–" in next(line for line in card.splitlines() if line.startswith("attack"))


def test_the_parts_of_a_task_have_rows_of_their_own() -> None:
    parts = {
        name: {"train": {"g": ("r1",)}, "test": {"h": (last,)}} for name, last in [("p", "r2"), ("q", "r3")]
    }
    task = replace(TASK, split=Split("toy", "", "", parts), parts=(Part("p", "P"), Part("q", "Q")))
    assert list(survey(task, RECORDINGS).subsets) == ["p/train", "p/test", "q/train", "q/test"]


def test_a_data_set_without_a_task() -> None:
    seen = survey_dataset(DATASET, RECORDINGS)
    assert seen.classes == CLASSES
    assert seen.subsets == {"all": ["r1", "r2", "r3"]}


def test_lengths_fall_between_powers_of_two() -> None:
    lengths = [np.array([1, 2, 3, 4, 7, 8, 1023, 1024]), np.array([], dtype=np.int64)]
    assert doubling(lengths).tolist() == [[1, 2, 2, 1, 0, 0, 0, 0, 0, 1, 1], [0] * 11]
    assert doubling([np.array([], dtype=np.int64)]).tolist() == [[0]]


def test_a_rare_length_is_not_drawn_as_none() -> None:
    assert bar(np.array([0, 1, 10_000])) == "·▁█"
    assert bar(np.zeros(2, dtype=np.int64)) == "··"


def test_the_drawing_is_well_formed_and_escapes_names() -> None:
    seen = survey(TASK, RECORDINGS)
    svg = bout_plot(seen.title, ("<mount>", "attack"), seen.bouts(), 10.0)
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "Toy <mice>: lengths of bouts"
    assert "<mount>: 1 bouts of 4 to 7 frames" in titles
    bars = [node for node in root.iter("{http://www.w3.org/2000/svg}rect") if node.get("fill") == "#3b6ea5"]
    heights = [float(node.get("height", "")) for node in bars]
    assert heights == [0.0, 44.0, 44.0, 44.0, 14.7, 0.0], "mount 0 1 1, attack 3 1 0, each to its own tallest"


def test_every_data_set_says_where_it_lives() -> None:
    listed = sources_text([*DATASETS, replace(DATASET, published=Published("lab/toy", "0" * 40, "0" * 64))])
    for dataset in DATASETS:
        assert any(line.startswith(f"{dataset.name} ") for line in listed.splitlines())
    assert "lab/toy" in listed
    rows = CliRunner().invoke(cli, ["pull", "--list"])
    assert rows.exit_code == 0
    assert "not allowed" in rows.output


def test_the_command(bench_home: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["pull", "demo-4x300"])
    assert run.exit_code == 0, run.output
    run = CliRunner().invoke(cli, ["data", "demo-4x300", "--svg", str(tmp_path / "bouts.svg")])
    assert run.exit_code == 0, run.output
    assert "1,200 at 30 per second" in run.output
    assert "SIMULATED" in run.output
    ET.parse(tmp_path / "bouts.svg")  # noqa: S314 - our own file


@pytest.mark.slow
def test_real_rat_dyads(real_data: Path, bench_home: Path) -> None:
    """The facts of the data set: 832,926 frames, about 36 % of the keypoints not found."""
    from bench.datasets import rat_dyads

    folder = real_data / "rat-dyads"
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist")
    store.pull(rat_dyads.DATASET, folder)
    seen = survey(rat_dyads.TASK, store.load_all(rat_dyads.DATASET))
    assert sum(tally.frames for tally in seen.tallies.values()) == 832_926
    counts = np.sum([tally.counts for tally in seen.tallies.values()], axis=0)
    assert dict(zip(seen.classes, counts.tolist(), strict=True)) == {
        "social": 323_466,
        "nonsocial": 306_494,
        "aggression": 67_043,
        "base": 135_923,
    }
    missing = seen.missing()
    assert missing is not None
    assert missing.mean() == pytest.approx(0.36, abs=0.01)
