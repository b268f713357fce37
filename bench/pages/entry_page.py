"""What the page of one entry on one task shows: where it is wrong and hard, every number, its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.evaluation.details import (
    BANDS,
    Boundary,
    boundary,
    confusion_matrix,
    edges,
    part_names,
    recording_rows,
)
from bench.evaluation.details import RecordingRow as Recorded
from bench.pages.behind import Behind, behind
from bench.pages.charts import Chart, curve_chart
from bench.pages.ethogram_page import ethogram_name, recordings_shown
from bench.pages.facts import (
    NAN,
    UNSCORED_PART,
    ClassSupport,
    EntryFacts,
    EntryName,
    MetricFacts,
    TaskFacts,
    TestFacts,
    Value,
    changed_data,
    class_values,
    entry_facts,
    entry_name,
    metric_facts,
    std_runs,
    task_facts,
    test_facts,
    value_of,
    with_short_title,
)
from bench.pages.label_curves import LabelCurve, label_curve
from bench.pages.ranking import Ranking, Ranks, Row
from bench.results import Result
from bench.text import by_family, class_metrics, family_line, interval_statement

SHADES = 10
"""Steps of shading, after none."""


@dataclass(frozen=True)
class ClassRow:
    """One class, by every metric that has values of classes."""

    support: ClassSupport
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix."""

    frames: float
    """Mean over runs."""
    percent: float
    """Of the true class; NaN where it has no frame."""
    shade: int
    """How dark it is: 0 to `SHADES`."""
    right: bool


@dataclass(frozen=True)
class ConfusionRow:
    """The frames of one true class."""

    name: str
    cells: tuple[Cell, ...]
    frames: float


@dataclass(frozen=True)
class BandRow:
    """Accuracy near to and far from transitions."""

    name: str
    """Of a class; empty: of all."""
    values: tuple[Value, ...]
    frames: float
    """At a transition: how many there are."""


@dataclass(frozen=True)
class RecordingRow:
    """One test recording of one part."""

    id: str
    part: str
    frames: int
    values: tuple[Value, ...]
    classes: tuple[Value, ...]
    page: str
    """Of its ethogram; empty where its bouts are not at hand."""


@dataclass(frozen=True)
class MetricRow:
    """One metric of one entry."""

    metric: MetricFacts
    value: Value
    std_runs: Value
    classes: tuple[Value | None, ...]
    """None: the metric has no values of classes."""
    parts: tuple[Value, ...]
    std_parts: Value


@dataclass(frozen=True)
class Family:
    """The metrics of one family."""

    name: str
    line: str
    """What it is about; empty where it is none of ours."""
    classes: tuple[str, ...]
    """Empty where none of its metrics has values of classes."""
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True)
class EntryPage:
    """The page of one entry on one task."""

    task: TaskFacts
    entry: EntryName
    card: EntryFacts
    test: TestFacts
    changed_data: str
    """How its data differ from the declared ones; empty where they do not."""
    metric: MetricFacts
    """The metric that ranks."""
    value: Value
    ranks: Ranks | None
    """None where its value is undefined."""
    entries: int
    """Entries in its ranking."""
    separate: bool
    """Whether its ranking is not the one that counts first."""
    runs: int | None
    """None where it was not scored by the metric that ranks."""
    std_runs: Value
    class_metrics: tuple[MetricFacts, ...]
    by_class: tuple[ClassRow, ...]
    confusion: tuple[ConfusionRow, ...]
    """Empty where classes overlap, and where the result holds no details, as are the next four."""
    detail_runs: int
    boundary_charts: tuple[Chart, ...]
    bands: tuple[str, ...]
    band_rows: tuple[BandRow, ...]
    recordings: tuple[RecordingRow, ...]
    recording_metrics: tuple[MetricFacts, ...]
    recording_classes: tuple[str, ...]
    behind: Behind | None
    """None where its evidence is not at hand."""
    families: tuple[Family, ...]
    predictions: str
    """Their digest."""
    metrics_version: int
    intervals: str
    """How they were made."""
    labels: LabelCurve | None
    """What fewer labels cost; None where nobody measured it."""


def entry_page(row: Row, ranking: Ranking, labels: Mapping[str, Any] | None = None) -> EntryPage:
    """Return the page of one entry; the details stay empty where its result has none.

    `labels` is a file of `bench curve` of its model on its task.
    """
    result, score = row.result, row.score
    rows, cards = recording_rows(result), class_metrics(result)
    task, first = task_facts(result.task), test_facts(result)
    columns = [card for card in result.task["metrics"] if rows and card["name"] in rows[0].values]
    classes = tuple(name for name in task.classes if rows and name in rows[0].per_class)
    return EntryPage(
        task=task,
        entry=entry_name(result),
        card=entry_facts(result.entry),
        test=first,
        changed_data=changed_data(result),
        metric=task.metrics[0],
        value=value_of(score, task.metrics[0].unit),
        ranks=row.ranks,
        entries=len(ranking.rows),
        separate=bool(ranking.differences),
        runs=len(score.per_run) if score else None,
        std_runs=std_runs(score, task.metrics[0].unit),
        class_metrics=tuple(map(metric_facts, cards)),
        by_class=tuple(_class_row(result, cards, support) for support in first.classes),
        confusion=_confusion(result),
        detail_runs=result.details.get("runs", 0),
        boundary_charts=_boundary_charts(result),
        bands=tuple(BANDS),
        band_rows=_band_rows(result),
        recordings=tuple(_recording(result, each, columns, classes) for each in rows),
        recording_metrics=tuple(with_short_title(metric_facts(card)) for card in columns),
        recording_classes=classes,
        behind=behind(result),
        families=_families(result),
        predictions=result.predictions_digest,
        metrics_version=result.metrics_version,
        intervals=interval_statement(result.interval),
        labels=None if labels is None else label_curve(labels),
    )


