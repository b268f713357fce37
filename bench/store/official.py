"""The official files of a data set: found in a folder or in archives, compared with what is declared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import DataError, first
from bench.files.litter import is_litter
from bench.files.zips import members
from bench.resources import home
from bench.store.manifests import Changed
from bench.store.stored import file_digest
from bench.tasks import Dataset

ARCHIVE = ".zip"
DEEPEST = 6
"""Folders below the one that is named in which official files are looked for: a clone has fewer."""
MOST = 20_000
"""Folders that are looked into; a home folder has more, a data set has fewer."""


@dataclass(frozen=True)
class Official:
    """What an import reads: loose files of a folder, or the archives that hold them."""

    folder: Path
    files: tuple[Path, ...]
    archives: tuple[Path, ...]

    @property
    def named(self) -> dict[str, Path]:
        """Return the files or archives by their name in the folder."""
        return {path.relative_to(self.folder).as_posix(): path for path in self.files or self.archives}


def find(dataset: Dataset, source: Path) -> Official:
    """Find the official files at `source`: a folder of them, an archive, or a folder of archives.

    Of a folder that holds both, the loose files count. Files that have one exact name are found in a folder
    below too, as in a clone of a repository. Raises `DataError` where nothing is there, naming the folder
    below that would do.
    """
    if source.is_file() and source.suffix.lower() == ARCHIVE:
        return Official(source.parent, (), _holding(dataset, [source]))
    if not source.is_dir():
        what = f"is a file that is no {ARCHIVE}" if source.exists() else "does not exist"
        raise DataError(
            f"{source} {what}, expected a folder or a {ARCHIVE} archive",
            hint=f"bench pull {dataset.name} --from FOLDER",
        )
    archives = [path for path in source.iterdir() if path.suffix.lower() == ARCHIVE and path.is_file()]
    archives = [path for path in archives if not is_litter(path.name)]
    loose = _loose(dataset, source)
    if not loose and archives:
        return Official(source, (), _holding(dataset, sorted(archives)))
    below = [] if loose else sorted(_below(dataset, source), key=lambda one: dataset.name not in one.name)
    if not below:
        return Official(source, tuple(loose), ())  # with none at all the reader says what it misses
    exact = [folder for folder in below if any((folder / name).is_file() for name in dataset.official)]
    declared = [folder for folder in exact if not departures(dataset, _loose(dataset, folder))]
    for fitting in (declared, exact):
        if len(fitting) == 1:
            return Official(fitting[0], tuple(_loose(dataset, fitting[0])), ())
    raise DataError(
        f"no official file of {dataset.name!r} in {source} itself",
        [f"expected {dataset.files}", *first(f"{folder} would do" for folder in below)],
        hint=f"bench pull {dataset.name} --from {below[0]}",
    )


def _loose(dataset: Dataset, folder: Path) -> list[Path]:
    """Return the files of a folder that match a pattern of the data set, sorted."""
    matching = {path for pattern in dataset.official for path in folder.glob(pattern)}
    return sorted(
        path
        for path in matching
        if path.is_file() and path.suffix.lower() != ARCHIVE and not is_litter(path.relative_to(folder))
    )


def _below(dataset: Dataset, source: Path) -> Iterator[Path]:
    """Yield the folders below that hold official files, by name; none inside another, and no store."""
    own = home().resolve()
    for looked, (place, folders, _) in enumerate(os.walk(source), start=1):
        folder = Path(place)
        if folder != source and _loose(dataset, folder):
            folders.clear()
            yield folder
        deep = len(folder.relative_to(source).parts) >= DEEPEST or looked >= MOST
        known = (name for name in folders if not name.startswith(".") and (folder / name).resolve() != own)
        folders[:] = [] if deep else sorted(known)


def digests(official: Official) -> dict[str, str]:
    """Return name -> SHA-256 of what would be read."""
    return {name: file_digest(path) for name, path in official.named.items()}


def departures(dataset: Dataset, paths: Iterable[Path]) -> list[Changed]:
    """Return the files whose digest is not the one that the data set declares for their name."""
    found = []
    for path in paths:
        declared = dataset.digests.get(path.name)
        if declared is None:
            continue
        algorithm, digest = declared.split(":")
        hexadecimal = file_digest(path, algorithm)
        if not hexadecimal.startswith(digest):
            found.append(Changed(path.name, declared, f"{algorithm}:{hexadecimal}"))
    return found


def refuse(dataset: Dataset, source: Path, changed: Sequence[Changed]) -> None:
    """Raise `DataError` where official files were changed, naming each and how to use them all the same."""
    if changed:
        origin = f"get them again from {dataset.url}; " if dataset.url else ""
        raise DataError(
            f"{len(changed)} official file(s) of {dataset.name!r} are not as declared; nothing was written",
            first(map(str, changed)),
            hint=f"{origin}or, with a mark in every result scored on them: "
            f"bench pull {dataset.name} --from {source} --accept-changed",
        )


def _holding(dataset: Dataset, archives: Sequence[Path]) -> tuple[Path, ...]:
    """Return the archives that hold an official file."""
    holding = tuple(path for path in archives if members(path, dataset.official))
    if not holding:
        raise DataError(
            f"no official file of {dataset.name!r} in {', '.join(path.name for path in archives)}",
            [f"expected {dataset.files}"],
            hint=f"bench pull {dataset.name} --from FOLDER",
        )
    return holding
