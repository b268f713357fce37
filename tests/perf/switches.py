"""Whether switches change results by more than seeds do: F1 and MAP per seed, with and without each.

    python tests/perf/switches.py [--model msgl_tcn] [--task demo-10x1000] [--seeds 5] [--epochs 3]
                                  [--switches bf16 compiled] [--device cuda] [--save NAME]

Every seed trains once with all switches off and once with each set, a sum such as `bf16+graphs`. The mean
difference of a set, seed by seed, must lie within the deviation over seeds of the runs without it, for F1
and for MAP; else the exit code is 1. The default data are simulated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import record
from gather import switches_of
from jaxtyping import Float
from tabulate import tabulate
from trained import f1_and_map, read_test

from baselines.models import get_baseline
from baselines.runs.train import train
from bench.datasets import get_task
from bench.store import pull_simulated
from bench.tasks import Task

Scores = Float[np.ndarray, "S 2"]
"""F1 and MAP of each seed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="msgl_tcn")
    parser.add_argument("--task", default="demo-10x1000")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--switches", nargs="+", default=["bf16"], metavar="SET")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--save", metavar="NAME")
    options = parser.parse_args(arguments)
    task = get_task(options.task)
    if task.dataset.simulated:
        pull_simulated(task.dataset)
    found: dict[str, Scores] = {}
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ["off", *options.switches]:
            began = time.perf_counter()
            found[name] = scores(task, options, name, Path(folder) / f"run{len(found)}")
            seconds[name] = time.perf_counter() - began
    print(table(found, seconds))
    outside = beyond_noise(found)
    print("\n".join(outside) or "every mean difference lies within the deviation over seeds")
    if options.save:
        said = sys.argv[1:] if arguments is None else arguments
        figures = {"f1 and map": {name: both.tolist() for name, both in found.items()}, "seconds": seconds}
        record.save(options.save, __file__, said, ("ethobench", "numpy", "torch"), figures)
    return int(bool(outside))


def scores(task: Task, options: argparse.Namespace, switches: str, out: Path) -> Scores:
    """Train every seed with these switches."""
    runs = [
        train(
            get_baseline(options.model),
            task,
            seed=seed,
            device=options.device,
            out=out,
            epochs=options.epochs,
            switches=switches_of(switches),
        )
        for seed in range(options.seeds)
    ]
    return np.array([f1_and_map(task, *read_test(task, run)) for run in runs])


def table(found: Mapping[str, Scores], seconds: Mapping[str, float]) -> str:
    """Return a line per set and metric: every seed, mean, deviation, difference from all switches off."""
    rows = [
        [
            name,
            metric,
            *values,
            values.mean(),
            values.std(),
            (values - found["off"][:, column]).mean(),
            seconds[name],
        ]
        for name, both in found.items()
        for column, (metric, values) in enumerate(zip(("F1", "MAP"), both.T, strict=True))
    ]
    seeds = [f"seed {seed}" for seed in range(len(found["off"]))]
    heads = ["switches", "", *seeds, "mean", "deviation", "difference", "seconds"]
    return tabulate(rows, headers=heads, floatfmt=(None, None, *[".4f"] * (len(seeds) + 3), ".0f"))


def beyond_noise(found: Mapping[str, Scores]) -> list[str]:
    """Say which sets change a metric, on average, by more than the deviation over seeds without them."""
    noise = found["off"].std(axis=0)
    return [
        f"{name}: {metric} differs by {difference:.4f}, the deviation over seeds is {deviation:.4f}"
        for name, both in found.items()
        for metric, difference, deviation in zip(
            ("F1", "MAP"), (both - found["off"]).mean(axis=0), noise, strict=True
        )
        if abs(difference) > deviation
    ]


if __name__ == "__main__":
    sys.exit(main())
