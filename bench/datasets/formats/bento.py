"""Bento `.annot` files: channels, in each of them behaviours, in each of those bouts that may overlap.

A bout is start, stop and duration, counted from frame 1, the stop included, in one of three units that the
file does not name:

`frames`    whole numbers: the MATLAB program of old, with a duration of stop - start + 1
`seconds`   the frame over the frame rate: the MATLAB program
`nominal`   the frame over the *whole* frame rate, 30 for 29.97: the Python program, by its library timecode

They are told apart by the numbers: each unit but one makes frames that are not whole. Where that leaves two,
a file that the Python program wrote says so in its head. Who reads may say which it is.
Start and stop of the annotation are frames in the head, or seconds ("annotation start time").

Source: the Bento annotator of Segalin et al. 2021, doi 10.7554/eLife.63720; saveAnnot.m of bentoMAT, and the
timecode library (1.3.1) of the Python program.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.formats.intervals import LONGEST, Interval, cut, frame_at, interval_faults
from bench.errors import DataError, first
from bench.files.texts import read_lines

UNITS = ("frames", "seconds", "nominal")
_HEAD = re.compile(
    r"(annotation (?:start frame|stop frame|start time|stop time|framerate))\s*:\s*(\S+)", re.I
)
_CHANNEL = re.compile(r"(\S.*?)-{3,}")
_START, _STOP, _RATE = "annotation start", "annotation stop", "annotation framerate"
_ON_GRID = 0.05
"""Of a frame: how far from whole frames, on average, the times of a file may be in the unit that it uses."""


@dataclass(frozen=True)
class Annot:
    """What one file holds."""

    fps: float
    first: int
    """The first annotated frame, from 0."""
    stop: int
    """The frame after the last annotated one."""
    channels: Mapping[str, tuple[Interval, ...]]
    """Channel -> its bouts, in the order of the file; a channel may have none."""
    notes: tuple[str, ...] = ()
    """What the reader decided."""


@dataclass(frozen=True)
class _Bout:
    channel: str
    label: str
    start: str
    stop: str
    duration: str


@dataclass(frozen=True)
class _Head:
    rate: float
    start: float
    stop: float
    in_seconds: bool
    """Whether start and stop are seconds."""
    of_python: bool
    """Whether the Python program wrote the file."""


def read_annot(path: Path, unit: str | None = None, tolerance: int = 0) -> Annot:
    """Read one file; raise `DataError` listing every line that is not in order.

    `unit` is one of `UNITS`; without it the numbers of the bouts decide. Bouts may run past the annotation's
    end by `tolerance` frames: there they are cut.
    """
    lines, faults = read_lines(path), list[str]()
    head = _head(lines, faults)
    channels, bouts = _bouts(lines, faults)
    if faults:
        raise _error(path, faults)
    chosen, why = (unit, "as declared") if unit else _unit(head, bouts)
    if chosen is None:
        raise _error(path, [why])
    per_second = float(round(head.rate)) if chosen == "nominal" else head.rate
    begin, end = (
        frame_at(x, per_second) if head.in_seconds else int(min(x, 1e12)) for x in (head.start, head.stop)
    )
    placed = _by_channel(channels, bouts, 1.0 if chosen == "frames" else per_second)
    held, late = dict[str, tuple[Interval, ...]](), 0
    for name, intervals in placed.items():
        kept, count = cut(intervals, end, tolerance)
        held[name], late = tuple(kept), late + count
        faults += [f"{name}: {fault}" for fault in interval_faults(kept, end)]
    if faults:
        told = (
            f"times read as {chosen}, {why}; in labels = {{ … }} times = one of {', '.join(UNITS)} says it, "
        )
        told += "and tolerance = … cuts bouts that end a few frames late"
        raise _error(path, [told, *faults] if bouts else faults)
    notes = [f"times read as {_words(chosen, head.rate)} ({why})"] if bouts else []
    if late:
        notes.append(f"{late} bouts end up to {tolerance} frames past the annotation's end: cut there")
    return Annot(head.rate, max(begin, 1) - 1, end, held, tuple(notes))


def _by_channel(
    channels: Iterable[str], bouts: Iterable[_Bout], per_second: float
) -> dict[str, list[Interval]]:
    """Return the bouts as half-open frames from 0; `per_second` is how many frames a number counts."""
    placed: dict[str, list[Interval]] = {name: [] for name in channels}
    for bout in bouts:
        start, stop = (frame_at(float(x), per_second) for x in (bout.start, bout.stop))
        placed[bout.channel].append(Interval(start - 1, stop, bout.label))
    return placed


def _head(lines: Sequence[str], faults: list[str]) -> _Head:
    """Return what stands above the channels; note what is missing or no number."""
    title = lines[0].lower() if lines else ""
    if not title.startswith("bento annotation file"):
        faults.append("line 1: no 'Bento annotation file'")
    told = {m[1].lower(): m[2] for line in lines if (m := _HEAD.match(line.strip()))}
    in_seconds = f"{_START} frame" not in told and f"{_START} time" in told
    kind = "time" if in_seconds else "frame"
    numbers: dict[str, float] = {}
    for name in (f"{_START} {kind}", f"{_STOP} {kind}", _RATE):
        try:
            numbers[name] = float(told[name])
        except KeyError:
            faults.append(f"no '{name}'")
        except ValueError:
            faults.append(f"{name} {told[name]!r}, expected a number")
    start, stop, rate = (numbers.get(name, 1.0) for name in (f"{_START} {kind}", f"{_STOP} {kind}", _RATE))
    least, most = (0.0, float(LONGEST)) if in_seconds else (1.0, 100.0 * LONGEST)
    if not (0 < rate < math.inf and least <= start <= stop <= most):
        values = [told.get(f"{_START} {kind}"), told.get(f"{_STOP} {kind}"), told.get(_RATE)]
        faults.append(f"{kind}s {values[0]} to {values[1]} at {values[2]} per second")
    elif in_seconds and stop * rate > 100 * LONGEST:
        faults.append(f"{stop:g} seconds at {rate:g} frames per second, expected a video")
    of_python = "v2" in title or any(line.lower().startswith("start date time") for line in lines)
    return _Head(rate, start, stop, in_seconds, of_python)


def _unit(head: _Head, bouts: Sequence[_Bout]) -> tuple[str | None, str]:
    """Return the unit of the bouts' numbers and how it shows; None and what to write where it does not."""
    numbers = [(float(bout.start), float(bout.stop), float(bout.duration)) for bout in bouts]
    if all(_is_whole(text) for bout in bouts for text in (bout.start, bout.stop, bout.duration)):
        return _unit_of_whole(head, numbers)
    if all(x == round(x) for bout in numbers for x in bout) and _stop_counts(numbers):
        return "frames", "whole numbers, with the stop counted in the duration"
    if head.rate == round(head.rate):
        return "seconds", "they have decimals"
    times = [x for start, stop, _ in numbers for x in (start, stop)]
    exact, nominal = (_off_grid(times, rate) for rate in (head.rate, float(round(head.rate))))
    if min(exact, nominal) > _ON_GRID:
        return "seconds", "in no unit are they whole frames"
    if max(exact, nominal) > _ON_GRID:
        unit = "nominal" if nominal < exact else "seconds"
        return unit, "in no other unit are they whole frames"
    return ("nominal" if head.of_python else "seconds"), "as the head of the file says who wrote it"


