"""What own files say becomes truth and poses: every format, pairs of names, groups, splits, and in memory."""

from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.adding import add
from bench.datasets import ethome, own, rat_dyads
from bench.datasets.own import memory, sources
from bench.datasets.own.declaration import Declaration, Files, read_declaration
from bench.datasets.own.reading import read
from bench.errors import DataError, SplitError, UsageError
from bench.evaluation import evaluate
from bench.recordings import Recording, one_hot

from .conftest import FRAMES, TOML, edit

BORIS = """Time,Total length,FPS,Subject,Behavior,Status
0,0.28,25,black,attack,START
0.12,0.28,25,black,attack,STOP
0.16,0.28,25,white,mount,POINT
"""
CALTECH = """Caltech Behavior Annotator - Annotation File

Configuration file:
attack\ta
mount\tm
other\to

S1:\tstart\tend\ttype
-----------------------------
\t1\t3\tattack
\t4\t4\tother
\t5\t5\tmount
\t6\t7\tother
"""
BENTO = """Bento annotation file
Movie file(s):  v.avi

Annotation start frame: 1
Annotation stop frame: 7
Annotation framerate: 25.000000

Ch1----------
>attack
Start\t Stop\t Duration
1\t3\t3

>mount
Start\t Stop\t Duration
5\t5\t1
"""
COLUMNS = "frame,attack,mount\n" + "".join(f"{t},{int(t < 3)},{int(t == 4)}\n" for t in range(7))
SIMBA = ",Nose_1_x,Nose_1_y,Nose_1_p,Nose_2_x,Nose_2_y,Nose_2_p,attack,mount\n" + "".join(
    f"{t},{10 * t + 1},2,0.5,{10 * t + 3},4,0.6,{int(t < 3)},{int(t == 4)}\n" for t in range(7)
)
CLASSES = ("attack", "mount", "other")


def one(folder: Path, text: str, declared: Declaration) -> Recording:
    """Write one file of labels and read its recording."""
    (folder / "m1.txt").write_text(text)
    (recording,) = read(folder, declared=declared)
    return recording


def declared(format_: str, **changes: object) -> Declaration:
    labels = Files(format_, "*.txt")
    made = Declaration("mylab", 25.0, labels, CLASSES, background="other", test=("m1",))
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("format_", "text"),
    [("boris", BORIS), ("caltech", CALTECH), ("bento", BENTO), ("frames", COLUMNS), ("simba", SIMBA)],
)
def test_every_format_says_the_same(tmp_path: Path, format_: str, text: str) -> None:
    recording = one(tmp_path, text, declared(format_))
    assert recording.classes == CLASSES
    assert recording.labels.argmax(axis=1).tolist() == [0, 0, 0, 2, 1, 2, 2]
    assert recording.labels.sum(axis=1).tolist() == [1] * 7
    assert recording.annotated.all()


def test_simba_parts_its_keypoints_by_animal(tmp_path: Path) -> None:
    recording = one(tmp_path, SIMBA, declared("simba", poses=Files("simba", "*.txt"), image=(9, 8)))
    assert recording.keypoints is not None
    assert recording.keypoints.shape == (7, 2, 1, 2)
    assert recording.keypoints[2, 1, 0].tolist() == [23, 4]
    together = SIMBA.replace("Nose_2", "Tail_2")
    recording = one(tmp_path, together, declared("simba", poses=Files("simba", "*.txt"), image=(9, 8)))
    assert recording.keypoints is not None
    assert recording.keypoints.shape == (7, 1, 2, 2)


def test_one_subject_one_channel_and_labels_left_out(tmp_path: Path) -> None:
    black = Files("boris", "*.txt", subject="black")
    assert one(tmp_path, BORIS, declared("boris", labels=black)).labels[:, 1].sum() == 0
    with pytest.raises(DataError, match=r"subject 'blak', of black, white; did you mean 'black'"):
        one(tmp_path, BORIS, declared("boris", labels=replace(black, subject="blak")))
    two = CALTECH + CALTECH[CALTECH.index("S1:") :].replace("S1:", "S2:").replace("mount", "other")
    with pytest.raises(
        DataError, match=r"several channels; in labels = .* write channel = one of 'S1', 'S2'"
    ):
        one(tmp_path, two, declared("caltech"))
    second = Files("caltech", "*.txt", channel="S2")
    assert one(tmp_path, two, declared("caltech", labels=second)).labels[:, 1].sum() == 0
    left_out = Files("caltech", "*.txt", ignore=("mount",))
    without = declared("caltech", labels=left_out, classes=("attack", "other"))
    assert one(tmp_path, CALTECH, without).labels[4].tolist() == [False, True]
    alone = replace(without, background=None)
    assert one(tmp_path, CALTECH, alone).annotated.tolist() == [True] * 4 + [False] + [True] * 2


