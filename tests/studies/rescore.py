"""Score the same predictions with two checkouts of this project, and compare every byte they write.

    python tests/studies/rescore.py BEFORE AFTER

BEFORE and AFTER are the folders of two checkouts. Each one writes random submissions with fixed seeds and
scores them with its own code:

- through the commands `validate`, `evaluate`, `explain`, `compare` and `score`, for the demo and for each
  task whose recordings are in `$BENCH_HOME`;
- through `bench.evaluation.evaluate`, for variants of the demo that no task has: classes that overlap, two
  parts, frames that do not count, segments.

`provenance` is left out of result files, because it holds the time. Everything else must be equal. Files that
only AFTER writes, such as those of a new task, are named and do not fail. The exit code is 1 where a file
differs or AFTER lacks one.

Between checkouts of which one adds fields to results, or words a sentence otherwise on purpose:

    python tests/studies/rescore.py BEFORE AFTER --results --without digest --without format

`--results` compares result files and `bench score --json` alone, and `--without KEY` leaves out the keys of
that name, at any depth; what is left must be equal.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from checkouts import bench, ended_well, python

if TYPE_CHECKING:
    from bench.recordings import Recording
    from bench.tasks import Task

DETECTIONS = 60
"""Of one recording."""
CLUSTERS = 9
ENTRIES = {"first": (1, 2), "second": (3,)}
"""Entry -> the seeds of its runs."""
WRITE = "--write"
"""How this script calls itself, with the code of one checkout: it then writes everything into a folder."""


def main() -> int:
    """Run both checkouts and print what they have in common."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--keep", type=Path, help="keep what both wrote in this folder")
    parser.add_argument("--results", action="store_true", help="compare JSON files alone")
    parser.add_argument("--without", action="append", default=[], metavar="KEY", help="leave out of results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = (given.keep or Path(name)).resolve()
        home = _home(Path(name) / "home")
        for label, checkout in (("before", given.before), ("after", given.after)):
            _run(checkout.resolve(), folder / label, home)
        pattern = "*.json" if given.results else "*"
        files = [
            {path.name: _content(path, given.without) for path in sorted((folder / side).glob(pattern))}
            for side in ("before", "after")
        ]
    return report(*files)


def _content(path: Path, without: Sequence[str]) -> bytes:
    """Return the bytes of a file; of a result without the keys of these names."""
    data = path.read_bytes()
    if path.suffix != ".json" or not without:
        return data

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(item) for key, item in value.items() if key not in without}
        return [kept(item) for item in value] if isinstance(value, list) else value

    return json.dumps(kept(json.loads(data)), indent=1).encode()


def report(theirs: Mapping[str, bytes], ours: Mapping[str, bytes]) -> int:
    """Print every file that differs and how many are equal; return the exit code."""
    differ = [name for name, data in theirs.items() if ours.get(name) != data]
    for name in differ:
        print(f"DIFFERENT  {name}" if name in ours else f"MISSING    {name}")
    new = sorted(set(ours) - set(theirs))
    size = sum(len(data) for name, data in theirs.items() if name not in differ)
    results = sum(name.endswith(".json") for name in theirs if name not in differ)
    print(f"{len(theirs) - len(differ)} of {len(theirs)} files are equal ({results} results, {size:,} bytes)")
    if new:
        print(f"only in the second checkout: {', '.join(new)}")
    return 1 if differ else 0


def write_all(out: Path) -> None:
    """Score everything with the code that is imported here."""
    from bench.datasets import TASKS

    out.mkdir(parents=True)
    for task in TASKS:
        if recordings := _at_hand(task):
            _by_commands(task, recordings, out)
    from bench.datasets import get_task

    demo = get_task("demo")
    for task in variants(demo):
        _by_functions(task, _at_hand(demo), out)
    _by_score(demo, _at_hand(demo), out)


