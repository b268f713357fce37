"""Whether every model learns, and none learns from labels that mean nothing.

    python tests/perf/sanity.py [--task demo-40x500] [--epochs 2] [--shuffles 5] [--models NAME ...]
                                [--workers 1] [--save NAME]

Every model trains for a few epochs, one that learns slowly for more, on simulated recordings, in batches of
32 so that these are many steps: once on their labels, and several times, each with a seed of its own, on
labels that were shuffled among all training frames. The test recordings keep theirs. Two rules; the exit code
is 1 where one does not hold:

- From true labels a model beats the prior in F1 and in MAP, and beats every shuffle of its own in both.
- From shuffled labels it beats chance in neither: one-sided t tests over the shuffles, of all models and both
  metrics together at 5 % (Holm's correction).

Chance in F1 is that of a guess that says each class as often as the model does but looks at no pose: of a
class that holds in a share p of the frames and is said of a share q, 2 p q / (p + q). It is 0, as the prior's
is, for a model that never says a behaviour.

Chance in MAP is that of the model's own scores upside down. It is not the prior's MAP, the mean share of the
classes: noise is learned too, what was learned depends on the pose, and so goes with or against a behaviour
by luck. With it average precision can rise to 1, against it it falls by less than the share, so that by luck
alone the mean lies above. Which way luck goes is even odds, and turning the scores upside down turns it, so
that the difference is 0 on average where nothing was learned of the behaviours.

Models that answer segments alone are left out, and those that learn from other recordings than these.
Models that learn CalMS21's Task 1 first learn the same simulated recordings first. `--save NAME` writes
tests/perf/records/NAME.json. That no model sees test labels at all is a test of its own, exact and without
luck: tests/baselines/test_every_baseline.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, replace
from io import StringIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import record
from jaxtyping import Float
from scipy.stats import ttest_1samp
from tabulate import tabulate
from tqdm import tqdm
from trained import Scores, Truth, f1_and_map, read_test

from baselines.contract import Baseline, Need
from baselines.models import MODELS, get_baseline, load
from baselines.recipes.windows import Recipe
from baselines.runs.train import train
from bench.datasets import get_task
from bench.recordings import Recording
from bench.store import load_all, pull, pull_simulated
from bench.tasks import Task

BATCH = 32
SLOW = {"self_attention": 15, "dilated_tcn": 20}
"""Epochs, at least, of models that hardly begin to learn in fewer."""
LEVEL = 0.05
TRUE = "true"
"""The store whose training labels are as they are; the others are called by the number of their shuffle."""


@dataclass(frozen=True)
class Run:
    """What one run makes of the test recordings, and what chance would."""

    f1: float
    f1_chance: float
    """Of a guess that says each class as often."""
    map: float
    map_chance: float
    """Of the same scores upside down."""


@dataclass(frozen=True)
class Found:
    """One model: from true labels, and from each shuffle."""

    model: str
    true: Run
    shuffled: Sequence[Run]
    seconds: float


@dataclass(frozen=True)
class Job:
    """One training."""

    model: str
    task: str
    labels: str
    seed: int
    epochs: int
    folder: Path

    def run(self) -> tuple[Run, float]:
        """Train; return what was found, and the seconds it took."""
        began, task = time.perf_counter(), get_task(self.task)
        baseline = fitting(get_baseline(self.model), task)
        few = self.epochs if baseline.network is not None else None
        out = self.folder / f"{self.model}-{self.labels}"
        with stored_in(self.folder / self.labels), redirect_stderr(StringIO()):
            path = train(baseline, task, seed=self.seed, device="cpu", out=out, epochs=few)
            return judged(task, *read_test(task, path)), time.perf_counter() - began


def judged(task: Task, truth: Truth, scores: Scores) -> Run:
    """Score a run, and what chance would have in its place."""
    f1, map_ = f1_and_map(task, truth, scores)
    _, map_chance = f1_and_map(task, truth, {id_: -said for id_, said in scores.items()})
    return Run(f1, guess(task, truth, scores), map_, map_chance)


def guess(task: Task, truth: Truth, scores: Scores) -> float:
    """Return the expected F1 of saying each class as often as the scores do, of frames drawn at random."""
    held = np.concatenate(list(truth.values()))
    said = np.concatenate([scores[id_].argmax(axis=1) for id_ in truth])[held >= 0]
    p, q = (
        np.bincount(labels, minlength=len(task.classes)) / len(said) for labels in (held[held >= 0], said)
    )
    expected = 2 * p * q / np.maximum(p + q, np.finfo(float).tiny)
    return float(expected[task.foreground].mean())


def store_shuffled(task: Task, recordings: Sequence[Recording], seed: int) -> None:
    """Store the recordings, under the same names, with training labels that are shuffled among all frames."""
    split = task.load_split()
    (part,) = task.parts
    tested = split.ids(part.name, "test")
    pooled = np.concatenate([r.labels for r in recordings if r.id not in tested])
    np.random.default_rng(seed).shuffle(pooled)

    def read(_: Path) -> Iterator[Recording]:
        start = 0
        for recording in recordings:
            if recording.id in tested:
                yield recording
                continue
            end = start + recording.frames
            yield replace(recording, labels=pooled[start:end])
            start = end

    pull(replace(task.dataset, read=read), Path())


@contextmanager
def stored_in(folder: Path) -> Iterator[None]:
    """Let the store lie in `folder`; the user's own is left alone."""
    found = os.environ.get("BENCH_HOME")
    os.environ["BENCH_HOME"] = str(folder)
    yield
    if found is None:
        del os.environ["BENCH_HOME"]
    else:
        os.environ["BENCH_HOME"] = found


