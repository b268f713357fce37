"""Result files, read and checked: the only way in which tables, pages and comparisons get at one."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.closure import metric_code
from bench.datasets import get_task
from bench.errors import BenchError, DataError, FileError, UsageError, first, nearest, nearest_name
from bench.evaluation import TruthSummary, task_card
from bench.files.faults import Fault
from bench.files.litter import is_litter
from bench.files.opening import is_absent
from bench.files.schema import is_number
from bench.files.strict_json import read_json
from bench.kinds import kind_of
from bench.resources import resource
from bench.results import BYTES, EVIDENCE, FORMATS, MEMORY, Result, digest_of, how_to_make, parse
from bench.splits import Split
from bench.tasks import Task
from bench.verification.results.counted import counted_faults
from bench.verification.results.declared import declaration_faults, split_faults
from bench.verification.results.derived import derived_faults
from bench.verification.results.details import count_faults, shape_faults
from bench.verification.results.evidence import read_evidence
from bench.verification.results.means import name_faults, number_faults
from bench.verification.results.numbers import differences, written
from bench.verification.results.schema import RESULT
from bench.verification.results.truths import expected_truth

TRUTH = ("truth_digest", "recordings", "groups", "frames", "support")
"""What all results of one task share."""
MOST_FAULTS = 200
"""Of one file."""
Truths = Callable[[str], TruthSummary | None]


@dataclass(frozen=True)
class Checked:
    """One result file and every fault of it."""

    path: Path
    result: Result | None
    """As it stands in the file; None where it has no such shape. `beside` holds its evidence, if at hand."""
    faults: tuple[Fault, ...]

    @property
    def by_other_code(self) -> bool:
        """Whether it was scored by other code of the metrics than is here, of the same version or not."""
        code = self.result.metrics_code if self.result is not None else ""
        return bool(code) and code != metric_code()

    @property
    def hint(self) -> str:
        """The command that makes the file anew."""
        return how_to_make(self.path)


def check_results(folder: Path, task: str | None = None) -> list[Checked]:
    """Check every result file of a folder, or those of one task, in the order of their names.

    Raises `UsageError` where there is none.
    """
    found = sorted(folder.glob("*.json" if task is None else f"{glob.escape(task)}--*.json"))
    paths = [path for path in found if not is_litter(path.name)]
    if not paths:
        hint = f"bench evaluate submissions/mymodel{f' --task {task}' if task else ''}"
        raise UsageError(f"no results in {folder}{f' on {task}' if task else ''}", hint=hint)
    truths = cache(expected_truth)
    return [*_compare_truths([check_result(path, truths) for path in paths])]


def with_absent_evidence(checked: Checked) -> Checked:
    """Return the file with a fault where its evidence is not at hand: for a change that brings results."""
    result = checked.result
    if result is None or checked.faults or not result.lacks_evidence:
        return checked
    expected = f"{EVIDENCE}/{checked.path.name}, which bench evaluate wrote beside it"
    return replace(checked, faults=(Fault((EVIDENCE,), "no such file", expected),))


def evidence_notes(results: Iterable[Result]) -> list[str]:
    """Return a note for each result whose evidence is not at hand: it can be read alone."""
    return [
        f"{one.file_name}: no {EVIDENCE}/{one.file_name} beside it: nothing to show behind the score"
        for one in results
        if one.lacks_evidence
    ]


def read_results(folder: Path) -> list[Result]:
    """Return every result of a folder, each with the card of its task as it is declared now.

    Raises `UsageError` where there is none, and `DataError` where any has a fault.
    """
    sound, fault = read_sound(folder)
    if fault is not None:
        raise fault
    return sound


def read_sound(folder: Path, task: str | None = None) -> tuple[list[Result], DataError | None]:
    """Return the results of a folder, or of one task, that have no fault, and an error about the others.

    What is left out stands in the error, which is for the caller to raise; None where nothing is. Raises
    `UsageError` where there is no file.
    """
    checked = check_results(folder, task)
    sound = [declared(file.result) for file in checked if file.result is not None and not file.faults]
    faulty = [file for file in checked if file.faults]
    if not faulty:
        return sound, None
    fault = DataError(
        f"{len(faulty)} of {len(checked)} results in {folder} are not as they should be",
        first(f"{file.path.name}: {file.faults[0]}" for file in faulty),
        hint=f"bench verify --results {folder}",
    )
    return sound, fault


def reference_results() -> Path:
    """Return the folder of the results that ship: in a checkout the committed ones."""
    return resource("results", "leaderboard/results")


def has_reference(task: str, beside: Path) -> bool:
    """Whether results of a task ship, elsewhere than in the folder of one's own."""
    folder = reference_results()
    return folder.resolve() != beside.resolve() and any(folder.glob(f"{glob.escape(task)}--*.json"))


def with_reference(results: Sequence[Result], task: str | None = None) -> list[Result]:
    """Return results, and those that ship of the same tasks, or of the one task; of all, beside no result.

    A result that ships is left out where its entry is among the others, where it was scored on other truth,
    and where it has a fault.
    """
    truths = {result.task["name"]: result.truth_digest for result in results}
    taken = {(result.task["name"], result.entry["id"]) for result in results}
    added: list[Result] = []
    shipped = {path.name.partition("--")[0] for path in reference_results().glob("*--*.json")}
    for name in [task] if task else sorted(truths or shipped):
        if has_reference(name, Path()):
            added += [
                result
                for result in read_sound(reference_results(), name)[0]
                if (name, result.entry["id"]) not in taken
                and result.truth_digest == truths.get(name, result.truth_digest)
            ]
    return [*results, *added]


