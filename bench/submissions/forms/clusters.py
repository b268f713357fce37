"""Predictions of kind `clusters`: one whole number per frame, as .npz or as a table.

    <part>/<recording>: integers (frames,)
    part, recording, frame, cluster

Of every training and test recording of a part, because the training recordings say which class a cluster
stands for. A number means "the same" in all recordings of a part and nothing else; negative ones are clusters
like any other. No recording is in both subsets of a part, so its name says which it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from bench.about import TITLE
from bench.errors import FileError, SubmissionError
from bench.files.opening import open_regular
from bench.kinds import MAX_CLUSTERS, Length
from bench.submissions.card import TaskCard
from bench.submissions.faults import Fault, listing
from bench.submissions.forms.arrays import npz_limit, read_npz, write_npz
from bench.submissions.forms.checks import frame_count_fault, name_faults, written_faults
from bench.submissions.forms.form import Form
from bench.submissions.forms.words import poses_words
from bench.submissions.predictions import Content, Key, Predictions, Shape
from bench.tasks import Task

_TYPE = "little-endian whole numbers of at most 64 bits: save ids.astype('<i8')"
_COLUMN = "cluster"
_PAGE = """# {id}, an entry for {title}

Fill in `submission.toml`, then write one run per seed: one cluster for every frame of every training and test
recording of task `{task}`, a whole number that means the same in all of them; at most {most:,} clusters.
What the training recordings are needed for: a cluster stands for the class that most of its training frames
have ({classes}). Labels must not be used to find the clusters.

This runs as it stands. It cuts every recording into ten pieces of one length; put your model in its place.

```python
import bench
import numpy as np

task = bench.load_task("{task}")
predictions = {{}}
for part in task.parts:
    predictions[part] = {{}}
    for subset in ("train", "test"):
        for recording in task.recordings(subset, part):
            frames = recording.frames
            predictions[part][recording.id] = 10 * np.arange(frames) // frames
bench.write_run("{path}", task, 0, predictions)
```

{sees}
`bench.write_run` takes arrays, lists, tensors and pandas columns of whole numbers, one for every frame.
Without this package, save the same numbers with
`numpy.savez("{path}/{task}/seed0.npz", **{{"{part}/{recording}": clusters, ...}})`.

