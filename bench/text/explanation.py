"""What `bench explain` prints: why the numbers of a result are what they are. It reads the result alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from bench.display import between, number
from bench.errors import UsageError, nearest
from bench.evaluation.details import (
    BANDS,
    Boundary,
    RecordingRow,
    boundary,
    confusion_matrix,
    edges,
    recording_rows,
)
from bench.kinds import kind_named
from bench.results import Result, plain
from bench.text.scores import WIDE, amount_tested, by_part, heading
from bench.text.tables import table
from bench.text.units import per_minute, with_milliseconds

PER_CLASS = ("precision", "recall", "f1", "map", "auroc")
"""The metrics of the table by class, where the task has them."""
OTHERS = 6
"""How many other metrics the table by class shows where a task has none of these."""
ZONES = {
    **{str(k): slice(k, k + 1) for k in range(6)},
    "6–10": slice(6, 11),
    "11–15": slice(11, 16),
    "16–20": slice(16, 21),
    "21–30": slice(21, 31),
    "over 30": slice(31, 32),
}
"""Distances side by side: one by one where the curve is steep."""
TOLERANCES = (0, 1, 2, 3, 5, 10, 15, 20, 30)
SHORT_TITLES = {
    "accuracy_at_transition": "Accuracy at a transition",
    "accuracy_within_5": "Accuracy within 5 frames",
    "accuracy_beyond_10": "Accuracy beyond 10 frames",
    "cluster_ami": "AMI",
}
"""Titles of metrics in narrow columns."""
HARDEST = 5
BAR = 30
"""Characters of a bar that is 1."""


def explain(result: Result, metric: str | None = None, part: str | None = None) -> str:
    """Return why a result's numbers are what they are.

    `metric` is the metric of the table by part, and the one that orders the hardest recordings; without it
    the one that ranks. `part` limits confusion, boundaries, edges and recordings to one part. Raises
    `UsageError` with the nearest name where the result lacks either.
    """
    card = _metric_card(result := per_minute(result), metric, part)
    task = result.task
    score = result.scores[card["name"]]
    unit = f", {card['unit']}," if card["unit"] else ""
    value = f"{card['title']}{unit} {with_milliseconds(score.value, card['unit'], task['dataset']['fps'])}"
    level = f"{result.interval['level']:.0%} interval {between(score.low, score.high, card['unit'])}"
    runs = ", ".join(f"{name} {number(value, card['unit'])}" for name, value in score.per_run.items())
    blocks = [
        heading(result),
        f"{result.recordings} test recordings, {amount_tested(result)}",
        f"{value}, {level}; {runs}",
    ]
    if part is not None:
        blocks.append(f"below, by class and by part: the whole task; the rest: part {part!r} alone")
    blocks += ["", _classes(result)]
    if len(task["parts"]) > 1 or metric is not None:
        blocks += ["", by_part(result, card["name"])]
    if not result.details:
        return "\n".join([*blocks, "", _why_no_details(result)])
    blocks += [
        "",
        _confusion(result, part),
        "",
        _boundary(result, part),
        "",
        _edges(result, part),
        "",
        _hardest(result, card["name"], part),
    ]
    return "\n".join(blocks)


def explanation(result: Result, part: str | None = None) -> dict[str, Any]:
    """Return the details that `explain` prints as JSON values, of the whole task or of one part."""
    _metric_card(result, None, part)
    if not result.details:
        raise UsageError(_why_no_details(result), hint="bench evaluate submissions/<entry>")
    names = result.task["classes"]
    matrix = confusion_matrix(result, part)
    curves = {name: boundary(result, name, part) for name in (None, *names)}
    onsets = {edge: edges(result, edge, part) for edge in ("onset", "offset")}
    values = {
        "task": result.task["name"],
        "entry": result.entry["id"],
        "part": part,
        "classes": names,
        "confusion": None if matrix is None else matrix.tolist(),
        "boundary": {
            "all" if name is None else name: {
                "frames": curve.frames.tolist(),
                "accuracy": curve.accuracy.tolist(),
                "bands": curve.bands,
            }
            for name, curve in curves.items()
            if curve
        },
        "edges": {
            edge: {
                "f1": f1s.f1.tolist(),
                "area": f1s.area,
                "per_class": {name: curve.tolist() for name, curve in f1s.per_class.items()},
                "true": f1s.true,
                "predicted": f1s.predicted,
            }
            for edge, f1s in onsets.items()
            if f1s
        },
        "recordings": [vars(row) for row in recording_rows(result, part)],
    }
    return dict(plain(values))


def _metric_card(result: Result, metric: str | None, part: str | None) -> Any:
    """Return the card of the metric, or of the one that ranks; refuse names that the result lacks."""
    cards = {card["name"]: card for card in result.task["metrics"]}
    parts = [part_card["name"] for part_card in result.task["parts"]]
    if metric is not None and metric not in cards:
        raise UsageError(
            f"{result.task['name']} has no metric {metric!r}{nearest(metric, cards)}",
            [", ".join(cards)],
            hint="bench metrics",
        )
    if part is not None and part not in parts:
        raise UsageError(f"{result.task['name']} has no part {part!r}{nearest(part, parts)}", parts)
    return cards[metric] if metric else result.task["metrics"][0]


def _why_no_details(result: Result) -> str:
    if not kind_named(result.task["kind"]).labels_frames:
        return f"a result of {result.task['kind']} holds no frames to look at: this is all"
    return "this result was scored before details were kept; score it again"


def class_metrics(result: Result) -> list[Mapping[str, Any]]:
    """Return the metrics that a table by class shows: precision, recall, F1, AP, AUROC, or others."""
    scores = result.scores
    with_classes = [
        card for card in result.task["metrics"] if card["name"] in scores and scores[card["name"]].per_class
    ]
    cards = {card["name"]: card for card in with_classes}
    return [cards[name] for name in PER_CLASS if name in cards] or with_classes[:OTHERS]


def _classes(result: Result) -> str:
    """Return, class by class, precision, recall, F1, AP and AUROC, and how many frames it has."""
    columns = class_metrics(result)
    words = kind_named(result.task["kind"]).words
    total = max(1, words.count(result.frames, result.support))
    titles = {"map": "AP"} | {card["name"]: card["title"] for card in columns if card["name"] != "map"}
    rows = [
        [
            name,
            *(number(result.scores[card["name"]].per_class[name], card["unit"]) for card in columns),
            f"{result.support[name]:,}",
            f"{result.support[name] / total:.1%}",
        ]
        for name in result.task["classes"]
    ]
    headers = ["by class", *("\n".join(wrap(titles[card["name"]], 14)) for card in columns)]
    return table([*headers, words.unit, "share"], rows)


def _confusion(result: Result, part: str | None) -> str:
    """Return frames and share of every cell; where classes are many, only shares under numbered columns."""
    matrix = confusion_matrix(result, part)
    if matrix is None:
        return "No confusion matrix: several classes may hold in a frame."
    names, wide = result.task["classes"], len(result.task["classes"]) > WIDE
    total = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, total, where=total > 0, out=np.zeros_like(matrix))
    rows = []
    for k, (name, frames, row_shares) in enumerate(zip(names, matrix, shares, strict=True)):
        pairs = zip(frames, row_shares, strict=True)
        cells = [f"{share:.0%}" if wide else f"{count:,.0f}  {share:4.0%}" for count, share in pairs]
        rows.append([f"{k + 1} {name}" if wide else name, *cells, f"{frames.sum():,.0f}"])
    heads = [str(k + 1) for k in range(len(names))] if wide else names
    return table(["true class, frames given to", *heads, "frames"], rows)


def _boundary(result: Result, part: str | None) -> str:
    """Return accuracy by distance and by band, also of each class; of many classes only by band."""
    names = result.task["classes"]
    curves = [boundary(result, name, part) for name in (None, *names)]
    whole, *by_class = [curve for curve in curves if curve]
    by_column, columns = ([], []) if len(names) > WIDE else (by_class, names)
    headers = ["frames from a true transition", "frames", "accuracy", "0" + " " * (BAR - 2) + "1", *columns]
    rows = [_zone(label, zone, whole, by_column) for label, zone in ZONES.items()]
    bands = [_zone(label, zone, whole, by_column) for label, zone in BANDS.items()]
    text = table(headers, [*rows, [""] * len(headers), *bands])
    if by_column:
        return text
    by_band = [
        [name, *(number(value) for value in curve.bands.values())]
        for name, curve in zip(names, by_class, strict=True)
    ]
    return f"{text}\n\n{table(['accuracy by class', *BANDS], by_band)}"


def _zone(label: str, zone: slice, whole: Boundary, by_class: Sequence[Boundary]) -> list[str]:
    value = whole.within(zone)
    full = 0 if np.isnan(value) else round(BAR * value)
    return [
        label,
        f"{whole.frames[zone].sum():,.0f}",
        number(value),
        "█" * full + "·" * (BAR - full),
        *(number(curve.within(zone)) for curve in by_class),
    ]


def _edges(result: Result, part: str | None) -> str:
    rows, background = [], result.task["background"]
    for edge in ("onset", "offset"):
        curves = edges(result, edge, part)
        if curves is None:
            continue
        rows.append(
            [f"{edge}s, mean", *(number(curves.f1[k]) for k in TOLERANCES), number(curves.area), "", ""]
        )
        for name, curve in curves.per_class.items():
            rows.append(
                [
                    f"· {name}" + (" (in no mean)" if name == background else ""),
                    *(number(curve[k]) for k in TOLERANCES),
                    number(float(curve.mean())),
                    f"{curves.true[name]:,}",
                    f"{curves.predicted[name]:,.0f}",
                ]
            )
    return table(["F1 within so many frames", *map(str, TOLERANCES), "area", "true", "predicted"], rows)


def _hardest(result: Result, metric: str, part: str | None) -> str:
    """Return the recordings with the worst values of `metric`; of the one that ranks where they lack it."""
    every = recording_rows(result, part)
    by = metric if every and metric in every[0].values else result.task["metrics"][0]["name"]
    cards = {card["name"]: card for card in result.task["metrics"]}
    sign = 1.0 if cards[by]["higher_is_better"] else -1.0
    ranked = sorted(
        every, key=lambda row: (np.isnan(row.values[by]), sign * row.values[by], row.part, row.id)
    )
    title = (
        f"the {HARDEST} hardest of {len(every)}" if len(every) > HARDEST else "recordings, the hardest first"
    )
    columns = [name for name in cards if every and name in every[0].values]
    parted = len({row.part for row in every}) > 1
    names = result.task["classes"] if len(result.task["classes"]) <= WIDE else []
    headers = [
        f"{title}, by {cards[by]['title']}",
        *(["part"] if parted else []),
        "frames",
        *("\n".join(wrap(SHORT_TITLES.get(name, cards[name]["title"]), 10)) for name in columns),
        *(f"{cards[result.task['metrics'][0]['name']]['title']}\n{name}" for name in names),
    ]
    return table(headers, [_recording(row, columns, names, parted) for row in ranked[:HARDEST]])


def _recording(row: RecordingRow, columns: Sequence[str], classes: Sequence[str], parted: bool) -> list[str]:
    return [
        row.id,
        *([row.part] if parted else []),
        f"{row.frames:,}",
        *(number(row.values[name]) for name in columns),
        *(number(row.per_class[name]) if row.per_class else "" for name in classes),
    ]