def variants(demo: Task) -> Iterator[Task]:
    """Yield questions about the demo that no task asks."""
    from bench.metrics import CONCATENATED_METRICS, DETECTION_METRICS, FRAME_METRICS
    from bench.tasks import WHOLE_RECORDINGS, Part, Protocol

    tested = demo.load_split().parts["all"]["test"]
    groups = list(tested)
    parts = {
        "early": {"test": {name: tested[name] for name in groups[: len(groups) // 2]}},
        "late": {"test": {name: tested[name] for name in groups[2:]}},
    }
    split = replace(demo.load_split(), parts=parts)
    two = tuple(Part(name, f"{name} ones") for name in parts)
    late = Protocol("inside", "frames 7 to n - 11 that show mount or other", 7, 11, ("mount", "other"))
    segments = {"kind": "segments", "background": None, "metrics": DETECTION_METRICS}
    yield replace(demo, name="overlapping", exclusive=False)
    yield replace(demo, name="parts", split=split, parts=two, metrics=FRAME_METRICS + CONCATENATED_METRICS)
    yield replace(demo, name="inside", protocol=late)
    yield replace(demo, name="bouts", protocol=WHOLE_RECORDINGS, classes=demo.classes[2::-1], **segments)
    yield replace(demo, name="bouts-parts", protocol=WHOLE_RECORDINGS, split=split, parts=two, **segments)


def _home(folder: Path) -> Path:
    """Make a recording store that holds all that `$BENCH_HOME` has; nothing is written into that one."""
    folder.mkdir(parents=True)
    known = Path(os.environ.get("BENCH_HOME", Path.home() / ".cache" / "bench"))
    for path in sorted(known.iterdir()) if known.is_dir() else ():
        if (path / "manifest.json").is_file():
            (folder / path.name).symlink_to(path.resolve())
    return folder


def _run(checkout: Path, out: Path, home: Path) -> None:
    variables = {"BENCH_HOME": str(home)}
    ended_well(bench(checkout, ["pull", "demo"], variables))
    done = ended_well(python(checkout, [str(Path(__file__).resolve()), WRITE, str(out)], variables))
    print(done.stderr.decode(), end="", file=sys.stderr)


def _at_hand(task: Task) -> dict[str, Recording]:
    """Return the recordings of a task, none where some are not in the store."""
    from bench.errors import BenchError
    from bench.store import load

    split = task.load_split()
    ids = dict.fromkeys(
        id_ for part in split.parts for subset in split.parts[part] for id_ in split.ids(part, subset)
    )
    try:
        return {recording.id: recording for recording in load(task.dataset, list(ids), poses=False)}
    except BenchError:
        return {}


def _rng(seed: int, part: str, id_: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{part}/{id_}".encode())])


def scores(task: Task, recording: Recording, rng: np.random.Generator) -> np.ndarray:
    """Draw probabilities that know a little of the truth; frames of one second agree."""
    truth = task.truth(recording)
    blocks = rng.random((len(truth) // 20 + 1, truth.shape[1])).repeat(20, axis=0)[: len(truth)]
    drawn = 0.3 * truth + 0.7 * blocks
    if task.exclusive:
        drawn /= drawn.sum(axis=1, keepdims=True)
    return drawn.astype("<f4")


def detections(task: Task, recording: Recording, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Draw segments anywhere, and beside the true ones."""
    true, seconds = task.segments(recording), recording.frames / recording.fps
    start = rng.uniform(0, 0.9 * seconds, DETECTIONS)
    rows = [
        (a, a + d, c)
        for a, d, c in zip(
            start,
            rng.uniform(0.01, 0.1, DETECTIONS) * seconds,
            rng.integers(0, len(task.classes), DETECTIONS),
            strict=True,
        )
    ]
    moved = true.bounds + rng.normal(0, 0.2, true.bounds.shape)
    rows += [(a, b, c) for (a, b), c in zip(moved, true.labels, strict=True) if a + 0.01 < b]
    return [
        {
            "segment": [max(float(a), 0.0), min(float(b), seconds)],
            "label": task.classes[int(c)],
            "score": float(rng.integers(1, 200)) / 200,
        }
        for a, b, c in rows[:1500]
        if max(a, 0.0) < min(b, seconds)
    ]


def as_detections(task: Task, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return drawn segments as the functions take them."""
    import bench.recordings
    from bench.metrics import segments

    detections = getattr(bench.recordings, "Detections", None) or segments.Detections  # it moved once

    bounds = np.array([row["segment"] for row in rows]).reshape(-1, 2)
    labels = np.array([task.classes.index(row["label"]) for row in rows], dtype=np.int64)
    return detections(bounds, labels, np.array([row["score"] for row in rows]))


def clusters(task: Task, recording: Recording, rng: np.random.Generator) -> np.ndarray:
    """Draw one cluster per frame that knows a little of the truth."""
    return scores(task, recording, rng).argmax(axis=1) + 3 * rng.integers(0, CLUSTERS // 3, recording.frames)


def _by_commands(task: Task, recordings: Mapping[str, Recording], out: Path) -> None:
    """Write two entries as anybody would, and keep what the commands print and write."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for entry in ENTRIES:
            _command(out / f"{task.name}-{entry}-new.txt", "new", entry, "--task", task.name)
            (out / f"{task.name}-{entry}-card.txt").write_bytes(Path(entry, "submission.toml").read_bytes())
            (out / f"{task.name}-{entry}-readme.txt").write_bytes(Path(entry, "README.md").read_bytes())
            for seed in ENTRIES[entry]:
                _write_run(task, recordings, Path(entry, task.name), seed)
            _command(out / f"{task.name}-{entry}-validate.txt", "validate", entry)
            _command(
                out / f"{task.name}-{entry}-evaluate.txt", "evaluate", entry, "--all", "--results", "results"
            )
            _command(
                out / f"{task.name}-{entry}-explain.txt", "explain", task.name, entry, "--results", "results"
            )
        _command(out / f"{task.name}-compare.txt", "compare", *ENTRIES, "--task", task.name, "--all")
        for path in sorted(Path("results").iterdir()):
            result = json.loads(path.read_bytes()) | {"provenance": None}
            (out / path.name).write_text(json.dumps(result, indent=1))
    print(f"scored {task.name}", file=sys.stderr)


def _write_run(task: Task, recordings: Mapping[str, Recording], folder: Path, seed: int) -> None:
    """Write one run with numpy and json alone, as somebody without this package would."""
    split = task.load_split()
    subsets = ("train", "test") if task.kind == "clusters" else ("test",)
    ids = {part: [id_ for subset in subsets for id_ in split.ids(part, subset)] for part in split.parts}
    if task.kind == "segments":
        made = {
            part: {id_: detections(task, recordings[id_], _rng(seed, part, id_)) for id_ in of}
            for part, of in ids.items()
        }
        content = {"parts": made} if len(made) > 1 else {"results": next(iter(made.values()))}
        (folder / f"seed{seed}.json").write_text(json.dumps(content))
        return
    draw = clusters if task.kind == "clusters" else scores
    arrays = {
        f"{part}/{id_}": draw(task, recordings[id_], _rng(seed, part, id_))
        for part, of in ids.items()
        for id_ in of
    }
    np.savez(folder / f"seed{seed}.npz", **arrays)


def _command(path: Path, *arguments: str) -> None:
    """Keep what a command prints."""
    from click.testing import CliRunner

    from bench.cli import cli

    done = CliRunner().invoke(cli, list(arguments))
    if done.exit_code:
        raise SystemExit(f"bench {' '.join(arguments)}: exit code {done.exit_code}\n{done.output}")
    path.write_text(done.output)


def _by_functions(task: Task, recordings: Mapping[str, Recording], out: Path) -> None:
    """Score a task that has no name through the functions."""
    from bench.evaluation import evaluate
    from bench.results import canonical, to_json

    split = task.load_split()

    def made(seed: int) -> dict[str, dict[str, Any]]:
        def answer(part: str, id_: str) -> Any:
            recording, rng = recordings[id_], _rng(seed, part, id_)
            if task.kind == "frames":
                return scores(task, recording, rng)
            return as_detections(task, detections(task, recording, rng))

        return {part: {id_: answer(part, id_) for id_ in split.ids(part, "test")} for part in split.parts}

    for form in ("raw", "final") if task.kind == "segments" else (None,):
        card = {"id": f"toy-{form}", "name": "Toy", **({"detections": form} if form else {})}
        result = evaluate(task, card, {f"seed{seed}": made(seed) for seed in (1, 2)}, recordings)
        (out / f"made-{result.file_name}").write_bytes(canonical(to_json(result)))
    print(f"scored {task.name}", file=sys.stderr)


def _by_score(task: Task, recordings: Mapping[str, Recording], out: Path) -> None:
    """Score arrays with `bench score`, which knows no task."""
    tested = task.load_split().ids("all", "test")
    truth = {id_: task.truth(recordings[id_]).argmax(axis=1) for id_ in tested}
    drawn: Mapping[str, Callable[..., Any]] = {"frames": scores, "clusters": clusters}
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        np.savez("truth.npz", **truth)
        for what, draw in drawn.items():
            np.savez(
                f"{what}.npz", **{id_: draw(task, recordings[id_], _rng(5, "all", id_)) for id_ in tested}
            )
            _score(out, what, "truth.npz", f"{what}.npz", task.classes)
        true = {
            id_: [
                {"segment": bounds.tolist(), "label": task.classes[label]}
                for bounds, label in zip(of.bounds, of.labels, strict=True)
            ]
            for id_, of in ((id_, task.segments(recordings[id_])) for id_ in tested)
        }
        database = {id_: {"subset": "test", "annotations": rows} for id_, rows in true.items()}
        Path("truth.json").write_text(json.dumps({"database": database}))
        found = {id_: detections(task, recordings[id_], _rng(6, "all", id_)) for id_ in tested}
        Path("segments.json").write_text(json.dumps({"results": found}))
        _score(out, "segments", "truth.json", "segments.json", ())


def _score(out: Path, what: str, truth: str, predictions: str, classes: Sequence[str]) -> None:
    named = ("--classes", ",".join(classes)) if classes else ()
    for form in ((), ("--json",)):
        ending = "json" if form else "txt"
        _command(out / f"score-{what}.{ending}", "score", what, truth, predictions, *named, *form)


if __name__ == "__main__":
    if sys.argv[1:2] == [WRITE]:
        write_all(Path(sys.argv[2]))
    else:
        raise SystemExit(main())
