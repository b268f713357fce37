"""Whether two checkouts print the same for `bench score` on random files, sound and broken ones.

    python tests/studies/score_anything.py OLD NEW [--cases 300] [--data FOLDER]

Every case is a folder with a truth, predictions, perhaps groups, and the words of a command; half of the
cases have a fault or two. With `--data` the files in it that tests use are scored too: the true segments of
THUMOS14 against detections made from them, and the labels of two annotators of CalMS21 against each other.
Compared are exit code, output and messages, byte for byte. Ends with 1 where a case differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Rng = np.random.Generator
IDS = ("Cage 3.avi", "m/2", "mäuse 4", "file", "NA", "001", "m10", "m9", "x'y")
NAMES = ("attack", "mount it", "other", "sniff", "rear,up")
RUN = "--run"
"""How this script calls itself, with the code of one checkout."""


def main() -> int:
    """Make the cases, run both checkouts on them, and print those that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cases = Path(name) / "cases"
        cases.mkdir()
        for number in range(given.cases):
            make_case(cases / f"{number:05d}", np.random.default_rng(number))
        if given.data:
            real_cases(cases, given.data)
        outputs = []
        for side, checkout in (("old", given.old), ("new", given.new)):
            path = Path(name) / f"{side}.json"
            environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
            subprocess.run([sys.executable, __file__, RUN, cases, path], env=environment, check=True)
            outputs.append(json.loads(path.read_text()))
    return report(*outputs)


def report(old: dict[str, list[Any]], new: dict[str, list[Any]]) -> int:
    """Print what differs, and how many cases ended with which exit code."""
    different = [case for case in old if old[case] != new[case]]
    for case in different:
        print(f"DIFFERENT {case}: {' '.join(old[case][0])}")
        for _, code, out, err in (old[case], new[case]):
            print(f"    exit code {code}\n    " + "\n    ".join((out + err).splitlines()[:12]))
    codes = {
        code: sum(one[1] == code for one in old.values()) for code in sorted({o[1] for o in old.values()})
    }
    size = sum(len(one[2]) + len(one[3]) for one in old.values())
    print(f"{len(old)} cases, {size:,} characters, exit codes {codes}: {len(different)} different")
    return 1 if different else 0


def run_all(cases: Path, out: Path) -> None:
    """Run the command of every case with the code that is imported here."""
    from click.testing import CliRunner

    from bench.cli import cli
    from bench.errors import BenchError

    printed: dict[str, list[Any]] = {}
    for case in sorted(cases.iterdir()):
        words = json.loads((case / "words.json").read_text())
        with contextlib.chdir(case):
            done = CliRunner().invoke(cli, ["score", *words])
        code, err = done.exit_code, done.stderr
        if isinstance(done.exception, BenchError):
            code, err = done.exception.exit_code, str(done.exception)
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        printed[case.name] = [words, code, done.stdout, err]
    out.write_text(json.dumps(printed))


# --- Random cases ------------------------------------------------------------------------------------------


def make_case(folder: Path, rng: Rng) -> None:
    """Write one case: files and the words of its command."""
    folder.mkdir()
    with contextlib.chdir(folder):
        kind = ("frames", "frames", "clusters", "segments")[rng.integers(4)]
        words = {"frames": frames_case, "clusters": clusters_case, "segments": segments_case}[kind](rng)
        words += ["--resamples", str(rng.choice([0, 1, 20, 60]))]
        if rng.random() < 0.5:
            words.append("--json")
        Path("words.json").write_text(json.dumps([kind, *words]))


def some_labels(rng: Rng, classes: int) -> Arrays:
    """Draw bouts of a few frames, here and there not annotated; lengths differ."""
    ids = rng.permutation(IDS)[: rng.integers(1, len(IDS) + 1)]
    lengths = rng.permutation(np.arange(9, 130))[: len(ids)]
    truth = {}
    for id_, frames in zip(ids.tolist(), lengths, strict=True):
        low = -1 if rng.random() < 0.3 else 0
        truth[id_] = np.repeat(rng.integers(low, classes, frames), rng.integers(1, 9, frames))[:frames]
    if rng.random() < 0.1:
        truth[ids[0]] = np.full(len(truth[ids[0]]), -1)
    return truth


