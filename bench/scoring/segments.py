"""Scored segments against true segments, at the frozen tIoU thresholds or at others.

The frozen names (`detection_map`, ...) belong to the frozen thresholds. At other thresholds every name
carries them, `map_over_tiou_0.5_0.75`, because another number is another metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.errors import DataError, SubmissionError, UsageError
from bench.evaluation import LEVEL, RESAMPLES, SEED
from bench.metrics import DETECTION_METRICS, Metric, softnms
from bench.metrics.intervals import interval
from bench.metrics.localisation import (
    AP_IN_WORDS,
    RECALL_AT,
    REFERENCE,
    TIOU,
    UNDEFINED,
    Matches,
    Pair,
    average_precision,
    match_all,
    measure,
    recall_at,
)
from bench.metrics.segments import Detections, Segments
from bench.recordings import SHOWN as ROWS
from bench.results import Score
from bench.scoring.checks import check_question, group_faults, name_faults, refuse
from bench.scoring.scores import Scores, group_index
from bench.submissions.faults import Fault, quoted

NOTHING = Detections(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0))
NEAR = 1e-12
"""Thresholds this near to the frozen ones are them: 0.4 stands for 0.39999999999999997."""


def score_segments(
    truth: Mapping[str, Segments],
    detections: Mapping[str, Detections],
    classes: Sequence[str],
    *,
    tiou: Sequence[float] = TIOU,
    soft_nms: bool = False,
    score_voting: bool = False,
    groups: Mapping[str, str] | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score detections by interpolated average precision and recall.

    Args:
        truth: Recording id -> its true segments in seconds; ids are any text.
        detections: Recording id -> what was found there. A recording of the truth that is not here has
            no detections, and its segments are missed.
        classes: Names of the labels 0, 1, ...: the class set. A class without a true segment is NaN.
        tiou: Thresholds in (0, 1]. 0.3, 0.4, 0.5, 0.6, 0.7 are the frozen ones, and give the metrics of
            `bench.metrics.DETECTION_METRICS`; others give metrics that are named by them.
        soft_nms: First apply the frozen Soft-NMS (`bench.metrics.softnms`) to each recording.
        score_voting: After it, move bounds by the frozen score voting.
        groups: Recording id -> animal, cage or session, the unit of the intervals.
        resamples: How many times the groups are drawn.

    Returns:
        The metrics by name; `counts["detections"]` says in which form the detections were scored.

    Raises:
        UsageError: classes or thresholds that mean nothing, or voting without Soft-NMS.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the detections.

    >>> truth = {"clip 1": Segments(np.array([[0.0, 2.0], [5.0, 8.0]]), np.array([0, 1]), 2)}
    >>> found = Detections(np.array([[0.1, 2.0], [5.0, 6.0]]), np.array([0, 1]), np.array([0.9, 0.8]))
    >>> score_segments(truth, {"clip 1": found}, ["rearing", "licking"]).scores["detection_map"].per_class
    {'rearing': 1.0, 'licking': 0.2}
    """
    check_question(classes)
    thresholds = check_thresholds(tiou)
    if score_voting and not soft_nms:
        raise UsageError(
            "score voting moves what Soft-NMS kept; alone it is not defined", hint="use Soft-NMS too"
        )
    refuse(DataError, "the truth cannot be scored", _truth_faults(truth, len(classes), groups))
    faults = detection_faults(truth, detections, len(classes), soft_nms=soft_nms)
    refuse(SubmissionError, "the detections cannot be scored", faults)
    given = {id_: detections.get(id_, NOTHING) for id_ in sorted(truth)}
    form = "raw" if not soft_nms else "soft-nms" + "+score-voting" * score_voting
    return _score_form(form, truth, given, tuple(classes), thresholds, groups, resamples)


