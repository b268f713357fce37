"""What the page of one entry on one task shows beside its scores: where it is wrong, and where it is hard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.details import (
    BANDS,
    Boundary,
    RecordingRow,
    boundary,
    confusion_matrix,
    edges,
    part_names,
    recording_rows,
)
from bench.explanation import SHORT, class_metrics
from bench.pages.curves import CurvePlot, curve_plot
from bench.pages.ranking import Ranking, Row
from bench.results import Result
from bench.text import by_family, family_line

SHADES = 10
"""Steps of shading, after none."""
COMPARED = 12
"""Entries whose curves stand in one plot."""


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix."""

    frames: float
    """Mean over runs."""
    share: float
    """Of the true class; NaN where it has no frame."""
    right: bool

    @property
    def shade(self) -> int:
        """How dark it is: 0 to `SHADES`."""
        return 0 if np.isnan(self.share) else round(SHADES * self.share)


@dataclass(frozen=True)
class BandRow:
    """Accuracy near and far from transitions, of all frames or of one class."""

    name: str | None
    frames: float
    """At a transition: how many there are."""
    bands: Mapping[str, float]


@dataclass(frozen=True)
class EntryPage:
    """One entry on one task."""

    row: Row
    ranking: Ranking
    families: tuple[tuple[str, str, tuple[Mapping[str, Any], ...]], ...]
    """Name, what it is about, and its metrics."""
    class_metrics: tuple[Mapping[str, Any], ...]
    confusion: tuple[tuple[str, tuple[Cell, ...]], ...]
    """True class -> its cells in the order of classes; empty where classes overlap."""
    boundary: CurvePlot | None
    bands: tuple[BandRow, ...]
    edges: tuple[tuple[str, CurvePlot], ...]
    """"Onsets" and "Offsets"."""
    recordings: tuple[RecordingRow, ...]
    columns: tuple[Mapping[str, Any], ...]
    """The metrics of the recordings."""

    @property
    def result(self) -> Result:
        """The result that all of it is of."""
        return self.row.result

    def has_classes(self, cards: Sequence[Mapping[str, Any]]) -> bool:
        """Whether any of these metrics has values of classes."""
        scores = self.result.scores
        return any(card["name"] in scores and scores[card["name"]].per_class for card in cards)


def entry_page(row: Row, ranking: Ranking) -> EntryPage:
    """Return all that the page of one entry shows; the details stay empty where its result has none."""
    result = row.result
    cards = result.task["metrics"]
    recordings = tuple(recording_rows(result))
    return EntryPage(
        row=row,
        ranking=ranking,
        families=tuple((name, family_line(name), tuple(of)) for name, of in by_family(cards).items()),
        class_metrics=tuple(class_metrics(result)),
        confusion=_confusion(result),
        boundary=_boundary(result),
        bands=_bands(result),
        edges=_edges(result),
        recordings=recordings,
        columns=tuple(
            {**card, "title": SHORT.get(card["name"], card["title"])}
            for card in cards
            if recordings and card["name"] in recordings[0].values
        ),
    )


def compared(ranking: Ranking) -> CurvePlot | None:
    """Return the boundary curves of the entries of a ranking, the best first; None where none has details."""
    found = [(row.result, boundary(row.result)) for row in ranking.rows[:COMPARED]]
    lines = [(result.entry["name"], curve.accuracy[:-1]) for result, curve in found if curve]
    return curve_plot(lines, whole=False)


def _confusion(result: Result) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    matrix = confusion_matrix(result)
    if matrix is None:
        return ()
    rows = []
    for k, (name, frames) in enumerate(zip(result.task["classes"], matrix, strict=True)):
        total = frames.sum()
        shares = frames / total if total else np.full(len(frames), np.nan)
        pairs = zip(frames.tolist(), shares.tolist(), strict=True)
        rows.append((name, tuple(Cell(count, share, k == j) for j, (count, share) in enumerate(pairs))))
    return tuple(rows)


def _curves(result: Result) -> dict[str | None, Boundary]:
    """Return the boundary curve of all frames (None), then of the classes that the truth has.

    The background is last, so that without it the others keep their colours.
    """
    made: dict[str | None, Boundary] = {}
    background = result.task["background"]
    for name in (None, *sorted(result.task["classes"], key=lambda name: bool(name == background))):
        if (found := boundary(result, name)) and found.frames.sum():
            made[name] = found
    return made


def _boundary(result: Result) -> CurvePlot | None:
    curves = _curves(result).items()
    lines = [("all frames" if name is None else name, of.accuracy[:-1]) for name, of in curves]
    return curve_plot(lines, whole=True)


def _bands(result: Result) -> tuple[BandRow, ...]:
    at = next(iter(BANDS.values()))
    return tuple(BandRow(name, of.frames[at].sum(), of.bands) for name, of in _curves(result).items())


def _edges(result: Result) -> tuple[tuple[str, CurvePlot], ...]:
    plots = []
    for edge in ("onset", "offset"):
        found = edges(result, edge) if part_names(result) else None
        if found is None:
            continue
        background = result.task["background"]
        lines = [("mean", found.f1)] + [of for of in found.per_class.items() if of[0] != background]
        if plot := curve_plot(lines, whole=True):
            plots.append((f"{edge}s", plot))
    return tuple(plots)
