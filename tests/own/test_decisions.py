"""`bench add` loses no recording without a word, and says what the readers decided."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import store
from bench.adding import Added, add
from bench.cli import cli
from bench.datasets import own
from bench.datasets.formats import names
from bench.datasets.formats.names import recording_id, video_name
from bench.datasets.own import declaration
from bench.errors import BenchError, UsageError
from bench.recordings import Recording
from bench.text import added_text

from .conftest import FRAMES, deeplabcut, edit

COLUMNS = "Observation id,Media duration (s),FPS,Subject,Behavior,Behavior type,Start (s),Stop (s)\n"
LENGTHS = {id_: f"{frames / 25:.3f}" for id_, frames in FRAMES.items()}


def bout(id_: str, start: int, stop: int, behaviour: str = "attack", length: str = "") -> str:
    """Return a line of BORIS's aggregated events, from one frame to another."""
    seconds = f"{start / 25:.3f},{stop / 25:.3f}"
    return f"{id_},{length or LENGTHS[id_.lower()]},25.0,black,{behaviour},STATE,{seconds}\n"


@pytest.fixture
def boris(lab: Path) -> Path:
    """Return the lab with BORIS exports in the place of its labels, one for each recording."""
    edit(lab / "mylab.toml", ('"frames"', '"boris"'))
    for id_ in FRAMES:
        (lab / "labels" / f"{id_}.csv").write_text(COLUMNS + bout(id_, 1, 4))
    return lab


def recordings(added: Added) -> dict[str, Recording]:
    ids = list(added.stored.recordings)
    posed = bool(added.task.dataset.animals)
    return dict(zip(ids, store.load(added.task.dataset, ids, poses=posed), strict=True))


def attacks(added: Added) -> dict[str, list[int]]:
    return {id_: np.flatnonzero(one.labels[:, 0]).tolist() for id_, one in recordings(added).items()}


def refused(lab: Path) -> list[str]:
    with pytest.raises(BenchError) as caught:
        add(lab / "mylab.toml")
    assert caught.value.hint
    return list(caught.value.problems)


# --------------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("stem", "id_"),
    [
        ("Mouse 7 day.2", "mouse_7_day_2"),
        ("m1. b", "m1_b"),
        ("m1_DLC", "m1_dlc"),
        ("m1DLC_resnet50_labJan24shuffle1_5000_filtered", "m1"),
        ("cage 3.v2DLC_Resnet50_x_snapshot_050", "cage_3_v2"),
        ("m1.analysis", "m1"),
        (".m1.", "m1"),
    ],
)
def test_a_name_becomes_an_id_by_one_rule(stem: str, id_: str) -> None:
    assert recording_id(video_name(stem)) == id_
    assert doctest.testmod(names).failed == 0


def test_names_with_spaces_and_dots_meet_in_files_groups_and_splits(lab: Path) -> None:
    (lab / "labels" / "m2.csv").rename(lab / "labels" / "Mouse 2.v1.csv")
    (lab / "poses" / "M2DLC_net_shuffle1_1.csv").rename(lab / "poses" / "mouse 2.V1DLC_net_shuffle1_1.csv")
    edit(lab / "mylab.toml", ('test = ["m3"]', 'test = ["Mouse 2.v1"]\ngroups = "g.csv"'))
    (lab / "g.csv").write_text("recording,group\nm1,a\nMouse 2.v1,b\nm3,c\n")
    added = add(lab / "mylab.toml")
    assert added.choice["all"]["test"] == ("mouse_2_v1",)
    (lab / "labels" / "mouse_2 v1.csv").write_text("frame,label\n0,attack\n")
    assert any("is already in labels/Mouse 2.v1.csv" in problem for problem in refused(lab))


# --------------------------------------------------------------------------- files
LITTER = ("._m1.csv", ".DS_Store", "Thumbs.db", "desktop.ini", "~$m1.csv", ".~lock.m1.csv#", ".nfs0000001")


def test_litter_is_left_alone(lab: Path) -> None:
    before = added_text(add(lab / "mylab.toml"))
    for folder in ("labels", "poses"):
        for name in LITTER:
            (lab / folder / name).write_bytes(b"\x00\x05\x16\x07")
    edit(lab / "mylab.toml", ("labels/*.csv", "labels/*"), ("poses/*.csv", "poses/*"))
    assert added_text(add(lab / "mylab.toml", replace=True)) == before