def test_classes_that_may_hold_together(tmp_path: Path) -> None:
    both = COLUMNS.replace("1,1,0", "1,1,1")
    labels = one(tmp_path, both, declared("frames", overlap=True)).labels
    assert labels[:4].astype(int).tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]]
    with pytest.raises(DataError, match=r"1 frames of .* in frame 3 no class holds; background"):
        one(tmp_path, "frame,attack,mount\n0,1,0\n1,1,0\n2,1,0\n3,0,0\n", bare())


def bare() -> Declaration:
    return declared("frames", background=None, classes=CLASSES[:2])


def test_an_empty_label_is_a_frame_that_nobody_annotated(tmp_path: Path) -> None:
    recording = one(tmp_path, "frame,label\n0,attack\n1,\n2,mount\n", declared("frames"))
    assert recording.annotated.tolist() == [True, False, True]
    assert not recording.labels[1].any()


def test_poses_say_how_long_a_recording_is(lab: Path) -> None:
    edit(lab / "labels" / "m1.csv", ("\n6,mount", ""))
    edit(lab / "labels" / "m2.csv", ("\n8,attack", "\n8,attack\n9,attack"))
    edit(lab / "mylab.toml", ("test =", "tolerance = 1\ntest ="))
    described, folder = read_declaration(lab / "mylab.toml")
    first, second, _ = read(folder, declared=described)
    assert first.annotated.tolist() == [True] * 6 + [False]
    assert second.frames == 9
    assert any("differ by up to 1 frames" in note for note in add(lab / "mylab.toml").task.dataset.notes)


def test_recordings_are_named_by_the_pattern(lab: Path) -> None:
    for id_ in FRAMES:
        (lab / "labels" / f"{id_}.csv").rename(lab / "labels" / f"x_{id_}_events_b.csv")
    edit(lab / "mylab.toml", ("labels/*.csv", "labels/x_{recording}_events*.csv"))
    (lab / "poses" / "M9DLC_net.csv").write_text("nobody labelled this")
    added = add(lab / "mylab.toml")
    assert [source.id for source in added.sources.sources] == list(FRAMES)
    assert added.sources.left_out == ("poses/M9DLC_net.csv: no labels of 'm9'",)
    assert doctest.testmod(sources).failed == 0


def test_groups_stay_on_one_side(lab: Path) -> None:
    edit(lab / "mylab.toml", ("test =", 'groups = "groups.csv"\ntest ='))
    (lab / "groups.csv").write_text("recording,group\nm1,cage 1\nM2,cage 2\nm3,cage 2\n")
    with pytest.raises(DataError, match=r"group 'cage 2' is in train and in test"):
        add(lab / "mylab.toml")
    edit(lab / "mylab.toml", ('["m3"]', '["cage 2"]'))
    split = add(lab / "mylab.toml").task.load_split()
    assert split.parts["all"]["test"] == {"cage 2": ("m2", "m3")}
    (lab / "groups.csv").write_text("recording,group\nm1,cage 1\nm1,cage 1\nm4,<\x07>\n")
    with pytest.raises(DataError) as caught:
        add(lab / "mylab.toml")
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "line 3: recording 'm1' a second time",
        "line 4: no labels of recording 'm4'",
        "no group of recording 'm2'",
        "no group of recording 'm3'",
    ]


def test_a_csv_may_split_into_parts(lab: Path) -> None:
    edit(lab / "mylab.toml", ('test = ["m3"]', 'split = "split.csv"'))
    rows = ["m1,train,a", "m2,val,a", "m3,test,a", "m2,train,b", "M1,test,b"]
    (lab / "split.csv").write_text("\n".join(["recording,subset,part", *rows, ""]))
    task = add(lab / "mylab.toml").task
    assert [part.name for part in task.parts] == ["a", "b"]
    assert task.load_split().ids("b", "test") == ["m1"]
    wrong = ["m1,trian,a", "m22,test,a", "m3,test,<b>", "m3,train,a", "m3,train,a"]
    (lab / "split.csv").write_text("\n".join(["recording,subset,part", *wrong, ""]))
    with pytest.raises(DataError) as caught:
        add(lab / "mylab.toml")
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "line 2: subset 'trian', expected one of train, val, test",
        "line 3: no labels of recording 'm22'; did you mean 'm2'?",
        "line 4: part '<b>', expected lower-case letters",
        "line 6: recording 'm3' a second time",
    ]
    (lab / "split.csv").write_text("recording;subset\nm1;test\n")
    with pytest.raises(DataError, match=r"line 1: 'recording;subset', expected recording,subset or"):
        add(lab / "mylab.toml")