Then: `bench validate {path}` and `bench evaluate {path}`.
"""


def write_clusters(
    folder: Path, task: Task, run: str, clusters: Mapping[str, Mapping[str, np.ndarray]]
) -> Path:
    """Write `<folder>/<task>/<run>.npz` in one step and return its path.

    `clusters` is part -> recording id -> integers (frames,), of training and test recordings. The same
    clusters give the same bytes, whatever the type of their integers. Raises `SubmissionError` listing every
    name, type and shape that is not right.
    """
    path = folder / task.name / f"{run}.npz"
    if problems := listing(written_faults(task.name, run, clusters, _array_faults)):
        raise SubmissionError(f"{path} was not written", problems)
    return write_npz(
        path,
        {part: {id_: a.astype("<i8") for id_, a in by_id.items()} for part, by_id in clusters.items()},
    )


def _array_faults(place: str, array: np.ndarray) -> Iterator[Fault]:
    if not _is_whole(array.dtype.newbyteorder("<")):
        yield Fault("types", f"{place}: {array.dtype}, expected {_TYPE}")
    if array.ndim != 1 or not array.size:
        yield Fault("shapes", f"{place}: shape {array.shape}, expected (frames,)")


def _as_clusters(values: Any) -> Int64[np.ndarray, "*_"]:
    """Return clusters as int64 from an array, a list, a column (pandas) or a tensor (torch); of any shape.

    Raises `SubmissionError` for what is no array of whole numbers, or holds one beyond 64 bits.
    """
    if hasattr(values, "detach"):  # a tensor, perhaps on a device
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except ValueError as fault:
        raise SubmissionError(f"no array: {fault}") from None
    if array.dtype.kind not in "iu" or not np.can_cast(array.dtype, np.int64):
        raise SubmissionError(f"{array.dtype}, expected whole numbers of at most 64 bits (frames,)")
    return array.astype(np.int64)


def _convert(given: Mapping[Key, Any], lengths: Mapping[Key, Length], task: Task) -> Content:
    shapes: dict[Key, Shape] = {key: (int(length),) for key, length in lengths.items()}
    content = Content()
    for key, values in given.items():
        try:
            clusters = _as_clusters(values)
        except SubmissionError as fault:
            content.shapes[key] = None
            content.faults.append(Fault("values", fault.title).at("/".join(key)))
            continue
        content.shapes[key] = clusters.shape
        if clusters.shape == shapes.get(key):
            content.answers[key] = clusters
    return replace(content, faults=[*content.faults, *_content_faults(content, shapes, task)])


def _is_whole(dtype: np.dtype[Any]) -> bool:
    """Whether every number of this type is one of int64, in the byte order that is read."""
    return dtype.kind in "iu" and dtype == dtype.newbyteorder("<") and np.can_cast(dtype, np.int64)


def _read(
    path: Path, lengths: Mapping[Key, Length], task: Task, _card: TaskCard | None, _called: Mapping[str, str]
) -> Content:
    shapes: dict[Key, Shape] = {key: (int(length),) for key, length in lengths.items()}
    try:
        content = _read_file(path, shapes)
    except FileError as fault:
        # nothing is known of what it holds, so that no recording is said to be missing
        content = Content(dict.fromkeys(shapes), {}, [Fault("files", fault.title)])
    answers = {key: ids.astype(np.int64) for key, ids in content.answers.items()}
    content = replace(content, answers=answers)
    return replace(content, faults=[*content.faults, *_content_faults(content, shapes, task)])


def _read_file(path: Path, shapes: Mapping[Key, Shape]) -> Content:
    if path.suffix == ".npz":
        with open_regular(path, npz_limit(shapes)) as file:
            return read_npz(file, shapes, _is_whole, _TYPE)
    from bench.submissions.forms import tables  # pyarrow takes longer to import than an .npz to read

    return tables.read_table(path, shapes, (_COLUMN,), "whole numbers", np.dtype(np.int64))


def _content_faults(content: Content, shapes: Mapping[Key, Shape], task: Task) -> Iterator[Fault]:
    """Compare one run with what the task expects."""
    expected = {key: f"frames expected: {shape[0]:,}" for key, shape in shapes.items()}
    yield from name_faults(content.shapes, expected, task, "a training or test recording")
    for key, shape in content.shapes.items():
        if shape is not None and key in shapes and shape != shapes[key]:
            yield _shape_fault(key, shape, content, shapes, task).at("/".join(key))
    by_part: dict[str, list[np.ndarray]] = {}
    for (part, _), ids in content.answers.items():
        by_part.setdefault(part, []).append(np.unique(ids))
    for part, held in by_part.items():
        if (number := len(np.unique(np.concatenate(held)))) > MAX_CLUSTERS:
            yield Fault(
                "clusters",
                f"{part}: {number:,} distinct clusters, expected at most {MAX_CLUSTERS:,}: a cluster means "
                "the same in every recording; are these frame or segment numbers?",
            )


def _shape_fault(key: Key, shape: Shape, content: Content, shapes: Mapping[Key, Shape], task: Task) -> Fault:
    if len(shape) == 1:
        return frame_count_fault(key, shape[0], content, shapes, task)
    flat = "; save ids.ravel()" if shapes[key] == (max(shape, default=0),) == (int(np.prod(shape)),) else ""
    return Fault("shapes", f"shape {shape}, expected {shapes[key]}: one cluster per frame{flat}")


def _card_faults(card: TaskCard, _task: Task) -> Iterator[Fault]:
    for key, kind in (("output", "frames"), ("detections", "segments")):
        if getattr(card, key) is not None:
            yield Fault("card", f"key {key!r} is for tasks that ask for {kind}; this one asks for clusters")


def _summary(predictions: Predictions, _card: TaskCard) -> str:
    by_part = [recordings for parts in predictions.values() for recordings in parts.values()]
    numbers = [len(np.unique(np.concatenate(list(by_id.values())))) for by_id in by_part]
    least, most = min(numbers, default=0), max(numbers, default=0)
    return f", {most:,} clusters" if least == most else f", {least:,} to {most:,} clusters"


def _page(entry: str, path: str, task: Task) -> str:
    split = task.load_split()
    part = next(iter(split.parts))
    return _PAGE.format(
        title=TITLE,
        id=entry,
        path=path,
        task=task.name,
        most=MAX_CLUSTERS,
        classes=", ".join(task.classes),
        sees=poses_words(task),
        part=part,
        recording=split.ids(part, "train")[0],
    )


CLUSTER_FORM = Form(
    endings=(".npz", ".parquet", ".csv"),
    declare=lambda card: card,
    card_faults=_card_faults,
    class_order="",
    read=_read,
    convert=_convert,
    page=_page,
    doubts=lambda _answers: (),
    summary=_summary,
    write=write_clusters,
)
