"""What the page of an entry shows of `bench curve`: scores by the share of labels, in a table and drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.pages.charts import APART, CURVES, Chart, Shape, dot, line, path, text
from bench.pages.facts import Value
from bench.pages.words import clean, number

SHOWN = 2
"""Metrics of a task that are shown: the one that ranks, and the one after it."""


@dataclass(frozen=True)
class LabelRow:
    """One share of the training groups."""

    percent: str
    groups: str
    """How many groups of each part have labels."""
    seeds: int
    values: tuple[Value, ...]


@dataclass(frozen=True)
class LabelCurve:
    """What fewer labels cost a model."""

    metrics: tuple[str, ...]
    rows: tuple[LabelRow, ...]
    chart: Chart | None
    rule: str
    remark: str


def label_curve(content: Mapping[str, Any]) -> LabelCurve:
    """Return what is shown of a file of `bench curve` that varies the labels."""
    metrics = content["metrics"][:SHOWN]
    rows = tuple(_row(point, metrics) for point in content["points"])
    bounded = [metric for metric in metrics if not metric["unit"]]
    return LabelCurve(
        metrics=tuple(metric["title"] for metric in metrics),
        rows=rows,
        chart=_chart(content["points"], bounded),
        rule=content["rule"],
        remark=content["model"]["remark"] or "",
    )


def _row(point: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> LabelRow:
    groups = {
        "/".join(str(amount["groups"]) for amount in parts.values()) for parts in point["labelled"].values()
    }
    values = []
    for metric in metrics:
        score = point["scores"][metric["name"]]
        value, low, high = (_known(score[end]) for end in ("value", "low", "high"))
        values.append(Value(value, low, high, metric["unit"]))
    percent = f"{100 * point['fraction']:g} %"
    return LabelRow(percent, ", ".join(sorted(groups)), len(point["labelled"]), tuple(values))


def _known(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _chart(points: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Return the means over the share of labels, in steps of equal ratio, and every seed as a mark."""
    if not metrics or len(points) < 2:
        return None
    low, high = (math.log(points[at]["fraction"]) for at in (0, -1))

    def x(fraction: float) -> float:
        share = (math.log(fraction) - low) / (high - low)
        return round(CURVES.left + (CURVES.right - CURVES.left) * share, 1)

    shapes, sentences = [*_axes([(x(point["fraction"]), point["fraction"]) for point in points])], []
    taken: float | None = None
    for tone, metric in enumerate(metrics, start=1):
        scores = [(point["fraction"], point["scores"][metric["name"]]) for point in points]
        known = [(at, score["value"]) for at, score in scores if isinstance(score["value"], int | float)]
        if not known:
            continue
        title = clean(metric["title"], 20)
        steps = "L".join(f"{x(at)} {_y(value)}" for at, value in known)
        shapes.append(path(f"curve tone{tone}", f"M{steps}"))
        for at, score in scores:
            marks = [(run, one) for run, one in score["per_run"].items() if isinstance(one, int | float)]
            shapes += [
                dot("dot beaten", x(at), _y(one), f"{title}, {run}: {number(one)}") for run, one in marks
            ]
        end = _y(known[-1][1])
        if taken is not None and abs(end - taken) < APART:
            end = taken + (APART if end > taken else -APART)
        taken = end
        shapes.append(text(f"name tone{tone}", CURVES.right + 12, end + 4, title))
        sentences.append(f"{title}: " + ", ".join(f"{number(v)} at {100 * at:g} %" for at, v in known))
    return Chart(
        id="labels-plot",
        style="curves",
        width=CURVES.width,
        height=CURVES.height,
        title="Scores by the share of training groups with labels",
        words=tuple(sentences),
        caption="Scores by the share of training groups with labels; every mark is a seed.",
        shapes=tuple(shapes),
    )


def _axes(places: Sequence[tuple[float, float]]) -> Iterator[Shape]:
    """Yield lines at quarters, and the share at each of these places across."""
    for k in range(5):
        yield line("grid", CURVES.left, CURVES.right, _y(k / 4), _y(k / 4))
        yield text("tick", CURVES.left - 5, _y(k / 4) + 4, f"{k / 4:.2f}", "end")
    for x, fraction in places:
        yield text("tick", x, CURVES.bottom + 17, f"{100 * fraction:g} %", "middle")
    middle = (CURVES.left + CURVES.right) // 2
    yield text("tick", middle, CURVES.bottom + 36, "training groups with labels", "middle")


def _y(value: float) -> float:
    return round(CURVES.bottom - (CURVES.bottom - CURVES.top) * min(max(value, 0.0), 1.0), 1)
