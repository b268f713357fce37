"""The checks of a task: its split, the stored recordings against it, and the papers' tables against them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain, combinations

from bench import store
from bench.errors import DataError, SplitError
from bench.resources import resource
from bench.splits import SUBSETS, FrozenSplit, Split, add_up, side_by_side
from bench.tasks import Task
from bench.verification.checks import Check, absent, equal, is_printed_as, near
from bench.verification.counting import Counts, Seen, add, of_totals, summarise
from bench.verification.published import ROUNDED, Printed, from_counts, sums

DECLARED = "the task's declaration"
RULE = "no group may be on two sides"
STORED, FROZEN = "stored", "frozen"


def verify(tasks: Iterable[Task], printed: Sequence[Printed]) -> list[Check]:
    """Return every check of some tasks."""
    checks: list[Check] = []
    for task in tasks:
        found, split = split_checks(task)
        checks += found
        if split is None:
            continue
        seen, unread = _stored(task, split)
        checks += unread + _accepted(task) + frozen_checks(task, split, seen)
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
            get="bench tasks",
            printed=True,
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
        return [
            absent(
                task.name, "stored recordings", "some", "none", source, get=store.how_to_pull(task.dataset)
            )
        ]
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
    if task.protocol.within and not any(counts.counts["scored", ""] for counts in seen.values()):
        reason, get = f"none is {' or '.join(task.protocol.within)}", store.how_to_pull(task.dataset)
        checks.append(absent(task.name, "recordings that count", "some", reason, DECLARED, get=get))
    for part, subsets in split.totals.items():
        for subset, totals in subsets.items():
            place = subset if len(split.parts) == 1 else f"{part}/{subset}"
            held = [seen[id_].totals for id_ in split.ids(part, subset) if id_ in seen]
            if not held:
                what, get = f"{place}: recordings", store.how_to_pull(task.dataset)
                checks.append(absent(task.name, what, totals.recordings, "none", source, get=get))
                continue
            checks += [
                equal(task.name, f"{place}: {name}", expected, found, STORED, source)
                for name, expected, found in side_by_side(add_up(held), totals)
            ]
    return checks


def published_checks(
    task: Task, split: Split, seen: Mapping[str, Seen], printed: Iterable[Printed]
) -> list[Check]:
    """Check the stored recordings, or what was frozen of those not at hand, against what papers printed."""
    checks = []
    every = list(printed)
    for p in every:
        if p.quantity == "fold":
            checks.append(_fold(task, split, p))
            continue
        counts, where = _counts(task, split, seen, p)
        rounded = p.quantity in ROUNDED
        found = counts.get(("frames" if rounded else p.quantity, p.class_)) if counts else None
        marked = p.quantity == "recordings" and p.class_
        if counts is None or found is None or (marked and not found):  # what marks nothing was not said
            reason = "none is marked" if marked and counts else f"no {p.quantity} known" if counts else where
            get = store.how_to_pull(task.dataset)
            checks.append(absent(task.name, p.what, p.number, reason, p.place, get=get, printed=True))
        elif rounded:
            share = Fraction(100 * found, counts["annotated", ""] or 1)
            value = share if p.quantity == "percent" else Fraction(found, 1000)
            misprint = _contradicts_itself(p, every)
            checks.append(near(task.name, p.what, p.printed, value, where, p.place, misprint=misprint))
        else:
            checks.append(equal(task.name, p.what, p.number, found, where, p.place, printed=True))
    return checks


def _contradicts_itself(p: Printed, printed: Sequence[Printed]) -> bool:
    """Whether a rounded number is not what follows from the counts that papers print."""
    implied = from_counts(p, printed)
    return implied is not None and not is_printed_as(implied[0], p.printed)


def _stored(task: Task, split: Split) -> tuple[dict[str, Seen], list[Check]]:
    """Read the stored recordings of the task; a store changed since its import is a check that differs."""
    seen: dict[str, Seen] = {}
    try:
        held = store.manifest(task.dataset)
    except DataError:
        return {}, []
    wanted = dict.fromkeys(id_ for p in split.parts for s in SUBSETS for id_ in split.ids(p, s))
    what, place = "ids, labels and poses as they were imported", "the store's manifest"
    try:
        store.shards(task.dataset)
        for recording in store.load(task.dataset, [i for i in wanted if i in held.recordings], poses=False):
            seen[recording.id] = summarise(task, recording)
    except DataError as fault:
        return seen, [Check(task.name, what, "yes", fault.title, STORED, False, place)]
    return seen, [equal(task.name, what, "yes", "yes", STORED, place)]


def _accepted(task: Task) -> list[Check]:
    """Return a check that differs for all that `--accept-changed` took when the store was filled."""
    try:
        changed = store.manifest(task.dataset).changed
    except DataError:
        return []
    return [
        Check(task.name, f"as declared: {one.name}", one.expected, one.found, STORED, False, DECLARED)
        for one in changed
    ]


def _counts(task: Task, split: Split, seen: Mapping[str, Seen], p: Printed) -> tuple[Counts | None, str]:
    """Return what a printed number counts and where that was found, or None and why there is nothing."""
    parts = [p.part] if p.part else list(split.parts)
    subsets = [p.subset] if p.subset else list(SUBSETS)
    if not set(parts) <= set(split.parts):
        return None, f"no part {p.part!r}"
    ids = {p.recording} if p.recording else {i for part in parts for s in subsets for i in split.ids(part, s)}
    present = [seen[id_].counts for id_ in sorted(ids) if id_ in seen]
    if ids and len(present) == len(ids):
        return add(present), STORED
    if (known := _frozen(task, split, ids)) is not None:
        return known, FROZEN
    return None, f"{len(present)} of {len(ids)} stored"


def _frozen(task: Task, split: Split, ids: set[str]) -> Counts | None:
    """Return the frozen totals of those subsets of one part that hold exactly these recordings."""
    for part, totals in split.totals.items():
        for chosen in chain(*(combinations(totals, size) for size in range(1, 1 + len(totals)))):
            held = [id_ for subset in chosen for id_ in split.ids(part, subset)]
            if len(held) == len(ids) and set(held) == ids:
                return add([of_totals(task, totals[subset]) for subset in chosen])
    return None


def _fold(task: Task, split: Split, p: Printed) -> Check:
    val, test = p.printed.split("|")
    found = sum(split.ids(p_, "val") == [val] and split.ids(p_, "test") == [test] for p_ in split.parts)
    what = f"folds that validate on {val} and test on {test}"
    return equal(task.name, what, 1, found, FROZEN, p.place, printed=True)


def _digest(task: Task, what: str, expected: str, found: str, source: str) -> Check:
    short = [text if len(text) < 20 else f"{text[:12]}…" for text in (expected, found)]
    return Check(task.name, what, short[0], short[1], FROZEN, expected == found, source)


def _shared(sides: Sequence[set[str]]) -> int:
    return len({name for a, b in combinations(sides, 2) for name in a & b})