def test_what_is_kept_is_what_was_declared(lab: Path) -> None:
    edit(lab / "mylab.toml", ("test =", 'val = ["m2"]\nlicence = "CC0"\nurl = "https://a.b/c"\ntest ='))
    added = add(lab / "mylab.toml")
    kept = own.own_task("mylab")
    assert kept is not None
    assert kept.declared == read_declaration(lab / "mylab.toml")[0]
    assert kept.task().load_split() == added.task.load_split()
    assert (added.task.dataset.licence, added.task.dataset.url) == ("CC0", "https://a.b/c")
    assert not added.task.dataset.redistributable
    assert own.own_task("../mylab") is None


def test_the_example_of_the_page_is_a_declaration(tmp_path: Path) -> None:
    page = own.__doc__ or ""
    (tmp_path / "mylab.toml").write_text(page[page.index("[dataset]") : page.index("Optional:")])
    described, folder = read_declaration(tmp_path / "mylab.toml")
    assert described.poses == Files("deeplabcut", "poses/*.csv")
    assert (described.test, folder) == (("m07", "m08"), tmp_path)


def test_ten_lines_of_python_are_enough() -> None:
    assert doctest.testmod(memory) == (0, 11)
    classes, watched = ("attack", "other"), np.ones(4, dtype=bool)
    labels = one_hot(np.array([0, 1, 1, 0]), 2)
    mice = [Recording(f"m{i}", f"cage{i % 2}", 25.0, classes, labels, watched) for i in range(4)]
    task = own.task_of("mylab", mice, background="other", test=["cage1"])
    assert task.load_split().ids("all", "test") == ["m1", "m3"]
    assert [recording.id for recording in task.dataset.read(Path())] == ["m0", "m1", "m2", "m3"]
    scores = {mouse.id: np.zeros((4, 2), dtype=np.float32) for mouse in mice}
    result = evaluate(task, {"id": "a"}, {"r": {"all": scores}}, {mouse.id: mouse for mouse in mice})
    assert result.frames == 8
    with pytest.raises(UsageError) as caught:
        own.task_of("<b>", [*mice, replace(mice[0], fps=30.0)], background="othr", test=["cage2"])
    assert len(caught.value.problems) == 5
    with pytest.raises(SplitError, match="'cage1' is in train and in test"):
        own.task_of("mylab", mice, test=["m1"])


def test_real_files_give_what_the_official_readers_give(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "rat-dyads" / "raw").is_dir() or not (real_data / "ethome").is_dir():
        pytest.skip(f"no raw rat dyads or no ethome in {real_data}")
    text = TOML.replace("[640, 480]", "[1600, 1200]").replace('test = ["m3"]', 'test = ["37"]')
    rats = text.replace("poses/*.csv", "37*.csv").replace("labels/*.csv", "{recording}_annot.txt")
    rats = rats.replace("fps = 25", "fps = 20").replace('"frames",', '"caltech", channel = "S1",')
    rats = rats.replace('["attack", "mount", "other"]', '["base", "social", "nonsocial", "aggression"]')
    (tmp_path / "rats.toml").write_text(rats.replace('"other"', '"base"'))
    for path in (real_data / "rat-dyads" / "raw").glob("37*"):
        (tmp_path / path.name).symlink_to(path)
    compare(tmp_path / "rats.toml", rat_dyads.read(tmp_path).__next__())
    pair = text.replace("poses/*.csv", "{recording}DLC*.csv").replace("fps = 25", "fps = 30")
    pair = pair.replace("labels/*.csv", "{recording}_reencode.csv").replace('"frames"', '"boris"')
    pair = pair.replace('["attack", "mount", "other"]', '["interact", "other"]')
    (tmp_path / "pair.toml").write_text(f'{pair}folder = "{real_data / "ethome"}"\n')
    compare(tmp_path / "pair.toml", ethome.read(real_data / "ethome").__next__())


def compare(path: Path, official: Recording) -> None:
    described, folder = read_declaration(path)
    (found,) = read(folder, declared=described)
    columns = [official.classes.index(name) for name in found.classes]
    np.testing.assert_array_equal(found.labels, official.labels[:, columns])
    np.testing.assert_array_equal(found.annotated, official.annotated)
    assert found.keypoints is not None
    assert official.keypoints is not None
    np.testing.assert_array_equal(found.keypoints, official.keypoints)