def test_no_recording_is_lost_without_a_word(lab: Path) -> None:
    (lab / "labels" / "m4.csv").symlink_to(lab / "elsewhere.csv")
    assert refused(lab) == ["labels/m4.csv: a link that leads to no file"]
    (lab / "labels" / "m4.csv").unlink()
    (lab / "labels" / "m4.csv").mkdir()
    (lab / "labels" / "M5.CSV").write_text("frame,label\n0,attack\n")
    (lab / "labels" / "notes.txt").write_text("not of the pattern at all")
    added = add(lab / "mylab.toml")
    assert [text.partition(":")[0] for text in added.sources.left_out] == ["labels/M5.CSV", "labels/m4.csv"]
    assert all(f"left out: {text}" in added_text(added) for text in added.sources.left_out)


@pytest.mark.parametrize("pattern", ["la**bels/*.csv", "labels/**.csv"])
def test_a_pattern_that_no_folder_can_be_searched_by_is_refused(lab: Path, pattern: str) -> None:
    edit(lab / "mylab.toml", ("labels/*.csv", pattern))
    assert "labels.files" in "".join(refused(lab))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_any_text(lab: Path, encoding: str) -> None:
    before = added_text(add(lab / "mylab.toml"))
    for path in (lab / "mylab.toml", *lab.glob("*/*.csv")):
        path.write_bytes(path.read_text().encode(encoding))
    assert added_text(add(lab / "mylab.toml")) == before


# --------------------------------------------------------------------------- observations
def test_one_export_of_all_recordings_is_cut_into_them(boris: Path) -> None:
    for path in (boris / "labels").iterdir():
        path.unlink()
    lines = [bout("m1", 1, 4), bout("M2", 2, 9), bout("m3", 0, 11), bout("M2", 0, 1)]
    (boris / "labels" / "every event.csv").write_text(COLUMNS + "".join(lines))
    added = add(boris / "mylab.toml")
    assert attacks(added) == {"m1": [1, 2, 3], "m2": [0, 2, 3, 4, 5, 6, 7, 8], "m3": list(range(11))}
    (boris / "labels" / "m1.csv").write_text(COLUMNS + bout("m1", 1, 4))
    assert any("observation 'm1' is already in labels/m1.csv" in problem for problem in refused(boris))
    (boris / "labels" / "m1.csv").unlink()
    (boris / "labels" / "every event.csv").write_text(
        COLUMNS + "".join([*lines, bout("m4", 0, 1, length="9")])
    )
    assert any("no poses of recording 'm4'" in problem for problem in refused(boris))


def test_a_file_named_like_one_of_its_observations_is_of_that_one(boris: Path) -> None:
    broken = bout("m2", 5, 6).replace("0.200", "never")
    (boris / "labels" / "m1.csv").write_text(COLUMNS + bout("m1", 1, 4) + broken)
    added = add(boris / "mylab.toml")
    assert attacks(added)["m1"] == [1, 2, 3]
    assert attacks(added)["m2"] == [1, 2, 3]
    assert any("'m2'" in text and "labels/m1.csv" in text for text in added.sources.left_out)


def test_two_observations_of_one_recording_are_refused(boris: Path) -> None:
    (boris / "labels" / "m1.csv").write_text(COLUMNS + bout("m1", 1, 4) + bout("M1", 5, 6))
    assert any("'m1', 'M1'" in problem for problem in refused(boris))


def test_the_observation_of_another_recording_is_refused(boris: Path) -> None:
    for id_, other in (("m1", "m2"), ("m2", "m1")):
        (boris / "labels" / f"{id_}.csv").write_text(COLUMNS + bout(other, 1, 4))
    assert sorted(refused(boris)) == [
        "labels/m1.csv: holds observation 'm2', which is another recording",
        "labels/m2.csv: holds observation 'm1', which is another recording",
    ]
    (boris / "labels" / "m2.csv").write_text(COLUMNS + bout("m2", 1, 4))
    (boris / "labels" / "m1.csv").write_text(COLUMNS + bout("day one", 1, 4, length=LENGTHS["m1"]))
    added = add(boris / "mylab.toml")
    assert attacks(added)["m1"] == [1, 2, 3]
    assert ("m1", "its observation is called 'day one'") in added.notes


def test_nothing_happened_in_an_export_without_events(boris: Path) -> None:
    (boris / "labels" / "m2.csv").write_text(COLUMNS)
    added = add(boris / "mylab.toml")
    assert attacks(added)["m2"] == []
    assert recordings(added)["m2"].annotated.all()
    assert any(id_ == "m2" and "nothing happened" in text for id_, text in added.notes)
    edit(boris / "mylab.toml", ('poses = { format = "deeplabcut", files = "poses/*.csv" }\n', ""))
    assert any(problem.startswith("m2: 'm2.csv' no events") for problem in refused(boris))


