"""What `bench score` prints: the numbers of anyone's arrays, and what was counted."""

from __future__ import annotations

from bench.display import between, number
from bench.evaluation.anyone import Scores
from bench.files.faults import quoted
from bench.metrics import METRICS_VERSION, Metric
from bench.results import Score
from bench.text.scores import WIDE, interval_statement
from bench.text.tables import fold, table
from bench.text.units import unit_to_read, with_milliseconds, with_unit


def scores_text(scores: Scores) -> str:
    """Return every value with its interval, the values of the classes, and what was counted."""
    question = scores.question
    beside = question.classes if question.kind != "segments" and len(question.classes) <= WIDE else ()
    headers = ["metric", "value", f"{scores.interval['level']:.0%} interval", *map(named, beside)]
    rows = [_row(one, scores.scores[one.name], question.fps, beside) for one in scores.metrics]
    blocks = [_counted(scores), "", table(headers, rows)]
    if not beside:
        blocks += ["", _by_class(scores), ""]
    else:
        support = ", ".join(f"{named(name)} {count:,}" for name, count in scores.support.items())
        blocks += ["", f"frames per class: {support}"]
    if question.background is not None:
        background = quoted(question.background)
        blocks.append(f"frames of {background} count; its own value is in no mean without background")
    blocks.append(interval_statement(scores.interval))
    blocks.append(f"metrics version {METRICS_VERSION}; bench metrics NAME says what a number means")
    return "\n".join(blocks)


def named(name: str) -> str:
    """Show a class name that a stranger chose; one that would move the cursor is escaped."""
    return name if name.isprintable() and len(name) <= 80 else quoted(name)


def _counted(scores: Scores) -> str:
    counts = scores.counts
    of = f"{scores.recordings:,} recordings, {scores.groups:,} groups"
    if scores.question.kind == "segments":
        form = counts["detections"]
        form = "scored as they are, without Soft-NMS" if form == "raw" else form
        return (
            f"{of}, {counts['segments']:,} true segments ({counts['dropped']:,} dropped: shorter than 1e-3 s "
            f"or there twice)\n{counts['detections_scored']:,} detections ({form}), "
            f"{counts['recordings_without_detections']:,} recordings without any"
        )
    clusters = f", {counts['clusters']:,} clusters" if scores.question.kind == "clusters" else ""
    return f"{of}, {counts['frames']:,} frames ({counts['unannotated']:,} not annotated, left out){clusters}"


def _row(metric: Metric, score: Score, fps: float | None, beside: tuple[str, ...]) -> list[str]:
    unit, factor = unit_to_read(metric.unit, fps) if fps else (metric.unit, 1.0)
    return [
        with_unit(metric.title, unit),
        with_milliseconds(score.value * factor, unit, fps),
        between(score.low * factor, score.high * factor, unit),
        *(number(score.per_class[name] * factor, unit) if score.per_class else "" for name in beside),
    ]


def _by_class(scores: Scores) -> str:
    chosen = [one for one in scores.metrics if scores.scores[one.name].per_class]
    if scores.question.kind != "segments":
        chosen = chosen[:4]
    what = "segments" if scores.question.kind == "segments" else "frames"
    headers = ["class", what, *(fold(one.title) for one in chosen)]
    rows = [
        [
            named(name),
            f"{scores.support[name]:,}",
            *(number(scores.scores[one.name].per_class[name], one.unit) for one in chosen),
        ]
        for name in scores.question.classes
    ]
    return table(headers, rows)
