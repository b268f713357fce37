"""What the forms of predictions check alike: names of recordings and numbers of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np

from bench.errors import nearest
from bench.files.faults import quoted
from bench.recordings import RECORDING_ID
from bench.submissions.faults import SHOWN, Fault
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE, Content, Key, Shape
from bench.tasks import Task

_OTHER_USES = {"val": "a validation recording", "train": "a training recording"}
"""Subset of a split -> what a recording in it is."""


def written_faults(
    task_name: str,
    run: str,
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    array_faults: Callable[[str, np.ndarray], Iterator[Fault]],
) -> Iterator[Fault]:
    """Say what keeps part -> recording id -> array from being written as a run.

    `array_faults` says it of one array, which it is given after its place.
    """
    for what, name in (("task", task_name), ("run", run), *(("part", part) for part in arrays)):
        if not SAFE_NAME.fullmatch(name):
            yield Fault("names", f"{what} {quoted(name)}: expected {SAFE_NAME_RULE}")
    for part, recordings in arrays.items():
        for id_, array in recordings.items():
            if not RECORDING_ID.fullmatch(id_):
                yield Fault("names", f"recording {quoted(id_)}: expected {SAFE_NAME_RULE}")
            yield from array_faults(f"{part}/{id_}", array)
    if not any(arrays.values()):
        yield Fault("recordings", "no recording")


def name_faults(
    names: Collection[Key], wanted: Mapping[Key, str], task: Task, what: str = "a test recording"
) -> Iterator[Fault]:
    """Name the recordings that are missing, with what was wanted of them, and those that nobody asked for.

    `what` says what is asked for.
    """
    split = task.load_split()
    for key, expected in wanted.items():
        if key not in names:
            yield Fault("recordings missing", f"{'/'.join(key)} is missing; {expected}")
    parts = {part: [id_ for p, id_ in wanted if p == part] for part, _ in wanted}
    unknown = Counter(part for part, _ in names if part not in parts)
    for i, (part, count) in enumerate(unknown.items()):
        near = nearest(part, parts) if i < SHOWN else ""  # the others are only counted
        text = f"part {quoted(part)} is not of this task{near} (recordings in it: {count:,})"
        yield Fault("parts", f"{text}; expected {', '.join(parts)}")
    extra = [key for key in names if key[0] in parts and key not in wanted]
    for i, (part, id_) in enumerate(extra):
        near = nearest(id_, parts[part]) if i < SHOWN else ""
        home = [other for other, ids in parts.items() if id_ in ids] if i < SHOWN else []
        text = f"is not {what}{f'; it is tested in part {home[0]!r}' if home else near}"
        for subset, use in _OTHER_USES.items():
            if id_ in split.ids(part, subset):
                text = f"is {use}, not scored: leave it out"
        yield Fault("recordings not expected", f"{part}/{quoted(id_)} {text}")


def frame_count_fault(
    key: Key, frames: int, content: Content, shapes: Mapping[Key, Shape], task: Task
) -> Fault:
    """Say that an array has another number of frames than `shapes` asks for, and what may be the cause."""
    cause = frame_count_cause(key, frames, content, shapes, task)
    return Fault("frame counts", f"{frames:,} frames, expected {shapes[key][0]:,}{cause}")


def frame_count_cause(
    key: Key, frames: int, content: Content, shapes: Mapping[Key, Shape], task: Task
) -> str:
    """Guess why the number of frames is wrong; empty where nothing comes to mind."""
    expected = shapes[key][0]
    twin = _swapped(key, frames, content, shapes)
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


def _swapped(key: Key, frames: int, content: Content, shapes: Mapping[Key, Shape]) -> str | None:
    """Name the recording that has this array's frames while its array has those of this recording."""
    for other, shape in shapes.items():
        theirs = content.shapes.get(other)
        if other[0] == key[0] and shape[0] == frames and theirs and theirs[0] == shapes[key][0]:
            return "/".join(other)
    return None
