"""Scored segments against true segments, at the frozen thresholds of overlap or at others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.errors import UsageError
from bench.evaluation import RESAMPLES
from bench.evaluation.anyone import Question, Scores, score_spans
from bench.files.strict_json import uncollected
from bench.kinds import Span
from bench.metrics import softnms
from bench.metrics.checks import check_question
from bench.metrics.localisation import TIOU
from bench.metrics.segments import clean
from bench.metrics.thresholds import check_thresholds, metrics_at
from bench.recordings import Detections, Segments
from bench.scoring.activitynet import SegmentSource, read_segments
from bench.scoring.checks import detection_faults, segment_faults
from bench.scoring.reading import Groups, options, read_named_groups, refuse_all
from bench.submissions.faults import Fault
from bench.submissions.forms.doubts import detection_doubts

NOTHING = Detections(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0))


def score_segments(
    truth: Mapping[str, Segments] | str | Path,
    detections: Mapping[str, Detections] | str | Path,
    classes: Sequence[str] = (),
    *,
    tiou: Sequence[float] = TIOU,
    subset: str | None = None,
    soft_nms: bool = False,
    score_voting: bool = False,
    groups: Groups = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score detections by interpolated average precision and recall; two files, or both in memory.

    Args:
        truth: Recording id -> its true segments in seconds; or JSON in ActivityNet's layout, whose labels
            that are scored, sorted, are the classes.
        detections: Recording id -> what was found there. A recording of the truth that is not here has
            no detections. In a file, those of labels that the truth does not have count nowhere, as in
            ActivityNet's evaluator; a warning names them.
        classes: Of segments in memory, the names of the labels 0, 1, ...: the class set. A class without a
            true segment is NaN.
        tiou: Thresholds in (0, 1]. 0.3, 0.4, 0.5, 0.6, 0.7 are the frozen ones, and give the metrics of
            `bench.metrics.DETECTION_METRICS`; others give metrics that are named by them.
        subset: Of a file, the recordings that are scored; detections in others are left out.
        soft_nms: First apply the frozen Soft-NMS (`bench.metrics.softnms`) to each recording.
        score_voting: After it, move bounds by the frozen score voting.
        groups: Recording id -> animal, cage or session, the unit of the intervals; or a CSV.
        resamples: How many times the groups are drawn for the intervals.

    Returns:
        The metrics by name; `counts["detections"]` says in which form the detections were scored.

    Raises:
        UsageError: classes, thresholds or a subset that mean nothing, or voting without Soft-NMS.
        DataError: every fault of the truth and the groups.
        SubmissionError: every fault of the detections.

    >>> truth = {"clip 1": Segments(np.array([[0.0, 2.0], [5.0, 8.0]]), np.array([0, 1]), 2)}
    >>> found = Detections(np.array([[0.1, 2.0], [5.0, 6.0]]), np.array([0, 1]), np.array([0.9, 0.8]))
    >>> score_segments(truth, {"clip 1": found}, ["rearing", "licking"]).scores["detection_map"].per_class
    {'rearing': 1.0, 'licking': 0.2}
    """
    thresholds = check_thresholds(tiou)
    other = None if thresholds == TIOU else ",".join(map(str, tiou))
    flags = ["--soft-nms"] * soft_nms + ["--score-voting"] * score_voting
    words = (*options({"--subset": subset, "--tiou": other}), *flags)
    source, named = _read(truth, detections, classes, subset, groups, soft_nms, words)
    if score_voting and not soft_nms:
        raise UsageError(
            "score voting moves what Soft-NMS kept; alone it is not defined", hint="use Soft-NMS too"
        )
    question = Question("segments", tuple(source.classes), groups=named, resamples=resamples)
    form = "raw" if not soft_nms else "soft-nms" + "+score-voting" * score_voting
    return _score(question, source, thresholds, form)


def _read(
    truth: Mapping[str, Segments] | str | Path,
    detections: Mapping[str, Detections] | str | Path,
    classes: Sequence[str],
    subset: str | None,
    groups: Groups,
    soft_nms: bool,
    words: Sequence[str],
) -> tuple[SegmentSource, Mapping[str, str] | None]:
    """Return what is to be scored, and the groups; raise one error with all that is wrong.

    `words` are the options that would be typed.
    """
    if isinstance(truth, Mapping) and isinstance(detections, Mapping):
        check_question(classes)
        source = SegmentSource(truth, detections, classes)
        wrong, unfit = list(segment_faults(truth, len(classes))), list[Fault]()
    elif isinstance(truth, Mapping) or isinstance(detections, Mapping):
        raise UsageError("truth and detections: expected both in memory, or two files")
    else:
        with uncollected():
            source, wrong, unfit = read_segments(Path(truth), Path(detections), subset)
    named, group_wrong = read_named_groups(groups, source.truth)
    if not wrong and not group_wrong:
        unfit += detection_faults(source.truth, source.detections, len(source.classes), soft_nms=soft_nms)
    command = ("segments", truth, detections, *words)
    refuse_all(command, groups, (wrong, group_wrong, unfit), "the detections cannot be scored")
    return source, named


def _score(question: Question, source: SegmentSource, thresholds: tuple[float, ...], form: str) -> Scores:
    group = question.numbered(source.truth)
    given = {id_: source.detections.get(id_, NOTHING) for id_ in group}
    kept = {id_: _processed(one, form) for id_, one in given.items()}
    true = {id_: clean(source.truth[id_]) for id_ in group}
    counted = sum(len(segments.labels) for segments in true.values())
    counts = {
        "tiou": list(thresholds),
        "segments": counted,
        "dropped": sum(len(segments.labels) for segments in source.truth.values()) - counted,
        "detections": form,
        "detections_given": sum(len(one.labels) for one in given.values()),
        "detections_scored": sum(len(one.labels) for one in kept.values()),
        "recordings_without_detections": sum(not len(one.labels) for one in given.values()),
        **source.left_out,
    }
    cut = [Span(id_, slice(None), true[id_], group[id_]) for id_ in group]
    ends = {id_: segments.bounds[:, 1].max(initial=0.0) for id_, segments in source.truth.items()}
    doubts = detection_doubts((ends[id_], one) for id_, one in given.items())
    return score_spans(question, metrics_at(thresholds), cut, kept, counts, (*source.warnings, *doubts))


def _processed(detections: Detections, form: str) -> Detections:
    """Bring raw detections into the form that is scored."""
    if form == "raw":
        return detections
    kept = softnms.soft_nms(detections)
    return kept if form == "soft-nms" else softnms.score_voting(kept, detections)