def bound(name: str) -> bool:
    """Whether a model learns from recordings that are not simulated here: of other tasks, or unlabelled."""
    baseline = get_baseline(name)
    needed = [load(need.model) for need in baseline.needs]
    elsewhere = any(need.use == "features" and need.task for need in baseline.needs)
    others = any(one.unlabelled or one.name == "treba_shipped" for one in (baseline, *needed))
    return elsewhere or others or isinstance(baseline.serves, tuple)


def fitting(baseline: Baseline, task: Task) -> Baseline:
    """Let a model learn in small batches and, if it learns another task first, this one first."""
    recipe = baseline.recipe
    if not isinstance(recipe, Recipe):
        return baseline
    small = replace(baseline, recipe=replace(recipe, batch=BATCH))
    if not recipe.tunings:
        return small
    (need,) = baseline.needs
    tuning = dict(recipe.tunings)["calms21-task2"]
    return replace(
        small,
        recipe=replace(small.recipe, tunings=((task.name, tuning),)),
        tasks=(task.name,),
        needs=(Need(FIRST[need.model].model, "start", task.name),),
    )


def first(model: str) -> Baseline:
    """Return what a fine-tuned model begins with, in small batches too."""
    baseline = load(model)
    name = f"first_{baseline.name}"
    return replace(baseline, model=f"sanity:{name}", name=name, recipe=replace(baseline.recipe, batch=BATCH))


def p_value(gains: Float[np.ndarray, " K"]) -> float:
    """Return the one-sided p of "the mean is 0"; gains that are all alike need no test."""
    if np.ptp(gains) == 0:
        return float(gains[0] <= 0)
    return float(ttest_1samp(gains, 0.0, alternative="greater").pvalue)


def p_values(found: Found) -> tuple[float, float]:
    """Return the p of F1 and of MAP from shuffled labels."""
    runs = found.shuffled
    return (
        p_value(np.array([run.f1 - run.f1_chance for run in runs])),
        p_value(np.array([run.map - run.map_chance for run in runs])),
    )