def _class_row(result: Result, cards: Sequence[Mapping[str, Any]], support: ClassSupport) -> ClassRow:
    values = [class_values(result.scores[card["name"]], card["unit"], [support.name])[0] for card in cards]
    return ClassRow(support, tuple(values))


def _confusion(result: Result) -> tuple[ConfusionRow, ...]:
    matrix = confusion_matrix(result)
    if matrix is None:
        return ()
    rows = []
    for k, (name, frames) in enumerate(zip(result.task["classes"], matrix, strict=True)):
        total = float(frames.sum())
        shares = frames / total if total else np.full(len(frames), np.nan)
        pairs = enumerate(zip(frames.tolist(), shares.tolist(), strict=True))
        cells = [Cell(count, 100 * share, _shade(share), k == j) for j, (count, share) in pairs]
        rows.append(ConfusionRow(name, tuple(cells), total))
    return tuple(rows)


def _shade(share: float) -> int:
    return 0 if np.isnan(share) else round(SHADES * share)


def _curves(result: Result) -> dict[str, Boundary]:
    """Return the boundary curve of all frames (""), then of the classes that the truth has.

    The background is last, so that without it the others keep their colours.
    """
    background = result.task["background"]
    names = [None, *sorted(result.task["classes"], key=lambda name: bool(name == background))]
    curves = {name or "": boundary(result, name) for name in names}
    return {name: curve for name, curve in curves.items() if curve and curve.frames.sum()}


def _boundary_charts(result: Result) -> tuple[Chart, ...]:
    """Return accuracy by distance to a transition, then the F1 of onsets and of offsets by tolerance."""
    curves = [(name or "all frames", curve.accuracy[:-1]) for name, curve in _curves(result).items()]
    title = "Accuracy by distance to the nearest true transition"
    charts = [curve_chart("boundary-plot", title, "frames from a transition", curves, whole=True)]
    for edge in ("onset", "offset") if part_names(result) else ():
        if f1s := edges(result, edge):
            background = result.task["background"]
            foreground = [(name, curve) for name, curve in f1s.per_class.items() if name != background]
            title = f"{edge.capitalize()}s found: F1 by tolerance"
            lines = [("mean", f1s.f1), *foreground]
            charts.append(curve_chart(f"{edge}s-plot", title, "frames of tolerance", lines, whole=True))
    return tuple(chart for chart in charts if chart)


def _band_rows(result: Result) -> tuple[BandRow, ...]:
    at = next(iter(BANDS.values()))
    return tuple(
        BandRow(name, tuple(map(Value, curve.bands.values())), curve.frames[at].sum())
        for name, curve in _curves(result).items()
    )


def _recording(
    result: Result, row: Recorded, columns: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> RecordingRow:
    absent = "the class does not occur here"
    return RecordingRow(
        id=row.id,
        part=row.part,
        frames=row.frames,
        values=tuple(Value(row.values[card["name"]], unit=card["unit"]) for card in columns),
        classes=tuple(Value(row.per_class[name], why=absent) for name in classes),
        page=ethogram_name(result.task["name"], row.id) if row.id in recordings_shown([result]) else "",
    )


def _families(result: Result) -> tuple[Family, ...]:
    families = []
    for name, cards in by_family(result.task["metrics"]).items():
        scores = [result.scores.get(card["name"]) for card in cards]
        classes = tuple(result.task["classes"]) if any(score and score.per_class for score in scores) else ()
        rows = [_metric_row(result, card, classes) for card in cards]
        families.append(Family(name, family_line(name), classes, tuple(rows)))
    return tuple(families)


def _metric_row(result: Result, card: Mapping[str, Any], classes: Sequence[str]) -> MetricRow:
    score, unit = result.scores.get(card["name"]), card["unit"]
    per_part = score.per_part if score else {}
    names = [part["name"] for part in result.task["parts"]]
    return MetricRow(
        metric=metric_facts(card),
        value=value_of(score, unit),
        std_runs=std_runs(score, unit),
        classes=class_values(score, unit, classes)
        if score and score.per_class
        else tuple(None for _ in classes),
        parts=tuple(value_of(per_part.get(name), unit, UNSCORED_PART) for name in names),
        std_parts=Value(score.std_parts if score else NAN, unit=unit),
    )
