"""Reading a submission: everything that is wrong with it in one error, and nothing read unchecked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.errors import FileError, SubmissionError, UsageError, nearest, nearest_name
from bench.files.faults import quoted
from bench.files.litter import is_litter
from bench.files.opening import folder_fault
from bench.kinds import Length
from bench.submissions.card import CARD, Entry, read_card
from bench.submissions.card_checks import task_faults
from bench.submissions.faults import Fault, listing
from bench.submissions.forms import form_of
from bench.submissions.predictions import (
    SAFE_NAME,
    SAFE_NAME_RULE,
    Expected,
    Key,
    Prediction,
    Predictions,
)
from bench.tasks import Task

MAX_RUNS = 100
HOME = Path("submissions")
"""Where entries usually lie: a name alone may be meant to be one of them."""


def read_entry(path: Path) -> Entry:
    """Read the card of a submission alone, whatever tasks it declares.

    Raises `SubmissionError` listing every fault of the card.
    """
    entry, faults = _read_card(_folder(path))
    _raise(f"{path}: the card is not valid", faults, _hint(path, entry))
    if entry is None:
        raise AssertionError("a card that cannot be read is a fault")
    return entry


def read_tasks(
    path: Path,
    get_task: Callable[[str], Task],
    expect: Callable[[Task], Expected],
    only: str | None = None,
    called: Callable[[Task], Mapping[str, str]] = lambda _: {},
) -> tuple[Entry, dict[str, Predictions]]:
    """Read and check the card and every task that it declares, or one of them.

    `get_task` returns a task by name and raises `UsageError` for an unknown one. `expect` says the frames
    (or, where segments are asked for, the seconds) of every test recording of every part of a task; all runs
    must answer exactly these. `called`, asked after `expect`, says by which other names detections may call
    a recording: name -> id. Raises one `SubmissionError` with every fault of the card and of the files,
    shapes and values of all these tasks, and what `get_task(only)` raises.
    """
    folder = _folder(path)
    entry, faults = _read_card(folder)
    known = [get_task(only)] if only else []
    for name in entry.tasks if entry else ():
        try:
            known += [] if only else [get_task(name)]
        except UsageError:
            continue  # named among the faults of the card
    faults += task_faults(entry, get_task) if entry else ()
    read = {}
    for task in known:
        read[task.name], wrong = _read_task(folder, entry, task, expect(task), called)
        faults += wrong
    _raise(f"{path}: not a valid submission", faults, _hint(path, entry, only or "TASK"))
    if entry is None:
        raise AssertionError("a card that cannot be read is a fault")
    return entry, read


def _read_task(
    folder: Path,
    entry: Entry | None,
    task: Task,
    expected: Expected,
    called: Callable[[Task], Mapping[str, str]],
) -> tuple[Predictions, list[Fault]]:
    """Read the runs of one task; the predictions are whole only where there is no fault."""
    card = entry.tasks.get(task.name) if entry else None
    files, faults = _run_files(folder, task)
    if entry and not card:
        near = nearest(task.name, entry.tasks)
        faults.insert(0, Fault("card", f"{CARD}: no table [tasks.{task.name}]{near}"))
    predictions: dict[str, dict[str, dict[str, Prediction]]] = {}
    for name in files:
        path, lengths = folder / task.name / name, _by_key(expected)
        content = form_of(task).read(path, lengths, task, card, called(task))
        faults += [fault.at(f"{task.name}/{name}") for fault in content.faults]
        if not faults:
            predictions[Path(name).stem] = _by_part(content.answers, expected)
    return predictions, faults


def _folder(path: Path) -> Path:
    """Return the folder with its own name, also where it was given as "."; refuse anything else."""
    folder = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
    if fault := folder_fault(folder):
        if entry := _likely_entry(path):
            raise SubmissionError(f"{path}: {fault}; did you mean {entry}?", hint=f"name its folder: {entry}")
        new = f"bench new {path} --task TASK"
        raise SubmissionError(f"{path}: {fault}", hint=f"{new}; of a baseline: bench train MODEL --task TASK")
    return folder


def _likely_entry(path: Path) -> Path | None:
    """Return the entry that somebody meant who named a file in it, its name alone, or a name like it."""
    if inside := next((parent for parent in path.parents if os.path.lexists(parent / CARD)), None):
        return inside
    if os.path.lexists(path):
        return None
    entries = {folder.name: folder for place in (HOME, path.parent) for folder in _entries(place)}
    name = nearest_name(path.name, entries)
    return None if name is None else entries[name]


def _entries(place: Path) -> list[Path]:
    return sorted(card.parent for card in place.glob(f"*/{CARD}"))


def _read_card(folder: Path) -> tuple[Entry | None, list[Fault]]:
    try:
        return read_card(folder)
    except FileError as fault:
        return None, [Fault("card", f"{CARD}: {fault.title}")]


def run_files(folder: Path, task: Task) -> list[str]:
    """Return the names of the run files of a valid entry, sorted."""
    return _run_files(folder, task)[0]


def _run_files(folder: Path, task: Task) -> tuple[list[str], list[Fault]]:
    """Return the names of the run files, sorted, and what else is wrong with the folder."""
    place, endings = f"{task.name}/", form_of(task).endings
    if fault := folder_fault(folder / task.name):
        wanted = f"expected runs such as seed0{endings[0]}; bench train writes those of a baseline"
        return [], [Fault("files", f"{place}: {fault}: {wanted}")]
    files, faults = [], []
    runs: dict[str, str] = {}
    for name in sorted(path.name for path in (folder / task.name).iterdir()):
        if name.startswith(".") or name == "README.md" or is_litter(name):
            continue  # notes of people, version control and desktops: never read
        run, form = os.path.splitext(name)  # noqa: PTH122  (a name from a stranger, not a path)
        if form not in endings:
            text = f"{place}{quoted(name)} is not a run: expected {', '.join(endings)}"
            faults.append(Fault("files", text))
        elif not SAFE_NAME.fullmatch(run):
            faults.append(
                Fault("run names", f"{place}{quoted(name)}: expected {SAFE_NAME_RULE}, then {form}")
            )
        elif run in runs:
            faults.append(Fault("runs", f"{place}{name}: run {run!r} is there already as {runs[run]}"))
        else:
            runs[run] = name
            files.append(name)
    if not files:
        faults.append(Fault("files", f"{place}: no run, expected files such as seed0{endings[0]}"))
    if len(files) > MAX_RUNS:
        faults.append(Fault("files", f"{place}: {len(files):,} runs, expected at most {MAX_RUNS}"))
    return files[:MAX_RUNS], faults


def _by_key(expected: Expected) -> dict[Key, Length]:
    return {(part, id_): length for part, lengths in expected.items() for id_, length in lengths.items()}


def _by_part(answers: Mapping[Key, Prediction], expected: Expected) -> dict[str, dict[str, Prediction]]:
    return {part: {id_: answers[part, id_] for id_ in recordings} for part, recordings in expected.items()}


def _hint(path: Path, entry: Entry | None, task_name: str = "TASK") -> str:
    if entry is None and not os.path.lexists(path / CARD):
        if entries := [outer] if (outer := _likely_entry(path)) else _entries(path):
            return f"name the folder of an entry: {', '.join(map(str, entries[:8]))}"
        return f"bench new {path} --task {task_name}"
    return f"mend what is listed, then: bench validate {path}"


def _raise(title: str, faults: list[Fault], hint: str) -> None:
    if faults:
        raise SubmissionError(title, listing(faults), hint)
