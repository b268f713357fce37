"""The split of a user's own task: groups that are named, or a csv; frozen like every other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.datasets.own.declaration import Declaration
from bench.datasets.own.sources import Sources, read_keyed
from bench.datasets.splitting.rules import SplitRule, frozen_text
from bench.errors import DataError, first, nearest
from bench.files.faults import quoted
from bench.recordings import RECORDING_ID, Recording
from bench.splits import SUBSETS

Chosen = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Part -> subset -> recording ids."""
PART = "all"


def choose(folder: Path, declared: Declaration, sources: Sources) -> Chosen:
    """Return what trains, validates and tests; raise `DataError` listing names that nothing has.

    Where `test` and `val` are named, everything else trains.
    """
    faults: list[str] = []
    known = sources.group_of
    if declared.split is None:
        chosen = {PART: named(declared.test, declared.val, known, faults)}
    else:
        chosen = _listed(folder, declared.split, known, faults)
    for part, subsets in chosen.items():
        if not subsets["test"] and not faults:
            faults.append(f"part {part}: no recording tests")
        sides: dict[str, dict[str, None]] = {}
        for subset in SUBSETS:
            for id_ in subsets[subset]:
                sides.setdefault(known[id_], {})[subset] = None
        faults += [
            f"part {part}: group {quoted(group)} is in {' and in '.join(of)}"
            for group, of in sides.items()
            if len(of) > 1
        ]
    if faults:
        raise DataError(f"{declared.name!r} cannot be split", first(faults))
    return chosen


def freeze(declared: Declaration, chosen: Chosen, recordings: Iterable[Recording]) -> str:
    """Return the text of the split file: who is where, the sums, and the digest of every truth."""
    words = f"As the csv {declared.split} says." if declared.split else _in_words(declared)
    rule = SplitRule(declared.name, "own task", f"Of its owners. {words}", lambda _: chosen)
    return frozen_text(rule, recordings)


def _in_words(declared: Declaration) -> str:
    val = f"{', '.join(declared.val)} validate; " if declared.val else ""
    return f"Named: {', '.join(declared.test)} test; {val}all others train."


def named(
    test: Sequence[str], val: Sequence[str], known: Mapping[str, str], faults: list[str]
) -> dict[str, tuple[str, ...]]:
    """Return subset -> ids, where groups or recordings are named; note names that nothing has."""
    of: dict[str, str] = {}
    for subset, names in (("val", val), ("test", test)):
        for name in names:
            held = [id_ for id_, group in known.items() if group == name] or [
                id_ for id_ in known if id_ == name.lower()
            ]
            if not held:
                near = nearest(name, [*known, *known.values()])
                faults.append(f"{subset}: no group and no recording {quoted(name)}{near}")
            faults += [f"{subset}: {id_!r} is in {of[id_]} as well" for id_ in held if id_ in of]
            of |= dict.fromkeys(held, subset)
    return {subset: tuple(id_ for id_ in known if of.get(id_, "train") == subset) for subset in SUBSETS}


def _listed(
    folder: Path, name: str, known: Mapping[str, str], faults: list[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        _, rows = read_keyed(folder / name, [("recording", "subset"), ("recording", "subset", "part")])
    except DataError as fault:
        faults += [f"{name}: {problem}" for problem in fault.problems]
        return {}
    chosen: dict[str, dict[str, tuple[str, ...]]] = {}
    for line, row in rows:
        id_, subset, part = row[0].lower(), row[1], row[2] if len(row) > 2 else PART
        wrong = [] if id_ in known else [f"no labels of recording {quoted(row[0])}{nearest(id_, known)}"]
        wrong += [] if subset in SUBSETS else [f"subset {quoted(subset)}, expected one of train, val, test"]
        wrong += [] if RECORDING_ID.fullmatch(part) else [f"part {quoted(part)}, expected lower-case letters"]
        if not wrong:
            subsets = chosen.setdefault(part, dict.fromkeys(SUBSETS, ()))
            if id_ in subsets[subset]:
                wrong = [f"recording {id_!r} a second time"]
            subsets[subset] += (id_,)
        faults += [f"{name}: line {line}: {fault}" for fault in wrong]
    return chosen
