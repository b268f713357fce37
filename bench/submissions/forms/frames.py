"""Predictions of kind `frames`: float32 (frames, classes) per `<part>/<recording>`, as .npz or as a table.

    part, recording, frame, <one column per class, in the task's order>

The card says of them, as `output`, "probabilities" or "scores": any real numbers, larger = more likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from bench.about import TITLE
from bench.errors import FileError, SubmissionError
from bench.files.opening import open_regular
from bench.kinds import Length, Scores
from bench.metrics.checks import finite_faults, shape_faults
from bench.submissions.card import TaskCard
from bench.submissions.faults import Fault, listing
from bench.submissions.forms.arrays import npz_limit, read_npz, write_npz
from bench.submissions.forms.checks import frame_count_cause, name_faults, written_faults
from bench.submissions.forms.doubts import score_doubts
from bench.submissions.forms.form import Form
from bench.submissions.forms.words import poses_words, validation_words
from bench.submissions.predictions import Content, Key, Shape
from bench.tasks import Task

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from one: float16 models and rounded tables reach 5e-4."""
ROUNDING = 1e-6
"""How far a probability may be outside [0, 1]: float32 arithmetic."""
_TYPE = 'little-endian float32: save scores.astype("<f4")'
_LABEL_RULES = {
    True: "A frame's label is the class of the highest score, of equals the first class.",
    False: "Classes may hold together: a frame's labels are every class whose probability is at least 0.5.",
}
"""By whether the classes of the task exclude each other."""
_PAGE = """# {id}, an entry for {title}

Fill in `submission.toml`, then write one run per seed: the scores of every frame of every test recording of
task `{task}`, a column for each class, in the order {classes}.
{label_rule}

This runs as it stands. It learns how often each class holds; put your model in its place.

```python
import bench
import numpy as np

task = bench.load_task("{task}")
predictions = {{}}
for part in task.parts:
    held = np.ones(len(task.classes))
    for recording in task.recordings("train", part):
        held += recording.labels[recording.annotated].sum(axis=0)
    shares = held / held.sum()
    tests = task.recordings("test", part)
    predictions[part] = {{r.id: np.tile(shares, (r.frames, 1)) for r in tests}}
bench.write_run("{path}", task, 0, predictions)
```

{sees}
`recording.labels` are true and false, (frames, {width}), in the order above; `recording.annotated` says which
frames count. `bench.write_run` takes arrays, nested lists, tensors and pandas tables, (frames, {width}).
{validation}
Without this package, save the scores as float32 with
`numpy.savez("{path}/{task}/seed0.npz", **{{"{part}/{recording}": scores, ...}})`.

Then: `bench validate {path}` and `bench evaluate {path}`.
"""