def frames_case(rng: Rng) -> list[str]:
    classes = NAMES[: rng.integers(2, 5)]
    truth = some_labels(rng, len(classes))
    scores = {
        id_: np.eye(len(classes))[of.clip(0)] * rng.integers(0, 2)
        + rng.normal(0, 0.6, (len(of), len(classes)))
        for id_, of in truth.items()
    }
    if rng.random() < 0.3:
        scores = {id_: of.round(1) for id_, of in scores.items()}  # many ties
    kind = rng.choice(["<f8", "<f4", ">f4", "<f2", "<i2"])
    scores = {id_: (of * 9).astype(kind) if kind == "<i2" else of.astype(kind) for id_, of in scores.items()}
    words = ["--classes", ",".join(classes)]
    if rng.random() < 0.5:
        words += ["--background", classes[rng.integers(len(classes))]]
    if rng.random() < 0.4:
        words += ["--fps", str(rng.choice([25, 29.97, 30]))]
    words += some_groups(rng, truth)
    truth = {id_: of.astype(rng.choice(["i1", "<i4", "<i8"])) for id_, of in truth.items()}
    break_arrays(rng, truth, scores)
    if rng.random() < 0.1:
        words[1] = rng.choice(["a,a", "attack", f"{words[1]},more", ","])
    ending = rng.choice(["npz", "npz", "csv", "parquet"])
    save_npz("truth.npz", truth)
    if ending == "npz":
        save_npz("p.npz", scores)
    else:
        save_table(f"p.{ending}", scores, classes, rng)
    return ["truth.npz", f"p.{ending}", *words]


def clusters_case(rng: Rng) -> list[str]:
    classes = NAMES[: rng.integers(2, 5)]
    truth = some_labels(rng, len(classes))
    number = rng.choice([2, 5, 40])
    clusters = {
        id_: np.where(rng.random(len(of)) < rng.random(), of, rng.integers(-3, number, len(of)))
        for id_, of in truth.items()
    }
    words = ["--classes", ",".join(classes)] if rng.random() < 0.6 else []
    if rng.random() < 0.4:
        words += ["--background", str(rng.choice([*classes, "1"]))]
    words += some_groups(rng, truth)
    break_arrays(rng, truth, clusters)
    if rng.random() < 0.05:
        clusters = {
            id_: np.arange(2000 * i, 2000 * i + len(of)) for i, (id_, of) in enumerate(clusters.items())
        }
    save_npz("truth.npz", truth)
    save_npz("p.npz", clusters)
    return ["truth.npz", "p.npz", *words]


def some_groups(rng: Rng, truth: Arrays) -> list[str]:
    """Name a group for each recording, or forget one."""
    if rng.random() < 0.6:
        return []
    rows = [f'"{id_}",g{rng.integers(1, 7)}' for id_ in truth]
    rows = rows[1:] if rng.random() < 0.2 else rows
    rows += (
        ["more,g9"] * (rng.random() < 0.3)
        + rows[:1] * (rng.random() < 0.1)
        + ["a,b,c"] * (rng.random() < 0.1)
    )
    header = "recording,group" if rng.random() < 0.9 else "id,group"
    Path("groups.csv").write_text("\n".join([header, *rows, ""]))
    return ["--groups", "groups.csv" if rng.random() < 0.95 else "nothing.csv"]


