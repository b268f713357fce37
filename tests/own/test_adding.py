"""`bench add`: a lab's recordings become a task; what is wrong is said at once, and nothing is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import store
from bench.cli import cli
from bench.datasets import all_tasks, get_dataset, get_task
from bench.datasets.own.checks import OPTIONAL, REQUIRED
from bench.errors import BenchError, DataError, UsageError
from bench.submissions import write_run

from .conftest import FRAMES, deeplabcut, edit


def run(*arguments: object) -> str:
    done = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def fails(*arguments: object) -> BenchError:
    with pytest.raises(BenchError) as caught:
        CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    return caught.value


def everything(*folders: Path) -> Mapping[str, str]:
    """Return every file below some folders with the digest of its bytes."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_lab_becomes_a_task_for_every_command(lab: Path, tmp_path: Path) -> None:
    said = run("add", lab / "mylab.toml")
    assert "m3           test" in said
    assert "poses/M3DLC_net_shuffle1_2.csv  labels/m3.csv" in said
    assert "mylab: 3 recordings, 27 frames at 25 per second; 2 x 3 keypoints: nose, neck, tail" in said
    assert "split: 2 train, 0 val, 1 test" in said
    assert "test groups: 1; with fewer than 5 results have no interval" in said
    assert "mylab (own task)" in run("tasks")
    card = run("data", "mylab")
    assert "3 of 3 groups, 3 with poses" in card
    assert "official    not published" in card
    task = get_task("mylab")
    assert (task.dataset.animals, task.dataset.image) == (("black", "white"), (640, 480))
    assert get_dataset("mylab").name == "mylab"
    assert [task.name for task in all_tasks()][-1] == "mylab"
    run("new", tmp_path / "mine", "--task", "mylab")
    truth = next(iter(store.load(task.dataset, ["m3"], poses=False))).labels
    write_run(tmp_path / "mine", "mylab", "seed0", {"all": {"m3": truth.astype(np.float32)}})
    said = run("evaluate", tmp_path / "mine", "--results", tmp_path / "results")
    assert "mylab (own task)" in said
    assert "No interval: 1 groups" in said
    result = json.loads((tmp_path / "results" / "mylab--mine.json").read_bytes())
    assert result["scores"]["f1"]["value"] == 1
    assert result["split_digest"] == hashlib.sha256((lab / "mylab.split.json").read_bytes()).hexdigest()


def test_the_arrays_are_those_of_the_files(lab: Path) -> None:
    run("add", lab / "mylab.toml")
    first, second = store.load(get_dataset("mylab"), ["m1", "m2"], poses=True)
    assert first.keypoints is not None
    assert second.keypoints is not None
    assert first.keypoints.shape == (7, 2, 3, 2)
    assert first.keypoints[2, 1, 0].tolist() == [2 * 18 + 9, 2 * 18 + 10]
    assert second.keypoints[0, 0, 0, 0] == 1000
    assert first.labels.astype(int).tolist()[:4] == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert first.annotated.all()


def test_the_same_files_twice_change_nothing(lab: Path, bench_home: Path) -> None:
    run("add", lab / "mylab.toml")
    before = everything(lab, bench_home)
    assert "already there, nothing was written: task mylab" in run("add", lab / "mylab.toml")
    assert everything(lab, bench_home) == before


def test_another_machine_gets_the_same_digests_or_is_refused(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add", lab / "mylab.toml")
    digest = get_task("mylab").load_split().digest
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "other"))
    edit(lab / "labels" / "m2.csv", ("8,attack", "8,mount"))
    error = fails("add", lab / "mylab.toml")
    assert "freezes another split, or other labels" in str(error)
    assert not (tmp_path / "other").exists()
    edit(lab / "labels" / "m2.csv", ("8,mount", "8,attack"))
    run("add", lab / "mylab.toml")
    assert get_task("mylab").load_split().digest == digest


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("labels/m2.csv", "8,attack", "8,mount", "other labels"),
        ("poses/M2DLC_net_shuffle1_1.csv", "1004.0", "1004.5", "m2: the same labels, other poses"),
        ("mylab.toml", 'test = ["m3"]', 'test = ["m2"]', "test: ('m3',), now ('m2',)"),
        (
            "mylab.toml",
            '"attack", "mount"',
            '"mount", "attack"',
            "classes: ('attack', 'mount', 'other'), now",
        ),
    ],
)
def test_changed_files_are_refused_unless_replaced(
    lab: Path, bench_home: Path, file: str, old: str, new: str, expected: str
) -> None:
    run("add", lab / "mylab.toml")
    before = everything(bench_home)
    edit(lab / file, (old, new))
    error = fails("add", lab / "mylab.toml")
    assert expected in str(error)
    assert error.exit_code == 4
    assert error.hint == f"bench add {lab / 'mylab.toml'} --replace"
    assert everything(bench_home) == before
    assert "added task mylab" in run("add", lab / "mylab.toml", "--replace")
    assert "already there" in run("add", lab / "mylab.toml")


