"""What the first page shows: every task, and the best entry of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.humans import humans
from bench.pages.charts import Shape
from bench.pages.facts import EntryName, MetricFacts, TaskFacts, Value, entry_name, task_facts, value_of
from bench.pages.published import (
    PublishedModels,
    PublishedNumber,
    PublishedRow,
    published_lines,
    published_models,
)
from bench.pages.ranking import Ranking
from bench.pages.strip import strip
from bench.pages.task_page import TaskPage


@dataclass(frozen=True)
class Best:
    """The best entry of a task, with its value."""

    metric: MetricFacts
    value: Value
    entry: EntryName
    rivals: int
    """How many others may be as good."""


@dataclass(frozen=True)
class Printed:
    """The best value that a paper prints of a task."""

    metric: MetricFacts
    number: PublishedNumber
    row: PublishedRow


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
    published: int
    """Models that papers print a value of."""
    printed: Printed | None
    """The best of them, where nothing was scored here."""
    strip: tuple[Shape, ...]
    """All values on one line; empty where they do not lie between 0 and 1."""

    @property
    def has(self) -> str:
        """What the filters of the page ask for, as words with a space between."""
        words = {
            "entries": self.entries > 0,
            "published": self.published > 0,
            "real": not self.task.data.simulated,
        }
        return " ".join(word for word, holds in words.items() if holds)


@dataclass(frozen=True)
class IndexPage:
    """The first page."""

    rows: tuple[IndexRow, ...]

    @property
    def entries(self) -> int:
        """How many entries all tasks have."""
        return sum(row.entries + row.separate for row in self.rows)

    @property
    def published(self) -> int:
        """How many published models all tasks have."""
        return sum(row.published for row in self.rows)


def index_page(rankings: Mapping[str, Sequence[Ranking]], unscored: Sequence[TaskPage] = ()) -> IndexPage:
    """Return the first page: tasks with entries, then those with published values alone.

    `rankings` are those of each task, the one that counts first at the front; `unscored` are the pages of
    tasks that nobody has scored an entry on here.
    """
    scored = [_row(first, others) for first, *others in rankings.values()]
    return IndexPage((*scored, *(_unscored(page) for page in unscored)))


def _unscored(page: TaskPage) -> IndexRow:
    models = page.published.rows if page.published else ()
    printed = None
    if page.published and models:
        column, number = next((k, one) for k, one in enumerate(models[0].numbers) if one is not None)
        printed = Printed(page.published.metrics[column], number, models[0])
    shown = _strip(page.task, page.published, [])
    return IndexRow(page.task, 0, 0, None, len(models), printed, shown)


def _row(first: Ranking, others: Sequence[Ranking]) -> IndexRow:
    task = task_facts(first.best.task)
    score, best = first.rows[0].score, None
    if score and not math.isnan(score.value):
        metric = task.metrics[0]
        best = Best(metric, value_of(score, metric.unit), entry_name(first.best), first.rivals)
    published = published_models(task)
    separate = sum(len(ranking.rows) for ranking in others)
    values = [row.score.value for row in first.rows if row.score]
    return IndexRow(
        task=task,
        entries=len(first.rows),
        separate=separate,
        best=best,
        published=len(published.rows) if published else 0,
        printed=None,
        strip=_strip(task, published, values),
    )


def _strip(task: TaskFacts, published: PublishedModels | None, scored: Sequence[float]) -> tuple[Shape, ...]:
    metric = task.metrics[0]
    lines = published_lines(published, metric.name, [])
    people = [Value(one.value, one.low, one.high) for one in humans(task.name) if one.metric == metric.name]
    return strip(scored, [one.value.value for one in lines], people[0] if people else None)
