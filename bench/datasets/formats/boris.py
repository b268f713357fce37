"""BORIS exports of events: starts and stops, or whole bouts, in seconds of the observation.

Three exports are read, told apart by their columns: "tabular events" (Time, Status START/STOP/POINT, below
a block about the observation; later versions call the status "Behavior type"), and "aggregated events"
(Start (s), Stop (s)); separated by commas, tabs or semicolons. Events are paired by subject, behaviour and
modifiers, as BORIS pairs them. BORIS adds the time offset of an observation to every time that it writes;
it is taken off again. Seconds become frames, round(seconds * FPS); a point event is one frame, and so is a
state that is shorter than one. One file may hold several observations, each of a video of its own.

Source: Friard and Gamba 2016, doi 10.1111/2041-210X.12584; write_event.py and export_observation.py of
BORIS 8; and the events of the ethome video.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.datasets.formats.intervals import LONGEST, Interval, frame_at, interval_faults
from bench.errors import DataError, first
from bench.files.csv_rows import Rows, decimal_points, read_rows, width_faults

_FPS = ("FPS", "FPS (frame/s)")
_LENGTH = ("Total length", "Media duration (s)")
_STATUS = ("Status", "Behavior type")
_ID, _OFFSET = "Observation id", "Time offset"
_NEITHER = "a live observation, or one of images, has none"


@dataclass(frozen=True)
class Events:
    """The events of one observation."""

    fps: float
    frames: int
    """The length of the video, round(seconds * FPS)."""
    intervals: tuple[Interval, ...] = ()
    """In the order of their starts; those of several subjects, and of several modifiers, may overlap."""
    subjects: tuple[str, ...] = ()
    """Who each interval is about; empty text where nobody is named."""
    notes: tuple[str, ...] = ()
    """What the reader decided."""


NO_EVENTS = Events(0.0, 0)
"""Of an export without a line of events: it says nothing of the video, its length neither."""


@dataclass(frozen=True)
class _Bout:
    """What one or two lines of an export say, in seconds of the video."""

    start: float
    stop: float
    label: str
    subject: str
    modifiers: tuple[str, ...]
    point: bool = False


@dataclass(frozen=True)
class _Export:
    """A file as rows of cells, before anything in it is a number."""

    header: Sequence[str]
    rows: Rows
    above: Mapping[str, str]
    """The block about the observation, name -> value, of old versions."""


def read_events(path: Path, tolerance: int = 0) -> Events:
    """Read a file of one observation; raise `DataError` listing every line that is not in order.

    Events may run past the stated length of the video by `tolerance` frames: there they are cut.
    """
    observations = read_observations(path, tolerance)
    if len(observations) > 1:
        raise _error(path, [f"several observations, expected one: {', '.join(observations)}"])
    (events,) = observations.values()
    if events is NO_EVENTS:
        raise _error(path, ["no events"])
    return events


def read_observations(path: Path, tolerance: int = 0, only: str | None = None) -> dict[str, Events]:
    """Return the events of every observation of a file, by its id, as `read_events` does for one.

    With `only` the others are not read. A file without lines of events holds one observation, `NO_EVENTS`.
    """
    export, faults = _export(path), list[str]()
    aggregated = "Start (s)" in export.header
    needed = ["Subject", "Start (s)", "Stop (s)"] if aggregated else ["Subject", "Time"]
    faults += [f"no column {name!r}" for name in needed if name not in export.header]
    faults += [
        f"no column {' or '.join(map(repr, names))}"
        for names in (_FPS, _LENGTH, *([] if aggregated else [_STATUS]))
        if _column(export.header, names) is None
    ]
    faults = faults or width_faults(list(export.header), export.rows)
    if faults:
        raise _error(path, faults)
    if not export.rows:
        return {export.above.get(_ID, ""): NO_EVENTS}
    cells = [(line, dict(zip(export.header, row, strict=True))) for line, row in export.rows]
    by_id: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in cells:
        by_id.setdefault(row.get(_ID, export.above.get(_ID, "")), []).append((line, row))
    found = {}
    for id_, own in by_id.items():
        if only not in (None, id_):
            continue
        wrong: list[str] = []
        found[id_] = _events(own, export, tolerance, wrong)
        faults += [f"{id_}: {fault}" if len(by_id) > 1 else fault for fault in wrong]
    if faults:
        raise _error(path, faults)
    return found


def observation_ids(path: Path) -> tuple[str, ...]:
    """Return the ids of the observations of a file, in its order; raise `DataError` as a reader does."""
    export = _export(path)
    if _ID not in export.header:
        return tuple(filter(None, [export.above.get(_ID)]))
    place = list(export.header).index(_ID)
    return tuple(dict.fromkeys(row[place] for _, row in export.rows if len(row) > place))


def _export(path: Path) -> _Export:
    for delimiter in (",", "\t", ";"):
        table = [(line, [cell.strip() for cell in row]) for line, row in read_rows(path, delimiter)]
        if delimiter == ";":
            table = [(line, decimal_points(row)) for line, row in table]
        start = next((i for i, (_, row) in enumerate(table) if "Behavior" in row), None)
        if start is not None:
            above = {row[0]: row[1] for _, row in table[:start] if len(row) > 1}
            rows = [(line, row) for line, row in table[start + 1 :] if any(row)]
            return _Export(table[start][1], rows, above)
    raise _error(path, ["no row of column names with 'Behavior', separated by commas, tabs or semicolons"])


Cells = Sequence[tuple[int, dict[str, str]]]


def _events(cells: Cells, export: _Export, tolerance: int, faults: list[str]) -> Events:
    """Return the events of one observation; note what is wrong with them."""
    fps, length = (_same(cells, export.header, names, faults) for names in (_FPS, _LENGTH))
    offset = _offset(cells, export, faults)
    if faults:
        return NO_EVENTS
    if length * fps > 100 * LONGEST:
        faults.append(f"{length:g} seconds at {fps:g} frames per second, expected a video")
        return NO_EVENTS
    read = _aggregated if "Start (s)" in export.header else _paired
    bouts = list(read(cells, offset, faults))
    faults += [
        f"{bout.label} from {bout.start:g} s to {bout.stop:g} s stands there twice"
        for bout, count in Counter(bouts).items()
        if count > 1
    ]
    if bouts and min(bout.start for bout in bouts) > length + tolerance / fps:
        least = min(bout.start for bout in bouts)
        faults.append(
            f"every event lies after the end of the video, from {least:g} s on, of {length:g} s: times that "
            "BORIS counts from the making of the media file, or from another video"
        )
        return NO_EVENTS
    frames, notes = round(length * fps), list[str]()
    if offset:
        notes.append(f"time offset of {offset:g} s taken off: the video starts at {offset:g} s")
    placed = _placed(bouts, fps, length, tolerance, notes)
    for subject in dict.fromkeys(who for who, _ in placed):
        own = [interval for who, interval in placed if who == subject]
        faults += [_with_remedy(fault, own, frames) for fault in interval_faults(own, frames)]
    placed.sort(key=lambda pair: (pair[1].start, pair[1].stop))
    intervals, subjects = tuple(interval for _, interval in placed), tuple(who for who, _ in placed)
    return Events(fps, frames, intervals, subjects, tuple(notes))


def _placed(
    bouts: Sequence[_Bout], fps: float, length: float, tolerance: int, notes: list[str]
) -> list[tuple[str, Interval]]:
    """Return who and in which frames, of every bout; note what had to be decided.

    What begins or ends past the stated length is cut there as far as the tolerance allows, else left as it
    is. Bouts of one label that fill the same frames are one.
    """
    frames = round(length * fps)
    placed: dict[tuple[str, Interval], None] = {}
    cut, short, same = list[float](), 0, 0
    for bout in bouts:
        start, stop = frame_at(bout.start, fps), frame_at(bout.stop, fps)
        short += not bout.point and start >= stop and bout.start < bout.stop
        if bout.point or bout.start < bout.stop:
            stop = max(stop, start + 1)
        past = round((bout.stop - length) * fps, 6)  # less what binary numbers miss
        if stop > frames and past <= tolerance:
            start, stop = min(start, frames - 1), frames
            cut += [past] if past > 0 else []
        key = (bout.subject, Interval(start, stop, bout.label))
        same += key in placed
        placed[key] = None
    if short:
        notes.append(f"{short} states are shorter than a frame: each holds one frame")
    if same:
        notes.append(f"{same} events are in the frames of another of the same behaviour: they count once")
    if cut:
        notes.append(f"{len(cut)} events end up to {max(cut):.1f} frames past the stated length: cut there")
    return list(placed)


def _with_remedy(fault: str, intervals: Sequence[Interval], frames: int) -> str:
    """Add what to write, where an event ends only a little past the stated length."""
    past = max(interval.stop for interval in intervals) - frames
    ends_late = "ends after" in fault and 0 < past <= 100
    return f"{fault}; tolerance = {past} cuts it there" if ends_late else fault


def _paired(cells: Cells, offset: float, faults: list[str]) -> Iterator[_Bout]:
    """Yield a bout for every START with its STOP, and for every POINT."""
    status = _STATUS[0] if _STATUS[0] in cells[0][1] else _STATUS[1]
    opened: dict[tuple[str, str, tuple[str, ...]], tuple[int, float]] = {}
    for line, row in cells:
        who, what, how = row["Subject"], row["Behavior"], row[status].upper()
        time, modifiers = _time(row["Time"], offset), _modifiers(row)
        key, bout = (who, what, modifiers), partial(_Bout, label=what, subject=who, modifiers=modifiers)
        if time is None or how not in ("START", "STOP", "POINT"):
            faults.append(
                f"line {line}: {row['Time']!r}, {row[status]!r}, expected seconds and START, STOP or POINT"
                + _before(row["Time"], offset)
            )
        elif how == "POINT":
            yield bout(time, time, point=True)
        elif how == "START":
            if key in opened:
                faults.append(f"line {line}: {what} starts again before it stopped (line {opened[key][0]})")
            opened[key] = (line, time)
        elif key not in opened:
            faults.append(f"line {line}: {what} stops without a start")
        else:
            yield bout(opened.pop(key)[1], time)
    faults += [f"line {line}: {what} never stops" for (_, what, _), (line, _) in opened.items()]


def _aggregated(cells: Cells, offset: float, faults: list[str]) -> Iterator[_Bout]:
    for line, row in cells:
        start, stop = _time(row["Start (s)"], offset), _time(row["Stop (s)"], offset)
        if start is None or stop is None:
            told = f"from {row['Start (s)']!r} to {row['Stop (s)']!r}"
            faults.append(f"line {line}: {told}, expected seconds{_before(row['Start (s)'], offset)}")
        else:
            yield _Bout(start, stop, row["Behavior"], row["Subject"], _modifiers(row), point=start == stop)


def _modifiers(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in row.items() if name.startswith("Modifier"))


def _column(header: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _same(cells: Cells, header: Sequence[str], names: Sequence[str], faults: list[str]) -> float:
    """Return the one number above 0 that a column repeats on every line; note where there is none.

    Of several players at once BORIS joins the numbers by "|": they must agree. Of several files, one after
    the other, it joins them by ";": no one video has their frames.
    """
    column = _column(header, names) or names[0]
    values = sorted({part for _, row in cells for part in row[column].split("|")})
    value = _number(values[0])
    if len(values) != 1 or not value or value < 0:
        told = ", ".join(values[:5])
        several = "; several files one after the other are no one recording" if ";" in told else ""
        none = f"; {_NEITHER}" if {"NA", ""} & set(values) else ""
        faults.append(f"{column}: {told}, expected one number above 0 on every line{several}{none}")
        return 1.0
    return value


def _offset(cells: Cells, export: _Export, faults: list[str]) -> float:
    """Return the seconds that BORIS added to every time; note where it is not one number."""
    column = next((name for name in export.header if name.startswith(_OFFSET)), None)
    above = [value for name, value in export.above.items() if name.startswith(_OFFSET)]
    values = sorted({row[column] for _, row in cells}) if column else above[:1]
    told = [value for value in values if value not in ("", "NA")]
    number = _number(told[0]) if told else 0.0
    if len(told) > 1 or number is None:
        faults.append(f"{_OFFSET}: {', '.join(told[:5])}, expected one number on every line")
        return 0.0
    return number


def _time(text: str, offset: float) -> float | None:
    """Return seconds of the video, from 0; None where there is no number, or one before the video."""
    value = _number(text)
    if value is None:
        return None
    seconds = value - offset if offset else value
    return max(seconds, 0.0) if seconds >= -_EARLY else None


_EARLY = 0.001
"""Seconds by which an event may come before the video: BORIS puts the stop of an excluded state there."""


def _before(text: str, offset: float) -> str:
    value = _number(text)
    early = value is not None and value < offset
    return f"; it lies before the video, which starts at the time offset of {offset:g} s" if early else ""


def _number(text: str) -> float | None:
    """Return seconds, which may be written as hours:minutes:seconds."""
    sign, digits = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    parts = digits.split(":")
    try:
        seconds = sum(float(part) * 60**i for i, part in enumerate(reversed(parts)))
    except ValueError:
        return None
    return sign * seconds if len(parts) <= 3 and math.isfinite(seconds) else None


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a BORIS export of events", first(faults), hint="export it again, or take it out"
    )
