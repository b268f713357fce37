"""What `bench add` prints: the recordings of a lab with their files and classes, and notes on the task."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from bench.adding import Added
from bench.errors import first
from bench.metrics.sampling.intervals import MIN_GROUPS
from bench.splits import SUBSETS
from bench.text.tables import table

MOST_NAMED = 5
"""Recordings that a line names before it only counts them."""


def added_text(added: Added) -> str:
    """Return every recording with its files and classes, and below them the facts of the task and notes."""
    task, recordings = added.task, added.stored.recordings
    subsets: dict[str, list[str]] = {}
    for part in added.choice.values():
        for subset, ids in part.items():
            for id_ in ids:
                subsets.setdefault(id_, []).append(subset)
    rows = []
    for source in added.sources.sources:
        stored = recordings[source.id]
        shares = [f"{100 * stored.counts[name] / stored.frames:.1f} %" for name in task.classes]
        files = [_below(added.folder, path) for path in (source.poses, source.labels)]
        names = ", ".join(dict.fromkeys(subsets.get(source.id, ["not in the split"])))
        title = source.id if source.group == source.id else f"{source.id} of {source.group}"
        rows.append([title, names, f"{stored.frames:,}", *shares, *files])
    headers = ["recording", "subset", "frames", *task.classes, "poses", "labels"]
    drawn = table(headers, rows, "ll" + "r" * (1 + len(task.classes)) + "ll")
    left_out = [f"left out: {what}" for what in added.sources.left_out]
    return "\n".join([drawn, "", *_facts(added), *_decisions(added), *left_out])


def _facts(added: Added) -> list[str]:
    task, manifest = added.task, added.stored
    dataset, split = task.dataset, task.load_split()
    frames = sum(stored.frames for stored in manifest.recordings.values())
    size = f"{len(manifest.recordings)} recordings, {frames:,} frames at {dataset.fps:g} per second"
    poses = f"{len(dataset.animals)} x {len(dataset.keypoints)} keypoints: {', '.join(dataset.keypoints)}"
    lines = [f"{task.name}: {size}; {poses if dataset.animals else 'no poses'}"]
    for part in split.parts:
        counts = ", ".join(f"{len(split.ids(part, subset))} {subset}" for subset in SUBSETS)
        lines.append(f"split{'' if len(split.parts) == 1 else f' {part}'}: {counts}")
    lines.append(f"frozen: {added.split}, sha256 {split.digest}")
    groups = {group for part in split.parts for group in split.group_of(part, "test").values()}
    if len(groups) < MIN_GROUPS:
        lines.append(
            f"note: test groups: {len(groups)}; with fewer than {MIN_GROUPS} results have no interval"
        )
    for part, subset in product(split.parts, ("train", "test")):
        frames_of = split.totals[part][subset].counts if split.ids(part, subset) else {}
        absent = [name for name in task.classes if frames_of and not frames_of[name]]
        if absent:
            lines.append(f"note: no {subset} recording shows {' or '.join(absent)}")
    if not added.trains:
        lines.append("note: nothing trains; the task scores predictions, and no baseline can learn it")
    return lines


def _decisions(added: Added) -> list[str]:
    """Return what the readers decided, each once, with the recordings that it is of."""
    ids: dict[str, list[str]] = {}
    for id_, text in added.notes:
        ids.setdefault(text, []).append(id_)
    lines = []
    for text, own in ids.items():
        lines.append(f"read: {', '.join(first(own, MOST_NAMED))}: {text}")
    return first(lines)


def _below(folder: Path, path: Path | None) -> str:
    return "none" if path is None else ascii(path.relative_to(folder).as_posix())[1:-1]
