"""Entries of a ranking against each other, pair by pair: the matrix on the page of a task. Pure.

A difference is tested by the jackknife over groups of recordings (`bench.metrics.sampling.paired`): it needs
only the values without each group, which every result of format 3 holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.evaluation import LEVEL
from bench.metrics.sampling.paired import jackknife_test
from bench.pages.facts import EntryName, MetricFacts, Value, entry_name
from bench.pages.ranking import Ranking, Row, ranking_score

IN_MATRIX = 12
"""Entries in one matrix: the best that can be tested."""


@dataclass(frozen=True)
class PairCell:
    """The difference of two entries: that of the row minus that of the column."""

    value: Value
    verdict: str
    """"better" or "worse" where the interval excludes zero, else "open"."""


@dataclass(frozen=True)
class PairRow:
    """One entry against the others."""

    entry: EntryName
    cells: tuple[PairCell | None, ...]
    """None: the entry against itself."""


def testable_rows(ranking: Ranking) -> list[Row]:
    """Return the entries whose results hold what a paired test needs, best first."""
    return [row for row in ranking.rows if row.ranks is not None and row.ranks.tested]


def matrix(ranking: Ranking, metric: MetricFacts) -> tuple[PairRow, ...]:
    """Return the best entries against each other; empty where fewer than two can be tested."""
    rows = testable_rows(ranking)[:IN_MATRIX]
    if len(rows) < 2:
        return ()
    scores = [score for row in rows if (score := ranking_score(row.result))]
    values = np.array([score.value for score in scores])
    left_out = np.array([score.left_out for score in scores])  # (K, G)
    one, other = np.indices((len(rows), len(rows))).reshape(2, -1)
    tested = jackknife_test(
        values[one] - values[other], (left_out[one] - left_out[other]).T.copy(), level=LEVEL
    )
    cells = [
        None if i == j else _cell(metric, *numbers)
        for i, j, *numbers in zip(
            one.tolist(),
            other.tolist(),
            tested.difference.tolist(),
            tested.low.tolist(),
            tested.high.tolist(),
            strict=True,
        )
    ]
    width = len(rows)
    return tuple(
        PairRow(entry_name(row.result), tuple(cells[k * width : (k + 1) * width]))
        for k, row in enumerate(rows)
    )


def _cell(metric: MetricFacts, difference: float, low: float, high: float) -> PairCell:
    value = Value(difference, low, high, metric.unit)
    if metric.best_at_zero or math.isnan(low) or low <= 0 <= high:
        return PairCell(value, "open")
    return PairCell(value, "better" if (low > 0) == metric.higher_is_better else "worse")
