"""Where an import is built: a folder that one pull alone works in, and that the next can take over.

A pull that was killed leaves its folder behind, with the shards it had finished and `progress.json`, which
names them and the import they belong to. The next pull of that data set takes the folder over in one rename
where it is the same import: the same official files, read by the same code. Else the folder goes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.files.writing import write_text
from bench.resources import home
from bench.store.manifests import SCHEMA_VERSION, Stored, file_digest
from bench.store.rows import Shard
from bench.tasks import Dataset

PROGRESS = "progress.json"
NEW = "new"
"""The store as it is built, inside the working folder."""


@dataclass(frozen=True)
class Progress:
    """The shards of an import that are complete, and what they hold."""

    key: str
    shards: Mapping[str, str] = field(default_factory=dict)
    """File -> SHA-256."""
    recordings: Mapping[str, Stored] = field(default_factory=dict)

    def and_then(self, shard: Shard) -> Progress:
        """Return the progress with one shard more."""
        shards = {**self.shards, shard.name: shard.sha256}
        return Progress(self.key, shards, {**self.recordings, **shard.recordings})

    def write(self, folder: Path) -> None:
        """Put it into a working folder, in one step."""
        write_text(folder / PROGRESS, json.dumps(asdict(self), sort_keys=True))


def key(dataset: Dataset, files: Mapping[str, str]) -> str:
    """Return the SHA-256 of all that decides the shards: official files, declaration, and reading code."""
    told = [getattr(dataset.read, "args", ()), sorted(getattr(dataset.read, "keywords", {}).items())]
    declared = [dataset.name, dataset.fps, dataset.classes, dataset.animals, dataset.keypoints, told]
    digest = hashlib.sha256(repr([SCHEMA_VERSION, declared, sorted(files.items())]).encode())
    package = Path(__file__).parent.parent
    for path in sorted(package.rglob("*.py")):
        digest.update(f"\n{path.relative_to(package).as_posix()} {file_digest(path)}".encode())
    return digest.hexdigest()


@contextmanager
def working_folder(dataset: Dataset, wanted: str) -> Iterator[tuple[Path, Progress]]:
    """Make a folder for the import of that key, or take over the one that a dead pull of it left.

    It is removed at the end, and what other dead pulls of the data set left before it; an interrupt
    (Ctrl-C) leaves it, as a kill does.
    """
    home().mkdir(parents=True, exist_ok=True)
    folder = _own_folder(dataset)
    progress = _take_over(dataset, folder, wanted)
    folder.mkdir(exist_ok=True)
    keep = False
    try:
        yield folder, progress
    except KeyboardInterrupt:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _here() -> str:
    return re.sub(r"\W", "-", platform.node())


def _own_folder(dataset: Dataset) -> Path:
    return home() / f".{dataset.name}.{_here()}.{os.getpid()}.{secrets.token_hex(4)}.part"


def _take_over(dataset: Dataset, folder: Path, wanted: str) -> Progress:
    """Rename a dead pull's folder of this import to `folder`; remove those of the data set's others.

    Whatever is used or removed was renamed first: two pulls never work in one folder.
    """
    taken = Progress(wanted)
    for left in sorted(home().iterdir()):
        named = re.fullmatch(rf"\.{re.escape(dataset.name)}\.{_here()}\.(\d+)\.\w+\.part", left.name)
        if named is None or not _is_dead(int(named[1])):
            continue
        useful = not taken.shards and _read(left, wanted).shards
        mine = folder if useful else _own_folder(dataset)
        try:
            left.rename(mine)
        except OSError:  # another pull was quicker
            continue
        if useful:
            taken = _checked(folder, _read(folder, wanted))
        else:
            shutil.rmtree(mine, ignore_errors=True)
    return taken


def _read(folder: Path, wanted: str) -> Progress:
    """Return the progress in a folder; none where it is of another import, or cannot be read."""
    try:
        data = json.loads((folder / PROGRESS).read_bytes())
        recordings = {id_: Stored(**stored) for id_, stored in data["recordings"].items()}
        found = Progress(data["key"], data["shards"], recordings)
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
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
    for path in folder.iterdir():
        if path.name != NEW:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (folder / NEW).iterdir():
        if path.name not in whole:
            path.unlink()
    held = {id_: stored for id_, stored in found.recordings.items() if stored.shard in whole}
    checked = Progress(found.key, whole, held)
    checked.write(folder)
    return checked


def _is_dead(process: int) -> bool:
    """Whether no process of this machine has that number; unknown, so False, where there are no signals."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
