"""What details say, as arrays: of one part, or of the whole task as its scores are, the mean over parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bench.evaluation.details.counts import PartCounts, read_counts
from bench.metrics.boundary import AT_TRANSITION, BEYOND_10, REACH, WITHIN_5
from bench.metrics.kernels.pooling import share
from bench.results import Result

BANDS: Mapping[str, slice] = {
    "at a transition": AT_TRANSITION,
    "within 5 frames": WITHIN_5,
    "beyond 10 frames": BEYOND_10,
}
"""The zones of distance that have a name of their own."""


@dataclass(frozen=True, eq=False)
class Boundary:
    """Frames, or the true frames of one class, by distance to the nearest transition: 0..30, then further."""

    counted: Float[np.ndarray, "P 32"]
    """How many there are in each part."""
    right: Float[np.ndarray, "P 32"]
    """How many of them are right, mean over runs."""

    @property
    def frames(self) -> Float[np.ndarray, " 32"]:
        """How many there are at each distance, summed over parts."""
        return self.counted.sum(axis=0)

    @property
    def accuracy(self) -> Float[np.ndarray, " 32"]:
        """Return the share that is right at each distance, in [0, 1], mean over parts; NaN without frames."""
        return _mean(share(self.right, self.counted))

    def within(self, zone: slice) -> float:
        """Return the share that is right in a zone of distances, in [0, 1], mean over parts."""
        return float(_mean(share(self.right[:, zone].sum(axis=1), self.counted[:, zone].sum(axis=1))))

    @property
    def bands(self) -> dict[str, float]:
        """The same over the zones of `BANDS`."""
        return {name: self.within(zone) for name, zone in BANDS.items()}


@dataclass(frozen=True, eq=False)
class Edges:
    """Onsets, or offsets, over tolerance 0..30 frames."""

    f1: Float[np.ndarray, " 31"]
    """Mean over the classes without the background, in [0, 1]."""
    per_class: Mapping[str, Float[np.ndarray, " 31"]]
    """NaN for a class without any in the truth."""
    true: Mapping[str, int]
    """How many there are in the truth, summed over parts."""
    predicted: Mapping[str, float]
    """How many were predicted, mean over runs."""

    @property
    def area(self) -> float:
        """The mean over tolerance."""
        return float(self.f1.mean())


@dataclass(frozen=True)
class RecordingRow:
    """One test recording of one part alone, mean over runs; NaN = undefined there."""

    part: str
    id: str
    frames: int
    values: Mapping[str, float]
    per_class: Mapping[str, float]
    """Of the metric that ranks."""


def part_names(result: Result, part: str | None = None) -> list[str]:
    """Return the parts that have details: all of the task, or this one."""
    return [name for name in result.details.get("parts", {}) if part in (None, name)]


def confusion_matrix(result: Result, part: str | None = None) -> Float[np.ndarray, "C C"] | None:
    """Return the frames of each true class (row) given to each class (column), mean over runs, sum of parts.

    Rows sum to the support. None without details, or where classes overlap.
    """
    tables = [one["confusion"] for one in _parts(result, part) if "confusion" in one]
    if not tables:
        return None
    classes = len(result.task["classes"])
    return np.sum(tables, axis=0, dtype=np.float64).reshape(classes, classes) / _runs(result)


def part_counts(result: Result) -> dict[str, PartCounts]:
    """Return the counts of every recording, by part; empty where the result holds none."""
    classes = len(result.task["classes"])
    held = {
        name: read_counts(result.details["parts"][name], classes, _runs(result))
        for name in part_names(result)
    }
    return {name: counts for name, counts in held.items() if counts is not None}


def boundary(result: Result, name: str | None = None, part: str | None = None) -> Boundary | None:
    """Return the accuracy by distance of all frames, or of one class; None without details."""
    curves = [one["boundary"] for one in _parts(result, part)]
    held = [curve["all"] if name is None else curve["per_class"][name] for curve in curves]
    if not held:
        return None
    counted, right = (np.array([one[key] for one in held], dtype=np.float64) for key in ("frames", "right"))
    shape = (len(held), REACH + 2)
    return Boundary(counted.reshape(shape), right.reshape(shape) / _runs(result))


def edges(result: Result, edge: str, part: str | None = None) -> Edges | None:
    """Return F1 over tolerance of "onset" or "offset"; None without details."""
    held = [one["edges"][edge] for one in _parts(result, part)]
    if not held:
        return None
    names, background, runs = result.task["classes"], result.task["background"], _runs(result)
    curves = np.array([[_numbers(of[name]["f1"]) for name in names] for of in held])  # (P, C, 31)
    foreground = curves[:, [name != background for name in names]]
    return Edges(
        f1=_mean(np.stack([_mean(of_part) for of_part in foreground])),
        per_class=dict(zip(names, _mean(curves), strict=True)),
        true={name: sum(one[name]["true"] for one in held) for name in names},
        predicted={name: sum(one[name]["predicted"] for one in held) / runs for name in names},
    )


def recording_rows(result: Result, part: str | None = None) -> list[RecordingRow]:
    """Return every test recording of every part, in the order of parts."""
    rows = []
    for name in part_names(result, part):
        columns = result.details["parts"][name]["recordings"]
        values = {metric: _numbers(column) for metric, column in columns["values"].items()}
        per_class = {name: _numbers(column) for name, column in columns["per_class"].items()}
        rows += [
            RecordingRow(
                part=name,
                id=id_,
                frames=int(frames),
                values={metric: float(column[k]) for metric, column in values.items()},
                per_class={name: float(column[k]) for name, column in per_class.items()},
            )
            for k, (id_, frames) in enumerate(zip(columns["id"], columns["frames"], strict=True))
        ]
    return rows


def _parts(result: Result, part: str | None) -> list[Mapping[str, Any]]:
    return [result.details["parts"][name] for name in part_names(result, part)]


def _runs(result: Result) -> int:
    runs = int(result.details["runs"])
    if runs < 1:
        raise ValueError(f"details of {runs} runs")
    return runs


def _mean(values: Float[np.ndarray, "P ..."]) -> Float[np.ndarray, ...]:
    """Average over the first axis where it is defined; NaN where it nowhere is."""
    defined = ~np.isnan(values)
    summed = np.where(defined, values, 0.0).sum(axis=0)
    return share(np.asarray(summed), np.asarray(defined.sum(axis=0), dtype=np.float64))


def _numbers(values: Sequence[float | str | None]) -> Float[np.ndarray, " V"]:
    """Read back numbers as JSON has them."""
    return np.array([np.nan if value is None else float(value) for value in values])
