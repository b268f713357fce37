"""Predictions of kind `segments`: detections as JSON, in the layout of `bench.submissions.forms.detections`.

The card says of them, as `detections`, "raw", to be put through the frozen Soft-NMS before they are scored,
or "final", to be scored as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.about import TITLE
from bench.errors import FileError, SubmissionError
from bench.files.faults import quoted
from bench.files.opening import open_regular
from bench.files.writing import write_text
from bench.kinds import Length
from bench.metrics import softnms
from bench.recordings import RECORDING_ID, Detections
from bench.submissions.card import TaskCard
from bench.submissions.faults import Fault, listing
from bench.submissions.forms.checks import name_faults
from bench.submissions.forms.detections import (
    MOST,
    Rows,
    detections_of,
    limit,
    numbered,
    read_detections,
    recording_faults,
)
from bench.submissions.forms.doubts import detection_doubts
from bench.submissions.forms.form import Form
from bench.submissions.forms.words import poses_words, validation_words
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE, Content, Key, Predictions
from bench.tasks import Task

_PAGE = """# {id}, an entry for {title}

Fill in `submission.toml`, then write one run per seed: for every test recording of task `{task}` the segments
that your model found, in seconds from the start of the recording, each with a label and a score (any number,
higher = surer; raw ones not below 0). Labels: {classes}.
A recording in which nothing was found has an empty list; {most:,} detections of one are the most.

`detections = "raw"` in the card: the same Soft-NMS for all (Gaussian, sigma {sigma}, at most {kept} segments,
scores from {least} on) is applied before they are scored. `"final"`: they are scored as they are.

This runs as it stands. It answers every recording with one segment of the mean length of each class; put your
model in its place.

```python
import bench
import numpy as np

task = bench.load_task("{task}")
predictions = {{}}
for part in task.parts:
    lengths = {{name: [] for name in task.classes}}
    for recording in task.recordings("train", part):
        segments = recording.segments
        for (start, end), label in zip(segments.bounds, segments.labels):
            lengths[task.classes[label]].append(end - start)
    means = {{name: np.mean(seconds) for name, seconds in lengths.items() if seconds}}
    predictions[part] = {{}}
    for recording in task.recordings("test", part):
        last = recording.frames / recording.fps
        predictions[part][recording.id] = [
            {{"segment": [0.0, min(mean, last)], "label": name, "score": len(lengths[name])}}
            for name, mean in means.items()
        ]
bench.write_run("{path}", task, 0, predictions)
```

{sees}
`recording.segments` are the true ones: `bounds` (start, end) in seconds, `labels` places in `task.classes`.
{validation}
Without this package, write `{path}/{task}/seed0.json`, the recordings by their ids or, where each group is
one recording, by their groups:

    {example}

