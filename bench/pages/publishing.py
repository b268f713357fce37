"""Writes the pages, each in one step, and never over a file that `bench publish` did not write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import store
from bench.datasets import get_task
from bench.errors import DataError, FileError, UsageError, first
from bench.files.opening import open_regular
from bench.files.writing import sweep, write_text
from bench.history import check_log, log_of
from bench.pages.environment import GENERATOR
from bench.pages.published import published_tasks
from bench.pages.site import page_of_results, render
from bench.pages.task_page import TaskPage
from bench.verification.curves import read_curves
from bench.verification.results import evidence_notes, read_sound, with_reference
from bench.viewing import poses_of

CURVES = "curves"
"""The folder beside that of the results that holds files of `bench curve`."""
_LARGEST = 256 * 2**20
"""Bytes of a file that may be a page of ours; the largest page has some 0.1 MB."""


def publish_results(
    results: Path, folder: Path, *, reference: bool = False, note: Callable[[str], object] = str
) -> Path:
    """Build the leaderboard of the result files in a folder; return its first page.

    With `reference` the results that ship stand beside those on the same tasks; without a result of one's
    own, all of them.

    A file that is not as it should be is left out: the site is built without it, then `DataError` is raised.
    `note` is told of each result without its file of evidence: its page shows nothing behind the score.
    Where no file is as it should be nothing is written: an empty site must not take the place of a full one.
    Task pages show how the best value moved where a log lies beside the results and has no fault.
    Files of `bench curve` in the folder `curves` beside the results are drawn on the pages of their models.
    Raises `UsageError` where there is no file.
    """
    if reference:
        own, fault = read_sound(results) if any(results.glob("*.json")) else ([], None)
    else:
        own, fault = read_sound(results)
    for line in evidence_notes(own):
        note(line)
    sound = with_reference(own) if reference else own
    curves, wrong = read_curves(results.parent / CURVES)
    history, broken = check_log(log_of(results))
    history = [] if broken else history
    fault = fault or wrong
    if fault is None:
        return publish(render(sound, published_tasks(), poses_at_hand, curves, history), folder)
    if sound:
        index = publish(render(sound, published_tasks(), poses_at_hand, curves, history), folder)
        raise DataError(f"{fault.title}; {index} is built without them", fault.problems, fault.hint)
    raise fault


def poses_at_hand(task: str, recording: str) -> Mapping[str, Any] | None:
    """Return the poses of a recording where it is in the store and its licence lets anyone show them."""
    known = get_task(task)
    if not known.dataset.redistributable:
        return None
    try:
        if not store.manifest(known.dataset).recordings[recording].poses:
            return None
        (held,) = store.load(known.dataset, [recording], poses=True)
    except (DataError, KeyError):
        return None
    return poses_of(known, held)


def page_of(results: Path, name: str, *, reference: bool = False) -> tuple[TaskPage, DataError | None]:
    """Return the page of one task, of the result files in a folder, and the fault of files left out of it.

    With `reference` the results that ship stand beside them.

    Raises `UsageError` where there is no such task, or no result and no published value of it.
    """
    task = get_task(name)
    sound, fault = read_sound(results) if results.is_dir() else ([], None)
    of_task = [result for result in sound if result.task["name"] == name]
    if reference:
        of_task = with_reference(of_task, name)
    page = page_of_results(of_task, task)
    if not page.rankings and not page.published:
        raise fault or UsageError(
            f"no entry on task {name!r} in {results}, and no paper prints a value of it",
            hint=f"bench evaluate submissions/mymodel --task {name}",
        )
    return page, fault


def publish(pages: Mapping[str, str], folder: Path) -> Path:
    """Write the pages into a folder, each in one step and the index last; return the index.

    Pages of an earlier build that are no longer among them are removed; no other file is touched. Raises
    `UsageError` where the folder cannot be written, or another file has the name of a page.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder", hint="choose another one with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [name for name in sorted(pages) if not _is_ours(folder / name)]
        if foreign:
            raise UsageError(
                f"{folder} holds pages that `bench publish` did not make",
                first(f"{name} would be written over" for name in foreign),
                hint="choose another folder with --out",
            )
        for name in sorted(pages, key=lambda name: (name == "index.html", name)):
            write_text(folder / name, pages[name])
        for path in sorted(folder.glob("*.html")):
            if path.name not in pages and _is_ours(path):
                path.unlink(missing_ok=True)  # another `publish` may have removed it
        sweep(folder)
    except OSError as fault:
        raise UsageError(f"the site cannot be written to {folder}", [str(fault)]) from fault
    return folder / "index.html"


def _is_ours(path: Path) -> bool:
    """Whether a page may be written here: nothing is there, or a page of an earlier build."""
    try:
        with open_regular(path, _LARGEST) as file:
            return GENERATOR.encode() in file.read()
    except FileError as fault:  # not looked at twice: another `publish` may write the page in between
        return isinstance(fault.__cause__, FileNotFoundError)
