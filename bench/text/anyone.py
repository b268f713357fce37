"""What `bench score` prints: the numbers of anyone's arrays, and what was counted."""

from __future__ import annotations

from bench.display import between, number
from bench.evaluation.anyone import Scores
from bench.files.faults import quoted
from bench.kinds import kind_named
from bench.metrics import METRICS_VERSION, Metric
from bench.results import Score
from bench.text.scores import MAIN, WIDE, interval_statement
from bench.text.tables import fold, table
from bench.text.units import unit_to_read, with_milliseconds, with_unit


def scores_text(scores: Scores) -> str:
    """Return every value with its interval, the values of the classes, and what was counted."""
    question, words = scores.question, kind_named(scores.question.kind).words
    beside = question.classes if words.beside and len(question.classes) <= WIDE else ()
    headers = ["metric", "value", f"{scores.interval['level']:.0%} interval", *map(named, beside)]
    rows = [_row(one, scores.scores[one.name], question.fps, beside) for one in scores.metrics]
    counted = f"{scores.recordings:,} recordings, {scores.groups:,} groups, {words.scored(scores.counts)}"
    blocks = [counted, "", table(headers, rows)]
    if not beside:
        blocks += ["", _by_class(scores), ""]
    else:
        support = ", ".join(f"{named(name)} {count:,}" for name, count in scores.support.items())
        blocks += ["", f"{words.unit} per class: {support}"]
    if question.background is not None:
        background = quoted(question.background)
        blocks.append(f"frames of {background} count; its own value is in no mean without background")
    blocks.append(interval_statement(scores.interval))
    blocks.append(f"metrics version {METRICS_VERSION}; bench metrics NAME says what a number means")
    return "\n".join(blocks)


def named(name: str) -> str:
    """Show a class name that a stranger chose; one that would move the cursor is escaped."""
    return name if name.isprintable() and len(name) <= 80 else quoted(name)


def _row(metric: Metric, score: Score, fps: float | None, beside: tuple[str, ...]) -> list[str]:
    unit, factor = unit_to_read(metric.unit, fps) if fps else (metric.unit, 1.0)
    return [
        with_unit(metric.title, unit),
        with_milliseconds(score.value * factor, unit, fps),
        between(score.low * factor, score.high * factor, unit),
        *(number(score.per_class[name] * factor, unit) if score.per_class else "" for name in beside),
    ]


def _by_class(scores: Scores) -> str:
    words = kind_named(scores.question.kind).words
    metrics = [one for one in scores.metrics if scores.scores[one.name].per_class]
    metrics = metrics[:MAIN] if words.beside else metrics
    headers = ["class", words.unit, *(fold(one.title) for one in metrics)]
    rows = [
        [
            named(name),
            f"{scores.support[name]:,}",
            *(number(scores.scores[one.name].per_class[name], one.unit) for one in metrics),
        ]
        for name in scores.question.classes
    ]
    return table(headers, rows)
