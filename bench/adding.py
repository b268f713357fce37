"""`bench add`: a lab's own recordings become a task, all or nothing.

Everything is read and checked first. Then the split is frozen beside the declaration, the recordings go
into the store, and last of all `$BENCH_HOME/tasks/<name>.json` makes the name a task.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tabulate import tabulate

from bench import store
from bench.datasets import refuse_official
from bench.datasets.own import (
    Chosen,
    Declaration,
    OwnTask,
    Sources,
    choose,
    find,
    freeze,
    kept,
    own_path,
    read_declaration,
    skeleton,
    to_json,
)
from bench.errors import DataError, UsageError
from bench.files.faults import shown
from bench.files.writing import write_text
from bench.metrics.sampling.intervals import MIN_GROUPS
from bench.splits import SUBSETS
from bench.store import Manifest
from bench.tasks import Task


@dataclass(frozen=True)
class Added:
    """What `add` found and did."""

    task: Task
    folder: Path
    """Of the recordings."""
    sources: Sources
    chosen: Chosen
    held: Manifest
    split: Path
    """Where the split is frozen."""
    new: bool
    """Whether anything was written."""

    @property
    def trains(self) -> bool:
        """Whether every part has recordings to train on."""
        return all(subsets["train"] for subsets in self.chosen.values())


def add(path: Path, *, replace: bool = False) -> Added:
    """Make a task of what a TOML file declares; the same files again change nothing.

    Raises `UsageError` listing every fault of the declaration, `DataError` every fault of the files; and
    where the name, the split or the store holds something else already, unless `replace` is set.
    """
    declared, folder = read_declaration(path)
    refuse_official(declared.name)
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path.parent} cannot be written", ["the split is frozen beside the declaration"])
    try:
        sources, chosen, own = _frozen(folder, declared)
    except DataError as fault:
        hint = f"{fault.hint or 'mend the files or the declaration'}, then: bench add {path}"
        raise DataError(fault.title, fault.problems, hint=hint + " --replace" * replace) from None
    task, dataset = own.task(), own.dataset()
    frozen = path.parent / f"{declared.name}.split.json"
    again = f"bench add {path} --replace"
    before = kept(declared.name)
    if not replace:
        _refuse_changed(own, before, frozen, again)
    try:  # a store that no task of this name goes with was read by another declaration
        held, written = store.pull(dataset, folder, [task], replace=replace or before is None)
    except DataError as fault:
        raise DataError(fault.title, fault.problems, hint=again) from None
    new = [_write(frozen, own.split), _write(own_path(declared.name), to_json(own)), written]
    return Added(task, folder, sources, chosen, held, frozen, any(new))


def _frozen(folder: Path, declared: Declaration) -> tuple[Sources, Chosen, OwnTask]:
    """Read and check every recording, and freeze the split."""
    sources = find(folder, declared)
    chosen = choose(folder, declared, sources)
    bare = OwnTask(declared, skeleton(folder, declared), "")
    split = freeze(declared, chosen, bare.dataset().read(folder))
    return sources, chosen, OwnTask(declared, bare.skeleton, split)


def text(added: Added) -> str:
    """Return what was found: every recording with its files, the balance of classes, and what follows."""
    task, held = added.task, added.held.recordings
    subsets: dict[str, list[str]] = {}
    for of in added.chosen.values():
        for subset, ids in of.items():
            for id_ in ids:
                subsets.setdefault(id_, []).append(subset)
    rows = []
    for source in added.sources.found:
        stored = held[source.id]
        shares = [f"{100 * stored.counts[name] / stored.frames:.1f} %" for name in task.classes]
        files = [_below(added.folder, path) for path in (source.poses, source.labels)]
        sides = ", ".join(dict.fromkeys(subsets.get(source.id, ["not in the split"])))
        who = source.id if source.group == source.id else f"{source.id} of {source.group}"
        rows.append([who, sides, f"{stored.frames:,}", *shares, *files])
    head = ["recording", "subset", "frames", *task.classes, "poses", "labels"]
    align = ["left"] * 2 + ["right"] * (1 + len(task.classes)) + ["left"] * 2
    table = tabulate(rows, head, tablefmt="simple", colalign=align, disable_numparse=True)
    return "\n".join([table, "", *_facts(added), *(f"left out: {what}" for what in added.sources.left_out)])


def _facts(added: Added) -> list[str]:
    task, held = added.task, added.held
    dataset, split = task.dataset, task.load_split()
    frames = sum(stored.frames for stored in held.recordings.values())
    size = f"{len(held.recordings)} recordings, {frames:,} frames at {dataset.fps:g} per second"
    poses = f"{len(dataset.animals)} x {len(dataset.keypoints)} keypoints: {', '.join(dataset.keypoints)}"
    lines = [f"{task.name}: {size}; {poses if dataset.animals else 'no poses'}"]
    for part in split.parts:
        counts = ", ".join(f"{len(split.ids(part, subset))} {subset}" for subset in SUBSETS)
        lines.append(f"split{'' if len(split.parts) == 1 else f' {part}'}: {counts}")
    lines.append(f"frozen: {added.split}, sha256 {split.digest}")
    tested = {group for part in split.parts for group in split.group_of(part, "test").values()}
    if len(tested) < MIN_GROUPS:
        lines.append(
            f"note: test groups: {len(tested)}; with fewer than {MIN_GROUPS} results have no interval"
        )
    for part, subset in product(split.parts, ("train", "test")):
        shown = split.totals[part][subset].counts if split.ids(part, subset) else {}
        absent = [name for name in task.classes if shown and not shown[name]]
        if absent:
            lines.append(f"note: no {subset} recording shows {' or '.join(absent)}")
    if not added.trains:
        lines.append("note: nothing trains; the task scores predictions, and no baseline can learn it")
    return lines


def _below(folder: Path, path: Path | None) -> str:
    return "none" if path is None else ascii(path.relative_to(folder).as_posix())[1:-1]


def _write(path: Path, content: str) -> bool:
    """Write a file in one step where it does not hold this already; return whether it was written."""
    if path.is_file() and path.read_bytes() == content.encode():
        return False
    write_text(path, content)
    return True


def _refuse_changed(own: OwnTask, before: OwnTask | None, frozen: Path, again: str) -> None:
    """Raise `DataError` where the name or the split is something else already."""
    problems = []
    if before is not None:
        problems += _differences(before.declared, own.declared)
        if before.skeleton != own.skeleton:
            problems.append("other animals or keypoints")
        if before.split != own.split:
            problems.append(f"split {own.digest}, kept {before.digest}")
    if frozen.is_file() and frozen.read_bytes() != own.split.encode():
        problems.append(f"{frozen} freezes another split, or other labels")
    if problems:
        raise DataError(f"task {own.declared.name!r} is there already, and is another", problems, hint=again)


def _differences(before: Declaration, now: Declaration) -> list[str]:
    fields = [field.name for field in dataclasses.fields(Declaration)]
    return [
        f"{name}: {shown(getattr(before, name))}, now {shown(getattr(now, name))}"
        for name in fields
        if getattr(before, name) != getattr(now, name)
    ]
