"""Writing submissions: runs and cards."""

from __future__ import annotations

import json
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from bench.errors import SubmissionError, UsageError
from bench.files.writing import replacing, write_text
from bench.recordings import RECORDING_ID, Detections
from bench.submissions.card import CARD, Entry, TaskCard, parse, to_toml
from bench.submissions.detections import MOST
from bench.submissions.faults import Fault, listing, quoted
from bench.submissions.predictions import SAFE_NAME, SAFE_NAME_RULE
from bench.tasks import Task


def write_run(folder: Path, task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Write `<folder>/<task>/<run>.npz` in one step and return its path.

    `scores` is part -> recording id -> float32 (frames, classes). The same scores give the same
    bytes. Raises `SubmissionError` listing every name, type and shape that is not right.
    """
    path = folder / task_name / f"{run}.npz"
    if problems := listing(_run_faults(task_name, run, scores)):
        raise SubmissionError(f"{path} was not written", problems)
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for part, recordings in sorted(scores.items()):
            for id_, array in sorted(recordings.items()):
                member = zipfile.ZipInfo(f"{part}/{id_}.npy")  # dated 1980: no clock in the bytes
                with archive.open(member, "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    return path


def write_card(folder: Path, entry: Entry, replace: bool = False) -> Path:
    """Write `<folder>/submission.toml` and return its path.

    Raises `SubmissionError` where the card would not be read back, `UsageError` where there is one
    already and `replace` is not set.
    """
    path = folder / CARD
    text = to_toml(entry)
    problems = [] if entry.id == folder.name else [f"id {entry.id!r}, the folder is named {folder.name!r}"]
    problems += [f"task {quoted(name)}: expected {SAFE_NAME_RULE}" for name in _odd(entry.tasks)]
    if not problems:
        problems = listing(parse(entry.id, tomllib.loads(text))[1])
    if problems:
        raise SubmissionError(f"{path} was not written", problems)
    if path.exists() and not replace:
        raise UsageError(f"{path} exists", hint="edit it by hand")
    write_text(path, text)
    return path


def write_detections(
    folder: Path, task: Task, run: str, found: Mapping[str, Mapping[str, Detections]]
) -> Path:
    """Write `<folder>/<task>/<run>.json` in one step and return its path.

    `found` is part -> recording id -> detections. The same detections give the same bytes. Raises
    `SubmissionError` listing every name, part, number and label that is not right.
    """
    path = folder / task.name / f"{run}.json"
    if problems := listing(_detection_faults(task, run, found)):
        raise SubmissionError(f"{path} was not written", problems)
    several = len(task.parts) > 1
    of_part = {
        part: _object({id_: _rows(one, task) for id_, one in recordings.items()})
        for part, recordings in found.items()
    }
    whole = _object(of_part) if several else of_part[task.parts[0].name]
    write_text(path, f'{{"{"parts" if several else "results"}": {whole}}}\n')
    return path


def _object(members: Mapping[str, str]) -> str:
    """Return a JSON object of names and JSON texts, in the order of the names, each on a line of its own."""
    lines = (f"{json.dumps(name)}: {text}" for name, text in sorted(members.items()))
    return "{\n" + ",\n".join(lines) + "\n}"


def _rows(found: Detections, task: Task) -> str:
    """Return the JSON list of the detections of one recording, each on a line of its own."""
    columns = (found.bounds.tolist(), found.labels.tolist(), found.scores.tolist())
    rows = [
        json.dumps({"segment": bounds, "label": task.classes[label], "score": score}, ensure_ascii=False)
        for bounds, label, score in zip(*columns, strict=True)
    ]
    return "[\n " + ",\n ".join(rows) + "\n]" if rows else "[]"


def _detection_faults(task: Task, run: str, found: Mapping[str, Mapping[str, Detections]]) -> Iterator[Fault]:
    if not SAFE_NAME.fullmatch(run):
        yield Fault("names", f"run {quoted(run)}: expected {SAFE_NAME_RULE}")
    parts = [part.name for part in task.parts]
    if sorted(found) != sorted(parts):
        yield Fault("parts", f"parts {', '.join(map(quoted, found))}; expected {', '.join(parts)}")
    for part, recordings in found.items():
        for id_, one in recordings.items():
            place = f"{part}/{id_}"
            if not RECORDING_ID.fullmatch(id_):
                yield Fault("names", f"recording {quoted(id_)}: expected {SAFE_NAME_RULE}")
            if len(one.labels) > MOST:
                yield Fault("counts", f"{place}: {len(one.labels):,} detections, expected at most {MOST:,}")
            if (one.labels >= len(task.classes)).any():
                most = len(task.classes) - 1
                yield Fault("labels", f"{place}: label {one.labels.max()}, expected 0 to {most}")


def _run_faults(task_name: str, run: str, scores: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[Fault]:
    for what, name in (("task", task_name), ("run", run), *(("part", part) for part in scores)):
        if not SAFE_NAME.fullmatch(name):
            yield Fault("names", f"{what} {quoted(name)}: expected {SAFE_NAME_RULE}")
    widths: dict[int, str] = {}
    for part, recordings in scores.items():
        for id_, array in recordings.items():
            place = f"{part}/{id_}"
            if not RECORDING_ID.fullmatch(id_):
                yield Fault("names", f"recording {quoted(id_)}: expected {SAFE_NAME_RULE}")
            if array.dtype != np.dtype("<f4"):
                yield Fault("types", f"{place}: {array.dtype}, expected float32: scores.astype('<f4')")
            if array.ndim != 2 or not array.size:
                yield Fault("shapes", f"{place}: shape {array.shape}, expected (frames, classes)")
            else:
                widths.setdefault(array.shape[1], place)
    if not any(scores.values()):
        yield Fault("recordings", "no recording")
    if len(widths) > 1:
        said = ", ".join(f"{width} in {place}" for width, place in widths.items())
        yield Fault("columns", f"arrays of different numbers of classes: {said}")


def _odd(names: Mapping[str, TaskCard]) -> list[str]:
    return [name for name in names if not SAFE_NAME.fullmatch(name)]