Then: `bench validate {path}` and `bench evaluate {path}`.
"""


def write_detections(
    folder: Path, task: Task, run: str, detections: Mapping[str, Mapping[str, Detections]]
) -> Path:
    """Write `<folder>/<task>/<run>.json` in one step and return its path.

    `detections` is part -> recording id -> detections. The same detections give the same bytes. Raises
    `SubmissionError` listing every name, part, number and label that is not right.
    """
    path = folder / task.name / f"{run}.json"
    if problems := listing(_run_faults(task, run, detections)):
        raise SubmissionError(f"{path} was not written", problems)
    several = len(task.parts) > 1
    of_part = {
        part: _object({id_: _rows(one, task) for id_, one in recordings.items()})
        for part, recordings in detections.items()
    }
    whole = _object(of_part) if several else of_part[task.parts[0].name]
    write_text(path, f'{{"{"parts" if several else "results"}": {whole}}}\n')
    return path


def _object(members: Mapping[str, str]) -> str:
    """Return a JSON object of names and JSON texts, in the order of the names, each on a line of its own."""
    lines = (f"{json.dumps(name)}: {text}" for name, text in sorted(members.items()))
    return "{\n" + ",\n".join(lines) + "\n}"


def _rows(detections: Detections, task: Task) -> str:
    """Return the JSON list of the detections of one recording, each on a line of its own."""
    columns = (detections.bounds.tolist(), detections.labels.tolist(), detections.scores.tolist())
    rows = [
        json.dumps({"segment": bounds, "label": task.classes[label], "score": score}, ensure_ascii=False)
        for bounds, label, score in zip(*columns, strict=True)
    ]
    return "[\n " + ",\n ".join(rows) + "\n]" if rows else "[]"


def _run_faults(task: Task, run: str, detections: Mapping[str, Mapping[str, Detections]]) -> Iterator[Fault]:
    if not SAFE_NAME.fullmatch(run):
        yield Fault("names", f"run {quoted(run)}: expected {SAFE_NAME_RULE}")
    parts = [part.name for part in task.parts]
    if sorted(detections) != sorted(parts):
        yield Fault("parts", f"parts {', '.join(map(quoted, detections))}; expected {', '.join(parts)}")
    for part, recordings in detections.items():
        for id_, one in recordings.items():
            place = f"{part}/{id_}"
            if not RECORDING_ID.fullmatch(id_):
                yield Fault("names", f"recording {quoted(id_)}: expected {SAFE_NAME_RULE}")
            if len(one.labels) > MOST:
                yield Fault("counts", f"{place}: {len(one.labels):,} detections, expected at most {MOST:,}")
            if (one.labels >= len(task.classes)).any():
                most = len(task.classes) - 1
                yield Fault("labels", f"{place}: label {one.labels.max()}, expected 0 to {most}")


def _read(
    path: Path, seconds: Mapping[Key, Length], task: Task, card: TaskCard | None, called: Mapping[str, str]
) -> Content:
    try:
        with open_regular(path, limit(seconds, task)) as file:
            return read_detections(file.read(), seconds, task, card.detections if card else None, called)
    except FileError as fault:
        return Content(faults=[Fault("files", fault.title)])


def _as_rows(values: Any, classes: Sequence[str]) -> Rows:
    """Return detections as rows of the JSON file: {"segment": [start, end], "label": name, "score": number}.

    Labels of `Detections` are indices of `classes`. Raises `SubmissionError` for an index that is none, and
    for what is neither `Detections` nor a list of rows.
    """
    if isinstance(values, Detections):
        if (values.labels >= len(classes)).any():
            raise SubmissionError(f"label {values.labels.max()}, expected 0 to {len(classes) - 1}")
        columns = (values.bounds.tolist(), values.labels.tolist(), values.scores.tolist())
        rows = zip(*columns, strict=True)
        return [{"segment": bounds, "label": classes[k], "score": score} for bounds, k, score in rows]
    if not isinstance(values, list):
        raise SubmissionError(f"{type(values).__name__}, expected Detections or a list of rows")
    return [_plain(row) for row in values]


def _plain(value: Any) -> Any:
    """Return a value with Python's own numbers and lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _convert(given: Mapping[Key, Any], seconds: Mapping[Key, Length], task: Task) -> Content:
    expected = dict.fromkeys(seconds, "where nothing was found give an empty list")
    content = Content(dict.fromkeys(given), {}, list(name_faults(given, expected, task)))
    for key in (key for key in given if key in seconds):
        try:
            rows = _as_rows(given[key], task.classes)
        except SubmissionError as fault:
            content.faults.append(Fault("values", fault.title).at("/".join(key)))
            continue
        wrong = list(recording_faults(rows, seconds[key], task))
        content.faults.extend(fault.at("/".join(key)) for fault in wrong)
        if not wrong:
            content.answers[key] = detections_of(rows, numbered(task.classes))
    return content


def _card_faults(card: TaskCard, _task: Task) -> Iterator[Fault]:
    if card.detections is None:
        yield Fault("card", 'key \'detections\' is missing; expected "raw" or "final"')
    if card.output is not None:
        yield Fault("card", "key 'output' is for tasks that ask for frames; this one asks for segments")


def _summary(predictions: Predictions, card: TaskCard) -> str:
    by_part = [recordings for parts in predictions.values() for recordings in parts.values()]
    number = sum(len(detections.labels) for by_id in by_part for detections in by_id.values())
    return f", {number:,} detections ({card.detections})"


def _page(entry: str, path: str, task: Task) -> str:
    split = task.load_split()
    part = next(iter(split.parts))
    rows = [{"segment": [1.5, 4.0], "label": task.classes[0], "score": 0.9}]
    results = {split.ids(part, "test")[0]: rows}
    content = {"results": results} if len(task.parts) == 1 else {"parts": {part: results}}
    return _PAGE.format(
        title=TITLE,
        id=entry,
        path=path,
        task=task.name,
        classes=", ".join(task.classes),
        sees=poses_words(task),
        validation=validation_words(split),
        most=MOST,
        sigma=softnms.SIGMA,
        kept=softnms.MOST,
        least=softnms.MIN_SCORE,
        example=json.dumps(content, ensure_ascii=False),
    )


SEGMENT_FORM = Form(
    endings=(".json",),
    declare=lambda card: replace(card, detections="raw"),
    card_faults=_card_faults,
    class_order="",
    read=_read,
    convert=_convert,
    page=_page,
    doubts=lambda answers: detection_doubts((one.frames / one.fps, given) for one, given in answers),
    summary=_summary,
    write=write_detections,
)
