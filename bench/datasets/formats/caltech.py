"""Text files of the Caltech Behavior Annotator: channels of intervals, 1-based with inclusive ends.

Source: the files of the rat dyads (doi 10.6084/m9.figshare.30393298). Every channel tiles the video:
an interval begins in the frame after the last one ended, and the first one in frame 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from bench.datasets.formats.intervals import Interval
from bench.errors import DataError, first
from bench.files.texts import read_lines

_CHANNEL = re.compile(r"(S\d+):.*")
_INTERVAL = re.compile(r"(\d{1,8})\s+(\d{1,8})\s+(\S+)")  # eleven days at 100 frames per second
_TITLE = "Caltech Behavior Annotator"


@dataclass(frozen=True)
class Annotation:
    """What one file holds."""

    labels: tuple[str, ...]
    """The configuration's labels, in the file's order."""
    channels: Mapping[str, tuple[Interval, ...]]

    @property
    def frames(self) -> int:
        """The number of annotated frames; the channels agree on it."""
        return max(intervals[-1].stop for intervals in self.channels.values())

    def per_frame(self, channel: str, labels: Sequence[str], frames: int) -> Int[np.ndarray, " T"]:
        """Return the index into `labels` per frame; -1 for another label, or after the annotation's end."""
        numbers = np.full(frames, -1)
        for interval in self.channels[channel]:
            if interval.label in labels:
                numbers[interval.start : interval.stop] = labels.index(interval.label)
        return numbers


def read_annotation(path: Path) -> Annotation:
    """Read one annotation file; raise `DataError` listing every gap, overlap and unknown label."""
    lines = read_lines(path)
    labels: list[str] = []
    channels: dict[str, list[tuple[int, Interval]]] = {}
    faults = [] if lines and lines[0].startswith(_TITLE) else [f"line 1: expected '{_TITLE} …'"]
    channel: list[tuple[int, Interval]] | None = None
    for number, line in enumerate(lines[1:], start=2):
        text = line.strip()
        heading, interval = _CHANNEL.fullmatch(text), _INTERVAL.fullmatch(text)
        if not text or set(text) == {"-"} or text == "Configuration file:":
            continue
        if heading:
            if heading[1] in channels:
                faults.append(f"line {number}: channel {heading[1]} a second time")
            channel = channels.setdefault(heading[1], [])
        elif channel is not None and interval:
            channel.append((number, Interval(int(interval[1]) - 1, int(interval[2]), interval[3])))
        elif channel is None and len(text.split()) == 2:
            labels.append(text.split()[0])
        else:
            faults.append(f"line {number}: {text!r}, expected start, end and label")
    faults += _tiling_faults(channels, labels)
    if faults:
        raise DataError(
            f"{path} is not a complete annotation", first(faults), hint="mend the file or take it out"
        )
    return Annotation(
        tuple(labels), {name: tuple(interval for _, interval in rows) for name, rows in channels.items()}
    )


def _tiling_faults(
    channels: Mapping[str, Sequence[tuple[int, Interval]]], labels: Sequence[str]
) -> list[str]:
    if not channels:
        return ["no channel 'S1:' in it"]
    faults = []
    for name, intervals in channels.items():
        reached = 0
        for line, interval in intervals:
            place = f"line {line}: {name} {interval.start + 1}-{interval.stop} {interval.label}"
            if interval.stop <= interval.start:
                faults.append(f"{place} ends before it starts")
            if interval.start > reached:
                faults.append(f"{place} leaves a gap of {interval.start - reached} frames before it")
            if interval.start < reached:
                faults.append(f"{place} overlaps the interval before it by {reached - interval.start} frames")
            if interval.label not in labels:
                faults.append(f"{place}: the configuration has no label {interval.label!r}")
            reached = max(reached, interval.stop)
    ends = {name: intervals[-1][1].stop if intervals else 0 for name, intervals in channels.items()}
    if 0 in ends.values():
        faults += [f"channel {name} has no intervals" for name, end in ends.items() if end == 0]
    elif len(set(ends.values())) > 1:
        faults.append(f"channels end in different frames: {ends}")
    return faults
