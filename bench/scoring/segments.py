"""Scored segments against true segments, at the frozen tIoU thresholds or at others.

The frozen names (`detection_map`, ...) belong to the frozen thresholds. At other thresholds every name
carries them, `map_over_tiou_0.5_0.75`, because another number is another metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bench.errors import DataError, SubmissionError, UsageError
from bench.evaluation import RESAMPLES
from bench.files.faults import quoted
from bench.kinds import SEGMENTS
from bench.metrics import DETECTION_METRICS, Metric, softnms
from bench.metrics.localisation import AP_IN_WORDS, RECALL_AT, TIOU, UNDEFINED, declare, measure
from bench.recordings import SHOWN as ROWS
from bench.recordings import Detections, Segments
from bench.scoring.checks import check_question, group_faults, name_faults, refuse
from bench.scoring.scores import Scores, group_index, reduce_spans
from bench.submissions.faults import Fault

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
    shows = np.stack([SEGMENTS.count(pair.truth) > 0 for pair in pairs])
    found, how = reduce_spans(metrics, {measure: pairs}, index, shows, classes, None, resamples)
    support = np.sum([SEGMENTS.count(pair.truth) for pair in pairs], axis=0)
    counted = int(support.sum())
    return Scores(
        kind="segments",
        classes=classes,
        background=None,
        metrics=metrics,
        scores=found,
        interval=how,
        recordings=len(given),
        groups=count,
        support=dict(zip(classes, support.tolist(), strict=True)),
        counts={
            "tiou": list(thresholds),
            "segments": counted,
            "dropped": sum(len(truth[id_].labels) for id_ in given) - counted,
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
    return declare(said, thresholds)


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