def read_result(path: Path) -> Result:
    """Return one result with the card of its task as it is declared now; raise `DataError` for its faults."""
    checked = check_result(path)
    if checked.faults or checked.result is None:
        title = f"{path} is not as a result should be"
        raise DataError(title, first(map(str, checked.faults)), hint=checked.hint)
    return declared(checked.result)


def read_named(folder: Path, task: str, entry: str) -> Result:
    """Read the result of one entry on one task from a folder.

    Raises `UsageError` that lists the results there where it is not among them, and as `read_result` does.
    """
    path = folder / f"{task}--{entry}.json"
    if not is_absent(path):
        return read_result(path)
    known = [file.stem for file in sorted(folder.glob("*--*.json")) if not is_litter(file.name)]
    if f"{entry}--{Path(task).name}" in known:
        raise UsageError(
            f"no task {task!r}: the task comes first, then the entry",
            hint=f"bench explain {entry} {Path(task).name}",
        )
    likely = nearest_name(path.stem, known)
    explain = f"bench explain {likely.replace('--', ' ', 1)}; or first " if likely else ""
    raise UsageError(
        f"no result {path.stem!r} in {folder}{nearest(path.stem, known)}",
        [name.replace("--", " ", 1) for name in known],
        hint=f"{explain}bench evaluate submissions/{entry} --task {task}",
    )


def declared(result: Result) -> Result:
    """Return a result with the card of its task as it is declared: no page shows words of an entry's file."""
    return replace(result, task=task_card(get_task(result.task["name"])))


def check_result(path: Path, truths: Truths = expected_truth) -> Checked:
    """Read one result file and find every fault of it.

    `truths` gives what results on a task of a name must have been compared with.
    """
    try:
        content = read_json(path, BYTES, memory=MEMORY)
    except FileError as fault:
        return Checked(path, None, (Fault((), fault.title),))
    number = content.get("format") if isinstance(content, dict) else None
    if not is_number(number) or number not in FORMATS:
        expected = f"one of {', '.join(map(str, FORMATS))}"
        return Checked(path, None, (Fault(("format",), written(number), expected),))
    if faults := _first(RESULT[int(number)].check(content)):
        return Checked(path, None, faults)
    result = parse(content)
    with np.errstate(all="ignore"):  # numbers of strangers overflow; what comes out is no number of theirs
        faults = _first(_faults(path, content, result, truths))
        if faults or not result.evidence:
            return Checked(path, result, faults)
        behind, wrong = read_evidence(path, get_task(result.task["name"]), result)
    return Checked(path, replace(result, beside=behind), _first(wrong))


def _first(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return the first faults: a wrong file can have millions, and each takes time to be found."""
    kept = tuple(islice(faults, MOST_FAULTS + 1))
    last = Fault((), f"more than {MOST_FAULTS} faults: the others are not listed")
    return kept if len(kept) <= MOST_FAULTS else (*kept[:-1], last)


def _faults(path: Path, content: dict[str, Any], result: Result, truths: Truths) -> Iterator[Fault]:
    """Yield the faults of a file whose shape is right."""
    if path.name != result.file_name:
        yield Fault(("entry", "id"), f"a file of the name {path.name!r}", result.file_name)
    if "digest" in content:
        expected = {"digest": digest_of(content)}
        yield from differences((), content, expected, "of what stands in the file: it was changed by hand")
    try:
        task = get_task(result.task["name"])
        split = task.load_split()
    except BenchError as fault:
        yield Fault(("task", "name"), fault.title, "a task that `bench tasks` lists")
        return
    yield from _task_faults(task, split, result, truths)


def _task_faults(task: Task, split: Split, result: Result, truths: Truths) -> Iterator[Fault]:
    """Yield the faults of a result on a task that is known; numbers only where all names are right."""
    if faults := [*declaration_faults(task, split, result)]:
        yield from faults
        return
    yield from split_faults(task, split, result)
    truth = None if result.changed else truths(task.name)
    if truth is not None:
        stored = {name: getattr(result, name) for name in TRUTH}
        yield from differences((), stored, asdict(truth), "of the recordings")
    if faults := [*name_faults(task, result)]:
        yield from faults
        return
    yield from number_faults(task, result)
    if not result.details or not kind_of(task).labels_frames:
        return
    if faults := [*shape_faults(task, split, result)]:
        yield from faults
        return
    yield from count_faults(task, split, result)
    yield from derived_faults(task, result)
    yield from counted_faults(task, result)


def _compare_truths(checked: Sequence[Checked]) -> Iterator[Checked]:
    """Yield the files, with a fault for each that was compared with another truth than most of its task."""
    truths = {
        file.path: (file.result.task["name"], repr([getattr(file.result, name) for name in TRUTH]))
        for file in checked
        if file.result is not None and not file.faults and not file.result.changed
    }
    counts = Counter(truths.values())
    for file in checked:
        task, truth = truths.get(file.path, ("", ""))  # a file with a fault says nothing of others
        others = [count for (name, rival), count in counts.items() if name == task and rival != truth]
        if others and counts[task, truth] <= max(others):
            expected = f"that of {max(others)} other results on {task}"
            yield replace(file, faults=(*file.faults, Fault(("truth_digest",), "another truth", expected)))
        else:
            yield file
