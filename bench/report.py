"""Results as aligned text, for the terminal."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from bench.errors import UsageError, nearest
from bench.metrics import FAMILIES, METRICS, METRICS_VERSION, Metric, metric
from bench.results import Result, Score

UNDEFINED = "–"


def metric_pages(name: str | None = None) -> str:
    """Return the specification of every family, of one family, or of one metric.

    Raises `UsageError` with the nearest name where there is none.
    """
    if name is None:
        shared = f"metrics version {METRICS_VERSION}\n\n{inspect.getdoc(metric)}"
        return "\n\n".join([shared, *(_family_page(family) for family in FAMILIES)])
    if name in FAMILIES:
        return _family_page(name)
    for one in METRICS:
        if one.name == name:
            return _metric_page(one)
    raise UsageError(
        f"no metric or family {name!r}{nearest(name, [*FAMILIES, *(one.name for one in METRICS)])}",
        hint=f"bench metrics, or one of the families {', '.join(FAMILIES)}",
    )


def number(value: float, unit: str = "") -> str:
    """Write a value: three decimals for fractions, one for frames, a dash where undefined.

    >>> number(0.53249), number(12.0, "frames"), number(float("nan"))
    ('0.532', '12.0', '–')
    """
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.1f}" if unit == "frames" else f"{value:.3f}"


def between(low: float, high: float, unit: str = "") -> str:
    """Write an interval, a dash where there is none."""
    return UNDEFINED if math.isnan(low) or math.isnan(high) else f"{number(low, unit)} – {number(high, unit)}"


def text(result: Result) -> str:
    """Return what `bench evaluate` prints: every metric, every part, and what was counted."""
    classes, task = result.task["classes"], result.task
    rows = [_row(card, result.scores[card["name"]], classes) for card in task["metrics"]]
    runs = list(next(iter(result.scores.values())).per_run)
    level = f"{result.interval['level']:.0%} interval"
    blocks = [
        f"{result.entry['name']} on {task['name']}: {task['title']}",
        f"{result.recordings} test recordings, {result.frames:,} frames ({task['protocol']['name']})",
        f"{len(runs)} run{'s' * (len(runs) != 1)}: {', '.join(runs)}",
        "",
        _table(["metric", "value", level, "± runs", *classes], rows),
    ]
    if len(task["parts"]) > 1:
        blocks += ["", _parts(result, level)]
    blocks += ["", _footnote(result)]
    return "\n".join(blocks)


def _family_page(family: str) -> str:
    module = FAMILIES[family]
    head = f"{family}\n{'=' * len(family)}\n{inspect.getdoc(module)}"
    return "\n\n".join([head, *(_metric_page(one) for one in module.METRICS)])


def _metric_page(one: Metric) -> str:
    better = "higher is better" if one.higher_is_better else "lower is better"
    facts = [f"reads {one.reads}", f"mean over {one.mean}" if one.mean != "none" else "one number", better]
    if one.unit:
        facts.append(f"unit: {one.unit}")
    lines = [f"{one.name}: {one.title} ({', '.join(facts)})", *textwrap.wrap(one.definition, 100)]
    if one.reference:
        lines.append(one.reference)
    return "\n  ".join(lines)


def _row(card: Mapping[str, Any], score: Score, classes: Sequence[str]) -> list[str]:
    unit = card["unit"]
    per_class = [number(score.per_class[name], unit) if score.per_class else "" for name in classes]
    return [
        card["title"],
        number(score.value, unit),
        between(score.low, score.high, unit),
        number(score.std_runs, unit),
        *per_class,
    ]


def _parts(result: Result, level: str) -> str:
    ranking = result.task["metrics"][0]
    score = result.scores[ranking["name"]]
    rows = [
        [
            part["title"],
            number(score.per_part[part["name"]].value, ranking["unit"]),
            between(score.per_part[part["name"]].low, score.per_part[part["name"]].high, ranking["unit"]),
            *(number(value, ranking["unit"]) for value in score.per_part[part["name"]].per_class.values()),
        ]
        for part in result.task["parts"]
    ]
    return _table([f"{ranking['title']} by part", "value", level, *result.task["classes"]], rows)


def _footnote(result: Result) -> str:
    support = ", ".join(f"{name} {count:,}" for name, count in result.support.items())
    reason = result.interval["reason"]
    if reason:
        how = f"no interval: {reason}"
    else:
        how = (
            f"intervals: {result.interval['method']}, {result.interval['resamples']:,} resamples of "
            f"{result.interval['groups']} groups of recordings"
        )
    background = result.task["background"]
    kept = (
        f"; frames of {background!r} count, its own value is in no mean without background"
        if background
        else ""
    )
    return f"frames per class: {support}{kept}\n{how}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = ["left"] + ["right"] * (len(headers) - 1)
    return tabulate(rows, headers=headers, tablefmt="simple", colalign=align, disable_numparse=True)