def test_the_tolerance_takes_events_past_the_end(boris: Path) -> None:
    (boris / "labels" / "m2.csv").write_text(COLUMNS + bout("m2", 5, 11))
    assert any("tolerance = 2" in problem for problem in refused(boris))
    edit(boris / "mylab.toml", ("test =", "tolerance = 2\ntest ="))
    added = add(boris / "mylab.toml")
    assert attacks(added)["m2"] == [5, 6, 7, 8]
    assert "read: m2: 1 events end up to 2.0 frames past the stated length" in added_text(added)


# --------------------------------------------------------------------------- what was decided
def test_a_decision_is_told_once_with_its_recordings(lab: Path) -> None:
    for number, id_ in enumerate(FRAMES):
        path = lab / "poses" / f"{id_.upper()}DLC_net_shuffle1_{number}.csv"
        lines = path.read_text().splitlines()
        cells = lines[5].split(",")
        cells[1:4], cells[6], cells[7] = ["-1", "-1", "-1"], "1.25", "9000"
        path.write_text("\n".join([*lines[:5], ",".join(cells), *lines[6:], ""]))
    added = add(lab / "mylab.toml")
    said = added_text(added)
    assert "read: m1, m2, m3: 1 keypoints at (-1, -1) without a confidence: not found" in said
    assert "confidences outside [0, 1]: kept" in said
    assert "far outside the image of 640 x 480 pixels: kept" in said
    assert np.isnan(recordings(added)["m2"].confidence[1, 0, 0])  # type: ignore[index]


def test_animals_are_named_in_the_declaration(lab: Path) -> None:
    for path in (lab / "poses").iterdir():
        lines = path.read_text().splitlines()
        rows = [row.split(",") for row in lines]
        names = [f"{k}_{a}" for a, k in zip(rows[1][1:], rows[2][1:], strict=True)]
        path.write_text("\n".join([lines[0], ",".join(["bodyparts", *names]), *lines[3:], ""]))
    added = add(lab / "mylab.toml")
    assert added.task.dataset.animals == ("individual",)
    edit(lab / "mylab.toml", ('poses/*.csv"', 'poses/*.csv", animals = ["white", "black"]'))
    added = add(lab / "mylab.toml", replace=True)
    assert (added.task.dataset.animals, added.task.dataset.keypoints) == (
        ("white", "black"),
        ("nose", "neck", "tail"),
    )
    assert any("white, black" in note for note in added.task.dataset.notes)
    keypoints = recordings(added)["m1"].keypoints
    assert keypoints is not None
    assert keypoints[2, :, 0, 0].tolist() == [2 * 18 + 9, 2 * 18]
    kept = own.own_task("mylab")
    assert kept is not None
    assert kept.declared == declaration.read_declaration(lab / "mylab.toml")[0]
    edit(lab / "mylab.toml", ('"black"]', '"brown"]'))
    assert any("brown" in problem for problem in refused(lab))


def test_keys_belong_to_formats(lab: Path) -> None:
    edit(lab / "mylab.toml", ('labels/*.csv"', 'labels/*.csv", times = "frames"'))
    with pytest.raises(UsageError, match=r"labels\.times: belongs to bento"):
        add(lab / "mylab.toml")


def test_a_part_of_a_video_is_refused(lab: Path) -> None:
    text = deeplabcut(9).splitlines()
    (lab / "poses" / "M2DLC_net_shuffle1_1.csv").write_text("\n".join([*text[:4], *text[5:], ""]))
    assert any("frame ['1']" in problem for problem in refused(lab))


def test_a_failed_or_interrupted_add_leaves_nothing_half_written(
    lab: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = sorted(lab.rglob("*"))
    with monkeypatch.context() as changed:
        changed.setattr(store, "pull", interrupted)
        assert CliRunner().invoke(cli, ["add", str(lab / "mylab.toml")]).exit_code != 0
    assert sorted(lab.rglob("*")) == before
    assert not list(bench_home.rglob("*"))
    for folder in (lab, bench_home / "tasks"):  # what a killed `add` leaves
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".{'0123456789abcdef'}.part").write_text("half a spl")
    add(lab / "mylab.toml")
    assert not list(lab.glob("*.part"))
    assert not list(bench_home.rglob("*.part"))


def test_the_folder_may_be_reached_by_a_link(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(lab)
    assert add(tmp_path / "here" / "mylab.toml").new
    assert (lab / "mylab.split.json").is_file()
