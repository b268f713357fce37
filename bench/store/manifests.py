"""What a store holds, and where: `manifest.json`, under `$BENCH_HOME`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import DataError
from bench.resources import home
from bench.tasks import Dataset

SCHEMA_VERSION = 2
PARQUET = "recordings.parquet"


@dataclass(frozen=True)
class Stored:
    """What the manifest says of one recording."""

    frames: int
    poses: bool
    truth: str
    """`Recording.truth_digest`: what scoring reads."""
    rest: str
    """`rows.rest_digest`: group, annotator, frame rate, poses and confidence."""
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Manifest:
    """What a store holds."""

    dataset: str
    schema: int
    recordings: Mapping[str, Stored]
    sha256: str = field(default="", compare=False)
    """Of `recordings.parquet`; another version of pyarrow may write the same recordings otherwise."""
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where the recordings came from, where that can be pinned: repository, revision, digest."""

    @property
    def frames(self) -> int:
        """The frames of all recordings."""
        return sum(stored.frames for stored in self.recordings.values())


def manifest(dataset: Dataset) -> Manifest:
    """Return what the store holds; raise `DataError` saying how to fill it where it holds nothing."""
    path = home() / dataset.name / "manifest.json"
    if not path.is_file():
        raise DataError(f"no recordings of {dataset.name!r} in {home()}", hint=how_to_pull(dataset))
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA_VERSION:
            raise ValueError(f"schema {data['schema']}, expected {SCHEMA_VERSION}")
        if "sha256" not in data:
            raise ValueError(f"no sha256 of {PARQUET}")
        recordings = {id_: Stored(**stored) for id_, stored in data["recordings"].items()}
        return Manifest(data["dataset"], data["schema"], recordings, data["sha256"], data.get("origin", {}))
    except (KeyError, TypeError, ValueError) as fault:
        raise DataError(
            f"{path} is not a store of this version",
            [f"{type(fault).__name__}: {fault}"],
            hint=f"{how_to_pull(dataset)} --replace",
        ) from fault


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def how_to_pull(dataset: Dataset) -> str:
    """Return the command that fills the store."""
    return f"bench pull {dataset.name}" + ("" if dataset.simulated else " --from FOLDER")
