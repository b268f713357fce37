"""Where an import is built: a folder that one pull alone works in, and that the next can take over.

A pull holds the lock in its folder as long as it lives; the system takes it from a dead one, whatever has the
number of its process now. What a killed pull leaves is its folder, with the shards it had finished and
`progress.json`, which names them and the import they belong to. The next pull of that data set on this
machine goes on in the folder where it is the same import: the same official files, read by the same code.
Else the folder goes.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from bench.closure import closure_digest
from bench.errors import FileError
from bench.files.strict_json import read_json
from bench.files.writing import write_text
from bench.resources import home
from bench.store import rows
from bench.store.manifests import MOST, SCHEMA_VERSION
from bench.store.stored import Stored, file_digest
from bench.tasks import Dataset

PROGRESS = "progress.json"
NEW = "new"
"""The store as it is built, inside the working folder."""
LOCK = "lock"


@dataclass(frozen=True)
class Progress:
    """The shards of an import that are complete, and what they hold."""

    key: str
    shards: Mapping[str, str] = field(default_factory=dict)
    """File -> SHA-256."""
    recordings: Mapping[str, Stored] = field(default_factory=dict)

    def and_then(self, shard: rows.Shard) -> Progress:
        """Return the progress with one shard more."""
        shards = {**self.shards, shard.name: shard.sha256}
        return Progress(self.key, shards, {**self.recordings, **shard.recordings})

    def write(self, folder: Path) -> None:
        """Put it into a working folder, in one step."""
        write_text(folder / PROGRESS, json.dumps(asdict(self), sort_keys=True))


def key(dataset: Dataset, files: Mapping[str, str]) -> str:
    """Return the SHA-256 of all that decides the shards: official files, declaration, and code.

    The code is the import closure of the reader and of what writes rows. The key is empty where the reader
    has no source file, as one that was typed into a notebook: nobody can say whether it is still the same.
    """
    told = [getattr(dataset.read, "args", ()), sorted(getattr(dataset.read, "keywords", {}).items())]
    readers = [read.func if isinstance(read, partial) else read for read in (dataset.read, dataset.resume)]
    try:
        code = closure_digest(rows.__name__, *(read.__module__ for read in readers if read), *dataset.modules)
    except ModuleNotFoundError:
        return ""
    declared = [dataset.name, dataset.fps, dataset.classes, dataset.animals, dataset.keypoints, told]
    return hashlib.sha256(repr([SCHEMA_VERSION, declared, sorted(files.items()), code]).encode()).hexdigest()


@contextmanager
def working_folder(dataset: Dataset, wanted: str) -> Iterator[tuple[Path, Progress]]:
    """Make a folder for the import of that key, or go on in the one that a dead pull of it left.

    It is removed at the end, and what other dead pulls of the data set left before it; an interrupt
    (Ctrl-C) leaves it, as a kill does.
    """
    home().mkdir(parents=True, exist_ok=True)
    folder, lock, progress = _take_over(dataset, wanted) or _new_folder(dataset, wanted)
    keep = False
    try:
        yield folder, progress
    except KeyboardInterrupt:
        keep = True
        raise
    finally:
        if not keep:
            _remove(folder)
        lock.release()


def _new_folder(dataset: Dataset, wanted: str) -> tuple[Path, FileLock, Progress]:
    while True:
        folder = home() / f"{_prefix(dataset)}{secrets.token_hex(8)}.part"
        folder.mkdir()
        if lock := _locked(folder):  # else another pull saw it without its lock, and removes it
            return folder, lock, Progress(wanted)


def _take_over(dataset: Dataset, wanted: str) -> tuple[Path, FileLock, Progress] | None:
    """Take the folder that a dead pull of this import left; remove those of other dead pulls."""
    taken = None
    for left in sorted(home().glob(f"{_prefix(dataset)}*.part")):
        lock = _locked(left)
        if lock is None:
            continue  # its pull lives
        if not taken and wanted and _read(left, wanted).shards:
            taken = left, lock, _checked(left, _read(left, wanted))
            continue
        _remove(left)
        lock.release()
    return taken


def _locked(folder: Path) -> FileLock | None:
    """Return the lock of a working folder, held; None where another pull holds it, or removed the folder."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return None
    if not (folder / LOCK).exists():  # it was held, and then removed with its folder
        lock.release()
        return None
    return lock


def _remove(folder: Path) -> None:
    """Remove a working folder whose lock is held; the lock goes last, so that nobody takes half a folder."""
    _clear(folder, LOCK)
    shutil.rmtree(folder, ignore_errors=True)


def _clear(folder: Path, *kept: str) -> None:
    for path in sorted(folder.glob("*")):
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _prefix(dataset: Dataset) -> str:
    """Return how the names of a data set's working folders start: each machine has its own."""
    machine = re.sub(r"\W", "-", platform.node())
    return f".{dataset.name}.{machine}."


def _read(folder: Path, wanted: str) -> Progress:
    """Return the progress in a folder; none where it is of another import, or cannot be read."""
    try:
        data = read_json(folder / PROGRESS, MOST)
        recordings = {id_: Stored(**stored) for id_, stored in data["recordings"].items()}
        found = Progress(data["key"], data["shards"], recordings)
    except (FileError, AttributeError, KeyError, TypeError, ValueError):
        return Progress(wanted)
    return found if found.key == wanted else Progress(wanted)


def _checked(folder: Path, found: Progress) -> Progress:
    """Keep the shards up to the first that is not as it was written; remove all else from the folder."""
    whole: dict[str, str] = {}
    for name, digest in sorted(found.shards.items()):
        path = folder / NEW / name
        if not path.is_file() or file_digest(path) != digest:
            break
        whole[name] = digest
    _clear(folder, NEW, LOCK)
    _clear(folder / NEW, *whole)
    held = {id_: stored for id_, stored in found.recordings.items() if stored.shard in whole}
    checked = Progress(found.key, whole, held)
    checked.write(folder)
    return checked
