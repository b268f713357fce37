"""Results as aligned text, for the terminal."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import Any

from tabulate import tabulate

from bench.comparison import Difference
from bench.errors import UsageError, nearest
from bench.metrics import (
    FAMILIES,
    METRICS,
    METRICS_VERSION,
    Metric,
    intervals,
    matching,
    metric,
    paired,
    softnms,
)
from bench.results import PartScore, Result, Score

UNDEFINED = "–"
DETECTION_FORMS = {
    "raw": (
        f"raw, so put through Soft-NMS first (sigma {softnms.SIGMA}, at most {softnms.MOST} of a recording, "
        f"scores from {softnms.MIN_SCORE} on)"
    ),
    "final": "final, scored as they are",
}
"""What the card's word about detections says."""
WIDE = 8
"""Classes that have columns of their own beside something else; more stand below each other."""
PROCEDURES = {"intervals": intervals, "paired": paired, "matching": matching, "softnms": softnms}
"""What is frozen like the metrics and is none: each has a page too."""
MAIN = 4
"""How many metrics of a task are printed unless all are asked for."""


def metric_pages(name: str | None = None) -> str:
    """Return the specification of every family, of one family, or of one metric.

    Raises `UsageError` with the nearest name where there is none.
    """
    if name is None:
        shared = f"metrics version {METRICS_VERSION}\n\n{inspect.getdoc(metric)}"
        return "\n\n".join([shared, *(_family_page(family) for family in FAMILIES)])
    if name in FAMILIES:
        return _family_page(name)
    if name in PROCEDURES:
        return f"{name}\n{'=' * len(name)}\n{inspect.getdoc(PROCEDURES[name])}"
    for one in METRICS:
        if one.name == name:
            return _metric_page(one)
    known = [*FAMILIES, *PROCEDURES]
    raise UsageError(
        f"no metric or family {name!r}{nearest(name, [*known, *(one.name for one in METRICS)])}",
        hint=f"bench metrics, or one of {', '.join(known)}",
    )


def number(value: float, unit: str = "") -> str:
    """Write a value: three decimals for fractions, one for frames, a dash where undefined.

    >>> number(0.53249), number(12.0, "frames"), number(float("nan")), number(float("inf"), "frames")
    ('0.532', '12.0', '–', '∞')
    """
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.1f}" if unit in ("frames", "per minute") else f"{value:.3f}"


def between(low: float, high: float, unit: str = "") -> str:
    """Write an interval, a dash where there is none."""
    return UNDEFINED if math.isnan(low) or math.isnan(high) else f"{number(low, unit)} – {number(high, unit)}"


def valued(value: float, unit: str, fps: float | None) -> str:
    """Write a value, and in milliseconds where it is a number of frames and their rate is known.

    >>> valued(3.0, "frames", 30.0), valued(3.0, "frames", None), valued(0.5, "", 30.0)
    ('3.0 = 100 ms', '3.0', '0.500')
    """
    in_time = f" = {value / fps * 1000:.0f} ms" if unit == "frames" and fps and math.isfinite(value) else ""
    return number(value, unit) + in_time


def shown_in(unit: str, fps: float) -> tuple[str, float]:
    """Return the unit in which people read a number, and the factor to it: rates are per minute.

    >>> shown_in("per frame", 30.0), shown_in("frames", 30.0)
    (('per minute', 1800.0), ('frames', 1.0))
    """
    return ("per minute", fps * 60) if unit == "per frame" else (unit, 1.0)


def per_minute(result: Result) -> Result:
    """Return the result as pages show it: rates per minute instead of per frame."""
    cards, scores = [], dict(result.scores)
    for card in result.task["metrics"]:
        unit, factor = shown_in(card["unit"], result.task["dataset"]["fps"])
        cards.append({**card, "unit": unit})
        if factor != 1 and card["name"] in scores:
            scores[card["name"]] = _times(scores[card["name"]], factor)
    return replace(result, task={**result.task, "metrics": cards}, scores=scores)


def _times(score: Score, factor: float) -> Score:
    parts = {
        name: PartScore(
            part.value * factor,
            part.low * factor,
            part.high * factor,
            {of: value * factor for of, value in part.per_class.items()},
        )
        for name, part in score.per_part.items()
    }
    return replace(
        score,
        value=score.value * factor,
        low=score.low * factor,
        high=score.high * factor,
        std_runs=score.std_runs * factor,
        std_parts=score.std_parts * factor,
        per_class={name: value * factor for name, value in score.per_class.items()},
        per_class_interval=_pairs_times(score.per_class_interval, factor),
        per_part=parts,
        per_run={name: value * factor for name, value in score.per_run.items()},
        other_intervals=_pairs_times(score.other_intervals, factor),
    )


