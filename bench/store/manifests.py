"""What a store holds, and where: `manifest.json`, under `$BENCH_HOME`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.errors import DataError, FileError, first
from bench.files.faults import quoted, shown
from bench.files.schema import FLAG, leaf, listed, mapping, table, whole
from bench.files.strict_json import read_json
from bench.resources import home
from bench.store.stored import Stored
from bench.tasks import Dataset

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
MOST = 2**30
"""Bytes of the largest list of recordings that is read: some two million of them."""
_TEXT = leaf("text", lambda value: isinstance(value, str))
_STORED = {
    "frames": whole(0),
    "poses": FLAG,
    "truth": _TEXT,
    "rest": _TEXT,
    "counts": mapping(whole(0)),
    "shard": _TEXT,
}
_SCHEMA = table(
    {
        "dataset": _TEXT,
        "schema": whole(0),
        "recordings": mapping(table(_STORED)),
        "shards": mapping(_TEXT),
        "files": mapping(_TEXT),
        "key": _TEXT,
        "changed": listed(table(dict.fromkeys(("name", "expected", "found"), _TEXT))),
        "origin": mapping(_TEXT),
    }
)


@dataclass(frozen=True)
class Changed:
    """Something that is not as it was declared or frozen, and was accepted all the same."""

    name: str
    """An official file, or a number that a split froze."""
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Manifest:
    """What a store holds."""

    dataset: str
    schema: int
    recordings: Mapping[str, Stored]
    shards: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Parquet file -> SHA-256; another version of pyarrow may write the same recordings otherwise."""
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Official file, as it lay in the folder that was imported -> SHA-256."""
    key: str = field(default="", compare=False)
    """`staging.key`: of those files, and of what read them."""
    changed: tuple[Changed, ...] = field(default=(), compare=False)
    """What `--accept-changed` took; every result scored on this store carries it."""
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where the recordings came from, where that can be pinned: repository, revision, digest."""

    @property
    def frames(self) -> int:
        """The frames of all recordings."""
        return sum(stored.frames for stored in self.recordings.values())

    def text(self) -> str:
        """Return `manifest.json`; the same store gives the same bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def manifest(dataset: Dataset) -> Manifest:
    """Return what the store holds; raise `DataError` saying how to fill it where it holds nothing."""
    path = home() / dataset.name / MANIFEST
    if not path.is_file():
        raise DataError(f"no recordings of {dataset.name!r} in {home()}", hint=how_to_pull(dataset))
    try:
        data = read_json(path, MOST, follow=True)
    except FileError as fault:
        raise _other(dataset, path, [fault.title]) from fault
    if isinstance(data, dict) and data.get("schema") != SCHEMA_VERSION:
        raise _other(dataset, path, [f"schema {shown(data.get('schema'))}, expected {SCHEMA_VERSION}"])
    if faults := _SCHEMA.faults(data):
        raise _other(dataset, path, map(str, faults))
    recordings = {id_: Stored(**stored) for id_, stored in data.pop("recordings").items()}
    changed = tuple(Changed(**one) for one in data.pop("changed"))
    held = Manifest(recordings=recordings, changed=changed, **data)
    lacking = {stored.shard for stored in recordings.values()} - set(held.shards)
    if lacking:
        raise _other(dataset, path, [f"no SHA-256 of {quoted(name)}" for name in sorted(lacking)])
    return held


def _other(dataset: Dataset, path: Path, faults: Iterable[str]) -> DataError:
    hint = f"{how_to_pull(dataset)} --replace"
    return DataError(f"{path} is not a store of this version", first(faults), hint=hint)


def how_to_pull(dataset: Dataset, origin: Mapping[str, str] | None = None) -> str:
    """Return the command that fills the store; with the `origin` of a store, the one that filled it."""
    if origin:
        return f"bench pull {dataset.name} --repo {origin['repo']} --revision {origin['revision']}"
    by_itself = dataset.simulated or dataset.published
    return f"bench pull {dataset.name}" + ("" if by_itself else " --from FOLDER")
