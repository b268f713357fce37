"""The checks of a task: its split, the stored recordings against it, and the papers' tables against them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench import store
from bench.errors import DataError, SplitError
from bench.recordings import Recording
from bench.resources import resource
from bench.splits import SUBSETS, FrozenSplit, Split, Totals
from bench.tasks import Task
from bench.verification.checks import Check, absent, equal, near
from bench.verification.published import Printed, sums

DECLARED = "the task's declaration"
RULE = "no group may be on two sides"
STORED, FROZEN = "stored", "frozen"


@dataclass(frozen=True)
class Counts:
    """What can be compared of one recording, or of many."""

    recordings: int
    frames: int
    annotated: int
    counts: Mapping[str, int]
    """Class -> frames in which it holds, for every class of the recordings."""
    scored: Mapping[str, int]
    """Class of the task -> frames in which it holds and which its protocol counts; "" -> all of those."""

    def of(self, quantity: str, class_: str) -> int | None:
        """Return the number that a printed quantity stands for; None where it was not counted."""
        if quantity == "scored":
            return self.scored.get(class_)
        if quantity == "frames":
            return self.counts.get(class_) if class_ else self.frames
        return self.recordings if quantity == "recordings" else None


@dataclass(frozen=True)
class Seen:
    """One stored recording, counted anew."""

    group: str
    truth: str
    counts: Counts


def verify(tasks: Iterable[Task], printed: Sequence[Printed]) -> list[Check]:
    """Return every check of some tasks."""
    checks: list[Check] = []
    for task in tasks:
        found, split = split_checks(task)
        checks += found
        if split is None:
            continue
        seen, unread = _stored(task)
        checks += unread + frozen_checks(task, split, seen)
        of_task = [p for p in printed if p.task == task.name]
        checks += published_checks(task, split, seen, of_task) + sums(of_task)
    return checks


def unanswered(tasks: Sequence[Task], printed: Sequence[Printed]) -> list[Check]:
    """Note the tables of tasks that are not there, one check to a table, and check their sums."""
    known = {task.name for task in tasks}
    rest = [p for p in printed if p.task not in known]
    tables = dict.fromkeys((p.task, p.place) for p in rest)
    return [
        absent(
            task,
            "printed numbers",
            sum((p.task, p.place) == (task, place) for p in rest),
            f"no task {task!r}",
            place,
        )
        for task, place in tables
    ] + sums(rest)


def split_checks(task: Task) -> tuple[list[Check], Split | None]:
    """Check the split file: its digest, and that no group or recording stands on two sides of a part."""
    checks = []
    if isinstance(task.split, FrozenSplit):
        path = resource("splits", "splits") / f"{task.split.name}.json"
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no such file"
        checks.append(_digest(task, f"sha256 of splits/{path.name}", task.split.digest, found, DECLARED))
    try:
        split = task.load_split()
    except SplitError as fault:
        what, found = "the split can be read", "; ".join((fault.title, *fault.problems))
        return [*checks, Check(task.name, what, "yes", found, FROZEN, False, DECLARED)], None
    groups = [[set(split.parts[p].get(s, {})) for s in SUBSETS] for p in split.parts]
    ids = [[set(split.ids(p, s)) for s in SUBSETS] for p in split.parts]
    for what, parts in (("groups", groups), ("recordings", ids)):
        shared = sum(_shared(sides) for sides in parts)
        checks.append(equal(task.name, f"{what} on two sides", 0, shared, FROZEN, RULE))
    return checks, split


def frozen_checks(task: Task, split: Split, seen: Mapping[str, Seen]) -> list[Check]:
    """Check the stored recordings against what the split file froze of them."""
    source = f"splits/{split.name}"
    if not seen:
        return [absent(task.name, "stored recordings", "some", f"bench pull {task.dataset.name}", source)]
    frozen = [id_ for id_ in split.truth if id_ in seen]
    same = sum(seen[id_].truth == split.truth[id_] for id_ in frozen)
    stored = [
        [{seen[i].group for i in split.ids(part, s) if i in seen} for s in SUBSETS] for part in split.parts
    ]
    shared = sum(_shared(sides) for sides in stored)
    checks = [
        equal(task.name, "labels with the frozen digest", len(frozen), same, STORED, source),
        equal(task.name, "groups on two sides", 0, shared, STORED, RULE),
    ]
    for part, subsets in split.totals.items():
        for subset, totals in subsets.items():
            place = subset if len(split.parts) == 1 else f"{part}/{subset}"
            held = [seen[id_].counts for id_ in split.ids(part, subset) if id_ in seen]
            if not held:
                checks.append(absent(task.name, f"{place}: recordings", totals.recordings, "none", source))
                continue
            found, expected = add(held), _of_totals(totals)
            wanted = [("recordings", ""), ("frames", ""), *(("frames", name) for name in totals.counts)]
            for quantity, name in wanted:
                what = f"{place}: {quantity}" + (f" of {name}" if name else "")
                numbers = expected.of(quantity, name), found.of(quantity, name)
                checks.append(equal(task.name, what, *numbers, STORED, source))
    return checks


def published_checks(
    task: Task, split: Split, seen: Mapping[str, Seen], printed: Iterable[Printed]
) -> list[Check]:
    """Check the stored recordings, or what was frozen of those not at hand, against what papers printed."""
    checks = []
    for p in printed:
        if p.quantity == "fold":
            checks.append(_fold(task, split, p))
            continue
        counts, where = _counts(split, seen, p)
        percent = p.quantity == "percent"
        found = counts.of("frames" if percent else p.quantity, p.class_) if counts else None
        if counts is None or found is None:
            reason = f"no {p.quantity} to count" if counts else where
            checks.append(absent(task.name, p.what, p.number, reason, p.place))
        elif percent:
            share = 100 * found / counts.annotated
            checks.append(near(task.name, p.what, p.printed, share, where, p.place))
        else:
            checks.append(equal(task.name, p.what, p.number, found, where, p.place))
    return checks


def summarise(task: Task, recording: Recording) -> Seen:
    """Count one recording."""
    counts = dict(zip(recording.classes, recording.labels.sum(axis=0).tolist(), strict=True))
    counted = task.protocol.counted(recording)
    held = task.truth(recording)[counted].sum(axis=0).tolist()
    scored = {"": int(counted.sum())} | dict(zip(task.classes, held, strict=True))
    annotated = int(recording.annotated.sum())
    counted_anew = Counts(1, recording.frames, annotated, counts, scored)
    return Seen(recording.group, recording.truth_digest(), counted_anew)


def add(many: Sequence[Counts]) -> Counts:
    """Add up counts; a class that only some count is one that the others do not show."""

    def together(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
        names = dict.fromkeys(name for of in counts for name in of)
        return {name: sum(of.get(name, 0) for of in counts) for name in names}

    return Counts(
        sum(c.recordings for c in many),
        sum(c.frames for c in many),
        sum(c.annotated for c in many),
        together([c.counts for c in many]),
        together([c.scored for c in many]) if all(c.scored for c in many) else {},
    )


def _stored(task: Task) -> tuple[dict[str, Seen], list[Check]]:
    """Read every stored recording of the task; one that is not as it was imported is a check that differs."""
    seen: dict[str, Seen] = {}
    try:
        held = store.manifest(task.dataset).recordings
    except DataError:
        return {}, []
    split = task.load_split()
    wanted = dict.fromkeys(id_ for p in split.parts for s in SUBSETS for id_ in split.ids(p, s))
    what, place = "the store can be read", "the store's manifest"
    try:
        for recording in store.load(task.dataset, [id_ for id_ in wanted if id_ in held], poses=False):
            seen[recording.id] = summarise(task, recording)
    except DataError as fault:
        return seen, [Check(task.name, what, "yes", fault.title, STORED, False, place)]
    return seen, [equal(task.name, what, "yes", "yes", STORED, place)]


def _counts(split: Split, seen: Mapping[str, Seen], p: Printed) -> tuple[Counts | None, str]:
    """Return what a printed number counts and where that was found, or None and why there is nothing."""
    if p.recording:
        held = seen.get(p.recording)
        return (held.counts, STORED) if held else (None, "not stored")
    parts = [p.part] if p.part else list(split.parts)
    subsets = [p.subset] if p.subset else list(SUBSETS)
    if not set(parts) <= set(split.parts):
        return None, f"no part {p.part!r}"
    ids = dict.fromkeys(id_ for part in parts for subset in subsets for id_ in split.ids(part, subset))
    present = [seen[id_].counts for id_ in ids if id_ in seen]
    if ids and len(present) == len(ids):
        return add(present), STORED
    totals = [split.totals.get(part, {}).get(s) for part in parts for s in subsets if split.ids(part, s)]
    known = [_of_totals(total) for total in totals if total is not None]
    if len(parts) == 1 and totals and len(known) == len(totals):
        return add(known), FROZEN
    return None, f"{len(present)} of {len(ids)} stored"


def _of_totals(totals: Totals) -> Counts:
    return Counts(totals.recordings, totals.frames, totals.frames, totals.counts, {})


def _fold(task: Task, split: Split, p: Printed) -> Check:
    val, test = p.printed.split("|")
    found = sum(split.ids(p_, "val") == [val] and split.ids(p_, "test") == [test] for p_ in split.parts)
    return equal(task.name, f"folds that validate on {val} and test on {test}", 1, found, FROZEN, p.place)


def _digest(task: Task, what: str, expected: str, found: str, source: str) -> Check:
    short = [text if len(text) < 20 else f"{text[:12]}…" for text in (expected, found)]
    return Check(task.name, what, short[0], short[1], FROZEN, expected == found, source)


def _shared(sides: Sequence[set[str]]) -> int:
    return len({name for a, b in combinations(sides, 2) for name in a & b})