def _pairs_times(pairs: Mapping[str, tuple[float, float]], factor: float) -> dict[str, tuple[float, float]]:
    return {name: (low * factor, high * factor) for name, (low, high) in pairs.items()}


def text(result: Result, *, every: bool = False) -> str:
    """Return what `bench evaluate` prints: the main metrics or every one, every part, what was counted."""
    task = result.task
    cards = task["metrics"] if every else task["metrics"][:MAIN]
    runs = list(next(iter(result.scores.values())).per_run)
    blocks = [
        f"{result.entry['name']} on {task['name']}: {task['title']}",
        f"{result.recordings} test recordings, {counted(result)} ({task['protocol']['name']})",
        f"{len(runs)} run{'s' * (len(runs) != 1)}: {', '.join(runs)}",
        *([f"detections: {DETECTION_FORMS[form]}"] if (form := result.entry.get("detections")) else []),
        *_changes(result.changed),
        "",
        _numbers(result, cards, headings=every),
    ]
    if len(task["metrics"]) > len(cards):
        blocks.append(f"{len(task['metrics']) - len(cards)} more numbers: --all, --json, or the result file")
    if len(task["parts"]) > 1:
        blocks += ["", _every_part(result) if every else by_part(result)]
    blocks += ["", _footnote(result)]
    return "\n".join(blocks)


def _changes(changed: Sequence[Mapping[str, str]]) -> list[str]:
    """Say what is not as declared, the first few in full."""
    lines = [f"  {one['name']}: {one['found']}, expected {one['expected']}" for one in changed[:MAIN]]
    if len(changed) > MAIN:
        lines.append(f"  and {len(changed) - MAIN} more: --json, or the result file")
    return ["CHANGED DATA: not as declared or frozen", *lines] if lines else []


def comparison_text(
    names: tuple[str, str], task: Mapping[str, Any], rows: Sequence[Difference], *, every: bool
) -> str:
    """Return what `bench compare` prints: both values, their difference, its interval and p."""
    fps, shown = task["dataset"]["fps"], []
    for card, row in list(zip(task["metrics"], rows, strict=True))[: None if every else MAIN]:
        unit, factor = shown_in(card["unit"], fps)
        values = [number(x * factor, unit) for x in (row.first, row.second, row.difference)]
        shown.append(
            [
                card["title"] + (f", {unit}" if unit else ""),
                *values,
                between(row.low * factor, row.high * factor, unit),
                number(row.p_value),
            ]
        )
    headers = ["metric", *names, "difference", "95% interval", "p"]
    lines = [f"{names[0]} against {names[1]} on {task['name']}", "", table(headers, shown), ""]
    lines.append(f"the difference is {names[0]} minus {names[1]}")
    if rows[0].reason:
        lines.append(f"no interval: {rows[0].reason}")
    else:
        one = rows[0]
        lines.append(
            f"both under the same {one.resamples:,} resamples of {one.groups} groups of recordings; p is"
        )
        lines.append("two-sided, of no difference, not corrected for the number of metrics, and with so many")
        lines.append(
            f"groups and resamples never below {one.least_p:.3f}; errors are better low, the rest high"
        )
    return "\n".join(lines)


def _family_page(family: str) -> str:
    module = FAMILIES[family]
    head = f"{family}\n{'=' * len(family)}\n{inspect.getdoc(module)}"
    return "\n\n".join([head, *(_metric_page(one) for one in module.METRICS)])


def _metric_page(one: Metric) -> str:
    better = "higher is better" if one.higher_is_better else "lower is better"
    facts = [f"reads {one.reads}", f"mean over {one.mean}" if one.mean != "none" else "one number", better]
    if one.unit:
        facts.append(f"unit: {one.unit}")
    lines = [f"{one.name}: {one.title} ({', '.join(facts)})", *wrap(one.definition, 100)]
    if one.reference:
        lines.append(one.reference)
    return "\n  ".join(lines)


def _row(card: Mapping[str, Any], score: Score, task: Mapping[str, Any]) -> list[str]:
    fps = task["dataset"]["fps"]
    unit, factor = shown_in(card["unit"], fps)
    per_class = [
        number(score.per_class[name] * factor, unit) if score.per_class else "" for name in task["classes"]
    ]
    return [
        card["title"] + (f", {unit}" if unit else ""),
        valued(score.value * factor, unit, fps),
        between(score.low * factor, score.high * factor, unit),
        number(score.std_runs * factor, unit),
        *per_class,
    ]


