"""`bench score` on files: the same numbers as from arrays, every fault by its place, the exit codes."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score, f1_score

from bench.cli import main
from bench.metrics import DETECTION_METRICS
from bench.recordings import Detections, Segments
from tests.metrics.plain_localisation import THRESHOLDS, loop_table

CLASSES = ("attack", "mount it", "other")
FRAMES = {"Cage 3.avi": 53, "m/2": 37, "mäuse 4": 41, "file": 29, "NA": 31, "001": 17}

Arrays = dict[str, np.ndarray]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type `bench score ...` in a folder of its own; return exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def type_(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", "score", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return type_


def labels() -> Arrays:
    rng = np.random.default_rng(0)
    made = {id_: np.repeat(rng.integers(0, 3, n // 4 + 1), 4)[:n] for id_, n in FRAMES.items()}
    made["m/2"][20:25] = -1
    return made


def noisy() -> Arrays:
    rng = np.random.default_rng(1)
    return {id_: np.eye(3)[of.clip(0)] + rng.normal(0, 0.6, (len(of), 3)) for id_, of in labels().items()}


def save(path: str, arrays: Arrays) -> str:
    """Save as numpy does; ids such as `file` are no keyword arguments, so they are renamed inside."""
    names = {f"a{i}": id_ for i, id_ in enumerate(arrays)}
    np.savez("raw.npz", **{name: arrays[id_] for name, id_ in names.items()})
    with zipfile.ZipFile("raw.npz") as raw, zipfile.ZipFile(path, "w") as renamed:
        for name, id_ in names.items():
            renamed.writestr(f"{id_}.npy", raw.read(f"{name}.npy"))
    return path


def as_table(scores: Arrays) -> pa.Table:
    rows = [(id_, t, *row) for id_, of in scores.items() for t, row in enumerate(of.tolist())]
    rows = [rows[i] for i in np.random.default_rng(2).permutation(len(rows))]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, names=["recording", "frame", *CLASSES])


FRAME_WORDS = ("--classes", ",".join(CLASSES), "--background", "other", "--fps", "25", "--json")


def frames(run: Run, predictions: str) -> dict[str, Any]:
    code, out, err = run("frames", save("truth.npz", labels()), predictions, *FRAME_WORDS)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_frames_equal_scikit_learn_per_class(run: Run) -> None:
    truth, scores = labels(), noisy()
    found = frames(run, save("p.npz", scores))
    true = np.concatenate([of[of >= 0] for of in truth.values()])
    said = np.concatenate([scores[id_][of >= 0] for id_, of in truth.items()])
    f1 = f1_score(true, said.argmax(1), average=None)
    for c, name in enumerate(CLASSES):
        assert found["scores"]["f1"]["per_class"][name] == pytest.approx(f1[c], abs=1e-12)
        precision = average_precision_score(true == c, said[:, c])
        assert found["scores"]["map"]["per_class"][name] == pytest.approx(precision, abs=1e-12)
    assert (found["recordings"], found["frames"], found["unannotated"]) == (6, len(true), 5)
    assert found["kind"] == "frames"
    assert found["scores"]["f1"]["low"] < found["scores"]["f1"]["value"] < found["scores"]["f1"]["high"]


def test_every_form_of_the_same_scores_gives_the_same_bytes(run: Run) -> None:
    scores = noisy()
    npz = frames(run, save("p.npz", scores))
    assert npz == frames(run, save("backwards.npz", dict(reversed(scores.items()))))
    pq.write_table(as_table(scores), "p.parquet")
    assert npz == frames(run, "p.parquet")
    encoded = as_table(scores).set_column(0, "recording", as_table(scores)["recording"].dictionary_encode())
    pq.write_table(encoded.select(["mount it", "frame", "other", "recording", "attack"]), "q.parquet")
    assert npz == frames(run, "q.parquet")
    text = as_table(scores)
    for name in CLASSES:  # Arrow writes floats with fewer digits than they have
        text = text.set_column(text.column_names.index(name), name, [list(map(repr, text[name].to_pylist()))])
    pyarrow.csv.write_csv(text, "p.csv", pyarrow.csv.WriteOptions(quoting_style="needed"))
    assert npz == frames(run, "p.csv")
    Path("link.npz").symlink_to("p.npz")
    assert npz == frames(run, "link.npz")
    save("fortran.npz", {id_: np.asfortranarray(of) for id_, of in scores.items()})
    assert npz == frames(run, "fortran.npz")
    save("big-endian.npz", {id_: of.astype(">f8") for id_, of in scores.items()})
    assert npz == frames(run, "big-endian.npz")


def test_groups_come_from_a_table(run: Run) -> None:
    save("truth.npz", labels())
    save("p.npz", noisy())
    rows = "".join(f'"{id_}",{"x" if len(id_) > 4 else "y"}\r\n' for id_ in [*FRAMES, "another"])
    Path("groups.csv").write_text("\ufeffrecording,group\r\n" + rows, newline="")
    code, out, _ = run("frames", "truth.npz", "p.npz", *FRAME_WORDS, "--groups", "groups.csv")
    found = json.loads(out)
    assert (code, found["groups"], found["recordings"]) == (0, 2, 6)
    assert found["scores"]["f1"]["low"] is None
    assert "2 groups" in found["interval"]["reason"]


def test_the_table_for_people(run: Run) -> None:
    save("truth.npz", labels())
    save("p.npz", noisy())
    code, out, _ = run("frames", "truth.npz", "p.npz", *FRAME_WORDS[:-1])
    assert code == 0
    for words in ("mount it", "95% interval", "203 frames (5 not annotated", " ms", "over 6 groups"):
        assert words in out
    save("c.npz", {id_: of.argmax(1) for id_, of in noisy().items()})
    code, out, _ = run("clusters", "truth.npz", "c.npz", "--classes", ",".join(CLASSES))
    assert code == 0
    assert "3 clusters" in out
    assert "Adjusted mutual information" in out


def objects() -> np.ndarray:
    return np.array([{"a": 1}], dtype=object)


def damaged(path: str) -> None:
    data = bytearray(Path(save(path, noisy())).read_bytes())
    data[400:420] = b"\0" * 20
    Path(path).write_bytes(data)


def packed(method: int = zipfile.ZIP_STORED, more: bytes = b"") -> Callable[[str], None]:
    """Pack one recording in another way, or with bytes behind it."""

    def damage(path: str) -> None:
        with zipfile.ZipFile(save("whole.npz", noisy())) as whole, zipfile.ZipFile(path, "w") as changed:
            for name in whole.namelist():
                odd = name == "m/2.npy"
                changed.writestr(name, whole.read(name) + more * odd, method if odd else zipfile.ZIP_STORED)

    return damage


def with_rows(path: str, change: Callable[[list[str]], list[str]]) -> None:
    names = ["recording,frame,attack,mount it,other"]
    rows = [f"{id_},{t},0.5,0.25,0.25" for id_, n in FRAMES.items() for t in range(n)]
    Path(path).write_text("\n".join(change(names + rows)) + "\n")


def first_row(new: str) -> Callable[[list[str]], list[str]]:
    return lambda rows: [rows[0], new, *rows[2:]]


PREDICTIONS: dict[str, tuple[str, Callable[[str], object], list[str]]] = {
    "missing": ("p.npz", lambda path: None, ["p.npz: cannot be opened (No such file"]),
    "empty": ("p.npz", lambda path: Path(path).touch(), ["empty file"]),
    "folder": ("p.npz", lambda path: Path(path).mkdir(), ["a folder"]),
    "pipe": ("p.npz", lambda path: os.mkfifo(path), ["a pipe"]),
    "pickle": ("p.npz", lambda path: Path(path).write_bytes(pickle.dumps({1: 2})), ["numpy.savez"]),
    "pickled": ("p.npz", lambda p: save(p, {**noisy(), "m/2": objects()}), ["'m/2': Python objects"]),
    "text": ("p.npz", lambda p: save(p, {**noisy(), "m/2": np.array(["a"])}), ["'m/2': numpy type '<U1', "]),
    "damaged": ("p.npz", damaged, ["truncated or damaged"]),
    "bzip2": ("p.npz", packed(zipfile.ZIP_BZIP2), ["'m/2': packed in an unusual way"]),
    "left over": ("p.npz", packed(more=b"\0"), ["'m/2': the header says (37, 3), 1,016 bytes"]),
    "shape": ("p.npz", lambda p: save(p, {**noisy(), "m/2": np.zeros(3)}), ["'m/2': shape (3,)"]),
    "many": (
        "p.npz",
        lambda p: save(p, {"Cage 3.avi": noisy()["Cage 3.avi"][1:], "m/2": objects(), "m/3": np.ones(3)}),
        ["'m/2': Python objects", "'mäuse 4' is missing", "'m/3' is not in the truth", "one frame short"],
    ),
    "no table": ("p.parquet", lambda path: Path(path).write_text("hello"), ["not a Parquet file, or one"]),
    "columns": (
        "p.csv",
        lambda path: with_rows(path, lambda rows: ["recording,frame,atack,mount it,other", *rows[1:]]),
        ["column 'atack' is not expected; did you mean 'attack'?", "column 'attack' is missing"],
    ),
    "column twice": (
        "p.csv",
        lambda path: with_rows(path, lambda rows: [rows[0].replace("other", "attack"), *rows[1:]]),
        ["column 'attack' stands there 2 times", "'other' is missing"],
    ),
    "cells": (
        "p.csv",
        lambda p: with_rows(p, lambda rows: [rows[0], "a,b", "x,1,nan,0x1,3", "x,one,1,,2", *rows[4:]]),
        [
            "line 2: 2 cells, expected 5",
            "line 3: 'attack' is 'nan', expected a finite decimal",
            "line 3: 'mount it' is '0x1'",
            "line 4: 'frame' is 'one', expected a whole number",
            "line 4: 'mount it' is ''",
        ],
    ),
    "from 1": (
        "p.csv",
        lambda path: with_rows(path, lambda rows: [*rows, *(f"x,{t},1,0,0" for t in (1, 2, 3))]),
        ["'x': frames 1 to 3, expected 0 to 2: frames count from 0", "'x' is not in the truth"],
    ),
    "gap and twice": (
        "p.csv",
        lambda path: with_rows(path, first_row("Cage 3.avi,1,1,0,0")),
        ["rows for a frame that is there already: 1, the first for frame 1; missing frames: 1 of 53, the fi"],
    ),
    "negative": ("p.csv", lambda p: with_rows(p, first_row("Cage 3.avi,-7,1,0,0")), ["negative frames: 1"]),
    "far away": (
        "p.csv",
        lambda p: with_rows(p, lambda rows: [*rows, f"x,{10**17},1,0,0"]),
        ["'x': missing frames: 100,000,000,000,000,000 of 100,000,000,000,000,001, the first 0"],
    ),
    "blanks": (
        "p.csv",
        lambda p: with_rows(p, first_row("Cage 3.avi, 0,1,0 ,0")),
        ["line 2: 'frame' is ' 0', expected a whole number", "line 2: 'mount it' is '0 '"],
    ),
    "sign": ("p.csv", lambda p: with_rows(p, first_row("Cage 3.avi,+0,1,0,0")), ["'frame' is '+0', "]),
    "quote": ("p.csv", lambda p: with_rows(p, first_row('"Cage 3.avi,0,1,0,0')), ["line 2: "]),
    "header": ("p.csv", lambda p: Path(p).write_text("x" * 70_000), ["a first line of more than 65,536"]),
    "no rows": ("p.csv", lambda p: with_rows(p, lambda rows: rows[:1]), ["p.csv: 0 rows: not read"]),
    "index": (
        "p.csv",
        lambda p: with_rows(p, lambda rows: [f",{rows[0]}", *(f"0,{row}" for row in rows[1:])]),
        ["column '' is not expected; save the table without its index"],
    ),
    "beyond": (
        "p.parquet",
        lambda p: pq.write_table(
            as_table(noisy()).set_column(1, "frame", pa.array(range(2**63, 2**63 + 208), pa.uint64())), p
        ),
        ["p.parquet: not a readable Parquet file", "not in range"],
    ),
    "short": ("p.csv", lambda path: with_rows(path, lambda rows: rows[:-1]), ["16 frames, expected 17: one"]),
    "infinite": ("p.csv", lambda p: with_rows(p, first_row("Cage 3.avi,0,1e999,0,0")), ["infinite values"]),
    "types": (
        "p.parquet",
        lambda path: pq.write_table(
            pa.table([[1], [0.5], ["a"], [None], [1]], names=["recording", "frame", *CLASSES]), path
        ),
        ["'recording' holds 'int64', expected text", "'frame' holds 'double'", "'attack' holds 'string'"],
    ),
    "nulls": (
        "p.parquet",
        lambda path: pq.write_table(
            as_table({"a": np.ones((1, 3))}).set_column(1, "frame", pa.array([None], pa.int64())), path
        ),
        ["empty cells in column 'frame': 1"],
    ),
    "empty score": (
        "p.parquet",
        lambda path: pq.write_table(
            as_table({"NA": np.ones((31, 3))}).set_column(2, "attack", pa.array([None] + [1.0] * 30)), path
        ),
        ["'NA': NaN values: 1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_predictions_that_do_not_fit(run: Run, kind: str) -> None:
    path, damage, said = PREDICTIONS[kind]
    save("truth.npz", labels())
    damage(path)
    code, out, err = run("frames", "truth.npz", path, *FRAME_WORDS)
    assert (code, out) == (3, "")
    for words in [*said, f"next: mend {path}, then: bench score frames truth.npz {path}"]:
        assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("path", ["p.npz", "p.parquet"])
def test_what_unpacks_to_far_more_than_the_truth_needs_is_not_read(
    run: Run, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("bench.scoring.reading.SPARE", 1_000)
    save("truth.npz", labels())
    more = {**noisy(), "m/2": np.random.default_rng(0).random((2_000, 3))}
    if path == "p.npz":
        save(path, more)
    else:
        pq.write_table(as_table(more), path)
    code, _, err = run("frames", "truth.npz", path, *FRAME_WORDS)
    assert code == 3
    assert "bytes unpacked, expected at most 20,968: not read" in err


TRUTHS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "missing": (lambda: Path("truth.npz").unlink(), ["truth.npz: cannot be opened (No such file"]),
    "pickled": (lambda: save("truth.npz", {**labels(), "m/2": objects()}), ["truth.npz: 'm/2': Python obj"]),
    "one-hot": (lambda: save("truth.npz", {"a": np.eye(3, dtype=int)}), ["'a': shape (3, 3)", "argmax"]),
    "outside": (
        lambda: save("truth.npz", {**labels(), "m/2": np.array([0, 3]), "NA": np.array([0.5])}),
        ["'m/2': labels outside the classes: 1, the first 3 at frame 1", "'NA': float64, expected whole"],
    ),
    "groups missing": (lambda: Path("groups.csv").unlink(), ["groups.csv: cannot be opened"]),
    "groups header": (
        lambda: Path("groups.csv").write_text("id,group\n"),
        ["'id,group', expected recording"],
    ),
    "groups rows": (
        lambda: Path("groups.csv").write_text("recording,group\nNA,x,y\n001,a\n001,b\nfile,\n"),
        ["row 2: 'NA,x,y', expected two cells", "row 4: '001' has a group already", "row 5: 'file,'"],
    ),
    "groups short": (
        lambda: Path("groups.csv").write_text("recording,group\nna,x\n"),
        ["'NA' has no group", "'mäuse 4' has no group"],
    ),
    "groups encoding": (
        lambda: Path("groups.csv").write_bytes(b"\xff\xfe\x00"),
        ["groups.csv: 'utf-8' codec"],
    ),
    "both": (
        lambda: (Path("truth.npz").unlink(), Path("p.npz").unlink()),
        ["truth.npz: cannot be opened", "p.npz: cannot be opened"],
    ),
}


@pytest.mark.parametrize("kind", TRUTHS)
def test_truth_that_cannot_be_scored(run: Run, kind: str) -> None:
    damage, said = TRUTHS[kind]
    save("truth.npz", labels())
    save("p.npz", noisy())
    Path("groups.csv").write_text("recording,group\n" + "".join(f"{id_},x\n" for id_ in FRAMES))
    damage()
    code, out, err = run("frames", "truth.npz", "p.npz", *FRAME_WORDS, "--groups", "groups.csv")
    assert (code, out) == (4, "")
    place = "groups.csv" if kind.startswith("groups") else "truth.npz"
    command = shlex.join(["bench", "score", "frames", "truth.npz", "p.npz", *FRAME_WORDS[:-1]])
    for words in [*said, f"next: mend {place}", f", then: {command} --groups groups.csv"]:
        assert words in err
    assert "Traceback" not in err


def test_files_the_wrong_way_round_are_said_to_be(run: Run) -> None:
    save("truth.npz", labels())
    save("p.npz", noisy())
    code, _, err = run("frames", "p.npz", "truth.npz", *FRAME_WORDS)
    assert code == 4
    assert "these look like scores: the truth comes first" in err
    assert "argmax" not in err, "that would make a truth of a prediction"
    save("truth.npz", {id_: np.eye(3)[of.clip(0)] for id_, of in labels().items()})
    assert (
        "of one-hot labels save labels.argmax(axis=1)" in run("frames", "truth.npz", "p.npz", *FRAME_WORDS)[2]
    )
    code, _, err = segments(run, FOUND, TRUTH)
    assert (code, err.count("; the truth comes first, then the detections")) == (4, 2)


def test_a_question_that_means_nothing_is_a_matter_of_usage(run: Run) -> None:
    save("truth.npz", labels())
    for words in (
        ("frames", "truth.npz", "p.npz", "--classes", "a,a"),
        ("frames", "truth.npz", "p.npz", "--classes", "a,b", "--background", "c"),
        ("frames", "truth.npz", "p.npz", "--classes", "a,b", "--fps", "-1"),
        ("frames", "truth.npz", "p.npz"),
        ("clusters", "truth.npz", "p.npz", "--classes", ","),
        ("segments", "g.json", "d.json", "--tiou", "0.5,half"),
        ("segments", "g.json", "d.json", "--tiou", "0,0.5"),
    ):
        code, out, err = run(*words)
        assert (code, out) == (2, ""), words
        assert "Traceback" not in err


def test_clusters_of_files(run: Run) -> None:
    save("truth.npz", labels())
    save("c.npz", {id_: of.clip(0) * 5 - 7 for id_, of in labels().items()})
    code, out, _ = run("clusters", "truth.npz", "c.npz", "--classes", ",".join(CLASSES), "--json")
    found = json.loads(out)
    assert (code, found["clusters"], found["scores"]["cluster_ami"]["value"]) == (0, 3, 1.0)
    assert found["scores"]["cluster_f1"]["per_class"] == dict.fromkeys(CLASSES, 1.0)
    save(
        "many.npz",
        {id_: np.arange(1000 * (id_ == "001"), 1000 * (id_ == "001") + n) for id_, n in FRAMES.items()},
    )
    assert run("clusters", "truth.npz", "many.npz")[0] == 0
    save("c.npz", {id_: of * 0.5 for id_, of in labels().items()})
    code, _, err = run("clusters", "truth.npz", "c.npz")
    assert code == 3
    assert "'mäuse 4': float64, expected whole numbers" in err


TRUTH: dict[str, Any] = {
    "version": "1",
    "database": {
        "v 1": {"subset": "test", "annotations": [
            {"segment": [0, 2.5], "label": "rear"}, {"segment": [4.0, 6.0], "label": "lick", "id": 3}]},
        "v_2": {"subset": "test", "annotations": [{"segment": [1.0, 3.0], "label": "rear"}]},
        "v_3": {"subset": "train", "annotations": [{"segment": [1.0, 3.0], "label": "dig"}]},
        "v_4": {"subset": "test", "annotations": []},
    },
}  # fmt: skip
FOUND: dict[str, Any] = {
    "results": {
        "v 1": [
            {"segment": [0, 2.5], "label": "rear", "score": 0.9},
            {"segment": [4.0, 6.0], "label": "lick", "score": 1},
        ],
        "v_2": [{"segment": [1.0, 3.0], "label": "rear", "score": 0.2}],
    }
}


def segments(run: Run, truth: Any, found: Any, *words: str) -> tuple[int, str, str]:
    Path("g.json").write_text(truth if isinstance(truth, str) else json.dumps(truth))
    Path("d.json").write_text(found if isinstance(found, str) else json.dumps(found))
    return run("segments", "g.json", "d.json", *words)


def test_perfect_segments(run: Run) -> None:
    code, out, err = segments(run, TRUTH, FOUND, "--subset", "test", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert {name: score["value"] for name, score in found["scores"].items()} == {
        metric.name: 1.0 for metric in DETECTION_METRICS
    }
    assert found["classes"] == ["lick", "rear"]
    assert (found["recordings"], found["segments"], found["recordings_without_detections"]) == (3, 3, 1)
    assert (found["detections"], found["detections_scored"], found["ignored"]) == ("raw", 3, {})
    assert found["support"] == {"lick": 1, "rear": 2}


def test_subsets_and_unknown_labels_are_told(run: Run) -> None:
    rows = [
        {"segment": [0, 1], "label": "Rear", "score": 0.5},
        {"segment": [0, 1], "label": "dig", "score": 1e-5},
    ]
    found = {"results": {**FOUND["results"], "v_4": rows, "v_3": rows}}
    code, out, err = segments(run, TRUTH, found, "--subset", "test", "--json")
    read = json.loads(out)
    assert (code, read["ignored"], read["outside_subset"]) == (0, {"Rear": 1, "dig": 1}, 2)
    assert "'Rear' (1; did you mean 'rear'?), 'dig' (1)" in err
    assert "other subsets, left out: 2" in err
    assert len(read["warnings"]) == 2
    code, out, err = segments(run, TRUTH, found, "--json")
    assert (code, json.loads(out)["ignored"], json.loads(out)["classes"]) == (
        0,
        {"Rear": 2},
        ["dig", "lick", "rear"],
    )
    assert "several subsets are scored together: 'test' (3), 'train' (1)" in err
    code, _, err = segments(run, TRUTH, found, "--subset", "tests")
    assert code == 2
    assert "did you mean 'test'?" in err


def test_post_processing_and_thresholds_are_in_the_output(run: Run) -> None:
    words = ("--subset", "test", "--soft-nms", "--score-voting", "--tiou", "0.75,0.5")
    code, out, _ = segments(run, TRUTH, FOUND, *words, "--json")
    found = json.loads(out)
    assert (code, found["detections"], found["tiou"]) == (0, "soft-nms+score-voting", [0.5, 0.75])
    assert sorted(found["scores"])[:3] == ["map_at_tiou_0.5", "map_at_tiou_0.75", "map_over_tiou_0.5_0.75"]
    code, out, _ = segments(run, TRUTH, FOUND, *words)
    assert "3 detections (soft-nms+score-voting), 1 recordings without any" in out
    assert segments(run, TRUTH, FOUND, "--score-voting")[0] == 2


def one_row(**change: Any) -> str:
    row = {"segment": [0, 1], "label": "rear", "score": 0.5, **change}
    return json.dumps({"results": {"v 1": [FOUND["results"]["v 1"][0], row]}})


WRONG_DETECTIONS: dict[str, tuple[str, list[str]]] = {
    "not json": ("{", ["not JSON", "line 1 column 2"]),
    "NaN": (one_row(score=float("nan")), ["score: nan, expected a finite number"]),
    "Infinity": (one_row(segment=[0, float("inf")]), ["segment[1]: inf, expected a finite number"]),
    "overflow": (one_row().replace("0.5", "1e999"), ["[1].score: inf, expected a finite number"]),
    "giant": (one_row().replace("0.5", "1" * 400), ["row 1: score is a whole number of 1,326 bits"]),
    "digits": (one_row().replace("0.5", "1" * 5000), ["a number of 5,000 digits, expected"]),
    "twice": ('{"results": {"v 1": [], "v 1": []}}', ["stand twice in one object: 'v 1'"]),
    "deep": ('{"results": ' + "[" * 100_000, ["nested far too deeply"]),
    "list": ("[]", ['expected {"results": {recording: ...}}, found list']),
    "key": ('{"result": {}}', ["found 'result'"]),
    "entry": ('{"results": {"v 1": {"segment": [0, 1]}}}', ["'v 1': {'segment': [0, 1]}, expected a list"]),
    "row": ('{"results": {"v 1": [7]}}', ["'v 1': row 0: 7, expected an object of segment, label, score"]),
    "scores": (one_row().replace("score", "scores"), ["it is called 'score'"]),
    "text score": (one_row(score="0.5"), ["row 1: score is '0.5'"]),
    "true": (one_row(score=True), ["row 1: score is true"]),
    "label id": (one_row(label=3), ["row 1: label is 3, expected text"]),
    "half a character": (one_row(label="\ud800"), ["label: '\\ud800', expected whole characters"]),
    "three": (one_row(segment=[0, 1, 2]), ["segment is [0, 1, 2], expected [start, end] in seconds"]),
    "text": (one_row(segment="01"), ["segment is '01', expected [start, end]"]),
    "reversed": (one_row(segment=[2, 1]), ["segment [2, 1]: its end is not after its start"]),
    "no length": (one_row(segment=[2, 2]), ["segment [2, 2]: its end is not after its start"]),
    "outside": ('{"results": {"v1": [], "w": []}}', ["'v1' is not in the truth", "'w' is not in the truth"]),
    "many": (
        json.dumps({"results": {"v": [{"segment": [i + 1, i], "label": "", "score": 1} for i in range(25)]}}),
        ["row 9: segment [10, 9]", "... and 15 more (segments)", "... and 15 more (labels)"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_DETECTIONS)
def test_detections_that_cannot_be_scored(run: Run, kind: str) -> None:
    found, said = WRONG_DETECTIONS[kind]
    code, out, err = segments(run, TRUTH, found)
    assert (code, out) == (3, "")
    for words in [*said, "next: mend d.json, then: bench score segments g.json d.json"]:
        assert words in err


def test_soft_nms_refuses_negative_scores(run: Run) -> None:
    code, _, err = segments(run, TRUTH, one_row(score=-0.5), "--soft-nms")
    assert code == 3
    assert "'v 1': scores below 0, which Soft-NMS cannot weigh, in rows 1" in err
    assert segments(run, TRUTH, one_row(score=-0.5))[0] == 0


def annotated(*rows: Any) -> str:
    return json.dumps({"database": {"v 1": {"annotations": list(rows)}}})


WRONG_TRUTHS: dict[str, tuple[str, list[str]]] = {
    "missing": ("", ["g.json: empty file"]),
    "key": ('{"videos": {}}', ["expected {\"database\": {recording: ...}}, found 'videos'"]),
    "nothing": (annotated(), ["no true segment"]),
    "entry": ('{"database": {"v 1": []}}', ["'v 1': expected {\"annotations\": [...]}"]),
    "subset": ('{"database": {"v 1": {"annotations": [], "subset": 3}}}', ["subset is 3, expected text"]),
    "row": (annotated({"segment": [0, 1]}), ["'v 1': row 0: no label"]),
    "empty label": (annotated({"segment": [0, 1], "label": ""}), ["row 0: label is '', expected text"]),
    "reversed": (annotated({"segment": [1, 0], "label": "a"}), ["its end is before its start"]),
}


@pytest.mark.parametrize("kind", WRONG_TRUTHS)
def test_segments_that_are_no_truth(run: Run, kind: str) -> None:
    truth, said = WRONG_TRUTHS[kind]
    code, out, err = segments(run, truth, FOUND)
    assert (code, out) == (4, "")
    for words in [*said, "next: mend g.json, then: bench score segments g.json d.json"]:
        assert words in err


def test_segments_of_unknown_groups(run: Run) -> None:
    Path("groups.csv").write_text("recording,group\nv 1,a\nv_2,b\n")
    code, _, err = segments(run, TRUTH, FOUND, "--subset", "test", "--groups", "groups.csv")
    assert code == 4
    assert "'v_4' has no group" in err


def test_real_thumos14_equals_the_plain_loop(run: Run, real_data: Path) -> None:
    path = real_data / "thumos14" / "thumos14_test_extra_characteristics.json"
    if not path.exists():
        pytest.skip(f"no THUMOS14 ground truth: {path} does not exist")
    database = json.loads(path.read_text())["database"]
    names = sorted({row["label"] for entry in database.values() for row in entry["annotations"]})
    rng = np.random.default_rng(4)
    results: dict[str, list[dict[str, Any]]] = {}
    for id_, entry in database.items():
        for row in entry["annotations"]:
            start, end = row["segment"]
            moved = np.sort(rng.normal([start, end], 0.15 * (end - start))).tolist()
            label = row["label"] if rng.random() < 0.9 else names[rng.integers(len(names))]
            found = {"segment": moved, "label": label, "score": round(float(rng.random()), 2)}
            results.setdefault(id_, []).append(found)
    Path("d.json").write_text(json.dumps({"results": results}))
    code, out, err = run("segments", str(path), "d.json", "--json")
    assert (code, err) == (0, "")
    scores = json.loads(out)["scores"]

    pairs = [
        (
            Segments(*columns(entry["annotations"], names), len(names)),
            Detections(*columns(results[id_], names), np.array([row["score"] for row in results[id_]])),
        )
        for id_, entry in database.items()
    ]
    expected = loop_table(pairs, THRESHOLDS)
    for i, tiou in enumerate((30, 40, 50, 60, 70)):
        values = [scores[f"detection_map_{tiou}"]["per_class"][name] for name in names]
        np.testing.assert_allclose(values, expected["ap"][i], rtol=0, atol=1e-12)
    assert scores["detection_map"]["value"] == pytest.approx(np.mean(expected["ap"]), abs=1e-12)
    assert 0.2 < scores["detection_map"]["value"] < 0.9


def columns(rows: list[dict[str, Any]], names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    bounds = np.array([row["segment"] for row in rows], dtype=float)
    return bounds, np.array([names.index(row["label"]) for row in rows])


def test_exit_codes_of_the_program_itself(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text(json.dumps(TRUTH))
    (tmp_path / "d.json").write_text(json.dumps(FOUND))
    (tmp_path / "bad.json").write_text("[NaN]")
    for words, code in [
        (["g.json", "d.json"], 0),
        (["g.json", "bad.json"], 3),
        (["bad.json", "d.json"], 4),
        (["g.json", "d.json", "--tiou", "2"], 2),
    ]:
        done = subprocess.run(
            [sys.executable, "-c", "from bench.cli import main; main()", "score", "segments", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
