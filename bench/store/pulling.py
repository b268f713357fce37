"""Official files into the store: checked, and all or nothing, however many pulls run at once."""

from __future__ import annotations

import errno
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace as replaced
from pathlib import Path

from tqdm import tqdm

from bench.errors import DataError, UsageError, first
from bench.files.writing import write_text
from bench.files.zips import unpack
from bench.recordings import Recording
from bench.resources import home
from bench.store import official
from bench.store.frozen import departures
from bench.store.loading import damage
from bench.store.manifests import MANIFEST, SCHEMA_VERSION, Changed, Manifest, how_to_pull, manifest
from bench.store.rows import write_shards
from bench.store.staging import NEW, Progress, key, working_folder
from bench.store.stored import Stored
from bench.tasks import Dataset, Task


def pull(
    dataset: Dataset,
    source: Path,
    tasks: Sequence[Task] = (),
    *,
    replace: bool = False,
    accept_changed: bool = False,
    origin: Mapping[str, str] | None = None,
) -> tuple[Manifest, bool]:
    """Read official files into the store; return its manifest and whether anything was written.

    `source` is a folder, a zip archive or a folder of those. Files whose digest is not the declared one, and
    recordings that differ from the frozen totals and digests of `tasks`, are refused by name or, with
    `accept_changed`, taken and marked. The new store takes its place in one rename: an interrupted pull
    leaves the old store, or none, and the same pull goes on from the shards it had finished; of two pulls
    at once each builds in a folder of its own. A store that holds something else already, other poses
    included, is kept unless `replace` is set. What was imported before by the same code is not read again.
    """
    found = official.find(dataset, source)
    changed = official.departures(dataset, found.named.values())
    if not accept_changed:
        official.refuse(dataset, source, changed)
    files = official.digests(found)
    import_key = key(dataset, files)
    known = bool(files and import_key) and not replace
    held = _held(dataset, import_key, changed, origin or {}) if known else None
    if held and (accept_changed or not held.changed):
        departed = _departures(dataset, held.recordings, tasks, accept_changed=accept_changed)
        if set(departed) <= set(held.changed):
            return held, False
    target = home() / dataset.name
    with working_folder(dataset, import_key) as (folder, progress):
        read = found.folder
        if found.archives:
            read = folder / "official"
            for archive in found.archives:
                unpack(archive, dataset.official, read)
            changed += official.departures(dataset, (path for path in read.rglob("*") if path.is_file()))
            if not accept_changed:
                official.refuse(dataset, source, changed)
        done = _write(dataset, read, folder, progress)
        departed = _departures(dataset, done.recordings, tasks, accept_changed=accept_changed)
        built = Manifest(
            dataset=dataset.name,
            schema=SCHEMA_VERSION,
            recordings=done.recordings,
            shards=done.shards,
            files=files,
            key=import_key,
            changed=(*changed, *departed),
            origin=origin or {},
        )
        write_text(folder / NEW / MANIFEST, built.text())
        return built, _put(dataset, folder, target, built, replace=replace)


def pull_simulated(dataset: Dataset, *, replace: bool = False) -> tuple[Manifest, bool]:
    """Simulate a data set's official files in a temporary folder and read them into the store."""
    if dataset.simulate is None:
        raise UsageError(f"{dataset.name!r} is recorded, not simulated", hint=how_to_pull(dataset))
    with tempfile.TemporaryDirectory() as folder:
        dataset.simulate(Path(folder))
        return pull(dataset, Path(folder), replace=replace)


def _held(
    dataset: Dataset, import_key: str, changed: Sequence[Changed], origin: Mapping[str, str]
) -> Manifest | None:
    """Return the store where it was made from these very files by this very code, and is whole."""
    try:
        held = manifest(dataset)
    except DataError:
        return None
    same = held.key == import_key and set(changed) <= set(held.changed) and held.origin == origin
    return held if same and not damage(dataset, held, held.shards) else None


