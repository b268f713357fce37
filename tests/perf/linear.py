"""Time and memory of `bench evaluate` on an entry the size of CalMS21 Task 1, and at 10 and 100 times that.

    python tests/perf/linear.py [--times 1 10 100] [--repeat 3] [--resamples 3] [--save NAME]

Made up, in a temporary folder: a store of 19 test recordings with the official numbers of frames (262,107 in
all; at k times, each is k times as long), bouts of behaviour in the official shares, and an entry that is
right in about four frames of five, with scores that do not tie. Measured is the whole process, from the
start of Python to the table printed and the result written: all frame metrics, each with an interval from
1,000 resamples of the recordings. Time is the least of so many runs, memory the peak of any.

Beside it, in the same run: what the same resamples cost by calls of scikit-learn, for those of the metrics
that it has. A few resamples are timed, on one core as scikit-learn does it, and scaled to 1,000.

`--save NAME` writes tests/perf/records/NAME.json: command, commit, versions, hardware, load and figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import record
from jaxtyping import Bool, Float32
from sklearn import metrics as theirs
from tabulate import tabulate

from bench import store
from bench.datasets import get_task
from bench.evaluation import RESAMPLES
from bench.metrics.sampling.resampling import bootstrap_weights
from bench.recordings import Recording, one_hot
from bench.submissions import Entry, TaskCard, write_card, write_run

TASK = get_task("demo-62x13795")
"""A simulated task, because no split has frozen its truth: 19 of its 62 recordings are tested."""
FRAMES = (
    23_810, 18_164, 19_156, 18_825, 18_015, 19_710, 18_907, 19_473, 17_483, 6_179,
    4_932, 7_115, 4_881, 5_626, 19_200, 8_617, 11_915, 8_825, 11_274,
)  # fmt: skip
"""Of the official test recordings, mouse071 to mouse089."""
SHARES = np.array([0.048, 0.234, 0.122, 0.596])
BOUT = 110
"""Mean frames of a bout: about the official 2,407 transitions."""
COMMAND = "import sys; from bench.cli import main; sys.argv[0] = 'bench'; main()"


@dataclass(frozen=True)
class Measured:
    """One size: the whole process."""

    frames: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    disk_mib: float
    """The store and the predictions."""
    load_before: float


def labels(rng: np.random.Generator, frames: int) -> Bool[np.ndarray, "T C"]:
    """Draw bouts of about `BOUT` frames; neighbours may be of one class, and then are one bout."""
    lengths = rng.geometric(1 / BOUT, size=2 * frames // BOUT + 50)
    classes = rng.choice(4, size=len(lengths), p=SHARES)
    return one_hot(np.resize(np.repeat(classes, lengths), frames), 4)


def scores(rng: np.random.Generator, truth: Bool[np.ndarray, "T C"]) -> Float32[np.ndarray, "T C"]:
    """Draw probabilities of a model whose errors last a while, as those of real ones do."""
    frames = len(truth)
    drift = np.repeat(rng.normal(size=(frames // 40 + 1, 4)), 40, axis=0)[:frames]
    logits = (2.2 * truth + drift + 0.3 * rng.normal(size=truth.shape)).astype(np.float32)
    weights = np.exp(logits)
    return weights / weights.sum(axis=1, keepdims=True)


def make(folder: Path, times: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Write store and submission; return truth and scores by recording."""
    rng = np.random.default_rng(0)
    ids = TASK.load_split().ids("all", "test")
    made = {}
    for id_, frames in zip(ids, FRAMES, strict=True):
        truth = labels(rng, frames * times)
        made[id_] = (truth, scores(rng, truth))
    recordings = (
        Recording(id_, id_, 30.0, TASK.dataset.classes, truth, np.ones(len(truth), dtype=bool))
        for id_, (truth, _) in made.items()
    )
    home = folder / TASK.dataset.name
    home.mkdir()
    shards = list(store.write_shards(recordings, home))
    held = {id_: stored for shard in shards for id_, stored in shard.recordings.items()}
    digests = {shard.name: shard.sha256 for shard in shards}
    manifest = store.Manifest(TASK.dataset.name, store.SCHEMA_VERSION, held, digests)
    (home / "manifest.json").write_text(manifest.text())
    card = TaskCard(TASK.classes, "probabilities", "made up for timing", "none", causal=False)
    write_card(folder / "entry", Entry("entry", "Entry", ("nobody",), "MIT", {TASK.name: card}))
    write_run(folder / "entry", TASK.name, "seed0", {"all": {id_: s for id_, (_, s) in made.items()}})
    return made


