"""What the page of a task shows: its rankings, what papers print, and how its numbers are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from bench.evaluation.details import boundary
from bench.floors import frozen_floors_of
from bench.humans import humans
from bench.kinds import kind_named
from bench.metrics import METRICS_VERSION
from bench.pages.bars import Bars, bars
from bench.pages.charts import Chart, cost_chart, curve_chart, interval_chart
from bench.pages.class_chart import class_chart
from bench.pages.facts import (
    MetricFacts,
    PartFacts,
    TaskFacts,
    TestFacts,
    Value,
    metric_facts,
    task_facts,
    test_facts,
    with_short_title,
)
from bench.pages.pairs import PairRow, matrix
from bench.pages.published import PublishedModels, published_lines, published_models
from bench.pages.ranking import Ranking, Terms
from bench.pages.rows import (
    FamilyTable,
    Line,
    RankingRow,
    ValuesRow,
    by_class,
    by_part,
    families,
    lines,
    ranking_row,
)
from bench.pages.words import number
from bench.text import interval_statement

MAIN_METRICS = 4
"""Metrics in the ranking itself; the tables of all numbers below it have the others too."""
MAIN_CLASSES = 6
"""Tasks of more classes show them only in the table by class."""
UNTESTED = (
    "their results do not hold a value without each group of recordings, or it is undefined because one "
    "group alone shows a class"
)
BOUNDARY_TITLE = "Accuracy by distance to the nearest true transition, by entry"
COMPARED = 12
"""Entries whose curves stand in one chart."""


@dataclass(frozen=True)
class FloorLine:
    """What answers that look at no data score by the metric that ranks."""

    title: str
    value: Value


@dataclass(frozen=True)
class Intervals:
    """How intervals were made, and for which entries."""

    statement: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class RankingSection:
    """Entries whose numbers can be compared, in every table and chart that shows them."""

    terms: Terms
    differences: tuple[str, ...]
    """What differs from the first ranking of the task; empty for the first."""
    metric: MetricFacts
    """The metric that ranks."""
    apart: str
    """Which entries stand apart, and how sure that is."""
    others: tuple[MetricFacts, ...]
    """The metrics that stand beside it."""
    main_classes: tuple[str, ...]
    """The classes that have columns in the ranking."""
    floors: tuple[FloorLine, ...]
    """Empty where none are known."""
    rows: tuple[RankingRow, ...]
    lines: tuple[Line, ...]
    """The same rows with those of published models among them, the best first."""
    bars: Bars | None
    """A drawing for each of the lines; None where no value is defined."""
    pairs: tuple[PairRow, ...]
    """The best entries against each other; empty where fewer than two can be tested."""
    classes: tuple[str, ...]
    by_class: tuple[ValuesRow, ...]
    """Empty where the metric has no values of classes."""
    parts: tuple[PartFacts, ...]
    by_part: tuple[ValuesRow, ...]
    """The last value is the deviation over parts; empty where the task has one part."""
    families: tuple[FamilyTable, ...]
    """Empty where there is no other metric than the one that ranks."""
    intervals: tuple[Intervals, ...]
    interval_chart: Chart | None
    cost_chart: Chart | None
    class_chart: Chart | None
    boundary_chart: Chart | None
    compared: int
    """Entries with a curve in it."""


@dataclass(frozen=True)
class HumanLine:
    """What a second annotator scores."""

    metric: MetricFacts
    value: Value
    words: str
    recordings: int
    frames: int
    source: str


@dataclass(frozen=True)
class Definition:
    """What one metric means, in one version of the metrics."""

    metric: MetricFacts
    version: int


@dataclass(frozen=True)
class TaskPage:
    """The page of a task."""

    task: TaskFacts
    test: TestFacts | None
    """None where nothing was scored here."""
    entries: int
    rankings: tuple[RankingSection, ...]
    """The one that counts first, then those whose numbers cannot be compared with it; empty where nothing
    was scored here."""
    humans: tuple[HumanLine, ...]
    """How well people agree, where recordings were labelled twice."""
    published: PublishedModels | None
    definitions: tuple[Definition, ...]


def task_page(rankings: Sequence[Ranking]) -> TaskPage:
    """Return the page of the task of these rankings."""
    first = rankings[0].best
    task = task_facts(first.task)
    return TaskPage(
        task=task,
        test=test_facts(first),
        entries=sum(len(ranking.rows) for ranking in rankings),
        rankings=tuple(_section(ranking, k) for k, ranking in enumerate(rankings, 1)),
        humans=_humans(task),
        published=published_models(task),
        definitions=_definitions(rankings),
    )


def unscored_page(card: Mapping[str, Any]) -> TaskPage:
    """Return the page of a task that nobody has scored an entry on here; `card` is that of the task."""
    task = task_facts(card)
    published = published_models(task)
    metrics = published.metrics if published else task.metrics
    return TaskPage(
        task=task,
        test=None,
        entries=0,
        rankings=(),
        humans=_humans(task),
        published=published,
        definitions=tuple(Definition(metric, METRICS_VERSION) for metric in metrics),
    )


def _humans(task: TaskFacts) -> tuple[HumanLine, ...]:
    metrics = {metric.name: metric for metric in task.metrics}
    return tuple(
        HumanLine(
            metric=metrics[line.metric],
            value=Value(line.value, line.low, line.high, metrics[line.metric].unit),
            words=line.words,
            recordings=line.recordings,
            frames=line.frames,
            source=line.source,
        )
        for line in humans(task.name)
        if line.metric in metrics
    )


def _definitions(rankings: Sequence[Ranking]) -> tuple[Definition, ...]:
    """Return each metric of each version once, in the order of the rankings."""
    made: dict[tuple[int, str], Definition] = {}
    for ranking in rankings:
        version = ranking.terms.metrics_version
        for card in ranking.metrics:
            made.setdefault((version, card["name"]), Definition(metric_facts(card), version))
    return tuple(made.values())


def _section(ranking: Ranking, place: int) -> RankingSection:
    metric, *others = map(metric_facts, ranking.metrics)
    main = tuple(map(with_short_title, others[: MAIN_METRICS - 1]))
    main_classes = ranking.classes if len(ranking.classes) <= MAIN_CLASSES else ()
    curves = _curves(ranking)
    published = published_models(task_facts(ranking.best.task))
    reproduced = [one.model for one in published.rows] if published else []
    rows = tuple(ranking_row(row, metric, main_classes, main, reproduced) for row in ranking.rows)
    printed = published_lines(published, metric.name, [one.name for one in main]) if place == 1 else ()
    values = [(row.result.entry["name"], row.score) for row in ranking.rows if row.place and row.score]
    costs = [(row.entry.name, row.value.value, row.card.flops_per_frame) for row in rows if row.place]
    return RankingSection(
        terms=ranking.terms,
        differences=ranking.differences,
        metric=metric,
        apart=_apart(ranking, metric),
        others=main,
        main_classes=main_classes,
        floors=_floors(ranking, metric),
        rows=rows,
        lines=(shown := lines(rows, printed, metric)),
        bars=bars(shown),
        pairs=matrix(ranking, metric),
        classes=ranking.classes,
        by_class=by_class(ranking),
        parts=task_facts(ranking.best.task).parts,
        by_part=by_part(ranking),
        families=families(ranking) if others else (),
        intervals=_intervals(ranking),
        interval_chart=interval_chart(f"plot-{place}", metric.title, metric.unit, values),
        cost_chart=cost_chart(
            f"costs-{place}", metric.title, metric.unit, costs, higher_is_better=metric.higher_is_better
        ),
        class_chart=class_chart(
            f"by-class-{place}",
            metric.title,
            metric.unit,
            ranking.classes,
            [(row.entry.name, [value.value for value in row.values]) for row in by_class(ranking)],
        ),
        boundary_chart=curve_chart(
            f"boundary-plot-{place}", BOUNDARY_TITLE, "frames from a transition", curves, whole=False
        ),
        compared=len(curves),
    )


def _apart(ranking: Ranking, metric: MetricFacts) -> str:
    """Say which entries stand apart, how sure that is, and who was not tested."""
    ranked, tested = sum(row.place is not None for row in ranking.rows), ranking.tested
    untested = ranked - tested
    if ranked < 2:
        return "One entry alone: there is nothing to compare it with."
    words = "A rank is a range: from the best to the worst place that an entry may have."
    if tested < 2:
        return f"{words} No two entries were tested: {UNTESTED}."
    if math.isinf(ranking.apart):
        groups = ranking.best.groups
        return f"{words} {groups} groups of recordings are too few to tell any two entries apart."
    difference = f"{number(ranking.apart, metric.unit)} {metric.unit}".rstrip()
    words += (
        f" Two entries stand apart where they differ by more than {difference}: had the entries been equal, "
        "the chance that any two of them stood apart would be at most about 5 %."
    )
    if untested:
        words += (
            f" {untested} of {ranked} were not tested: {UNTESTED}. Nobody surely stands above or below them."
        )
    return words


def _floors(ranking: Ranking, metric: MetricFacts) -> tuple[FloorLine, ...]:
    floors = frozen_floors_of(ranking.best)
    if floors is None:
        return ()
    kind = kind_named(ranking.best.task["kind"])
    return tuple(
        FloorLine(floor.title, Value(floors.values[floor.name], unit=metric.unit)) for floor in kind.floors
    )


def _intervals(ranking: Ranking) -> tuple[Intervals, ...]:
    made: dict[str, list[str]] = {}
    for row in ranking.rows:
        made.setdefault(interval_statement(row.result.interval), []).append(row.result.entry["name"])
    return tuple(Intervals(statement, tuple(names)) for statement, names in made.items())


def _curves(ranking: Ranking) -> list[tuple[str, Float[np.ndarray, " K"]]]:
    """Return the boundary curves of the first entries that have one, the best first."""
    held = [(row.result.entry["name"], boundary(row.result)) for row in ranking.rows[:COMPARED]]
    curves = [(name, curve.accuracy[:-1]) for name, curve in held if curve]
    return [(name, curve) for name, curve in curves if not np.isnan(curve).all()]
