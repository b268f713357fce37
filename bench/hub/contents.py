"""What a copy holds: the SHA-256 of every file, in `manifest.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import DataError, FileError, first
from bench.files.schema import mapping, matching, table, text, whole
from bench.files.strict_json import read_json
from bench.store import SCHEMA_VERSION, file_digest
from bench.tasks import Dataset

MANIFEST = "manifest.json"
SHARDS = "data/*.parquet"
_SHARD = re.compile(r"data/shard-\d{3,6}\.parquet")
_FILE = {"bytes": whole(0), "sha256": matching(re.compile(r"[0-9a-f]{64}"), "a SHA-256 of 64 hex digits")}
_SCHEMA = table({"dataset": text(), "schema": whole(0), "files": mapping(table(_FILE))})
LARGEST = 64 * 2**20
"""Bytes of a manifest: some 400,000 files."""


@dataclass(frozen=True)
class Listed:
    """One file as the manifest lists it."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """The files of a copy, the manifest itself left out."""

    dataset: str
    schema: int
    files: Mapping[str, Listed]

    @property
    def shards(self) -> list[str]:
        """The Parquet files, in order."""
        return sorted(name for name in self.files if _SHARD.fullmatch(name))

    def text(self) -> str:
        """Return the manifest; the same files give the same bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def shard(number: int) -> str:
    """Return the name of the Parquet file of that number."""
    return f"data/shard-{number:03d}.parquet"


def of_folder(dataset: Dataset, folder: Path) -> Contents:
    """List the files of a copy that is being made."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    listed = {
        path.relative_to(folder).as_posix(): Listed(path.stat().st_size, file_digest(path)) for path in paths
    }
    return Contents(dataset.name, SCHEMA_VERSION, listed)


def read(path: Path) -> Contents:
    """Read a manifest; raise `DataError` listing what is wrong with it."""
    try:
        data = read_json(path, LARGEST, follow=True)
    except FileError as fault:
        raise DataError(f"{path.name} is not the manifest of a copy", [fault.title]) from fault
    problems = list(map(str, _SCHEMA.faults(data)))
    if not problems and data["schema"] != SCHEMA_VERSION:
        problems.append(f"schema {data['schema']}, expected {SCHEMA_VERSION}")
    if not problems and not any(map(_SHARD.fullmatch, data["files"])):
        problems.append("no data/shard-NNN.parquet")
    if problems:
        raise DataError(f"{path.name} is not the manifest of a copy", first(problems))
    files = {name: Listed(**listed) for name, listed in data["files"].items()}
    return Contents(data["dataset"], data["schema"], files)


def faults(contents: Contents, folder: Path) -> dict[str, str]:
    """Compare the Parquet files at hand with the manifest; return file -> what is wrong with it."""
    found = {}
    for name in contents.shards:
        path = folder / name
        if not path.is_file():
            found[name] = "listed in the manifest, not in the copy"
        elif (digest := file_digest(path)) != contents.files[name].sha256:
            found[name] = f"sha256 {digest}, expected {contents.files[name].sha256}"
    return found