def _unit_of_whole(head: _Head, numbers: Sequence[tuple[float, float, float]]) -> tuple[str | None, str]:
    """Whole numbers are frames, but for seconds that happen to be whole."""
    latest = max((stop for _, stop, _ in numbers), default=0.0)
    last_second = head.stop if head.in_seconds else head.stop / head.rate
    if _stop_counts(numbers):
        return "frames", "whole numbers, with the stop counted in the duration"
    if latest > last_second:
        return "frames", "whole numbers beyond the last second"
    told = f"whole numbers up to {latest:g} may be frames or seconds of the {last_second:g}"
    return None, f"{told}; in labels = {{ … }} write times = one of {', '.join(UNITS)}"


def _stop_counts(numbers: Iterable[tuple[float, float, float]]) -> bool:
    return all(duration == stop - start + 1 for start, stop, duration in numbers)


def _off_grid(times: Iterable[float], rate: float) -> float:
    """Return by how much of a frame the times miss whole frames, on average."""
    misses = [abs(time * rate - round(time * rate)) for time in times if time * rate < LONGEST * 100]
    return sum(misses) / max(len(misses), 1)


def _words(unit: str, rate: float) -> str:
    if unit == "frames":
        return "frames"
    return f"seconds, frame / {round(rate) if unit == 'nominal' else rate:g}"


def _bouts(lines: Sequence[str], faults: list[str]) -> tuple[list[str], list[_Bout]]:
    """Return the channels and the bouts below their headings; note the lines that are neither.

    The MATLAB program writes no heading of a channel without bouts: it stands in the list of channels alone.
    """
    headings: list[str] = []
    bouts: list[_Bout] = []
    label = ""
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        cells = text.split()
        heading = _CHANNEL.fullmatch(text)
        if heading:
            if heading[1] in headings:
                faults.append(f"line {number}: channel {heading[1]} a second time")
            headings.append(heading[1])
            label = ""
        elif not headings or not text or text.lower().startswith("start"):
            continue
        elif text.startswith(">"):
            label = text[1:].strip()
        elif label and len(cells) == 3 and all(_is_number(cell) for cell in cells):
            bouts.append(_Bout(headings[-1], label, *cells))
        else:
            faults.append(f"line {number}: {text!r}, expected start, stop and duration below a behaviour")
    channels = list(dict.fromkeys([*_listed_channels(lines), *headings]))
    if not channels:
        faults.append("no channel")
    elif not headings and not any(line.lower().startswith("list of annotations") for line in lines):
        faults.append("no bouts, and cut short before the list of annotations")
    return channels, bouts


def _listed_channels(lines: Sequence[str]) -> list[str]:
    """Return what stands below "List of channels", up to the next empty line."""
    texts = [line.strip() for line in lines]
    start = next((i for i, text in enumerate(texts) if text.lower().startswith("list of channels")), None)
    if start is None:
        return []
    below = texts[start + 1 :]
    return below[: below.index("")] if "" in below else below


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,12}(\.\d*)?(e[-+]?\d\d?)?", text, re.IGNORECASE) is not None


def _is_whole(text: str) -> bool:
    return text.isdigit()


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(f"{path} is not a Bento annotation", first(faults), hint="save it again, or take it out")
