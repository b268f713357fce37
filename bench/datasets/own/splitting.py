"""The split of a user's own task: groups that are named, or a csv; frozen like every other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.datasets.formats.names import recording_id
from bench.datasets.own.declaration import Declaration
from bench.datasets.own.sources import Sources, read_keyed
from bench.datasets.splitting.rules import SplitRule, frozen_text
from bench.errors import DataError, first, nearest
from bench.files.faults import quoted
from bench.recordings import RECORDING_ID, Recording
from bench.splits import SUBSETS

Choice = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Part -> subset -> recording ids."""
PART = "all"


def choose(folder: Path, declared: Declaration, sources: Sources) -> Choice:
    """Return what trains, validates and tests; raise `DataError` listing names that nothing has.

    Where `test` and `val` are named, everything else trains.
    """
    faults: list[str] = []
    group_of = sources.group_of
    if declared.split is None:
        choice = {PART: by_name(declared.test, declared.val, group_of, faults)}
    else:
        choice = _listed(folder, declared.split, group_of, faults)
    for part, subsets in choice.items():
        if not subsets["test"] and not faults:
            faults.append(f"part {part}: no recording tests")
        sides: dict[str, dict[str, None]] = {}
        for subset in SUBSETS:
            for id_ in subsets[subset]:
                sides.setdefault(group_of[id_], {})[subset] = None
        faults += [
            f"part {part}: group {quoted(group)} is in {' and in '.join(subsets_of_group)}"
            for group, subsets_of_group in sides.items()
            if len(subsets_of_group) > 1
        ]
    if faults:
        raise DataError(f"{declared.name!r} cannot be split", first(faults))
    return choice


def freeze(declared: Declaration, choice: Choice, recordings: Iterable[Recording]) -> str:
    """Return the text of the split file: who is where, the sums, and the digest of every truth."""
    words = f"As the csv {declared.split} says." if declared.split else _in_words(declared)
    rule = SplitRule(declared.name, "own task", f"Of its owners. {words}", lambda _: choice)
    return frozen_text(rule, recordings)


def _in_words(declared: Declaration) -> str:
    val = f"{', '.join(declared.val)} validate; " if declared.val else ""
    return f"Named: {', '.join(declared.test)} test; {val}all others train."


def by_name(
    test: Sequence[str], val: Sequence[str], group_of: Mapping[str, str], faults: list[str]
) -> dict[str, tuple[str, ...]]:
    """Return subset -> ids, where groups or recordings are named; note names that nothing has."""
    subset_of: dict[str, str] = {}
    for subset, names in (("val", val), ("test", test)):
        for name in names:
            ids = [id_ for id_, group in group_of.items() if group == name] or [
                id_ for id_ in group_of if id_ == recording_id(name)
            ]
            if not ids:
                near = nearest(name, [*group_of, *group_of.values()])
                faults.append(f"{subset}: no group and no recording {quoted(name)}{near}")
            faults += [f"{subset}: {id_!r} is in {subset_of[id_]} as well" for id_ in ids if id_ in subset_of]
            subset_of |= dict.fromkeys(ids, subset)
    return {
        subset: tuple(id_ for id_ in group_of if subset_of.get(id_, "train") == subset) for subset in SUBSETS
    }


def _listed(
    folder: Path, name: str, group_of: Mapping[str, str], faults: list[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        _, rows = read_keyed(folder / name, [("recording", "subset"), ("recording", "subset", "part")])
    except DataError as fault:
        faults += [f"{name}: {problem}" for problem in fault.problems]
        return {}
    choice: dict[str, dict[str, tuple[str, ...]]] = {}
    for line, row in rows:
        id_, subset, part = recording_id(row[0]), row[1], row[2] if len(row) > 2 else PART
        near = nearest(id_, group_of)
        wrong = [] if id_ in group_of else [f"no labels of recording {quoted(row[0])}{near}"]
        wrong += [] if subset in SUBSETS else [f"subset {quoted(subset)}, expected one of train, val, test"]
        wrong += [] if RECORDING_ID.fullmatch(part) else [f"part {quoted(part)}, expected lower-case letters"]
        if not wrong:
            subsets = choice.setdefault(part, dict.fromkeys(SUBSETS, ()))
            if id_ in subsets[subset]:
                wrong = [f"recording {id_!r} a second time"]
            subsets[subset] += (id_,)
        faults += [f"{name}: line {line}: {fault}" for fault in wrong]
    return choice
