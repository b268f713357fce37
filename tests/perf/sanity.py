"""Whether every model learns, and none learns from labels that mean nothing.

    python tests/perf/sanity.py [--task demo-40x500] [--epochs 2] [--models NAME ...]

Every model trains for a few epochs on simulated recordings, in batches of 32 so that these are many steps:
once on their labels and once on labels that were shuffled among all training frames. The test recordings are
the same and keep theirs. The exit code is 1 where

- a model does not beat the prior in F1 and in MAP: it has learned nothing, or has a fault;
- a model beats chance from shuffled labels: it has seen what it must not. Chance is the MAP of the prior,
  which is the mean share of the classes, and the F1 of saying every class of every frame, 2 p / (1 + p),
  than which no guess that looks at no pose is better. Few test bouts let a guess be lucky: .05, or a quarter
  of what the model gains from true labels, is let pass.

That allowance was set after first runs were seen, and each model is shuffled once: passing shows no gross
leak, not that a model is at chance. A MAP above the prior's from shuffled labels is common here.

Models that learn CalMS21's Task 1 first learn the same simulated recordings first.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tabulate import tabulate
from trained import f1_and_map

from baselines import BASELINES, Baseline, Recipe, train
from bench.datasets import get_task
from bench.recordings import Recording
from bench.store import load, load_all, pull, pull_simulated
from bench.tasks import Task

BATCH = 32
LUCK, SHARE = 0.05, 0.25


@dataclass(frozen=True)
class Found:
    """F1 and MAP of one model."""

    model: str
    true: tuple[float, float]
    shuffled: tuple[float, float]
    seconds: float


def store_shuffled(task: Task, recordings: Sequence[Recording], seed: int = 0) -> None:
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


def fitting(baseline: Baseline, task: Task) -> Baseline:
    """Let a model learn in small batches and, if it learns another task first, this one first."""
    recipe = baseline.recipe
    if not isinstance(recipe, Recipe):
        return baseline
    recipe = replace(recipe, batch=BATCH)
    if recipe.pretraining is None:
        return replace(baseline, recipe=recipe)
    tuning = recipe.pretraining.tunings["calms21-task2"]
    first = replace(recipe.pretraining, task=task.name, tunings={task.name: tuning})
    return replace(baseline, recipe=replace(recipe, pretraining=first))


def run(baseline: Baseline, task: Task, epochs: int, out: Path) -> tuple[float, float]:
    fitted = fitting(baseline, task)
    few = epochs if isinstance(fitted.recipe, Recipe) else None
    return f1_and_map(task, train(fitted, task, seed=0, device="cpu", out=out, epochs=few))


def chance(task: Task, prior: tuple[float, float]) -> tuple[float, float]:
    """Return F1 and MAP of a model that looks at no pose."""
    (part,) = task.parts
    test = load(task.dataset, task.load_split().ids(part.name, "test"), poses=False)
    held = np.concatenate([task.truth(r)[r.annotated] for r in test]).mean(axis=0)[task.foreground]
    return float((2 * held / (1 + held)).mean()), prior[1]


def faults(found: Found, prior: tuple[float, float], guess: tuple[float, float]) -> list[str]:
    """Say what is wrong with a model."""
    wrong = []
    for metric, true, other, least, most in zip(
        ("F1", "MAP"), found.true, found.shuffled, prior, guess, strict=True
    ):
        if true <= least:
            wrong.append(f"{found.model}: {metric} {true:.3f}, no better than the prior's {least:.3f}")
        if other > most + max(LUCK, SHARE * (true - most)):
            wrong.append(f"{found.model}: {metric} {other:.3f} from shuffled labels, chance is {most:.3f}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all, print the table and what is wrong, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="demo-40x500")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--models", nargs="+", metavar="NAME")
    options = parser.parse_args(arguments)
    task = get_task(options.task)
    chosen = [b for b in BASELINES if b.recipe is not None and b.name in (options.models or [b.name])]
    (plain,) = [b for b in BASELINES if b.recipe is None]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stored_in(folder / "true"):
            pull_simulated(task.dataset)
            recordings = list(load_all(task.dataset))
            prior = run(plain, task, options.epochs, folder / "prior")
            guess = chance(task, prior)
        with stored_in(folder / "shuffled"):
            store_shuffled(task, recordings)
        found = []
        for baseline in chosen:
            began, both = time.perf_counter(), {}
            for labels in ("true", "shuffled"):
                with stored_in(folder / labels):
                    both[labels] = run(baseline, task, options.epochs, folder / f"{baseline.name}-{labels}")
            print(f"{baseline.name}: {both}", flush=True)
            found.append(Found(baseline.name, **both, seconds=time.perf_counter() - began))
    rows = [[one.model, *one.true, *one.shuffled, one.seconds] for one in found]
    rows = [["prior", *prior, None, None, None], ["chance", None, None, *guess, None], *rows]
    heads = ["model", "F1", "MAP", "F1 shuffled", "MAP shuffled", "seconds"]
    print(tabulate(rows, headers=heads, floatfmt=(None, *[".3f"] * 4, ".0f")))
    wrong = [fault for one in found for fault in faults(one, prior, guess)]
    print("\n".join(wrong) or "all models beat the prior; shuffled labels lift none beyond the allowance")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