def _write(dataset: Dataset, read: Path, folder: Path, progress: Progress) -> Progress:
    """Write the shards that are not there yet; what is complete is noted, for a pull that takes over."""
    new = folder / NEW
    new.mkdir(exist_ok=True)
    for shard in write_shards(_others(dataset, read, progress.recordings), new, len(progress.shards)):
        progress = progress.and_then(shard)
        progress.write(folder)
    if not progress.recordings:
        raise DataError("the official files hold no recording")
    return progress


def _others(dataset: Dataset, read: Path, done: Mapping[str, Stored]) -> Iterator[Recording]:
    """Yield the recordings that are not in `done`, which are the first ones.

    Raises `DataError` for an id that comes twice and for a frame rate that is not the declared one.
    """
    if done and dataset.resume is not None:
        recordings, seen = dataset.resume(read, done.keys()), set(done)
    else:
        recordings, seen = dataset.read(read), set()
    for recording in tqdm(recordings, desc="import", unit=" recordings", delay=2, disable=None):
        if recording.id in seen:
            raise DataError(f"two recordings carry the id {recording.id!r}")
        if recording.fps != dataset.fps:
            found = f"{recording.fps:g} frames per second, declared {dataset.fps:g}"
            raise DataError(f"recording {recording.id!r} has another frame rate", [found])
        seen.add(recording.id)
        if recording.id not in done:
            yield recording


def _put(dataset: Dataset, folder: Path, target: Path, built: Manifest, *, replace: bool) -> bool:
    """Move a complete store to where it belongs; return False where an equal one is there already."""
    turns = itertools.count()
    while not _placed(folder / NEW, target):
        if (target / MANIFEST).is_file() and not replace:
            held = manifest(dataset)
            _refuse_unless_same(dataset, held, built)
            same = set(held.changed) == set(built.changed) and held.origin == built.origin
            if same and not damage(dataset, held, held.shards):
                if held.key != built.key:  # so that the next pull of these files need not read them
                    known = replaced(held, key=built.key, files=built.files)
                    write_text(target / MANIFEST, known.text())
                return False
        with suppress(FileNotFoundError):  # another pull has set it aside already
            target.replace(folder / f"old{next(turns)}")
    return True


def _placed(new: Path, target: Path) -> bool:
    """Rename a complete store to where it belongs, unless a folder with something in it is there."""
    try:
        new.replace(target)
    except OSError as fault:
        if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not target.exists():
            raise  # Windows has another number for a folder that is there
        return False
    return True


def _refuse_unless_same(dataset: Dataset, held: Manifest, built: Manifest) -> None:
    """Raise `DataError` where the store holds other recordings."""
    if held == built:
        return
    pairs = [(id_, held.recordings.get(id_, read), read) for id_, read in built.recordings.items()]
    changed = [f"{id_}: {_what_differs(stored, read)}" for id_, stored, read in pairs if stored != read]
    raise DataError(
        f"{home() / dataset.name} already holds other recordings of {dataset.name!r}",
        [f"held: {_summary(held)}", f"read: {_summary(built)}", *first(changed)],
        hint=f"{how_to_pull(dataset)} --replace",
    )


def _what_differs(held: Stored, read: Stored) -> str:
    return "other labels" if held.truth != read.truth else "the same labels, other poses, frame rate or group"


def _departures(
    dataset: Dataset, recordings: Mapping[str, Stored], tasks: Iterable[Task], *, accept_changed: bool
) -> list[Changed]:
    """Compare the recordings at hand with every frozen split; return what differs, where that is accepted.

    A subset may be absent altogether; one that is incomplete is never accepted, as nothing could be scored.
    """
    changed, missing = departures(recordings, tasks)
    if missing or (changed and not accept_changed):
        accept = (
            "" if missing else f"; or, with a mark in every result: {how_to_pull(dataset)} --accept-changed"
        )
        raise DataError(
            f"these files are not the official {dataset.name!r}; nothing was written",
            [*first(dict.fromkeys(map(str, changed))), *first(dict.fromkeys(missing))],
            hint=f"get the official files again{accept}",
        )
    return changed


def _summary(m: Manifest) -> str:
    posed = sum(stored.poses for stored in m.recordings.values())
    return f"{len(m.recordings)} recordings, {m.frames:,} frames, {posed} with poses"