def break_arrays(rng: Rng, truth: Arrays, predictions: Arrays) -> None:
    """Spoil the truth or the predictions in half of the cases, once or twice."""
    for _ in range(rng.choice([0, 0, 1, 2])):
        arrays, others = (truth, predictions) if rng.random() < 0.3 else (predictions, truth)
        id_ = list(arrays)[rng.integers(len(arrays))]
        array = arrays[id_]
        spoiled: list[Callable[[], Any]] = [
            lambda array=array: array[:-1],
            lambda array=array: np.concatenate([array, array[:3]]),
            lambda array=array: array[::2],
            lambda array=array: array.T,
            lambda array=array: array[..., None],
            lambda array=array: array[:0],
            lambda array=array: array.astype(float) * np.nan,
            lambda array=array: (
                array.astype(float) + np.where(np.arange(array.size).reshape(array.shape) == 5, np.inf, 0)
            ),
            lambda array=array: array.astype(complex),
            lambda array=array: array.astype(str),
            lambda array=array: np.array([{}], dtype=object),
            lambda array=array: array + 1,
            lambda array=array: array - 2,
            lambda array=array: array.argmax(axis=-1),
            lambda array=array: np.eye(3)[np.zeros(len(array), int)],
            lambda array=array: array[:, :1] if array.ndim == 2 else array.astype(bool),
            lambda others=others, id_=id_: others.get(id_, np.zeros(4)),
        ]
        choice = rng.integers(len(spoiled) + 3)
        if choice < len(spoiled):
            arrays[id_] = np.asarray(spoiled[choice]())
        elif choice == len(spoiled):
            del arrays[id_]
            if not arrays:
                arrays["only"] = array
        elif choice == len(spoiled) + 1:
            arrays[f"{id_}s"] = array
        else:
            other = list(arrays)[rng.integers(len(arrays))]
            arrays[id_], arrays[other] = arrays[other], arrays[id_]


def save_npz(path: str, arrays: Arrays) -> None:
    """Save as numpy does; ids such as `file` are no keyword arguments, so members are renamed."""
    import zipfile

    names = {f"a{i}": id_ for i, id_ in enumerate(arrays)}
    np.savez("raw.npz", **{name: arrays[id_] for name, id_ in names.items()})  # type: ignore[arg-type]
    with zipfile.ZipFile("raw.npz") as raw, zipfile.ZipFile(path, "w") as renamed:
        for name, id_ in names.items():
            renamed.writestr(f"{id_}.npy", raw.read(f"{name}.npy"))