def test_the_recordings_of_a_kept_task_can_be_pulled_from_another_folder(lab: Path, tmp_path: Path) -> None:
    run("add", lab / "mylab.toml")
    assert "already there: 3 recordings" in run("pull", "mylab", "--from", lab)
    edit(lab / "labels" / "m2.csv", ("8,attack", "8,mount"))
    assert "mylab: labels of m2" in str(fails("pull", "mylab", "--from", lab))


BAD_TOML: Mapping[str, tuple[tuple[str, str], str]] = {
    "no TOML": (("fps = 25", "fps = 25 fps"), "not a TOML file"),
    "another table": (("[dataset]", "[datset]"), "line 1: unknown table 'datset'; did you mean 'dataset'?"),
    "an unknown key": (("fps = 25", "fsp = 25"), "line 3: fsp: unknown key; did you mean 'fps'?"),
    "a missing key": (("fps = 25\n", ""), "fps: missing, expected frames per second"),
    "a name with markup": (
        ('"mylab"', '"<script>"'),
        "line 2: name: '<script>', expected lower-case letters",
    ),
    "a name that no page can have": (('"mylab"', '"my_lab"'), "line 2: name: 'my_lab', expected lower-case"),
    "the name of the first page": (('"mylab"', '"index"'), "line 2: name: 'index', expected lower-case"),
    "a name that two pages could share": (('"mylab"', '"my--lab"'), "line 2: name: 'my--lab', expected"),
    "a name that Windows keeps": (('"mylab"', '"com1"'), "line 2: name: 'com1', expected"),
    "a name that climbs": (('"mylab"', '"../home"'), "name: '../home', expected"),
    "an official name": (('"mylab"', '"rat-dyads"'), "'rat-dyads' is taken by EthoBench itself"),
    "a name of the demo": (('"mylab"', '"demo-4x30"'), "'demo-4x30' is taken"),
    "the folder of tasks": (('"mylab"', '"tasks"'), "'tasks' is taken"),
    "a rate of nothing": (("fps = 25", "fps = 0"), "line 3: fps: 0, expected frames per second"),
    "an endless rate": (("fps = 25", "fps = inf"), "line 3: fps: inf, expected frames per second"),
    "an image of text": (("[640, 480]", '"640x480"'), "line 4: image: '640x480', expected [width, height]"),
    "poses without image": (("image = [640, 480]\n", ""), "poses without image"),
    "an unknown format": (("deeplabcut", "deeplabcat"), "did you mean 'deeplabcut'?"),
    "labels of a pose format": (('"frames"', '"sleap"'), "line 6: labels.format: 'sleap', expected"),
    "no pattern": ((', files = "labels/*.csv"', ""), "line 6: labels.files: missing, expected a pattern"),
    "an absolute pattern": (('"labels/*', '"/etc/*'), "expected a pattern below the folder"),
    "a pattern that climbs": (('"labels/*', '"../*'), "expected a pattern below the folder"),
    "a class twice": (('"mount"', '"attack"'), "line 7: classes: 'attack' stands there 2 times"),
    "a class with a line": (
        ('"mount"', '"mou\\nnt"'),
        "classes[1]: holds U+000A, a control character",
    ),
    "a class turned round": (('"mount"', '"mou\\u202ent"'), "holds U+202E, a format character"),
    "a background of none": (('ound = "other"', 'ound = "othre"'), "did you mean 'other'?"),
    "the background alone": (('"attack", "mount", ', ""), "the background alone"),
    "no test": (('test = ["m3"]\n', ""), "neither test nor split"),
    "test and split": (("test =", 'split = "s.csv"\ntest ='), "line 9: split: expected either a csv or test"),
    "a channel of frames": (
        ('"frames",', '"frames", channel = "S1",'),
        "labels.channel: belongs to caltech and bento, expected no channel",
    ),
    "an address that runs": (("test =", 'url = "javascript:alert(1)"\ntest ='), "url: 'javascript:alert(1)'"),
}


