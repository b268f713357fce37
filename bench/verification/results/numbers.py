"""Whether a number that stands in a file is the one that follows from others, and how the fault reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.files.faults import Fault, Place, shown

RELATIVE = 1e-9
ABSOLUTE = 1e-12
"""A number may differ by rounding and by nothing else: sums in another order are some 1e-16 apart."""


def near(value: float | int, expected: float) -> bool:
    """Whether two numbers are the same up to rounding; undefined is undefined, infinite is infinite."""
    if math.isnan(expected) or math.isinf(expected):
        return math.isnan(value) if math.isnan(expected) else value == expected
    return abs(value - expected) <= ABSOLUTE + RELATIVE * abs(expected)


def inside(value: float, low: float, high: float) -> bool:
    """Whether a number is from `low` to `high`, up to rounding."""
    return low - ABSOLUTE <= value <= high + ABSOLUTE


def differences(place: Place, value: Any, expected: Any, source: str = "") -> Iterator[Fault]:
    """Yield a fault for every number of `expected` that `value` lacks or has otherwise.

    Both are trees of tables, lists and numbers; what only `value` has is not compared. `source` says what the
    expected numbers follow from.
    """
    if isinstance(expected, Mapping):
        for key, inner in expected.items():
            if key in value:
                yield from differences((*place, key), value[key], inner, source)
            else:
                yield Fault((*place, key), "missing", source or "a value")
    elif isinstance(expected, list | tuple):
        if len(value) == len(expected):
            for k, (item, inner) in enumerate(zip(value, expected, strict=True)):
                yield from differences((*place, k), item, inner, source)
        else:
            size = f"a list of {len(expected):,}"
            yield Fault(place, f"a list of {len(value):,}", size + (source and f", {source}"))
    elif not (near(value, expected) if isinstance(expected, float) else value == expected):
        yield Fault(place, written(value), written(expected) + (source and f", {source}"))


def written(value: Any) -> str:
    """Write a value as it stands in the file: undefined is null."""
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return "null" if math.isnan(value) else f'"{float(value)}"'
    return shown(value.item() if isinstance(value, np.generic) else value)


def mean(values: Sequence[float | int]) -> float:
    """Return the mean of those that are defined; NaN where none is."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def spread(values: Sequence[float | int]) -> float:
    """Return the population standard deviation; NaN of a single value, or where one is not finite."""
    return float(np.std(values)) if len(values) > 1 and np.isfinite(values).all() else math.nan
