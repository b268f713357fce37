"""Bento `.annot` files: channels, in each of them behaviours, in each of those bouts that may overlap.

A bout is start, stop and duration. Whole numbers throughout are frames, counted from 1, the stop included;
any decimal point makes all of them seconds, which Bento writes as the number of the frame over the frame
rate. Annotation start and stop frame in the head say which frames were looked at.

Source: the Bento annotator of Segalin et al. 2021, doi 10.7554/eLife.63720, as its programs write the files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.formats.intervals import LONGEST, Interval, frame_at, interval_faults
from bench.errors import DataError, first

_HEAD = re.compile(r"(annotation (?:start frame|stop frame|framerate))\s*:\s*(\S+)", re.IGNORECASE)
_CHANNEL = re.compile(r"(\S+?)-{3,}")
_START, _STOP, _RATE = "annotation start frame", "annotation stop frame", "annotation framerate"


@dataclass(frozen=True)
class Annot:
    """What one file holds."""

    fps: float
    first: int
    """The first annotated frame, from 0."""
    stop: int
    """The frame after the last annotated one."""
    channels: Mapping[str, tuple[Interval, ...]]
    """Channel -> its bouts, in the order of the file."""


@dataclass(frozen=True)
class _Bout:
    channel: str
    label: str
    start: str
    stop: str


def read_annot(path: Path) -> Annot:
    """Read one file; raise `DataError` listing every line that is not in order."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    faults = (
        []
        if lines and lines[0].lower().startswith("bento annotation file")
        else ["line 1: no 'Bento annotation file'"]
    )
    head = {m[1].lower(): m[2] for line in lines if (m := _HEAD.match(line.strip()))}
    numbers: dict[str, float] = {}
    for name in (_START, _STOP, _RATE):
        try:
            numbers[name] = float(head[name])
        except KeyError:
            faults.append(f"no '{name}'")
        except ValueError:
            faults.append(f"{name} {head[name]!r}, expected a number")
    channels, bouts = _bouts(lines, faults)
    rate, start, end = (numbers.get(name, 1.0) for name in (_RATE, _START, _STOP))
    if not (0 < rate < math.inf and 1 <= start <= end <= 100 * LONGEST):
        faults.append(f"frames {head.get(_START)} to {head.get(_STOP)} at {head.get(_RATE)} per second")
    if faults:
        raise _error(path, faults)
    stop = int(end)
    seconds = any("." in bout.start + bout.stop for bout in bouts)
    by_channel: dict[str, list[Interval]] = {name: [] for name in channels}
    for bout in bouts:
        first, last = (frame_at(float(x), rate if seconds else 1.0) for x in (bout.start, bout.stop))
        by_channel[bout.channel].append(Interval(first - 1, last, bout.label))
    for name, intervals in by_channel.items():
        faults += [f"{name}: {fault}" for fault in interval_faults(intervals, stop)]
    if faults:
        raise _error(path, faults)
    return Annot(rate, int(start) - 1, stop, {name: tuple(listed) for name, listed in by_channel.items()})


def _bouts(lines: Sequence[str], faults: list[str]) -> tuple[list[str], list[_Bout]]:
    """Return the channels and the bouts below their headings; note the lines that are neither."""
    channels: list[str] = []
    bouts: list[_Bout] = []
    label = ""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        cells = text.split()
        heading = _CHANNEL.fullmatch(text)
        if heading:
            if heading[1] in channels:
                faults.append(f"line {number}: channel {heading[1]} a second time")
            channels.append(heading[1])
            label = ""
        elif not channels or not text or text.lower().startswith("start"):
            continue
        elif text.startswith(">"):
            label = text[1:].strip()
        elif label and len(cells) == 3 and all(_is_number(cell) for cell in cells):
            bouts.append(_Bout(channels[-1], label, cells[0], cells[1]))
        else:
            faults.append(f"line {number}: {text!r}, expected start, stop and duration below a behaviour")
    if not channels:
        faults.append("no channel")
    return channels, bouts


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,12}(\.\d*)?(e[-+]?\d\d?)?", text, re.IGNORECASE) is not None


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(f"{path} is not a Bento annotation", first(faults), hint="save it again, or take it out")
