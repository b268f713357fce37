"""`bench add`: a lab's own recordings become a task, all or nothing.

Everything is read and checked first. Then the split is frozen beside the declaration, the recordings go
into the store, and last of all `$BENCH_HOME/tasks/<name>.json` makes the name a task.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from bench import store
from bench.datasets import refuse_official
from bench.datasets.own import (
    Choice,
    Declaration,
    OwnTask,
    Sources,
    choose,
    find,
    freeze,
    own_path,
    own_task,
    read,
    read_declaration,
    skeleton,
    to_json,
)
from bench.errors import DataError, UsageError
from bench.files.faults import shown
from bench.files.opening import holds, is_absent
from bench.files.writing import sweep, write_text
from bench.store import Manifest
from bench.tasks import Task


@dataclass(frozen=True)
class Added:
    """What `add` found and did."""

    task: Task
    folder: Path
    """Of the recordings."""
    sources: Sources
    choice: Choice
    stored: Manifest
    split: Path
    """Where the split is frozen."""
    new: bool
    """Whether anything was written."""
    notes: tuple[tuple[str, str], ...] = ()
    """Recording id and what a reader decided of its files."""

    @property
    def trains(self) -> bool:
        """Whether every part has recordings to train on."""
        return all(subsets["train"] for subsets in self.choice.values())


def add(path: Path, *, replace: bool = False) -> Added:
    """Make a task of what a TOML file declares; the same files again change nothing.

    Raises `UsageError` listing every fault of the declaration, `DataError` every fault of the files; and
    where the name, the split or the store holds something else already, unless `replace` is set.
    """
    declared, folder = read_declaration(path)
    refuse_official(declared.name)
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path.parent} cannot be written", ["the split is frozen beside the declaration"])
    place = path.parent.resolve()  # the user named it, so it may be reached by a link
    for written_to in (place, own_path("").parent):
        sweep(written_to)
    try:
        sources, choice, own, notes = _frozen(folder, declared)
    except DataError as fault:
        hint = f"{fault.hint or 'mend the files or the declaration'}, then: bench add {path}"
        raise DataError(fault.title, fault.problems, hint=hint + " --replace" * replace) from None
    task, dataset = own.task(), own.dataset()
    frozen = path.parent / f"{declared.name}.split.json"
    command = f"bench add {path} --replace"
    before = own_task(declared.name)
    if not replace:
        _refuse_changed(own, before, frozen, command)
    try:  # a store that no task of this name goes with was read by another declaration
        stored, written = store.pull(dataset, folder, [task], replace=replace or before is None)
    except DataError as fault:
        raise DataError(fault.title, fault.problems, hint=command) from None
    new = [_write(place / frozen.name, own.split), _write(own_path(declared.name), to_json(own)), written]
    return Added(task, folder, sources, choice, stored, frozen, any(new), notes)


def _frozen(
    folder: Path, declared: Declaration
) -> tuple[Sources, Choice, OwnTask, tuple[tuple[str, str], ...]]:
    """Read and check every recording, and freeze the split; return what the readers decided too."""
    notes: list[tuple[str, str]] = []
    sources = find(folder, declared)
    choice = choose(folder, declared, sources)
    bare = OwnTask(declared, skeleton(folder, declared), "")
    recordings = read(folder, declared=declared, note=lambda id_, text: notes.append((id_, text)))
    split = freeze(declared, choice, recordings)
    return sources, choice, OwnTask(declared, bare.skeleton, split), tuple(notes)


def _write(path: Path, content: str) -> bool:
    """Write a file in one step where it does not hold this already; return whether it was written."""
    if holds(path, content.encode()):
        return False
    write_text(path, content)
    return True


def _refuse_changed(own: OwnTask, before: OwnTask | None, frozen: Path, command: str) -> None:
    """Raise `DataError` where the name or the split is something else already."""
    problems = []
    if before is not None:
        problems += _differences(before.declared, own.declared)
        if before.skeleton != own.skeleton:
            problems.append("other animals or keypoints")
        if before.split != own.split:
            problems.append(f"split {own.digest}, kept {before.digest}")
    if not is_absent(frozen) and not holds(frozen, own.split.encode()):
        problems.append(f"{frozen} freezes another split, or other labels")
    if problems:
        raise DataError(
            f"task {own.declared.name!r} is there already, and is another", problems, hint=command
        )


def _differences(before: Declaration, now: Declaration) -> list[str]:
    fields = [field.name for field in dataclasses.fields(Declaration)]
    return [
        f"{name}: {shown(getattr(before, name))}, now {shown(getattr(now, name))}"
        for name in fields
        if getattr(before, name) != getattr(now, name)
    ]
