"""What the manifest says of one recording; and the digest of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.splits import Totals


@dataclass(frozen=True)
class Stored:
    """What the manifest says of one recording."""

    frames: int
    poses: bool
    truth: str
    """`Recording.truth_digest`: what scoring reads."""
    rest: str
    """`rows.rest_digest`: group, annotator, frame rate, poses, confidence and features."""
    counts: Mapping[str, int]
    shard: str = field(default="", compare=False)
    """The Parquet file that holds it."""

    @property
    def totals(self) -> Totals:
        """What it adds to the totals of its subset; a store does not count segments."""
        return Totals(1, self.frames, self.counts)


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file, in hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
