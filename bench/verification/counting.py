"""What can be counted of recordings, of one or of many: each number under its quantity and class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.kinds import kind_of
from bench.recordings import Recording
from bench.splits import Totals
from bench.tasks import Task

Counts = Mapping[tuple[str, str], int]
"""(quantity, class) -> number, in the quantities of `published` and "annotated"; class "" = all together.

Of a class, "recordings" counts those in which it holds.
"""


@dataclass(frozen=True)
class Seen:
    """One stored recording, counted anew."""

    group: str
    truth: str
    counts: Counts

    @property
    def totals(self) -> Totals:
        """What it adds to the totals of its subset, as split files freeze them."""
        frames = {name: count for (quantity, name), count in self.counts.items() if quantity == "frames"}
        return Totals(1, frames.pop(""), frames, self.counts.get(("segments", "")))


def summarise(task: Task, recording: Recording) -> Seen:
    """Count one recording, with the segments where the task asks for segments."""
    frames = dict(zip(recording.classes, recording.labels.sum(axis=0).tolist(), strict=True))
    counted = task.protocol.counted(recording)
    scored = dict(zip(task.classes, task.truth(recording)[counted].sum(axis=0).tolist(), strict=True))
    counts = {("recordings", ""): 1, ("frames", ""): recording.frames}
    counts |= {("annotated", ""): int(recording.annotated.sum()), ("scored", ""): int(counted.sum())}
    counts |= {("recordings", name): int(held > 0) for name, held in frames.items()}
    counts |= {("frames", name): held for name, held in frames.items()}
    counts |= {("scored", name): held for name, held in scored.items()}
    counts |= kind_of(task).tally(task, recording)
    return Seen(recording.group, recording.truth_digest(), counts)


def of_totals(task: Task, totals: Totals) -> Counts:
    """Return what frozen totals say; also what is scored, where the protocol leaves out ends alone.

    Frozen totals do not say which frames nobody annotated: as many as the frames are taken to be.
    """
    counts = {("recordings", ""): totals.recordings, ("frames", ""): totals.frames}
    counts[("annotated", "")] = totals.frames
    counts |= {("frames", name): number for name, number in totals.counts.items()}
    if totals.segments is not None:
        counts["segments", ""] = totals.segments
    protocol = task.protocol
    if sum(totals.counts.values()) == totals.frames and not protocol.within:
        ends = protocol.skip_first + protocol.skip_last
        counts[("scored", "")] = totals.frames - totals.recordings * ends
    return counts


def add(many: Sequence[Counts]) -> Counts:
    """Add up counts; a class that only some show counts, a quantity that only some have does not."""
    whole = {
        quantity for quantity, class_ in many[0] if not class_ and all((quantity, "") in c for c in many)
    }
    keys = dict.fromkeys(key for key in chain(*many) if key[0] in whole)
    return {key: sum(counts.get(key, 0) for counts in many) for key in keys}
