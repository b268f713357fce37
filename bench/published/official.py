"""Printed means against the published results of every seed, where their file is at hand.

The file is a CSV with the columns experiment, task, group, variant, seed, split, cls, f1 and ap, as gathered
from the result tables of CalMS21's official code. It is no part of this repository.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev

from bench.errors import DataError
from bench.published.findings import VERDICTS, Finding, verdict, what
from bench.published.implied import Implied
from bench.published.tables import Number
from bench.tasks import Task

METRICS = {"f1": "f1", "map": "ap"}
"""Our metric -> its column."""
BACKGROUND = "other"
Key = tuple[str, str]
"""(experiment, seed)"""
COLUMNS = ("experiment", "task", "group", "variant", "seed", "split", "cls", "f1", "ap")
Runs = Mapping[Key, Mapping[tuple[str, str], Mapping[str, float]]]
"""(experiment, seed) -> (part, class) -> metric -> value."""


def read_runs(path: Path, tasks: Mapping[str, Task]) -> Runs:
    """Read the test results of every seed; raise `DataError` where the file has other columns.

    Task 3's groups are numbered in the alphabetical order of the behaviours, which is that of our parts.
    """
    runs: dict[Key, dict[tuple[str, str], dict[str, float]]] = {}
    behaviours = [part.name for part in tasks["calms21-task3"].parts]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if absent := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
                raise ValueError(f"no column {', '.join(absent)}")
            for line in table:
                if line["split"] != "test" or line["variant"] or line["cls"] in (BACKGROUND, "Macro Average"):
                    continue
                third = line["task"] == "3"
                part = behaviours[int(line["group"].rpartition("-")[2])] if third else line["group"]
                cell = (part, "behaviour" if third else line["cls"])
                values = {metric: float(line[column]) for metric, column in METRICS.items()}
                runs.setdefault((line["experiment"], line["seed"]), {})[cell] = values
    except (KeyError, TypeError, ValueError, IndexError, csv.Error) as fault:
        raise DataError(
            f"{path} does not hold the results of every seed",
            [str(fault) or type(fault).__name__],
            hint=f"expected columns: {', '.join(COLUMNS)}",
        ) from fault
    return runs


def against_runs(numbers: Sequence[Number], runs: Runs) -> list[Finding]:
    """Compare every printed mean and ± with those over the seeds; the worse of both is the verdict."""
    findings = []
    for number in numbers:
        values = _seeds(number, runs)
        if number.deviation is None or not values:
            continue
        mean, deviation = fmean(values), pstdev(values)
        verdicts = (
            verdict(number.value, number.digit, Implied(mean, mean, mean, "")),
            verdict(number.deviation, number.deviation_digit, Implied(deviation, deviation, deviation, "")),
        )
        rule = f"mean and population deviation over {len(values)} seeds"
        follows = f"{mean:.4f} ± {deviation:.4f}"
        findings.append(
            Finding(
                "seeds",
                number.place,
                what(number),
                number.text,
                follows,
                rule,
                max(verdicts, key=VERDICTS.index),
            )
        )
    return findings


def _seeds(number: Number, runs: Runs) -> list[float]:
    """Return the value of each seed: the mean over the parts and classes that the number is a mean over."""
    values = []
    for (experiment, _), cells in runs.items():
        if experiment == number.row.experiment and number.metric in METRICS:
            cell_values = [
                metrics[number.metric]
                for (part, name), metrics in cells.items()
                if number.part in ("", part) and number.class_ in ("", name)
            ]
            values += [fmean(cell_values)] if cell_values else []
    return values
