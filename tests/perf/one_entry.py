"""On which side an interval of one entry misses, how often there is one, and what another error would do.

    python tests/perf/one_entry.py [--replicates 600] [--save one_entry]

The recordings are those of `coverage.py`, the value is F1. Two methods on the scale of log odds: `logit_t`,
the default, whose error is the spread of the resamples, and the same with the jackknife error of the values
without each recording. Printed are percentages of the test sets that have an interval, the truth above it and
below it, and the mean width.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from coverage import FOREGROUND, GROUPS, POPULATION, recording

from bench.metrics.frames import F1
from bench.metrics.sampling.intervals import EDGE, interval_of_draws
from bench.metrics.sampling.resampling import Value, draw, jackknife_error
from bench.metrics.sampling.student import t_quantile
from bench.recordings import one_hot

RECORDS = Path(__file__).parent / "records"


def main() -> None:
    """Simulate, print, and keep the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=600)
    parser.add_argument("--save")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    drawn = [recording(rng) for _ in range(POPULATION)]
    population = [
        F1.measure(truth, one_hot(scores.argmax(axis=1), len(FOREGROUND))) for truth, scores in drawn
    ]
    true = float(value_of(population)(np.ones((1, POPULATION)))[0, 0])
    rows = []
    for groups in GROUPS:
        every = []
        for replicate in range(options.replicates):
            chosen = [population[i] for i in rng.integers(POPULATION, size=groups)]
            every.append(both_intervals(value_of(chosen), groups, replicate))
        rows.append(row(groups, np.array(every), true))
        print(rows[-1], flush=True)
    if options.save:
        (RECORDS / f"{options.save}.json").write_text(json.dumps(rows, indent=1) + "\n")


def value_of(measures: Sequence[Any]) -> Value:
    """Return the function from rows of weights to F1."""
    averaged = F1.averaged(F1.reduce(measures, np.ones((1, len(measures))))[0], FOREGROUND)
    return lambda weights: F1.average(F1.reduce(measures, weights), averaged)[:, None]


def both_intervals(value: Value, groups: int, seed: int) -> list[list[float]]:
    """Return the ends of the default's interval and of the other; NaN where the default has none."""
    draws = draw(value, groups, 1_000, seed, bounds=(0.0, 1.0))
    default = interval_of_draws(value, draws, 0.95, "logit_t")
    half = t_quantile(0.95, groups - 1) * jackknife_error(log_odds(draws.left_out))[0]
    middle = log_odds(draws.point)[0]
    other = [float(1 / (1 + np.exp(-(middle + side * half)))) for side in (-1, 1)]
    ends = [float(default.low[0]), float(default.high[0])]
    return [ends, [np.nan, np.nan] if np.isnan(ends[0]) else other]


def log_odds(values: np.ndarray) -> np.ndarray:
    """Return log(v / (1 - v)), cut off near 0 and 1."""
    inside = np.clip(values, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def row(groups: int, ends: np.ndarray, true: float) -> dict[str, Any]:
    """Return what intervals (n, 2 methods, 2 ends) do at one number of recordings."""
    given = ~np.isnan(ends[:, 0, 0])
    kept = ends[given]
    found: dict[str, Any] = {"groups": groups, "with_interval": round(100 * float(given.mean()), 1)}
    for k, name in enumerate(("logit_t", "leave_one_out")):
        found[name] = {
            "truth_above": round(100 * float((kept[:, k, 1] < true).mean()), 1),
            "truth_below": round(100 * float((kept[:, k, 0] > true).mean()), 1),
            "width": round(float((kept[:, k, 1] - kept[:, k, 0]).mean()), 3),
        }
    return found


if __name__ == "__main__":
    main()