def _folded(heading: str) -> str:
    """Break a long heading between its words."""
    return "\n".join(wrap(heading, 12, break_long_words=False))


def by_family(cards: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Put metrics under their families, in the order of `FAMILIES`; those of no family now are "others"."""
    family = {one.name: name for name, module in FAMILIES.items() for one in module.METRICS}
    grouped: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (*FAMILIES, "others")}
    for card in cards:
        grouped[family.get(card["name"], "others")].append(card)
    return {name: of for name, of in grouped.items() if of}


def family_line(name: str) -> str:
    """Say in one line what a family of metrics is about; empty where it is none of ours."""
    return (inspect.getdoc(FAMILIES[name]) or "").split("\n")[0] if name in FAMILIES else ""


def _numbers(result: Result, cards: Sequence[Mapping[str, Any]], *, headings: bool) -> str:
    """Align metrics under each other; with headings, family by family."""
    task = result.task
    headers = ["metric", "value", _level(result), "± runs", *map(_folded, task["classes"])]
    grouped = by_family(cards) if headings else {"": cards}
    rows = [_row(card, result.scores[card["name"]], task) for of in grouped.values() for card in of]
    if not headings:
        return table(headers, rows)
    every = table(headers, rows).split("\n")
    lines = every[len(every) - len(rows) :]
    blocks, start = [f"  {line}" for line in every[: len(every) - len(rows)]], 0
    for name, of in grouped.items():
        blocks += ["", name, *(f"  {line}" for line in lines[start : start + len(of)])]
        start += len(of)
    return "\n".join(blocks)


def by_part(result: Result, name: str | None = None) -> str:
    """Return one metric of every part, with its classes; the one that ranks unless it is named."""
    task = result.task
    card = next(card for card in task["metrics"] if name in (None, card["name"]))
    unit, factor = shown_in(card["unit"], task["dataset"]["fps"])
    scores = [result.scores[card["name"]].per_part[part["name"]] for part in task["parts"]]
    classes = task["classes"] if any(score.per_class for score in scores) else []
    rows = [
        [
            part["title"],
            number(score.value * factor, unit),
            between(score.low * factor, score.high * factor, unit),
            *(number(score.per_class[of_class] * factor, unit) for of_class in classes),
        ]
        for part, score in zip(task["parts"], scores, strict=True)
    ]
    title = card["title"] + (f", {unit}" if unit else "")
    if len(classes) <= WIDE:
        return table([f"{title} by part", "value", _level(result), *map(_folded, classes)], rows)
    parts, *below = zip(*rows, strict=True)
    named = zip(["value", _level(result), *classes], below, strict=True)
    return table([f"{title} by part", *map(_folded, parts)], [[name, *cells] for name, cells in named])


def _every_part(result: Result) -> str:
    """Return every metric of every part, without intervals."""
    task, rows = result.task, []
    for card in (card for of in by_family(task["metrics"]).values() for card in of):
        unit, factor = shown_in(card["unit"], task["dataset"]["fps"])
        of_part = result.scores[card["name"]].per_part
        values = [number(of_part[part["name"]].value * factor, unit) for part in task["parts"]]
        rows.append([card["title"] + (f", {unit}" if unit else ""), *values])
    return table(["by part", *(_folded(part["title"]) for part in task["parts"])], rows)


def _level(result: Result) -> str:
    return f"{result.interval['level']:.0%} interval"


def counted(result: Result) -> str:
    """Say how much was tested: frames, or true segments."""
    if result.task["kind"] == "segments":
        return f"{sum(result.support.values()):,} true segments"
    return f"{result.frames:,} frames"


def _footnote(result: Result) -> str:
    support = ", ".join(f"{name} {count:,}" for name, count in result.support.items())
    lines = [f"{'segments' if result.task['kind'] == 'segments' else 'frames'} per class: {support}"]
    if background := result.task["background"]:
        lines.append(f"frames of {background!r} count; its own value is in no mean without background")
    return "\n".join([*lines, interval_statement(result.interval)])


def interval_statement(how: Mapping[str, Any]) -> str:
    """Say in one line how the intervals were made, or why there are none."""
    if how["reason"]:
        return f"No interval: {how['reason'].rstrip('.')}"
    return (
        f"{100 * how['level']:g} % intervals by the {how['method']} bootstrap over {how['groups']:,} "
        f"groups of recordings: {how['resamples']:,} resamples, seed {how['seed']}; "
        "none for a class or a part of fewer than five"
    )


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align rows under headers: names to the left, numbers to the right."""
    align = ["left"] + ["right"] * (len(headers) - 1)
    return tabulate(rows, headers=headers, tablefmt="simple", colalign=align, disable_numparse=True)