def save_table(path: str, scores: Arrays, classes: tuple[str, ...], rng: Rng) -> None:
    """Save a long table, its rows and columns shuffled; an odd array becomes rows as far as it can."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    rows = [
        (id_, t, *np.resize(np.nan_to_num(np.real(row).astype(float)), len(classes)).tolist())
        for id_, of in scores.items()
        if of.dtype.kind in "fiubc"
        for t, row in enumerate(of)
    ]
    rows = [rows[i] for i in rng.permutation(len(rows))] or [("none", 0, *[0.0] * len(classes))]
    if rng.random() < 0.2:
        rows = [*rows[1:], rows[-1]]
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ["recording", "frame", *classes]
    if rng.random() < 0.1:
        names[-1] = "othr"
    table = pa.table(columns, names=names).select(rng.permutation(names).tolist())
    if path.endswith("parquet"):
        pq.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path)


def segments_case(rng: Rng) -> list[str]:
    labels, most = NAMES[: rng.integers(1, 5)], float(rng.choice([9.0, 60.0]))
    database, results = {}, {}
    for id_ in rng.permutation(IDS)[: rng.integers(1, len(IDS) + 1)].tolist():
        rows = [some_row(rng, labels, most) for _ in range(rng.integers(0, 7))]
        rows += rows[:1] * (rng.random() < 0.2)
        subset = str(rng.choice(["test", "train"], p=[0.8, 0.2]))
        database[id_] = {"annotations": rows, "subset": subset, "duration": most}
        near = [moved(rng, row) for row in rows for _ in range(rng.integers(0, 4))]
        far = [{**some_row(rng, labels, most), "score": rng.random()} for _ in range(rng.integers(0, 5))]
        if rng.random() < 0.85:
            results[id_] = near + far
    break_segments(rng, database, results)
    Path("g.json").write_text(json.dumps({"database": database}))
    Path("d.json").write_text(json.dumps({"results": results}))
    if rng.random() < 0.05:
        Path(str(rng.choice(["g.json", "d.json"]))).write_text(
            str(rng.choice(["{", "[]", "", '{"results": 3}']))
        )
    words = ["g.json", "d.json"]
    words += ["--subset", str(rng.choice(["test", "train", "tst"], p=[0.7, 0.2, 0.1]))] * (rng.random() < 0.5)
    words += ["--soft-nms"] * (rng.random() < 0.4) + ["--score-voting"] * (rng.random() < 0.3)
    tious = ["0.5,0.75", "0.7,0.4,0.5,0.6,0.3", "0.5", "0.9,0.1,0.2", "0.5,0.5", "2", "a"]
    words += ["--tiou", str(rng.choice(tious))] * (rng.random() < 0.4)
    return [*words, *some_groups(rng, dict.fromkeys(database, np.zeros(1)))]


def some_row(rng: Rng, labels: tuple[str, ...], most: float) -> dict[str, Any]:
    start = round(float(rng.uniform(0, most)), 2)
    length = float(rng.choice([0.0, 0.0005, rng.uniform(0.1, 5)], p=[0.03, 0.02, 0.95]))
    return {"segment": [start, start + max(length, 0.0)], "label": str(rng.choice(labels))}


def moved(rng: Rng, row: dict[str, Any]) -> dict[str, Any]:
    start, end = sorted((np.array(row["segment"]) + rng.normal(0, 0.4, 2)).tolist())
    return {**row, "segment": [start, end + 0.01], "score": round(float(rng.random()), 2)}


def break_segments(rng: Rng, database: dict[str, Any], results: dict[str, Any]) -> None:
    """Spoil a row or an entry in half of the cases."""
    changes: list[dict[str, Any]] = [
        {"segment": [3, 1]}, {"segment": [1, 1]}, {"segment": [0, float("nan")]}, {"segment": [0, 1, 2]},
        {"label": 3}, {"label": ""}, {"label": "othr"}, {"score": "a"}, {"score": -0.5}, {"score": True},
        {"segment": "ab"}, {"segment": [0, 1e300]}, {"label": "grooms"},
    ]  # fmt: skip
    for _ in range(rng.choice([0, 0, 1, 2])):
        id_ = list(database)[rng.integers(len(database))]
        where = rng.integers(6)
        change = changes[rng.integers(len(changes))]
        if where < 3 and results.get(id_):
            results[id_][0] = {**results[id_][0], **change}
        elif where == 3 and database[id_]["annotations"]:
            database[id_]["annotations"][0] = {**database[id_]["annotations"][0], **change}
        elif where == 4:
            results[f"{id_}s"] = []
        else:
            database[id_] = {**database[id_], **[{"annotations": 3}, {"subset": 7}][rng.integers(2)]}


# --- Real files --------------------------------------------------------------------------------------------


def real_cases(cases: Path, data: Path) -> None:
    """Write cases on the files of the data folder that are there."""
    rng = np.random.default_rng(0)
    for words in (
        ["--json"],
        ["--soft-nms"],
        ["--soft-nms", "--score-voting", "--tiou", "0.5,0.75", "--json"],
    ):
        path = data / "thumos14" / "thumos14_test_extra_characteristics.json"
        if path.is_file():
            database = json.loads(path.read_text())["database"]
            rows = {id_: entry["annotations"] for id_, entry in database.items()}
            results = {id_: [moved(rng, row) for row in of for _ in range(4)] for id_, of in rows.items()}
            write_real(cases, "thumos", ["segments", str(path.resolve()), "d.json", *words], results)
    path = data / "calms21-two-annotators" / "labels.npz"
    if path.is_file():
        with np.load(path) as held:
            sides = {
                side: {k: held[k] for k in held.files if k.endswith(f"annotator{side}")} for side in (1, 2)
            }
        truth, other = ({key.split("/")[0]: of for key, of in sides[side].items()} for side in (1, 2))
        for name, words, predicted in (
            ("frames", ["--classes", "a,b,c,d", "--background", "d", "--fps", "30"], np.eye(4)),
            ("clusters", [], np.arange(4)),
        ):
            folder = write_real(cases, name, [name, "truth.npz", "p.npz", *words, "--json"], {})
            with contextlib.chdir(folder):
                save_npz("truth.npz", {id_: of.clip(0, 3) for id_, of in truth.items()})
                save_npz("p.npz", {id_: predicted[of.clip(0, 3)] for id_, of in other.items()})


def write_real(cases: Path, name: str, words: list[str], results: dict[str, Any]) -> Path:
    folder = cases / f"{name}-{len(list(cases.iterdir()))}"
    folder.mkdir()
    (folder / "d.json").write_text(json.dumps({"results": results}))
    (folder / "words.json").write_text(json.dumps([*words, "--resamples", "20"]))
    return folder


if __name__ == "__main__":
    if sys.argv[1:2] == [RUN]:
        run_all(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        raise SystemExit(main())