def evaluate(folder: Path) -> Measured:
    """Run `bench evaluate` as a process of its own."""
    load = os.getloadavg()[0]
    arguments = ["evaluate", str(folder / "entry"), "--all", "--results", str(folder / "results")]
    with (folder / "printed").open("w") as printed:
        before = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env={**os.environ, "BENCH_HOME": str(folder)},
            stdout=printed,
        )
        _, status, used = os.wait4(child.pid, 0)  # the peak memory of this child alone
        seconds = time.perf_counter() - before
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bench evaluate ended with exit code {child.returncode}")
    result = json.loads((folder / "results" / f"{TASK.name}--entry.json").read_text())
    assert len(result["scores"]) == len(TASK.metrics)
    assert result["interval"]["resamples"] == RESAMPLES
    read = [
        path for part in (TASK.dataset.name, "entry") for path in (folder / part).rglob("*") if path.is_file()
    ]
    return Measured(
        result["frames"],
        seconds,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss / 1024,
        sum(path.stat().st_size for path in read) / 2**20,
        round(load, 2),
    )


def by_scikit_learn(made: Mapping[str, tuple[np.ndarray, np.ndarray]], resamples: int) -> dict[str, float]:
    """Return the seconds that each call of scikit-learn takes for one resample, mean over a few."""
    per_class = partial(theirs.precision_recall_fscore_support, zero_division=0)
    pairs = list(made.values())
    spent: dict[str, float] = {}
    for row in bootstrap_weights(len(pairs), resamples, seed=0):
        drawn = [pair for pair, times in zip(pairs, row, strict=True) for _ in range(times)]
        truth, score = (np.concatenate(side) for side in zip(*drawn, strict=True))
        a, b = truth.argmax(axis=1), score.argmax(axis=1)
        calls = {
            "f1, precision, recall": partial(per_class, a, b),
            "f1_weighted, precision_weighted": partial(per_class, a, b, average="weighted"),
            "accuracy": partial(theirs.accuracy_score, a, b),
            "cohen_kappa": partial(theirs.cohen_kappa_score, a, b),
            "map": partial(theirs.average_precision_score, truth, score, average=None),
            "auroc": partial(theirs.roc_auc_score, truth, score, average=None),
        }
        for name, call in calls.items():
            before = time.perf_counter()
            call()
            spent[name] = spent.get(name, 0.0) + (time.perf_counter() - before) / resamples
    return spent


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size, print the table, and save the record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each size; of 100 times, one")
    parser.add_argument(
        "--resamples", type=int, default=3, help="how many scikit-learn is timed on, at 1 time"
    )
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    sizes: dict[int, Measured] = {}
    spent: dict[str, float] = {}
    for times in options.times:
        with tempfile.TemporaryDirectory() as name:
            made = make(Path(name), times)
            if times == 1:
                spent = by_scikit_learn(made, options.resamples)
            del made
            runs = [evaluate(Path(name)) for _ in range(options.repeat if times < 100 else 1)]
        sizes[times] = min(runs, key=lambda run: run.seconds)
    rows = [[f"{times}x", *asdict(found).values()] for times, found in sizes.items()]
    heads = ["size", "frames", "seconds", "CPU seconds", "peak MiB", "disk MiB", "load before"]
    print(tabulate(rows, headers=heads, floatfmt=".2f", intfmt=","))
    if spent:
        whole = RESAMPLES * sum(spent.values())
        table = [[name, 1000 * one, RESAMPLES * one] for name, one in spent.items()]
        table.append(["all of these", 1000 * sum(spent.values()), whole])
        print()
        print(tabulate(table, headers=["scikit-learn", "ms a resample", "s for 1,000"], floatfmt=".1f"))
        ratio = whole / sizes[1].seconds
        print(f"\nbench evaluate, all {len(TASK.metrics)} metrics, whole process: {ratio:.0f} times faster")
    if options.save:
        save(options.save, sizes, spent, sys.argv[1:])


def save(
    name: str, sizes: Mapping[int, Measured], spent: Mapping[str, float], arguments: Sequence[str]
) -> None:
    """Keep what was measured."""
    figures = {
        "metrics": len(TASK.metrics),
        "resamples": RESAMPLES,
        "evaluate": {f"{times}x": asdict(found) for times, found in sizes.items()},
        "scikit_learn_seconds_per_resample": dict(spent),
    }
    packages = ("ethobench", "numpy", "pyarrow", "scikit-learn")
    record.save(name, __file__, arguments, packages, figures)


if __name__ == "__main__":
    main()
