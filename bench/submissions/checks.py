"""What a run must hold: every expected recording, every frame, finite scores, real probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from bench.kinds import Scores
from bench.submissions.faults import SHOWN, Fault, meant, quoted
from bench.submissions.predictions import Found, Key
from bench.tasks import Task

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from one: float16 models and rounded tables reach 5e-4."""
ROUNDING = 1e-6
"""How far a probability may be outside [0, 1]: float32 arithmetic."""


def run_faults(
    found: Found, wanted: Mapping[Key, tuple[int, int]], task: Task, output: str | None
) -> Iterator[Fault]:
    """Compare one run with what the task expects."""
    said = {key: f"frames expected: {frames:,}" for key, (frames, _) in wanted.items()}
    yield from name_faults(found.shapes, said)
    for key, shape in found.shapes.items():
        if shape is not None and key in wanted and shape != wanted[key]:
            yield from (fault.at("/".join(key)) for fault in _shape_faults(key, shape, found, wanted, task))
    for key, scores in found.arrays.items():
        probabilities = output == "probabilities" or not task.exclusive
        yield from (fault.at("/".join(key)) for fault in _value_faults(scores, task, probabilities))


def name_faults(found: Collection[Key], wanted: Mapping[Key, str]) -> Iterator[Fault]:
    """Name the recordings that are missing, with what was wanted of them, and those that nobody asked for."""
    for key, expected in wanted.items():
        if key not in found:
            yield Fault("recordings missing", f"{'/'.join(key)} is missing; {expected}")
    parts = {part: [id_ for p, id_ in wanted if p == part] for part, _ in wanted}
    unknown = Counter(part for part, _ in found if part not in parts)
    for i, (part, count) in enumerate(unknown.items()):
        near = meant(part, parts) if i < SHOWN else ""  # the others are only counted
        yield Fault("parts", f"part {quoted(part)} is not of this task{near} (recordings in it: {count:,})")
    extra = [key for key in found if key[0] in parts and key not in wanted]
    for i, (part, id_) in enumerate(extra):
        near = meant(id_, parts[part]) if i < SHOWN else ""
        home = [other for other, ids in parts.items() if id_ in ids] if i < SHOWN else []
        where = f"; it is tested in part {home[0]!r}" if home else near
        yield Fault("recordings not expected", f"{part}/{quoted(id_)} is not a test recording{where}")


def _shape_faults(
    key: Key, shape: tuple[int, ...], found: Found, wanted: Mapping[Key, tuple[int, int]], task: Task
) -> Iterator[Fault]:
    frames, classes = wanted[key]
    if len(shape) != 2:
        yield Fault("shapes", f"shape {shape}, expected {wanted[key]} (frames, classes)")
    elif shape == (classes, frames):
        yield Fault(
            "shapes", f"shape {shape}, expected {wanted[key]} (frames, classes): transposed, save scores.T"
        )
    else:
        if shape[1] != classes:
            names = ", ".join(task.classes)
            yield Fault("class counts", f"{shape[1]:,} columns, expected {classes}: {names}")
        if shape[0] != frames:
            cause = _cause(key, shape[0], found, wanted, task)
            yield Fault("frame counts", f"{shape[0]:,} frames, expected {frames:,}{cause}")


def _cause(key: Key, frames: int, found: Found, wanted: Mapping[Key, tuple[int, int]], task: Task) -> str:
    """Guess why the number of frames is wrong; empty where nothing comes to mind."""
    expected = wanted[key][0]
    twin = _swapped(key, frames, found, wanted)
    if twin:
        return f": the frames of {twin}, are the two swapped?"
    short, protocol = expected - frames, task.protocol
    if short and abs(short) != 1 and short == protocol.skip_first + protocol.skip_last:
        return (
            f": the frames that protocol {protocol.name!r} counts; a submission scores every frame, "
            "the protocol chooses among them"
        )
    return length_cause(frames, expected)


def length_cause(frames: int, expected: int) -> str:
    """Guess from two numbers of frames why they differ; empty where nothing comes to mind.

    >>> length_cause(99, 100)
    ': one frame short, an off-by-one at the end?'
    """
    short = expected - frames
    if abs(short) == 1:
        return f": one frame {'short' if short > 0 else 'long'}, an off-by-one at the end?"
    if 1 < short <= 300:
        return (
            f": {short} frames short, as windows of {short} or {short + 1} frames without padding leave it; "
            "score the first and last frames too"
        )
    for step in range(2, 11):
        if frames in (expected // step, -(-expected // step)):
            return f": one in {step}, another frame rate? score every frame"
    return ""


def _swapped(key: Key, frames: int, found: Found, wanted: Mapping[Key, tuple[int, int]]) -> str | None:
    """Name the recording that has this array's frames while its array has those of this recording."""
    for other, (length, _) in wanted.items():
        theirs = found.shapes.get(other)
        if other[0] == key[0] and length == frames and theirs and theirs[0] == wanted[key][0]:
            return "/".join(other)
    return None


def _value_faults(scores: Scores, task: Task, probabilities: bool) -> Iterator[Fault]:
    finite = np.isfinite(scores)
    if not finite.all():
        for name, odd in (("NaN", np.isnan(scores)), ("infinite", np.isinf(scores))):
            if odd.any():
                yield Fault(
                    f"{name} values", f"{name} values: {odd.sum():,}, the first at {_first(odd, task)}"
                )
        return
    if not probabilities:
        return
    mend = 'for any real numbers declare output = "scores"' if task.exclusive else "apply a sigmoid"
    for kind, odd in (("below zero", scores < -ROUNDING), ("above one", scores > 1 + ROUNDING)):
        if odd.any():
            value = scores[odd][0]
            yield Fault(
                f"probabilities {kind}",
                f"probabilities {kind}: {odd.sum():,}, the first {value:.6g} at {_first(odd, task)}; {mend}",
            )
    if task.exclusive:
        away = np.abs(scores.sum(axis=1, dtype=np.float64) - 1)
        if (away > SUM_TOLERANCE).any():
            worst = int(away.argmax())
            total = scores[worst].sum(dtype=np.float64)
            yield Fault(
                "sums of probabilities",
                f"rows that do not sum to one within {SUM_TOLERANCE}: {np.sum(away > SUM_TOLERANCE):,}, "
                f"the worst is frame {worst:,}: {total:.6g}",
            )


def _first(odd: np.ndarray, task: Task) -> str:
    frame, column = np.unravel_index(int(odd.argmax()), odd.shape)
    return f"frame {frame:,}, class {task.classes[int(column)]!r}"