def faults(every: Sequence[Found], prior: Run) -> list[str]:
    """Say what is wrong with which model."""
    wrong = []
    for found in every:
        for metric in ("f1", "map"):
            true, least = getattr(found.true, metric), getattr(prior, metric)
            luckiest = max(getattr(run, metric) for run in found.shuffled)
            name = f"{found.model}: {metric.upper()} {true:.3f}"
            if true <= least:
                wrong.append(f"{name}, no better than the prior's {least:.3f}")
            if true <= luckiest:
                wrong.append(f"{name}, no better than {luckiest:.3f} from shuffled labels")
    tests = sorted(
        (p, f"{found.model}: {metric} from shuffled labels beats chance, p {p:.2g}")
        for found in every
        for p, metric in zip(p_values(found), ("F1", "MAP"), strict=True)
    )
    for rank, (p, text) in enumerate(tests):
        if p > LEVEL / (len(tests) - rank):
            break
        wrong.append(text)
    return wrong


def table(every: Sequence[Found], prior: Run) -> str:
    """Return a line per model; what is of shuffled labels is a mean over the shuffles."""
    rows: list[list[str | float | None]] = [["prior", prior.f1, prior.map, *[None] * 7]]
    for found in every:
        means = np.mean([list(asdict(run).values()) for run in found.shuffled], axis=0)
        f1, f1_chance, map_, map_chance = means.tolist()
        f1_p, map_p = p_values(found)
        shuffled = (f1, f1_chance, f1_p, map_, map_chance, map_p)
        rows.append([found.model, found.true.f1, found.true.map, *shuffled, found.seconds])
    heads = ["model", "F1", "MAP", "F1 shuffled", "chance", "p", "MAP shuffled", "chance", "p", "seconds"]
    return tabulate(rows, headers=heads, floatfmt=(None, *[".3f"] * 8, ".0f"))


def stored(task: Task, shuffles: int, folder: Path) -> None:
    """Simulate the recordings, and store them with true labels and with each shuffle."""
    with stored_in(folder / TRUE):
        pull_simulated(task.dataset)
        recordings = list(load_all(task.dataset))
    for k in range(shuffles):
        with stored_in(folder / str(k)):
            store_shuffled(task, recordings, seed=k)


def measure(task: Task, models: Sequence[str], epochs: int, shuffles: int, workers: int) -> list[Found]:
    """Train every model on every store; return them in the order of `models`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stored(task, shuffles, folder)
        jobs = [
            Job(model, task.name, labels, seed, max(epochs, SLOW.get(model, 0)), folder)
            for model in models
            for seed, labels in enumerate([TRUE, *map(str, range(shuffles))])
        ]
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            runs = list(tqdm(pool.map(Job.run, jobs), total=len(jobs), unit=" trained", disable=None))
    each = [runs[i : i + shuffles + 1] for i in range(0, len(runs), shuffles + 1)]
    return [
        Found(model, found[0][0], [run for run, _ in found[1:]], sum(seconds for _, seconds in found))
        for model, found in zip(models, each, strict=True)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all, print the table and what is wrong, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="demo-40x500")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--shuffles", type=int, default=5)
    parser.add_argument("--models", nargs="+", metavar="NAME")
    parser.add_argument("--workers", type=int, default=1, help="trainings at once")
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    if options.shuffles < 2:
        parser.error("--shuffles: expected 2 or more, for a test over them")
    task = get_task(options.task)
    (plain,) = [name for name in MODELS if get_baseline(name).recipe is None]
    frames = [name for name in MODELS if get_baseline(name).answers != {"segments"} and not bound(name)]
    chosen = [get_baseline(name).name for name in options.models or frames]
    chosen = [plain, *(name for name in chosen if name != plain)]
    first, *every = measure(task, chosen, options.epochs, options.shuffles, options.workers)
    print(table(every, first.true))
    wrong = faults(every, first.true)
    print("\n".join(wrong) or "every model learns from true labels, and none from shuffled ones")
    if options.save:
        said = sys.argv[1:] if arguments is None else arguments
        figures = {"prior": asdict(first.true), "models": [asdict(found) for found in every], "wrong": wrong}
        record.save(options.save, __file__, said, ("ethobench", "numpy", "torch", "scipy"), figures)
    return int(bool(wrong))


FIRST = {
    need.model: first(need.model)
    for name in MODELS
    for need in get_baseline(name).needs
    if need.use == "start"
}
globals().update({baseline.name: baseline for baseline in FIRST.values()})  # where a worker looks for them


if __name__ == "__main__":
    sys.exit(main())
