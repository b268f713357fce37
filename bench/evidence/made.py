"""From predictions to evidence: plain JSON values of one run of an entry. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.evaluation.spans import cut
from bench.evidence.bouts import BOUTS, LONGEST, rows_of
from bench.evidence.curves import DIGITS, calibration, curves
from bench.evidence.localised import by_length, mistakes, surest
from bench.kinds import Cut, Span, kind_of
from bench.metrics.delay import LAGS, count_by_lag
from bench.recordings import Recording
from bench.submissions import Predictions
from bench.tasks import Task


def evidence(
    task: Task, entry: Mapping[str, Any], predictions: Predictions, recordings: Mapping[str, Recording]
) -> dict[str, Any] | None:
    """Return what lies behind the first run of an entry; None where it has neither labels nor segments.

    `entry` is its card: it says of what form detections are, and whether scores are probabilities.
    """
    run = min(predictions)
    parts: dict[str, Any] = {}
    for part, of_part in cut(task, task.load_split(), recordings).items():
        judged = kind_of(task).judge(task, of_part, predictions[run][part], entry.get("detections"))
        if "labels" in judged:
            probable = entry.get("output") == "probabilities"
            parts[part] = _frames(task, of_part, judged, recordings, probable=probable)
        elif "detections" in judged:
            parts[part] = _segments(task, of_part, judged["detections"], recordings)
        else:
            return None
    left_out = _left_out(parts, shared=task.dataset.redistributable)
    return {"format": 1, "run": run, "left_out": left_out, "parts": parts}


def _frames(
    task: Task,
    part: Cut,
    judged: Mapping[str, Sequence[Any]],
    recordings: Mapping[str, Recording],
    *,
    probable: bool,
) -> dict[str, Any]:
    """Return the bouts of every recording and the curves of all."""
    spans = part.test
    rows = {}
    for id_ in dict.fromkeys(span.recording for span in spans):
        own = [n for n, span in enumerate(spans) if span.recording == id_]
        rows[id_] = _bouts(task, recordings[id_], [spans[n] for n in own], [judged["labels"][n] for n in own])
    pairs = zip(spans, judged["labels"], strict=True)
    lagged = np.sum([count_by_lag(span.truth, labels) for span, labels in pairs], axis=0)
    agreement = lagged[:-1][np.argsort(LAGS)] / lagged[-1]
    made = {"recordings": rows, "agreement": [round(float(value), DIGITS) for value in agreement]}
    if "scores" in judged:
        truth, scores = np.concatenate([span.truth for span in spans]), np.concatenate(judged["scores"])
        columns = [(name, truth[:, k], scores[:, k]) for k, name in enumerate(task.classes)]
        made["curves"] = {name: curves(true, score) for name, true, score in columns}
        if probable:
            made["calibration"] = {name: calibration(true, score) for name, true, score in columns}
    return made


def _bouts(task: Task, recording: Recording, spans: Sequence[Span], labels: Sequence[Any]) -> dict[str, Any]:
    truth, named = np.zeros((2, recording.frames, len(task.classes)), dtype=bool)
    for span, of_span in zip(spans, labels, strict=True):
        truth[span.frames], named[span.frames] = span.truth, of_span
    return {
        "frames": recording.frames,
        "fps": float(recording.fps),
        "counted": [edge for span in spans for edge in (int(span.frames.start), int(span.frames.stop))],
        "truth": rows_of(truth, exclusive=task.exclusive),
        "entry": rows_of(named, exclusive=task.exclusive),
    }


def _segments(
    task: Task, part: Cut, answers: Sequence[Any], recordings: Mapping[str, Recording]
) -> dict[str, Any]:
    """Return the segments of every recording, and the sorts of mistakes of all."""
    truths = [span.truth for span in part.test]
    rows = {}
    for span, given in zip(part.test, answers, strict=True):
        recording, kept = recordings[span.recording], surest(given)
        rows[span.recording] = {
            "frames": recording.frames,
            "fps": float(recording.fps),
            "truth": _columns(span.truth),
            "entry": _columns(kept) | {"scores": kept.scores.tolist()},
        }
    labels = list(enumerate(task.classes))
    return {
        "recordings": rows,
        "mistakes": {name: mistakes(truths, answers, k) for k, name in labels},
        "lengths": {name: by_length(truths, answers, k) for k, name in labels},
    }


def _columns(segments: Any) -> dict[str, list[Any]]:
    return {
        "labels": segments.labels.tolist(),
        "starts": segments.bounds[:, 0].tolist(),
        "stops": segments.bounds[:, 1].tolist(),
    }


def _left_out(parts: Mapping[str, Any], *, shared: bool) -> list[str]:
    """Take recordings out, and return which, part by part.

    Those that are too long, all once `BOUTS` are reached, and every one unless the labels may be `shared`.
    """
    bouts, left_out = 0, []
    for part, content in parts.items():
        for id_, rows in list(content["recordings"].items()):
            bouts += size_of(rows)
            if not shared or bouts > BOUTS or rows["frames"] > LONGEST:
                del content["recordings"][id_]
                left_out.append(f"{part}/{id_}")
    return left_out


def size_of(rows: Mapping[str, Any]) -> int:
    """Return how many bouts or segments one recording has in a file, of truth and entry."""
    sides = (rows["truth"], rows["entry"])
    return sum(
        len(side["labels"]) if isinstance(side, dict) else sum(len(row["states"]) for row in side)
        for side in sides
    )
