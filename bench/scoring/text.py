"""Scores as aligned text, for the terminal."""

from __future__ import annotations

from bench.files.faults import quoted
from bench.metrics import METRICS_VERSION, Metric
from bench.results import Score
from bench.scoring.scores import Scores
from bench.text import (
    between,
    fold,
    interval_statement,
    number,
    table,
    unit_to_read,
    with_milliseconds,
    with_unit,
)

WIDE = 8
"""From so many classes on they stand below each other."""


def text(found: Scores) -> str:
    """Return every value with its interval, the values of the classes, and what was counted."""
    beside = found.classes if found.kind != "segments" and len(found.classes) <= WIDE else ()
    headers = ["metric", "value", f"{found.interval['level']:.0%} interval", *map(named, beside)]
    rows = [_row(one, found.scores[one.name], found.fps, beside) for one in found.metrics]
    blocks = [_counted(found), "", table(headers, rows)]
    if not beside:
        blocks += ["", _by_class(found), ""]
    else:
        support = ", ".join(f"{named(name)} {count:,}" for name, count in found.support.items())
        blocks += ["", f"frames per class: {support}"]
    if found.background is not None:
        shown = quoted(found.background)
        blocks.append(f"frames of {shown} count; its own value is in no mean without background")
    blocks.append(interval_statement(found.interval))
    blocks.append(f"metrics version {METRICS_VERSION}; bench metrics NAME says what a number means")
    return "\n".join(blocks)


def named(name: str) -> str:
    """Show a class name that a stranger chose; one that would move the cursor is escaped."""
    return name if name.isprintable() and len(name) <= 80 else quoted(name)


def _counted(found: Scores) -> str:
    counts = found.counts
    of = f"{found.recordings:,} recordings, {found.groups:,} groups"
    if found.kind == "segments":
        form = counts["detections"]
        form = "scored as they are, without Soft-NMS" if form == "raw" else form
        return (
            f"{of}, {counts['segments']:,} true segments ({counts['dropped']:,} dropped: shorter than 1e-3 s "
            f"or there twice)\n{counts['detections_scored']:,} detections ({form}), "
            f"{counts['recordings_without_detections']:,} recordings without any"
        )
    clusters = f", {counts['clusters']:,} clusters" if found.kind == "clusters" else ""
    return f"{of}, {counts['frames']:,} frames ({counts['unannotated']:,} not annotated, left out){clusters}"


def _row(metric: Metric, score: Score, fps: float | None, beside: tuple[str, ...]) -> list[str]:
    unit, factor = unit_to_read(metric.unit, fps) if fps else (metric.unit, 1.0)
    return [
        with_unit(metric.title, unit),
        with_milliseconds(score.value * factor, unit, fps),
        between(score.low * factor, score.high * factor, unit),
        *(number(score.per_class[name] * factor, unit) if score.per_class else "" for name in beside),
    ]


def _by_class(found: Scores) -> str:
    chosen = [one for one in found.metrics if found.scores[one.name].per_class]
    if found.kind != "segments":
        chosen = chosen[:4]
    what = "segments" if found.kind == "segments" else "frames"
    headers = ["class", what, *(fold(one.title) for one in chosen)]
    rows = [
        [
            named(name),
            f"{found.support[name]:,}",
            *(number(found.scores[one.name].per_class[name], one.unit) for one in chosen),
        ]
        for name in found.classes
    ]
    return table(headers, rows)