def _score_form(
    form: str,
    truth: Mapping[str, Segments],
    given: Mapping[str, Detections],
    classes: tuple[str, ...],
    thresholds: tuple[float, ...],
    groups: Mapping[str, str] | None,
    resamples: int,
) -> Scores:
    pairs = [measure(truth[id_], _processed(found, form)) for id_, found in given.items()]
    metrics = metrics_at(thresholds)
    index, count = group_index(list(given), groups)
    shows = np.stack([np.isin(np.arange(len(classes)), pair.truth.labels) for pair in pairs])
    found, how = _reduce(metrics, match_all(pairs, thresholds), index, shows, classes, resamples)
    labels = np.concatenate([pair.truth.labels for pair in pairs])
    support = np.bincount(labels, minlength=len(classes)).tolist()
    return Scores(
        kind="segments",
        classes=classes,
        background=None,
        metrics=metrics,
        scores=found,
        interval=how,
        recordings=len(given),
        groups=count,
        support=dict(zip(classes, support, strict=True)),
        counts={
            "tiou": list(thresholds),
            "segments": len(labels),
            "dropped": sum(len(truth[id_].labels) for id_ in given) - len(labels),
            "detections": form,
            "detections_given": sum(len(one.labels) for one in given.values()),
            "detections_scored": sum(len(pair.detections.labels) for pair in pairs),
            "recordings_without_detections": sum(not len(one.labels) for one in given.values()),
        },
    )


