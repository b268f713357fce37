"""How often do 95 % intervals hold the true value? Simulated recordings, every method, 5 to 60 groups.

    python tests/perf/coverage.py [--replicates 500] [--resamples 1000] [--seed 0]

The population is a few thousand simulated recordings of 300 frames, so the true value of every metric is
known: it is that of all of them pooled. Recordings differ as sessions do, in how much of each behaviour
they hold (half may hold no attack at all), how well the model does on them, and which class it leans to. A
replicate draws so many recordings from the population and asks every method for its interval. Printed are
the share of intervals that hold the truth, those that lie wholly below and above it, and the mean width.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from tabulate import tabulate

from bench.metrics import Metric
from bench.metrics.frames import F1
from bench.metrics.ranking import MAP
from bench.metrics.sampling.intervals import METHODS, interval_of_draws
from bench.metrics.sampling.resampling import Value, draw
from bench.recordings import one_hot

SHARES = np.array([0.03, 0.29, 0.06, 0.62])  # attack, investigation, mount, other
PRESENT = [0.5, 0.7]  # of attack and mount: the share of recordings that hold any
FOREGROUND = np.array([True, True, True, False])
POPULATION, FRAMES = 4_000, 300
GROUPS = (5, 10, 20, 60)
COLUMNS = ("F1", "F1 attack", "F1 investigation", "MAP", "AP attack", "AP investigation")


def recording(rng: np.random.Generator) -> tuple[Bool[np.ndarray, "T C"], Float[np.ndarray, "T C"]]:
    """Simulate truth and scores of one recording: bouts, a skill, a leaning, and noise that lasts."""
    shares = SHARES * rng.lognormal(sigma=0.8, size=len(SHARES))
    shares[[0, 2]] *= rng.random(2) < PRESENT
    bouts = rng.geometric(1 / 20, size=FRAMES)
    labels = np.repeat(rng.choice(len(SHARES), size=FRAMES, p=shares / shares.sum()), bouts)[:FRAMES]
    truth = one_hot(labels, len(SHARES))
    skill = rng.normal(2.0, 0.7)
    leaning = rng.normal(0, 0.5, size=len(SHARES)) + np.log(SHARES) / 2
    noise = np.repeat(rng.normal(size=(FRAMES // 10, len(SHARES))), 10, axis=0)
    return truth, skill * truth + leaning + noise + rng.normal(0, 0.5, size=truth.shape)


def value_of(spans: Sequence[tuple[object, object]], metrics: tuple[Metric, Metric]) -> Value:
    """Return the function from weights to `COLUMNS` for recordings already measured."""
    measured = [[span[i] for span in spans] for i in range(2)]
    once = np.ones((1, len(spans)))
    averaged = [
        metric.averaged(metric.reduce(measures, once)[0], FOREGROUND)
        for metric, measures in zip(metrics, measured, strict=True)
    ]

    def value(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        columns = []
        for metric, measures, of in zip(metrics, measured, averaged, strict=True):
            classes = metric.reduce(measures, weights)
            columns += [metric.average(classes, of), classes[:, 0], classes[:, 1]]
        return np.stack(columns, axis=1)

    return value


def main() -> None:
    """Simulate, and print one table per column."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("replicates", 500), ("resamples", 1_000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    population = []
    for _ in range(POPULATION):
        truth, scores = recording(rng)
        labels = one_hot(scores.argmax(axis=1), len(SHARES))
        population.append((F1.measure(truth, labels), MAP.measure(truth, scores)))
    true = value_of(population, (F1, MAP))(np.ones((1, POPULATION)))[0]

    outcome = np.zeros((len(METHODS), len(GROUPS), 4, len(COLUMNS)))  # hold, below, above, width
    given = np.zeros((len(METHODS), len(GROUPS), len(COLUMNS)))
    for g, groups in enumerate(GROUPS):
        for replicate in range(options.replicates):
            value = value_of([population[i] for i in rng.integers(POPULATION, size=groups)], (F1, MAP))
            draws = draw(value, groups, options.resamples, replicate, bounds=(0.0, 1.0))
            for m, method in enumerate(METHODS):
                found = interval_of_draws(value, draws, 0.95, method)
                some = ~np.isnan(found.low)
                below, above = found.high < true, found.low > true
                width = np.where(some, found.high - found.low, 0.0)
                outcome[m, g] += [some & ~below & ~above, some & below, some & above, width]
                given[m, g] += some
    share = outcome / np.maximum(given, 1)[:, :, None]
    report(true, share, given / options.replicates)


def report(
    true: Float[np.ndarray, " K"], share: Float[np.ndarray, "M G 4 K"], given: Float[np.ndarray, "M G K"]
) -> None:
    """Print, per column, what every method did at every number of recordings."""
    for k, column in enumerate(COLUMNS):
        rows = []
        for m, method in enumerate(METHODS):
            cells = []
            for g in range(len(GROUPS)):
                hold, below, above, width = share[m, g, :, k]
                some = "" if given[m, g, k] == 1 else f" ({given[m, g, k]:.0%})"
                cells.append(f"{hold:.1%} {below:.1%}/{above:.1%} {width:.3f}{some}")
            rows.append([method, *cells])
        print(f"\n{column}, true value {true[k]:.3f}: coverage, below/above, mean width (share with one)")
        print(tabulate(rows, headers=["method", *(f"{g} recordings" for g in GROUPS)]))
    off = np.abs(share[:, :, 0] - 0.95).mean(axis=(1, 2))
    print("\nmean distance of coverage from 95 %, over all columns and numbers of recordings")
    print(tabulate(sorted(zip(off, METHODS, strict=True)), headers=["distance", "method"], floatfmt=".3f"))


if __name__ == "__main__":
    main()
