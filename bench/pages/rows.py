"""Rows of the tables on the page of a task: entries, and published models among them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.pages.facts import (
    NAN,
    UNSCORED_PART,
    EntryFacts,
    EntryName,
    MetricFacts,
    Value,
    changed_data,
    class_values,
    entry_facts,
    entry_name,
    metric_facts,
    std_runs,
    value_of,
)
from bench.pages.marks import mark_of_entry
from bench.pages.published import PublishedLine
from bench.pages.ranking import Ranking, Ranks, Row
from bench.text import amount_tested, by_family, family_line


@dataclass(frozen=True)
class RankingRow:
    """One entry in a ranking."""

    place: int | None
    """By value alone; None where its value is undefined."""
    ranks: Ranks | None
    """Those that it may have."""
    entry: EntryName
    card: EntryFacts
    changed_data: str
    """How its data differ from the declared ones; empty where they do not."""
    value: Value
    runs: int | None
    """None where it was not scored by the metric that ranks."""
    std_runs: Value
    classes: tuple[Value, ...]
    others: tuple[Value, ...]
    """By the other main metrics."""
    parts: tuple[Value, ...]
    """Of each part by the metric that ranks; empty where the task has one part."""
    mark: str
    """Where its numbers are from (`bench.pages.marks`)."""
    group: int | None
    """Its rank group; None where its value is undefined."""
    tested_on: str


Line = RankingRow | PublishedLine
"""A row of the table that ranks. Published models stand among the entries, by value and without a rank."""


@dataclass(frozen=True)
class ValuesRow:
    """One entry with its values in the columns of a table."""

    entry: EntryName
    values: tuple[Value, ...]


@dataclass(frozen=True)
class FamilyTable:
    """All entries by the metrics of one family."""

    name: str
    line: str
    """What the family is about."""
    metrics: tuple[MetricFacts, ...]
    rows: tuple[ValuesRow, ...]


def ranking_row(
    row: Row,
    metric: MetricFacts,
    classes: Sequence[str],
    others: Sequence[MetricFacts],
    published: Sequence[str],
) -> RankingRow:
    """Return one entry with its values by class, by the `others`, and by part.

    `published` are the ids of baselines that papers print numbers of, on the same task.
    """
    result, score = row.result, row.score
    return RankingRow(
        place=row.place,
        ranks=row.ranks,
        entry=entry_name(result),
        card=entry_facts(result.entry),
        changed_data=changed_data(result),
        value=value_of(score, metric.unit),
        runs=len(score.per_run) if score else None,
        std_runs=std_runs(score, metric.unit),
        classes=tuple(value.bare for value in class_values(score, metric.unit, classes)),
        others=tuple(value_of(result.scores.get(other.name), other.unit).bare for other in others),
        parts=_part_values(row, metric.unit),
        mark=mark_of_entry(result.entry, published),
        group=row.group,
        tested_on=f"{amount_tested(result)} of {result.recordings} recordings",
    )


def lines(
    rows: Sequence[RankingRow], printed: Sequence[PublishedLine], metric: MetricFacts
) -> tuple[Line, ...]:
    """Return entries with published models among them, the best first; at equal values entries come first."""

    def loss(line: Line) -> float:
        value = line.value.value
        if math.isnan(value):
            return math.inf
        return abs(value) if metric.best_at_zero else -value if metric.higher_is_better else value

    return tuple(sorted([*rows, *printed], key=loss))


def _part_values(row: Row, unit: str) -> tuple[Value, ...]:
    parts = [part["name"] for part in row.result.task["parts"]]
    per_part = row.score.per_part if row.score else {}
    if len(parts) < 2:
        return ()
    return tuple(value_of(per_part.get(name), unit, UNSCORED_PART).bare for name in parts)


def by_class(ranking: Ranking) -> tuple[ValuesRow, ...]:
    """Return every entry with its values by class; empty where the metric has none."""
    if not ranking.classes:
        return ()
    return tuple(
        ValuesRow(
            entry_name(row.result), class_values(row.score, ranking.metrics[0]["unit"], ranking.classes)
        )
        for row in ranking.rows
    )


def by_part(ranking: Ranking) -> tuple[ValuesRow, ...]:
    """Return every entry with its values by part and their deviation; empty where there is one part."""
    if len(ranking.terms.parts) < 2:
        return ()
    rows, unit = [], ranking.metrics[0]["unit"]
    for row in ranking.rows:
        per_part = row.score.per_part if row.score else {}
        values = [value_of(per_part.get(name), unit, UNSCORED_PART) for name in ranking.terms.parts]
        deviation = Value(row.score.std_parts if row.score else NAN, unit=unit)
        rows.append(ValuesRow(entry_name(row.result), (*values, deviation)))
    return tuple(rows)


def families(ranking: Ranking) -> tuple[FamilyTable, ...]:
    """Return one table for each family of metrics."""
    tables = []
    for name, cards in by_family(ranking.metrics).items():
        rows = [
            ValuesRow(
                entry_name(row.result),
                tuple(value_of(row.result.scores.get(card["name"]), card["unit"]) for card in cards),
            )
            for row in ranking.rows
        ]
        line = family_line(name) or "Metrics of other versions."
        tables.append(FamilyTable(name, line, tuple(map(metric_facts, cards)), tuple(rows)))
    return tuple(tables)