@pytest.mark.parametrize(("change", "expected"), BAD_TOML.values(), ids=BAD_TOML)
def test_a_wrong_declaration_is_refused_and_nothing_is_written(
    lab: Path, bench_home: Path, change: tuple[str, str], expected: str
) -> None:
    edit(lab / "mylab.toml", change)
    before = everything(lab)
    error = fails("add", lab / "mylab.toml")
    assert isinstance(error, UsageError)
    assert expected in str(error)
    assert error.hint
    assert everything(lab) == before
    assert not bench_home.exists()


def other_fps(lab: Path) -> None:
    edit(lab / "mylab.toml", ('"frames", files = "labels/*.csv"', '"boris", files = "labels/*.csv"'))
    for path in (lab / "labels").iterdir():
        path.write_text(
            "Time,Total length,FPS,Subject,Behavior,Status\n"
            "0,0.28,30,,attack,START\n0.1,0.28,30,,attack,STOP\n"
        )


BAD_FOLDER: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "no labels": (
        lambda lab: edit(lab / "mylab.toml", ("labels/*.csv", "label/*.csv")),
        "labels: no file matches 'label/*.csv'",
    ),
    "poses of another kind": (
        lambda lab: edit(lab / "mylab.toml", ("poses/*.csv", "poses/*.h5")),
        "poses: no file matches 'poses/*.h5' in {lab}; beside it: .csv",
    ),
    "no such folder": (
        lambda lab: edit(lab / "mylab.toml", ("test =", 'folder = "elsewhere"\ntest =')),
        "elsewhere: no such folder",
    ),
    "a name one letter off": (
        lambda lab: (lab / "labels" / "m2.csv").rename(lab / "labels" / "m22.csv"),
        "labels/m22.csv: no poses of recording 'm22'; did you mean 'm2'?",
    ),
    "a name with markup": (
        lambda lab: (lab / "labels" / "m2.csv").rename(lab / "labels" / "<b>m2.csv"),
        "labels/<b>m2.csv: '<b>m2' is no name of a recording",
    ),
    "a name with a control character": (
        lambda lab: (lab / "labels" / "m2.csv").rename(lab / "labels" / "m\x1b[31m2.csv"),
        "labels/m\\x1b[31m2.csv: 'm\\x1b[31m2' is no name of a recording",
    ),
    "two files of one recording": (
        lambda lab: (lab / "labels" / "M2.csv").write_text("frame,label\n0,attack\n"),
        "labels/m2.csv: recording 'm2' is already in labels/M2.csv",
    ),
    "an unknown label": (
        lambda lab: edit(lab / "labels" / "m2.csv", ("8,attack", "8,atack")),
        "m2: 'm2.csv' label 'atack' is no class; did you mean 'attack'?; ignore = ['atack'] leaves it out",
    ),
    "labels cut short": (
        lambda lab: edit(lab / "labels" / "m2.csv", ("\n8,attack", "")),
        "m2: 'm2.csv' labels of 8 frames, 9 frames of poses; tolerance = 1 takes the frames of the poses",
    ),
    "a broken table of poses": (
        lambda lab: edit(lab / "poses" / "M2DLC_net_shuffle1_1.csv", ("1004.0", "left")),
        "m2: 'M2DLC_net_shuffle1_1.csv' is not a DeepLabCut table: line 5: could not convert",
    ),
    "another skeleton": (
        lambda lab: edit(lab / "poses" / "M2DLC_net_shuffle1_1.csv", ("neck", "ear")),
        "animals black, white with nose, ear, tail; the recordings before have black, white with nose, neck",
    ),
    "a keypoint turned round": (
        lambda lab: [edit(path, ("neck", "ne\u202eck")) for path in (lab / "poses").iterdir()],
        "name of an animal or keypoint: holds U+202E, a format character",
    ),
    "another frame rate": (other_fps, "m1: 'm1.csv' 30 frames per second, declared 25"),
    "an unknown test recording": (
        lambda lab: edit(lab / "mylab.toml", ('["m3"]', '["m33"]')),
        "test: no group and no recording 'm33'; did you mean 'm3'?",
    ),
    "no table of groups": (
        lambda lab: edit(lab / "mylab.toml", ("test =", 'groups = "groups.csv"\ntest =')),
        "groups.csv: no such file",
    ),
    "classes that hold together": (
        lambda lab: (lab / "labels" / "m1.csv").write_text(
            "frame,attack,mount\n" + "".join(f"{t},{t % 2},1\n" for t in range(7))
        ),
        "3 frames of several classes or none: in frame 1 attack and mount hold together; overlap = true",
    ),
    "frames of no class": (
        lambda lab: edit(lab / "mylab.toml", ('background = "other"\n', ""), (', "other"]', "]")),
        "label 'other' is no class",
    ),
}


