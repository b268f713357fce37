"""Recordings into the store, from official files, from a copy on a hub, or simulated."""

from __future__ import annotations

import shlex
from pathlib import Path

from bench import store
from bench.datasets import tasks_of
from bench.errors import DataError, UsageError
from bench.hub.pulling import pull
from bench.store import Manifest
from bench.tasks import Dataset


def obtain(
    dataset: Dataset,
    *,
    source: Path | None = None,
    repo: str | None = None,
    revision: str | None = None,
    replace: bool = False,
    accept_changed: bool = False,
) -> tuple[Manifest, bool]:
    """Import a data set, checked against the splits of its tasks; return the manifest and whether it is new.

    From official files in `source`, else from the copy in `repo` at `revision`, else from the copy that the
    data set declares, else simulated. Raises `UsageError` with the place of the official files where there is
    none of these, and `DataError` where the recordings are not as declared.
    """
    tasks, copy = tasks_of(dataset), dataset.published
    if source is not None:
        try:
            return store.pull(dataset, source, tasks, replace=replace, accept_changed=accept_changed)
        except DataError as fault:
            raise _pulled_from(fault, dataset, source) from None
    if repo is not None:
        return pull(dataset, repo, revision, tasks, replace=replace)
    if copy is not None:
        return pull(dataset, copy.repo, copy.revision, tasks, digest=copy.manifest, replace=replace)
    if dataset.simulated:
        return store.pull_simulated(dataset, replace=replace)
    raise UsageError(
        f"{dataset.name}: get the official files from {dataset.url} ({dataset.licence})",
        [f"expected files: {dataset.files}"],
        hint=f"bench pull {dataset.name} --from FOLDER",
    )


def _pulled_from(fault: DataError, dataset: Dataset, source: Path) -> DataError:
    """Return a reader's fault with the command to type when its files are mended."""
    if fault.hint and "bench pull" in fault.hint:
        return fault
    command = shlex.join(["bench", "pull", dataset.name, "--from", str(source)])
    hint = f"{fault.hint or 'mend the official files'}, then: {command}"
    return type(fault)(fault.title, fault.problems, hint)
