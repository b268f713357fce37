"""The page that compares any two entries of a task: the numbers that its script needs, for each entry.

A paired interval needs the values without each group of recordings, which results hold for every metric;
those of classes follow from the counts of recordings. So the data grow with the entries and not with their
pairs, and the script does what `jackknife_test` does (`bench.metrics.sampling.paired`). Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from bench.evaluation import LEVEL, columns_of, measured_of, weighted_values
from bench.evaluation.details import recording_rows
from bench.metrics import METRICS
from bench.metrics.sampling.intervals import MIN_GROUPS
from bench.metrics.sampling.resampling import leave_one_out
from bench.metrics.sampling.student import t_quantile
from bench.pages.ethogram_page import ethogram_name, recordings_shown
from bench.pages.facts import EntryName, MetricFacts, TaskFacts, entry_name, metric_facts, task_facts
from bench.pages.pairs import testable_rows
from bench.pages.ranking import Ranking
from bench.pages.words import clean
from bench.results import Result

BY_CLASS = ("f1", "precision", "recall")
"""Metrics that the page shows for each class."""
DIGITS = 7
"""Significant digits of the numbers in the page."""
OF_RECORDING = ("accuracy", "f1")
"""What recordings are sorted by: the first of these that results hold."""


@dataclass(frozen=True)
class ComparePage:
    """Any two entries of a task."""

    task: TaskFacts
    metric: MetricFacts
    entries: tuple[EntryName, ...]
    groups: int
    data: Markup
    """What the script reads, as JSON without a "<"."""


def compare_name(task: str) -> str:
    """Return the name of the page: no entry has a dot in its name, and no task."""
    return f"{task}.compare.html"


def compare_page(ranking: Ranking) -> ComparePage | None:
    """Return the page for the entries of a ranking that can be tested; None where they are fewer than two."""
    rows = testable_rows(ranking)
    if len(rows) < 2:
        return None
    task, groups = task_facts(ranking.best.task), rows[0].result.groups
    cards = [card for card in ranking.metrics if _held(card["name"], [row.result for row in rows])]
    by_class = [metric for metric in METRICS if metric.name in BY_CLASS and metric.name in _names(cards)]
    numbers = [(metric_facts(card), "") for card in cards]
    for metric in by_class:
        card = metric_facts(next(card for card in cards if card["name"] == metric.name))
        numbers += [(card, name) for name in task.classes]
    measure = next((name for name in OF_RECORDING if _has_recordings(rows[0].result, name)), "")
    held = {
        row.result.entry["id"]: _numbers(row.result, cards, [m.name for m in by_class], measure)
        for row in rows
    }
    data = {
        "t": t_quantile(LEVEL, groups - 1) if groups >= MIN_GROUPS else None,
        "numbers": [_number_card(metric, name) for metric, name in numbers],
        "measure": next((card["title"] for card in cards if card["name"] == measure), measure),
        "recordings": [clean(row.id, 80) for row in recording_rows(rows[0].result)] if measure else [],
        "ethograms": _ethograms(ranking, [row.id for row in recording_rows(rows[0].result)])
        if measure
        else [],
        "entries": held,
        "names": {row.result.entry["id"]: clean(row.result.entry["name"], 80) for row in rows},
    }
    return ComparePage(
        task=task,
        metric=numbers[0][0],
        entries=tuple(entry_name(row.result) for row in rows),
        groups=groups,
        data=Markup(json.dumps(data, allow_nan=False, sort_keys=True).replace("<", "\\u003c")),  # noqa: S704
    )


def _ethograms(ranking: Ranking, recordings: Sequence[str]) -> list[str]:
    """Return the page with the ethogram of each recording; empty where there is none."""
    shown = recordings_shown([row.result for row in ranking.rows])
    task = str(ranking.best.task["name"])
    return [ethogram_name(task, one) if one in shown else "" for one in recordings]


def _held(name: str, results: Sequence[Result]) -> bool:
    return any(name in one.scores and one.scores[name].left_out for one in results)


def _names(cards: Sequence[Mapping[str, Any]]) -> set[str]:
    return {card["name"] for card in cards}


def _has_recordings(result: Result, name: str) -> bool:
    rows = recording_rows(result)
    return bool(rows) and name in rows[0].values


def _number_card(metric: MetricFacts, class_name: str) -> dict[str, Any]:
    """Return what the script says of one row: its title, and which way is better (0: neither)."""
    sign = 0 if metric.best_at_zero else 1 if metric.higher_is_better else -1
    title = f"{clean(metric.title, 60)}, {clean(class_name, 40)}" if class_name else clean(metric.title, 60)
    return {"title": title, "unit": clean(metric.unit, 20), "sign": sign, "class": bool(class_name)}


def _numbers(
    result: Result, cards: Sequence[Mapping[str, Any]], by_class: Sequence[str], measure: str
) -> dict[str, Any]:
    """Return the values of one entry, those without each group, and those of its recordings."""
    values, left_out = [], []
    for card in cards:
        score = result.scores.get(card["name"])
        values.append(_short(score.value) if score else None)
        left_out.append([_short(one) for one in score.left_out] if score else [])
    for name in by_class:
        whole, without = _of_classes(result, name)
        values += [_short(one) for one in whole.tolist()]
        left_out += [[_short(one) for one in column] for column in without.T.tolist()]
    recordings = [_short(row.values[measure]) for row in recording_rows(result)] if measure else []
    return {"values": values, "left": left_out, "recordings": recordings}


def _of_classes(result: Result, name: str) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, "G C"]]:
    """Return the value of each class by one metric, and those without each group; NaN without counts."""
    measured, classes = measured_of(result), len(result.task["classes"])
    if measured is None:
        return np.full(classes, np.nan), np.full((result.groups, classes), np.nan)
    metric = next(one for one in METRICS if one.name == name)
    value, _ = weighted_values([metric], measured)
    own = columns_of([metric], measured)[0].classes
    return value(np.ones((1, measured.groups)))[0, own], leave_one_out(value, measured.groups)[:, own]


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
