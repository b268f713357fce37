"""What the papers printed of the data: `leaderboard/reference/counts.csv`, one printed number to a row.

source, table     where it stands
task, part, subset, recording   of what; empty = all
class             of which class; empty = all classes together
quantity          recordings (in which the class holds) | frames (in which it holds) | segments |
                  percent (of the annotated frames) | thousands of frames | scored (frames that the task's
                  protocol counts) | fold (val|test recording)
printed           the number as printed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path

from bench.about import NAME
from bench.files.csv_rows import read_columns
from bench.resources import resource
from bench.verification.checks import Check, equal

ROUNDED = ("percent", "thousands of frames")
"""Quantities that are printed rounded, or cut off."""


@dataclass(frozen=True)
class Printed:
    """One number of a table."""

    source: str
    table: str
    task: str
    part: str
    subset: str
    recording: str
    class_: str
    quantity: str
    printed: str

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.source}, {self.table}"

    @property
    def number(self) -> int | str:
        """Its value; shares, roundings and folds stay text."""
        whole = self.printed.isdecimal() and self.quantity not in ROUNDED
        return int(self.printed) if whole else self.printed

    @property
    def scope(self) -> str:
        """What it counts, in words."""
        parts = [] if self.part in ("", "all") else [self.part]
        return "/".join([*parts, *filter(None, [self.subset, self.recording])]) or "all"

    @property
    def what(self) -> str:
        """The check's name."""
        return f"{self.scope}: {self.quantity}" + (f" of {self.class_}" if self.class_ else "")


def read_printed(path: Path | None = None) -> list[Printed]:
    """Read the table of printed numbers; raise `DataError` where it has other columns."""
    path = path or resource("reference", "leaderboard/reference") / "counts.csv"
    names = [field.name.rstrip("_") for field in fields(Printed)]
    return [Printed(*row) for row in read_columns(path, names, f"reinstall {NAME}")]


def from_counts(rounded: Printed, printed: Sequence[Printed]) -> tuple[Fraction, str] | None:
    """Return what a rounded number must be by the frames that papers print, and from what; None without them.

    What no table counts as a whole is the sum over the recordings.
    """
    frames = [p for p in printed if p.task == rounded.task and p.quantity == "frames"]
    held, all_frames = (_frames(rounded, class_, frames) for class_ in (rounded.class_, ""))
    if held is None or not all_frames:
        return None
    if rounded.quantity == "percent":
        return Fraction(100 * held, all_frames), f"{held:,} of {all_frames:,} frames"
    return Fraction(held, 1000), f"{held:,} frames"


def _frames(place: Printed, class_: str, frames: Sequence[Printed]) -> int | None:
    of_class = [p for p in frames if p.class_ == class_ and p.subset == place.subset]
    whole = [int(p.printed) for p in of_class if p.recording == place.recording and _same_part(p, place)]
    by_recording = {p.recording: int(p.printed) for p in of_class if p.recording and not place.recording}
    return whole[0] if whole else sum(by_recording.values()) if by_recording else None


def _same_part(one: Printed, other: Printed) -> bool:
    return (one.part or "all") == (other.part or "all")


def sums(printed: Sequence[Printed]) -> list[Check]:
    """Check the tables against themselves: where classes and their total are printed, they must add up."""
    counts = [p for p in printed if p.quantity in ("frames", "segments")]
    totals = {_row(p): int(p.printed) for p in counts if not p.class_}
    added: dict[tuple[str, ...], int] = {}
    for p in counts:
        if p.class_:
            added[_row(p)] = added.get(_row(p), 0) + int(p.printed)
    pairs: dict[tuple[str, str], list[bool]] = {}
    for row, total in added.items():
        if row in totals:
            pairs.setdefault((row[0], row[1]), []).append(total == totals[row])
    what = "rows whose classes add up to the printed total"
    return [
        equal(task, what, len(right), sum(right), "printed", place, printed=True)
        for (task, place), right in pairs.items()
    ]


def _row(p: Printed) -> tuple[str, ...]:
    return (p.task, p.place, p.part, p.subset, p.recording, p.quantity)
