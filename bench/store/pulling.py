"""Official files into the store: checked, and all or nothing, however many pulls run at once."""

from __future__ import annotations

import errno
import itertools
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from bench.errors import DataError, UsageError, first
from bench.resources import home
from bench.splits import SUBSETS, Totals
from bench.store.manifests import (
    PARQUET,
    SCHEMA_VERSION,
    Manifest,
    Stored,
    file_digest,
    how_to_pull,
    manifest,
)
from bench.store.rows import write_parquet
from bench.tasks import Dataset, Task


def pull(
    dataset: Dataset,
    source: Path,
    tasks: Iterable[Task] = (),
    *,
    replace: bool = False,
    origin: Mapping[str, str] | None = None,
) -> tuple[Manifest, bool]:
    """Read official files into the store; return its manifest and whether anything was written.

    The recordings are checked against the frozen totals and digests of `tasks` before the new store
    takes its place in one rename; an interrupted pull leaves the old store, or none, and of two pulls
    at once each builds in a folder of its own. A store that holds something else already, other poses
    included, is kept unless `replace` is set.
    """
    target = home() / dataset.name
    with _working_folder(target) as folder:
        new = folder / "new"
        new.mkdir()
        stored = write_parquet(dataset.read(source), new / PARQUET)
        built = Manifest(dataset.name, SCHEMA_VERSION, stored, file_digest(new / PARQUET), origin or {})
        _check_frozen(built, tasks)
        (new / "manifest.json").write_text(json.dumps(asdict(built), indent=1, sort_keys=True) + "\n")
        turns = itertools.count()
        while not _placed(new, target):
            if (target / "manifest.json").is_file() and not replace:
                _refuse_unless_same(dataset, built)
                return built, False
            with suppress(FileNotFoundError):  # another pull has set it aside already
                target.replace(folder / f"old{next(turns)}")
        return built, True


def pull_simulated(dataset: Dataset, *, replace: bool = False) -> tuple[Manifest, bool]:
    """Simulate a data set's official files in a temporary folder and read them into the store."""
    if dataset.simulate is None:
        raise UsageError(f"{dataset.name!r} is recorded, not simulated", hint=how_to_pull(dataset))
    with tempfile.TemporaryDirectory() as folder:
        dataset.simulate(Path(folder))
        return pull(dataset, Path(folder), replace=replace)


@contextmanager
def _working_folder(target: Path) -> Iterator[Path]:
    """Make a folder that this pull alone builds in, and remove it; what dead pulls left goes as well."""
    home().mkdir(parents=True, exist_ok=True)
    here = re.sub(r"\W", "-", platform.node())
    for left in home().iterdir():
        named = re.fullmatch(rf"\.{re.escape(target.name)}\.{here}\.(\d+)\.\w+\.part", left.name)
        if named and _is_dead(int(named[1])):
            shutil.rmtree(left, ignore_errors=True)
    prefix = f".{target.name}.{here}.{os.getpid()}."
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=home()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _placed(new: Path, target: Path) -> bool:
    """Rename a complete store to where it belongs, unless a folder with something in it is there."""
    try:
        new.replace(target)
    except OSError as fault:
        if fault.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not target.exists():
            raise  # Windows has another number for a folder that is there
        return False
    return True


def _refuse_unless_same(dataset: Dataset, built: Manifest) -> None:
    """Raise `DataError` where the store holds other recordings."""
    held = manifest(dataset)
    if held == built:
        return
    pairs = [(id_, held.recordings.get(id_, read), read) for id_, read in built.recordings.items()]
    changed = [f"{id_}: {_what_differs(there, read)}" for id_, there, read in pairs if there != read]
    raise DataError(
        f"{home() / dataset.name} already holds other recordings of {dataset.name!r}",
        [f"held: {_summary(held)}", f"read: {_summary(built)}", *first(changed)],
        hint=f"{how_to_pull(dataset)} --replace",
    )


def _what_differs(held: Stored, read: Stored) -> str:
    return "other labels" if held.truth != read.truth else "the same labels, other poses, frame rate or group"


def _check_frozen(built: Manifest, tasks: Iterable[Task]) -> None:
    """Compare the recordings at hand with every frozen split; a subset may be absent, never incomplete."""
    problems: list[str] = []
    for task in tasks:
        split = task.load_split()
        for part in split.parts:
            for subset in SUBSETS:
                place = f"{task.name}: {part}/{subset}"
                ids = split.ids(part, subset)
                present = [id_ for id_ in ids if id_ in built.recordings]
                absent = [id_ for id_ in ids if id_ not in built.recordings]
                if not present:
                    continue
                problems += [f"{place}: {id_} is missing" for id_ in absent]
                if part in split.totals and subset in split.totals[part] and not absent:
                    problems += _totals_faults(place, built, present, split.totals[part][subset])
        problems += [
            f"{task.name}: {id_}: labels differ from the frozen ones"
            for id_, digest in split.truth.items()
            if id_ in built.recordings and built.recordings[id_].truth != digest
        ]
    if problems:
        raise DataError(
            f"these files are not the official {built.dataset!r}",
            first(dict.fromkeys(problems)),
            hint="get the official files again; nothing was written",
        )


def _totals_faults(place: str, built: Manifest, ids: Sequence[str], totals: Totals) -> list[str]:
    stored = [built.recordings[id_] for id_ in ids]
    found = {"recordings": len(stored), "frames": sum(s.frames for s in stored)}
    expected = {"recordings": totals.recordings, "frames": totals.frames}
    for name, count in totals.counts.items():
        found[f"frames of {name}"] = sum(s.counts.get(name, 0) for s in stored)
        expected[f"frames of {name}"] = count
    return [
        f"{place}: {found[name]:,} {name}, frozen {expected[name]:,}"
        for name in expected
        if found[name] != expected[name]
    ]


def _summary(m: Manifest) -> str:
    posed = sum(stored.poses for stored in m.recordings.values())
    return f"{len(m.recordings)} recordings, {m.frames:,} frames, {posed} with poses"