def write_run(folder: Path, task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Write `<folder>/<task>/<run>.npz` in one step and return its path.

    `scores` is part -> recording id -> float32 (frames, classes). The same scores give the same
    bytes. Raises `SubmissionError` listing every name, type and shape that is not right.
    """
    path = folder / task_name / f"{run}.npz"
    if problems := listing(_run_faults(task_name, run, scores)):
        raise SubmissionError(f"{path} was not written", problems)
    return write_npz(path, scores)


def _run_faults(task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[Fault]:
    widths: dict[int, str] = {}

    def array_faults(place: str, array: np.ndarray) -> Iterator[Fault]:
        if array.dtype != np.dtype("<f4"):
            yield Fault("types", f"{place}: {array.dtype}, expected float32: scores.astype('<f4')")
        if array.ndim != 2 or not array.size:
            yield Fault("shapes", f"{place}: shape {array.shape}, expected (frames, classes)")
        else:
            widths.setdefault(array.shape[1], place)

    yield from written_faults(task_name, run, scores, array_faults)
    if len(widths) > 1:
        listed = ", ".join(f"{width} in {place}" for width, place in widths.items())
        yield Fault("columns", f"arrays of different numbers of classes: {listed}")


def _read(
    path: Path, lengths: Mapping[Key, Length], task: Task, card: TaskCard | None, _called: Mapping[str, str]
) -> Content:
    shapes: dict[Key, Shape] = {key: (int(length), len(task.classes)) for key, length in lengths.items()}
    try:
        content = _read_file(path, shapes, task)
    except FileError as fault:
        # nothing is known of what it holds, so that no recording is said to be missing
        content = Content(dict.fromkeys(shapes), {}, [Fault("files", fault.title)])
    faults = [*content.faults, *content_faults(content, shapes, task, card.output if card else None)]
    return replace(content, faults=faults)


def _as_scores(values: Any, classes: Sequence[str]) -> Float32[np.ndarray, "*_"]:
    """Return scores as float32 from an array, nested lists, a table (pandas) or a tensor (torch).

    The columns of a table go by their names; neither library is imported. Any shape is returned as it is.

    Raises `SubmissionError` for columns that are not the classes, and for what is no array of numbers.
    """
    if hasattr(values, "detach"):  # a tensor, perhaps on a device and with a gradient
        values = values.detach().cpu().float()
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):
        values = _columns(values, classes)
    try:
        array = np.asarray(values)
    except ValueError as fault:
        raise SubmissionError(f"no array: {fault}") from None
    if array.dtype.kind not in "fiub":
        raise SubmissionError(f"{array.dtype}, expected numbers (frames, {len(classes)})")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named as that
        return array.astype("<f4")


def _columns(table: Any, classes: Sequence[str]) -> Any:
    """Return the columns of the classes, in the order of the task; numbered columns are in it already."""
    names = list(table.columns)
    if set(classes) <= set(names):
        return table[list(classes)].to_numpy()
    if names == list(range(len(names))):
        return table.to_numpy()
    listed = ", ".join(map(repr, names[:8]))
    raise SubmissionError(f"columns {listed}; expected {', '.join(classes)}")


def _convert(given: Mapping[Key, Any], lengths: Mapping[Key, Length], task: Task) -> Content:
    shapes: dict[Key, Shape] = {key: (int(length), len(task.classes)) for key, length in lengths.items()}
    content = Content()
    for key, values in given.items():
        try:
            scores = _as_scores(values, task.classes)
        except SubmissionError as fault:
            content.shapes[key] = None
            content.faults.append(Fault("values", fault.title).at("/".join(key)))
            continue
        content.shapes[key] = scores.shape
        if scores.shape == shapes.get(key):
            content.answers[key] = scores
    return replace(content, faults=[*content.faults, *content_faults(content, shapes, task, None)])


def _read_file(path: Path, shapes: Mapping[Key, Shape], task: Task) -> Content:
    if path.suffix == ".npz":
        with open_regular(path, npz_limit(shapes)) as file:
            return read_npz(file, shapes, lambda dtype: dtype == np.dtype("<f4"), _TYPE)
    from bench.submissions.forms import tables  # pyarrow takes longer to import than an .npz to read

    return tables.read_table(path, shapes, task.classes, "floats", np.dtype(np.float32))


def content_faults(
    content: Content, shapes: Mapping[Key, Shape], task: Task, output: str | None
) -> Iterator[Fault]:
    """Compare one run with what the task expects."""
    expected = {key: f"frames expected: {shape[0]:,}" for key, shape in shapes.items()}
    yield from name_faults(content.shapes, expected, task)
    for key, shape in content.shapes.items():
        if shape is not None and key in shapes and shape != shapes[key]:
            wanted, cause = (shapes[key][0], shapes[key][1]), ""
            if shape[0] != wanted[0]:
                cause = frame_count_cause(key, shape[0], content, shapes, task)
            for wrong in shape_faults(shape, wanted, task.classes, cause):
                yield Fault(*wrong).at("/".join(key))
    for key, scores in content.answers.items():
        probabilities = output == "probabilities" or not task.exclusive
        yield from (fault.at("/".join(key)) for fault in _value_faults(scores, task, probabilities))


def _value_faults(scores: Scores, task: Task, probabilities: bool) -> Iterator[Fault]:
    wrong = list(finite_faults(scores, [f"class {name!r}" for name in task.classes]))
    yield from (Fault(*one) for one in wrong)
    if wrong:
        return
    if not probabilities:
        return
    mend = 'for any real numbers declare output = "scores"' if task.exclusive else "apply a sigmoid"
    if _are_percent(scores, task):
        mend = "are these percent? divide them by 100"
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
                f"the worst is frame {worst:,}: {total:.6g}; {mend}",
            )


def _are_percent(scores: Scores, task: Task) -> bool:
    """Whether these look like probabilities times 100: rows add up to it, or some are far above one."""
    sums = scores.sum(axis=1, dtype=np.float64)
    if task.exclusive:
        return bool(scores.min() >= 0 and (np.abs(sums - 100) <= 100 * SUM_TOLERANCE).all())
    return bool(scores.min() >= 0 and 20 < scores.max() <= 100 + 100 * ROUNDING)


def _first(odd: np.ndarray, task: Task) -> str:
    frame, column = np.unravel_index(int(odd.argmax()), odd.shape)
    return f"frame {frame:,}, class {task.classes[int(column)]!r}"


def _card_faults(card: TaskCard, task: Task) -> Iterator[Fault]:
    """Refuse scores where classes may hold together: a cut at 0.5 would say nothing about them."""
    if card.output is None:
        yield Fault("card", "key 'output' is missing")
    if card.detections is not None:
        yield Fault("card", "key 'detections' is for tasks that ask for segments; this one asks for frames")
    if card.output == "scores" and not task.exclusive:
        yield Fault(
            "outputs",
            'output: expected "probabilities", each in [0, 1] (rows need not sum to one), because classes of '
            "this task may hold together and each holds from 0.5 on: apply a sigmoid to every score",
        )


def _page(entry: str, path: str, task: Task) -> str:
    split = task.load_split()
    part = next(iter(split.parts))
    return _PAGE.format(
        title=TITLE,
        id=entry,
        path=path,
        task=task.name,
        classes=", ".join(task.classes),
        sees=poses_words(task),
        validation=validation_words(split),
        label_rule=_LABEL_RULES[task.exclusive],
        width=len(task.classes),
        part=part,
        recording=split.ids(part, "test")[0],
    )


FRAME_FORM = Form(
    endings=(".npz", ".parquet", ".csv"),
    declare=lambda card: replace(card, output="probabilities"),
    card_faults=_card_faults,
    class_order=", and the columns of every array in that order",
    read=_read,
    convert=_convert,
    page=_page,
    doubts=lambda answers: score_doubts(scores for _, scores in answers),
    summary=lambda _predictions, _card: "",
    write=lambda folder, task, run, predictions: write_run(folder, task.name, run, predictions),
)
