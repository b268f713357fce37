"""What a pull request proposes: whether it is one submission and nothing else, and what it would change.

A submission is one folder `submissions/<entry>/` with its card, and the results that `bench evaluate` wrote
of that entry, each with its file of evidence. The change is read by git and never run: no file of it is
imported.
"""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, SubmissionError, UsageError
from bench.files.faults import quoted
from bench.results import Result
from bench.submissions import Entry, entry_card, read_entry
from bench.verification.results import check_result, declared, with_absent_evidence

FILE = "100644"
"""The mode of a plain file in git."""
CARD, RESULT = 64 * 2**10, 8 * 2**20
"""Bytes that the card or the words about an entry, and a result, may have."""
MOST = 50
"""Files of which a message names what is wrong."""
_SUBMISSION = re.compile(r"submissions/([a-z0-9][a-z0-9_-]*)/(?:submission\.toml|README\.md)")
_RESULT = re.compile(r"leaderboard/results/[a-z0-9-]+?--([a-z0-9][a-z0-9_-]*)\.json")
_EVIDENCE = re.compile(r"leaderboard/results/evidence/[a-z0-9-]+?--([a-z0-9][a-z0-9_-]*)\.json")


@dataclass(frozen=True)
class Change:
    """One file that a change touches."""

    path: str
    mode: str
    """In git, after the change."""
    status: str
    """In git: "A" added, "M" changed, "D" deleted, "T" of another type."""

    @property
    def entry(self) -> str:
        """The entry that it belongs to; empty where it is no file of an entry."""
        match = next(
            filter(None, (each.fullmatch(self.path) for each in (_SUBMISSION, _RESULT, _EVIDENCE))), None
        )
        return match[1] if match else ""

    @property
    def is_result(self) -> bool:
        """Whether it is a result."""
        return _RESULT.fullmatch(self.path) is not None

    @property
    def is_evidence(self) -> bool:
        """Whether it holds what lies behind a result."""
        return _EVIDENCE.fullmatch(self.path) is not None


@dataclass(frozen=True)
class Review:
    """A change that is one submission, as it should be."""

    entry: Entry
    results: tuple[Result, ...]
    """Those that it adds or changes, by the name of their task."""


def review(folder: Path, base: str) -> Review:
    """Read what the last commit of a checkout changes since it left `base`.

    Raises `UsageError` where git knows no such commit, and `SubmissionError` that lists everything for which
    the change is not one submission: other files, several entries, links, deletions, sizes, a card that is
    not valid, a task without a result, a result of the entry with a fault or that differs from the card.
    """
    changes = changes_since(folder, base)
    faults = [*_file_faults(folder, changes)]
    entries = sorted({change.entry for change in changes if change.entry})
    if len(entries) != 1:
        names = ", ".join(map(quoted, entries[:MOST])) or "none"
        faults.append(f"entries that it touches: {names}; expected one")
    results: list[Result] = []
    entry: Entry | None = None
    if not faults:
        entry, results, faults = _read(folder, entries[0], changes)
    if faults or entry is None:
        raise SubmissionError(
            "this change is not one submission",
            _cut(faults),
            hint="keep submissions/<entry>/submission.toml and the results of that entry, and nothing else",
        )
    return Review(entry, tuple(sorted(results, key=lambda result: result.task["name"])))


def changes_since(folder: Path, base: str) -> list[Change]:
    """Return the files that the last commit of a checkout changes since it left `base`, by their paths.

    Raises `UsageError` where git knows no such commit.
    """
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}")
    fields = _git(folder, "diff", "--raw", "-z", "--no-renames", f"{commit.strip()}...HEAD").split("\0")
    changes = []
    for described, path in zip(fields[0:-1:2], fields[1::2], strict=True):
        _, mode, _, _, status = described.split(" ")
        changes.append(Change(path, mode, status[:1]))
    return sorted(changes, key=lambda change: change.path)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)  # noqa: S603, S607
    if done.returncode:
        reason = done.stderr.decode(errors="backslashreplace").strip().splitlines()[:1]
        raise UsageError(
            f"git cannot compare {folder} with that commit",
            reason,
            hint="bench review --base COMMIT [FOLDER]",
        )
    return done.stdout.decode(errors="backslashreplace")


def _file_faults(folder: Path, changes: list[Change]) -> Iterator[str]:
    """Yield what is wrong with files before any of them is opened."""
    if not changes:
        yield "it changes nothing"
    for change in changes:
        name = quoted(change.path, 200)
        if not change.entry:
            yield f"{name}: no file of a submission"
        elif change.status == "D":
            yield f"{name}: deleted, expected to be added or changed"
        elif change.mode != FILE:
            yield f"{name}: mode {change.mode}, expected a plain file that cannot be run"
        else:
            yield from _size_faults(folder, change, name)


def _size_faults(folder: Path, change: Change, name: str) -> Iterator[str]:
    try:
        found = (folder / change.path).lstat()
    except OSError as fault:
        yield f"{name}: {fault.strerror}, expected to be checked out"
        return
    most = RESULT if change.is_result or change.is_evidence else CARD
    if not stat.S_ISREG(found.st_mode):
        yield f"{name}: no plain file in the checkout"
    elif found.st_size > most:
        yield f"{name}: {found.st_size:,} bytes, expected at most {most:,}"


def _read(folder: Path, name: str, changes: list[Change]) -> tuple[Entry | None, list[Result], list[str]]:
    """Return the entry, the results that the change holds, and what is wrong with any result of it."""
    try:
        entry = read_entry(folder / "submissions" / name)
    except BenchError as fault:
        return None, [], [fault.title, *fault.problems]
    results, faults = [], []
    changed = [change.path for change in changes if change.is_result]
    faults += [
        f"{change.path}: no result {Path(change.path).name} in this change that it lies behind"
        for change in changes
        if change.is_evidence and f"leaderboard/results/{Path(change.path).name}" not in changed
    ]
    declaring = {f"leaderboard/results/{task}--{name}.json": task for task in sorted(entry.tasks)}
    for path in dict.fromkeys([*changed, *declaring]):  # a card alone may change what older results say
        if not (folder / path).is_file():
            faults.append(f"tasks.{declaring[path]}: no {path}, expected one: bench evaluate")
            continue
        checked = with_absent_evidence(check_result(folder / path))
        faults += [f"{path}: {one}" for one in checked.faults]
        if checked.result is not None and not checked.faults:
            faults += _card_faults(path, checked.result, entry)
            results += [declared(checked.result)] if path in changed else []
    return entry, results, faults


def _card_faults(path: str, result: Result, entry: Entry) -> list[str]:
    task = result.task["name"]
    if task not in entry.tasks:
        return [f"{path}: the card has no [tasks.{task}]"]
    card = entry_card(entry, task)
    differing = sorted(
        key for key in card.keys() | result.entry.keys() if card.get(key) != result.entry.get(key)
    )
    if not differing:
        return []
    return [
        f"{path}: {', '.join(differing)} not as on the card: bench evaluate submissions/{entry.id} --card"
    ]


def _cut(faults: list[str]) -> list[str]:
    more = len(faults) - MOST
    return faults if more <= 0 else [*faults[:MOST], f"and {more:,} more"]
