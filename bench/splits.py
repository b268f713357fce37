"""Splits: which recordings train, which validate, which test. Frozen in `splits/`, refused when changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.about import NAME
from bench.errors import SplitError
from bench.resources import resource

Subset = Literal["train", "val", "test"]
SUBSETS: tuple[Subset, ...] = ("train", "val", "test")
Groups = Mapping[str, tuple[str, ...]]
"""Group -> ids of its recordings."""


@dataclass(frozen=True)
class Totals:
    """What some recordings add up to; those of one part and subset are frozen in its split file."""

    recordings: int
    frames: int
    counts: Mapping[str, int]
    """Class -> frames in which it holds."""
    segments: int | None = None
    """Where the annotators gave segments: how many."""


def add_up(totals: Sequence[Totals]) -> Totals:
    """Add up at least one of them; segments only where all have them."""
    names = dict.fromkeys(name for one in totals for name in one.counts)
    segments = [one.segments for one in totals if one.segments is not None]
    return Totals(
        recordings=sum(one.recordings for one in totals),
        frames=sum(one.frames for one in totals),
        counts={name: sum(one.counts.get(name, 0) for one in totals) for name in names},
        segments=sum(segments) if len(segments) == len(totals) else None,
    )


def side_by_side(counted: Totals, expected: Totals) -> Iterator[tuple[str, int, int | None]]:
    """Yield the name, the expected and the counted value of each expected number; None for an absent class.

    Segments are compared where both have them.
    """
    yield "recordings", expected.recordings, counted.recordings
    yield "frames", expected.frames, counted.frames
    for name, count in expected.counts.items():
        yield f"frames of {name}", count, counted.counts.get(name)
    if expected.segments is not None and counted.segments is not None:
        yield "segments", expected.segments, counted.segments


@dataclass(frozen=True)
class Split:
    """Parts of a task, each with its own train, val and test recordings, keyed by group.

    Raises `SplitError` where a group or a recording is in two subsets of a part.
    """

    name: str
    source: str
    """Who decided it: "official", or `about.SPLIT_SOURCE` where no official split exists."""
    rule: str
    """How the recordings were chosen, in words."""
    parts: Mapping[str, Mapping[str, Groups]]
    totals: Mapping[str, Mapping[str, Totals]] = field(default_factory=dict)
    """Frozen sums, where the papers or the real files give them."""
    truth: Mapping[str, str] = field(default_factory=dict)
    """Recording id -> SHA-256 of its truth (`Recording.truth_digest`), where the real files were at hand."""
    label_order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Seed -> the train groups in the order in which they get their labels; see `labelled`."""
    digest: str = ""
    """SHA-256 of the split file."""

    def __post_init__(self) -> None:
        problems = []
        for part, subsets in self.parts.items():
            for i, a in enumerate(SUBSETS):
                for b in SUBSETS[i + 1 :]:
                    shared = set(subsets.get(a, {})) & set(subsets.get(b, {}))
                    shared |= set(self.ids(part, a)) & set(self.ids(part, b))
                    problems += [f"{part}: {name!r} is in {a} and in {b}" for name in sorted(shared)]
        if problems:
            raise SplitError(f"split {self.name!r}: no group may be on two sides", problems)

    def ids(self, part: str, subset: str) -> list[str]:
        """Return the recordings of one subset of a part, in the order of the file."""
        return [id_ for ids in self.parts[part].get(subset, {}).values() for id_ in ids]

    def labelled(self, part: str, seed: str, percent: int) -> list[str]:
        """Return the train recordings whose labels may be used when `percent` of the groups have any.

        The groups of 10 % are among those of 20 %, and so on; the others train without labels.
        """
        order = self.label_order[seed]
        first = set(order[: -(-len(order) * percent // 100)])
        return [id_ for id_, group in self.group_of(part, "train").items() if group in first]

    def group_of(self, part: str, subset: str) -> dict[str, str]:
        """Return recording id -> group for one subset of a part."""
        return {id_: group for group, ids in self.parts[part].get(subset, {}).items() for id_ in ids}


@dataclass(frozen=True)
class FrozenSplit:
    """A file of `splits/` by name and digest: changing the split means changing this declaration."""

    name: str
    digest: str

    def load(self, folder: Path | None = None) -> Split:
        """Read the file; raise `SplitError` where it is missing or is not the one declared."""
        path = (folder or resource("splits", "splits")) / f"{self.name}.json"
        if not path.is_file():
            raise SplitError(f"split file {path} is missing", hint=f"reinstall {NAME}")
        data = path.read_bytes()
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.digest:
            raise SplitError(
                f"split file {path} was changed",
                [f"sha256 {actual}", f"declared {self.digest}"],
                hint="restore the file; another split is another task, with its own name",
            )
        return from_json(json.loads(data), actual)


@dataclass(frozen=True)
class RuledSplit:
    """A split that follows from a rule alone, as that of a simulation; made when it is asked for."""

    make: Callable[[], Split]

    def load(self) -> Split:
        """Return the split."""
        return self.make()


def from_json(data: Mapping[str, Any], digest: str) -> Split:
    """Build a split from the content of its file."""
    return Split(
        name=data["name"],
        source=data["source"],
        rule=data["rule"],
        parts={
            part: {subset: {g: tuple(ids) for g, ids in groups.items()} for subset, groups in subsets.items()}
            for part, subsets in data["parts"].items()
        },
        totals={
            part: {subset: Totals(**totals) for subset, totals in subsets.items()}
            for part, subsets in data.get("totals", {}).items()
        },
        truth=data.get("truth", {}),
        label_order={seed: tuple(groups) for seed, groups in data.get("label_order", {}).items()},
        digest=digest,
    )
