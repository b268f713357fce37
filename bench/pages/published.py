"""What papers print on a task, for its page: beside the entries, unranked and as printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.datasets import TASKS
from bench.pages.facts import MetricFacts, TaskFacts
from bench.pages.marks import PUBLISHED, RESCORED
from bench.published import Rival, read_published, rivals
from bench.tasks import Task


@dataclass(frozen=True)
class PublishedNumber:
    """One number as a paper prints it."""

    value: float
    """To sort by; a share where the paper prints percent."""
    text: str
    percent: bool
    spread: str
    """The printed ±; empty without one."""
    follows: bool
    """Nobody printed it: it follows from a printed table of classes."""
    place: str
    row: str
    column: str


@dataclass(frozen=True)
class PublishedRow:
    """One published model."""

    name: str
    part: str
    """Empty: the whole task."""
    model: str
    """The baseline that is the same model; empty where none is."""
    numbers: tuple[PublishedNumber | None, ...]
    """One to each metric; None where the paper prints none."""
    url: str
    source: str
    tables: str
    mark: str
    """Where its number by the metric that ranks is from (`bench.pages.marks`)."""


@dataclass(frozen=True)
class PublishedLine:
    """One published model in the columns of a ranking. It has no rank there."""

    row: PublishedRow
    value: PublishedNumber
    """By the metric that ranks."""
    others: tuple[PublishedNumber | None, ...]


@dataclass(frozen=True)
class PublishedModels:
    """The published models of a task, the best by its ranking metric first."""

    metrics: tuple[MetricFacts, ...]
    """The task's metrics that any of them has a value of."""
    rows: tuple[PublishedRow, ...]
    follows: bool
    """Whether a value follows from a table instead of being printed."""


def published_models(task: TaskFacts) -> PublishedModels | None:
    """Return what is published on a task; None where nothing is."""
    known = {one.name: one for one in TASKS}
    names = {metric.name for metric in task.metrics}
    models = [rival for rival in rivals(task.name, read_published(), known.get) if names & set(rival.numbers)]
    if not models:
        return None
    metrics = tuple(
        metric for metric in task.metrics if any(metric.name in rival.numbers for rival in models)
    )

    def merit(rival: Rival) -> list[float]:
        return [
            (1 if metric.higher_is_better else -1) * rival.numbers[metric.name].value
            if metric.name in rival.numbers
            else float("-inf")
            for metric in metrics
        ]

    models.sort(key=merit, reverse=True)
    models.sort(key=lambda rival: rival.part)  # stable; the whole task has none, so it comes first
    rows = tuple(_row(rival, metrics, task.metrics[0].name) for rival in models)
    return PublishedModels(
        metrics, rows, any(number and number.follows for row in rows for number in row.numbers)
    )


def published_lines(
    published: PublishedModels | None, ranked: str, others: Sequence[str]
) -> tuple[PublishedLine, ...]:
    """Return the models whose value of the whole task by the metric `ranked` is known, as lines of a ranking.

    `others` names the metrics in its other columns.
    """
    lines = []
    if published is None:
        return ()
    for row in published.rows:
        numbers = {metric.name: one for metric, one in zip(published.metrics, row.numbers, strict=True)}
        if not row.part and (value := numbers.get(ranked)):
            lines.append(PublishedLine(row, value, tuple(numbers.get(name) for name in others)))
    return tuple(lines)


def published_tasks() -> tuple[Task, ...]:
    """Return the tasks that papers print a number of, in the order of the list."""
    numbers = read_published()
    known = {one.name: one for one in TASKS}

    def is_printed(task: Task) -> bool:
        metrics = {metric.name for metric in task.metrics}
        return any(metrics & set(rival.numbers) for rival in rivals(task.name, numbers, known.get))

    return tuple(task for task in TASKS if is_printed(task))


def _row(rival: Rival, metrics: tuple[MetricFacts, ...], ranked: str) -> PublishedRow:
    return PublishedRow(
        name=rival.name,
        part=rival.part,
        model=rival.model,
        numbers=tuple(_number(rival, metric.name) for metric in metrics),
        url=rival.paper.url,
        source=rival.paper.source,
        tables=", ".join(rival.tables),
        mark=RESCORED if ranked in rival.follows else PUBLISHED,
    )


def _number(rival: Rival, metric: str) -> PublishedNumber | None:
    number = rival.numbers.get(metric)
    if number is None:
        return None
    return PublishedNumber(
        value=number.value,
        text=number.printed,
        percent=number.unit == "percent",
        spread=number.spread,
        follows=metric in rival.follows,
        place=number.place,
        row=number.row.row,
        column=number.column,
    )
