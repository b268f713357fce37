"""What the first page shows: every task, and the best entry of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.pages.facts import EntryName, MetricFacts, TaskFacts, Value, entry_name, task_facts, value_of
from bench.pages.ranking import Ranking


@dataclass(frozen=True)
class Best:
    """The best entry of a task, with its value."""

    metric: MetricFacts
    value: Value
    entry: EntryName
    rivals: int
    """How many others may be as good."""


@dataclass(frozen=True)
class IndexRow:
    """One task."""

    task: TaskFacts
    entries: int
    """Those of the ranking that counts first."""
    separate: int
    """Entries whose numbers cannot be compared with those."""
    best: Best | None
    """None where no entry has a defined value."""


@dataclass(frozen=True)
class IndexPage:
    """The first page."""

    rows: tuple[IndexRow, ...]


def index_page(rankings: Mapping[str, Sequence[Ranking]]) -> IndexPage:
    """Return the first page; `rankings` are those of each task, the one that counts first at the front."""
    return IndexPage(tuple(_row(first, others) for first, *others in rankings.values()))


def _row(first: Ranking, others: Sequence[Ranking]) -> IndexRow:
    task = task_facts(first.best.task)
    score, best = first.rows[0].score, None
    if score and not math.isnan(score.value):
        metric = task.metrics[0]
        best = Best(metric, value_of(score, metric.unit), entry_name(first.best), first.rivals)
    return IndexRow(task, len(first.rows), sum(len(ranking.rows) for ranking in others), best)