def check_thresholds(tiou: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds in rising order, the frozen ones as they are stored."""
    thresholds = tuple(sorted(map(float, tiou)))
    wrong = [f"tIoU {value}: expected more than 0 and at most 1" for value in tiou if not 0 < value <= 1]
    if len(set(thresholds)) < len(thresholds) or not thresholds:
        wrong.append(f"tIoU {', '.join(map(str, tiou)) or 'of no threshold'}: expected different numbers")
    if wrong:
        raise UsageError("tIoU thresholds that mean nothing", wrong)
    frozen = len(thresholds) == len(TIOU) and np.allclose(thresholds, TIOU, rtol=0, atol=NEAR)
    return TIOU if frozen else thresholds


def metrics_at(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    """Return the frozen metrics at the frozen thresholds, and metrics of other names at others.

    >>> [metric.name for metric in metrics_at((0.5, 0.75))][:3]
    ['map_over_tiou_0.5_0.75', 'map_at_tiou_0.5', 'map_at_tiou_0.75']
    """
    if thresholds == TIOU:
        return DETECTION_METRICS
    written = [f"{value!r}" for value in thresholds]
    over = ("over_tiou_" if len(written) > 1 else "at_tiou_") + "_".join(written)
    listed = ", ".join(written)
    mean = f", mean over tIoU >= {listed}" if len(written) > 1 else f" with tIoU >= {listed}"
    said = [(f"map_{over}", f"mAP at tIoU {listed}", f"{AP_IN_WORDS}{mean}. {UNDEFINED}")]
    if len(written) > 1:
        said += [
            (f"map_at_tiou_{one}", f"mAP at tIoU {one}", f"{AP_IN_WORDS} with tIoU >= {one}. {UNDEFINED}")
            for one in written
        ]
    said += [
        (
            f"recall_{k}_{over}",
            f"Recall at {k}x, tIoU {listed}",
            f"As detection_recall_{k}, at the thresholds named. {UNDEFINED}",
        )
        for k in RECALL_AT
    ]
    return tuple(
        Metric(
            name=name,
            title=title,
            reads="detections",
            measure=measure,
            reduce=partial(_one_of, i, thresholds),
            mean="classes",
            definition=definition,
            reference=REFERENCE,
        )
        for i, (name, title, definition) in enumerate(said)
    )


def detection_faults(
    truth: Mapping[str, Segments], detections: Mapping[str, Detections], classes: int, *, soft_nms: bool
) -> Iterator[Fault]:
    """Name detections in recordings that the truth does not have, of unknown labels, or below zero."""
    yield from (fault for fault in name_faults(truth, list(detections)) if fault.kind != "recordings missing")
    for id_, found in detections.items():
        if (found.labels >= classes).any():
            row = int((found.labels >= classes).argmax())
            text = f"{quoted(id_)}: row {row} has label {found.labels[row]}, expected 0 to {classes - 1}"
            yield Fault("labels", text)
        rows = np.flatnonzero(found.scores < 0)
        if soft_nms and len(rows):
            named = ", ".join(map(str, rows[:ROWS])) + (f" and {len(rows) - ROWS} more" * (len(rows) > ROWS))
            text = f"{quoted(id_)}: scores below 0, which Soft-NMS cannot weigh, in rows {named}"
            yield Fault("scores below zero", text)


def _truth_faults(
    truth: Mapping[str, Segments], classes: int, groups: Mapping[str, str] | None
) -> Iterator[Fault]:
    if not sum(len(segments.labels) for segments in truth.values()):
        yield Fault("truth", "no true segment in any recording")
    for id_, segments in truth.items():
        if segments.classes != classes:
            text = f"{quoted(id_)}: segments of {segments.classes} classes, expected {classes}"
            yield Fault("classes", text)
    yield from group_faults(truth, groups)


def _processed(found: Detections, form: str) -> Detections:
    """Bring raw detections into the form that is scored."""
    if form == "raw":
        return found
    kept = softnms.soft_nms(found)
    return kept if form == "soft-nms" else softnms.score_voting(kept, found)


def _one_of(
    place: int, thresholds: tuple[float, ...], measures: Sequence[Pair], weights: Float[np.ndarray, "R N"]
) -> Float[np.ndarray, "R C"]:
    return _class_values(match_all(measures, thresholds), weights)[place]


def _class_values(matches: Matches, weights: Float[np.ndarray, "R N"]) -> list[Float[np.ndarray, "R C"]]:
    """Return the class values of all metrics, in the order in which `metrics_at` lists them."""
    precision = average_precision(matches, weights)
    each = [precision[:, i] for i in range(len(matches.tiou))]
    recalls = [recall_at(matches, weights, k).mean(axis=1) for k in RECALL_AT]
    return [precision.mean(axis=1), *(each if len(each) > 1 else ()), *recalls]


def _reduce(
    metrics: Sequence[Metric],
    matches: Matches,
    group: Int[np.ndarray, " N"],
    shows: Bool[np.ndarray, "N C"],
    classes: Sequence[str],
    resamples: int,
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Reduce all metrics from one matching; one by one they would match a dozen times."""
    groups = int(group.max()) + 1
    once = _class_values(matches, np.ones((1, len(group))))
    every = np.ones(len(classes), dtype=bool)
    averaged = [metric.averaged(v[0], every) for metric, v in zip(metrics, once, strict=True)]

    def columns(weights: Float[np.ndarray, "R G"]) -> Float[np.ndarray, "R K"]:
        """Mean, then classes, of one metric after the other."""
        values = _class_values(matches, weights[:, group])
        means = [metric.average(v, of) for metric, v, of in zip(metrics, values, averaged, strict=True)]
        return np.concatenate(
            [np.column_stack([mean, v]) for mean, v in zip(means, values, strict=True)], axis=1
        )

    whole = columns(np.ones((1, groups)))[0]
    behind = [groups, *(len(np.unique(group[of])) for of in shows.T)]
    found = interval(
        columns,
        groups,
        resamples=resamples,
        seed=SEED,
        level=LEVEL,
        bounds=(0.0, 1.0),
        behind=np.tile(behind, len(metrics)),
    )
    width = 1 + len(classes)
    scores = {
        metric.name: _score(classes, *(ends[i * width :][:width] for ends in (whole, found.low, found.high)))
        for i, metric in enumerate(metrics)
    }
    how = {
        "method": found.method,
        "level": found.level,
        "resamples": resamples,
        "seed": SEED,
        "unit": "group of recordings",
        "groups": groups,
        "reason": found.reason,
    }
    return scores, how


def _score(
    classes: Sequence[str],
    value: Float[np.ndarray, " K"],
    low: Float[np.ndarray, " K"],
    high: Float[np.ndarray, " K"],
) -> Score:
    return Score(
        value=float(value[0]),
        low=float(low[0]),
        high=float(high[0]),
        std_runs=float("nan"),
        std_parts=float("nan"),
        per_class=dict(zip(classes, value[1:].tolist(), strict=True)),
        per_class_interval={name: (float(low[1 + c]), float(high[1 + c])) for c, name in enumerate(classes)},
        per_part={},
        per_run={},
    )