@pytest.mark.parametrize(("change", "expected"), BAD_FOLDER.values(), ids=BAD_FOLDER)
def test_a_wrong_folder_is_refused_and_nothing_is_written(
    lab: Path, bench_home: Path, change: Callable[[Path], object], expected: str
) -> None:
    change(lab)
    before = everything(lab)
    error = fails("add", lab / "mylab.toml")
    assert isinstance(error, DataError)
    assert expected.replace("{lab}", str(lab)) in str(error)
    assert error.hint
    assert error.hint.endswith(f"then: bench add {lab / 'mylab.toml'}")
    assert "\x1b" not in str(error)
    assert everything(lab) == before
    assert not list(bench_home.rglob("*.*"))


def test_the_help_names_every_key() -> None:
    said = CliRunner().invoke(cli, ["add", "--help"]).output
    assert not [
        key
        for key in (*REQUIRED, *OPTIONAL, "channel", "subject", "times", "ignore", "animals")
        if key not in said
    ]


def test_every_fault_is_listed_at_once(lab: Path) -> None:
    edit(lab / "mylab.toml", ("fps = 25", "fps = 0"), ('"other"]', '"<"]'), ("test =", "tset ="))
    assert len(fails("add", lab / "mylab.toml").problems) == 4
    edit(lab / "mylab.toml", ("fps = 0", "fps = 25"), ('"<"]', '"other"]'), ("tset =", "test ="))
    for id_ in FRAMES:
        edit(lab / "labels" / f"{id_}.csv", ("2,mount", "2,monut"))
    (lab / "poses" / "M2DLC_net_shuffle1_1.csv").write_text(deeplabcut(3).replace("nose", "ear"))
    error = fails("add", lab / "mylab.toml")
    assert [problem.split(":")[0] for problem in error.problems] == ["m1", "m2", "m2", "m3"]


def test_a_file_instead_of_a_name_says_what_to_type(lab: Path) -> None:
    path = lab / "mylab.toml"
    assert fails("new", lab / "mine", "--task", path).hint == f"bench add {path}, then use the name in it"
    assert "did you mean 'mylab.toml'?" in str(fails("add", lab / "mylb.toml"))


def test_a_kept_task_that_cannot_be_read_spoils_no_other(lab: Path, bench_home: Path) -> None:
    run("add", lab / "mylab.toml")
    (bench_home / "tasks" / "mylab.json").write_text('{"format": 1}')
    assert "does not hold an own task of this version" in str(fails("data", "mylab"))
    assert get_task("demo").name == "demo"
    assert "bench pull" in str(fails("data", "ethome"))


def test_markup_in_texts_reaches_a_page_as_text(lab: Path, tmp_path: Path) -> None:
    edit(lab / "mylab.toml", ('"mount"', '"<img src=x>"'), ("test =", 'title = "<script>"\ntest ='))
    for path in (lab / "labels").iterdir():
        edit(path, ("mount", "<img src=x>"))
    run("add", lab / "mylab.toml")
    run("train", "prior", "--task", "mylab", "--out", tmp_path / "prior")
    run("evaluate", tmp_path / "prior", "--results", tmp_path / "results")
    run("publish", "--results", tmp_path / "results", "--out", tmp_path / "site")
    pages = [path.read_text() for path in (tmp_path / "site").glob("*.html")]
    assert any("&lt;script&gt; (own task)" in page for page in pages)
    assert not any("<img src=x>" in page or "<script> (own" in page for page in pages)
