"""BORIS csv files: events with a start and a stop, or whole bouts, in seconds of the video.

Three exports are read, told apart by their columns: "tabular events" (Time, Status START/STOP/POINT, below
a block about the observation; later versions call the status "Behavior type"), and "aggregated events"
(Start (s), Stop (s)). Seconds become frames, round(seconds * FPS); a point event is one frame.

Source: Friard and Gamba 2016, doi 10.1111/2041-210X.12584, and the events of the ethome video.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.formats.intervals import LONGEST, Interval, frame_at, interval_faults
from bench.errors import DataError, first
from bench.files.csv_rows import read_rows, width_faults

_FPS = ("FPS", "FPS (frame/s)")
_LENGTH = ("Total length", "Media duration (s)")
_STATUS = ("Status", "Behavior type")


@dataclass(frozen=True)
class Events:
    """What one file holds."""

    fps: float
    frames: int
    """The length of the video, round(seconds * FPS)."""
    intervals: tuple[Interval, ...]
    """In the order of their starts; those of several subjects may overlap."""
    subjects: tuple[str, ...]
    """Who each interval is about; empty text where nobody is named."""


@dataclass(frozen=True)
class _Bout:
    interval: Interval
    subject: str


def read_events(path: Path) -> Events:
    """Read one file; raise `DataError` listing every line that is not in order."""
    table = read_rows(path)
    start = next((i for i, (_, row) in enumerate(table) if "Behavior" in row), None)
    if start is None:
        raise _error(path, ["no row of column names with 'Behavior'"])
    header = table[start][1]
    aggregated = "Start (s)" in header
    needed = ["Subject", "Start (s)", "Stop (s)"] if aggregated else ["Subject", "Time"]
    lacking = [f"no column {name!r}" for name in needed if name not in header]
    lacking += [
        f"no column {' or '.join(map(repr, names))}"
        for names in (_FPS, _LENGTH, *([] if aggregated else [_STATUS]))
        if _column(header, names) is None
    ]
    rows = [(line, row) for line, row in table[start + 1 :] if any(row)]
    if lacking or not rows:
        raise _error(path, lacking or ["no events"])
    faults = width_faults(header, rows)
    if faults:
        raise _error(path, faults)
    cells = [(line, dict(zip(header, row, strict=True))) for line, row in rows]
    fps, length = (_same(cells, header, names, faults) for names in (_FPS, _LENGTH))
    if faults:
        raise _error(path, faults)
    bouts = list((_aggregated if aggregated else _paired)(cells, fps, faults))
    if length * fps > 100 * LONGEST:
        raise _error(path, [f"{length:g} seconds at {fps:g} frames per second, expected a video"])
    frames = round(length * fps)
    for subject in dict.fromkeys(bout.subject for bout in bouts):
        faults += interval_faults([b.interval for b in bouts if b.subject == subject], frames)
    if faults:
        raise _error(path, faults)
    bouts.sort(key=lambda bout: (bout.interval.start, bout.interval.stop))
    return Events(fps, frames, tuple(b.interval for b in bouts), tuple(b.subject for b in bouts))


Cells = Sequence[tuple[int, dict[str, str]]]


def _paired(cells: Cells, fps: float, faults: list[str]) -> Iterator[_Bout]:
    """Yield a bout for every START with its STOP, and for every POINT."""
    status = _STATUS[0] if _STATUS[0] in cells[0][1] else _STATUS[1]
    opened: dict[tuple[str, str], tuple[int, float]] = {}
    for line, row in cells:
        who, what, how = row["Subject"], row["Behavior"], row[status].upper()
        time = _number(row["Time"])
        if time is None or how not in ("START", "STOP", "POINT"):
            faults.append(
                f"line {line}: {row['Time']!r}, {row[status]!r}, expected seconds and START, STOP or POINT"
            )
        elif how == "POINT":
            yield _Bout(Interval(frame_at(time, fps), frame_at(time, fps) + 1, what), who)
        elif how == "START":
            if (who, what) in opened:
                faults.append(
                    f"line {line}: {what} starts again before it stopped (line {opened[who, what][0]})"
                )
            opened[who, what] = (line, time)
        elif (who, what) not in opened:
            faults.append(f"line {line}: {what} stops without a start")
        else:
            _, began = opened.pop((who, what))
            yield _Bout(Interval(frame_at(began, fps), frame_at(time, fps), what), who)
    faults += [f"line {line}: {what} never stops" for (_, what), (line, _) in opened.items()]


def _aggregated(cells: Cells, fps: float, faults: list[str]) -> Iterator[_Bout]:
    for line, row in cells:
        start, stop = _number(row["Start (s)"]), _number(row["Stop (s)"])
        if start is None or stop is None:
            faults.append(f"line {line}: from {row['Start (s)']!r} to {row['Stop (s)']!r}, expected seconds")
        else:
            first, last = frame_at(start, fps), frame_at(stop, fps)
            last += start == stop  # a point event is one frame
            yield _Bout(Interval(first, last, row["Behavior"]), row["Subject"])


def _column(header: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in header), None)


def _same(cells: Cells, header: Sequence[str], names: Sequence[str], faults: list[str]) -> float:
    """Return the one number above 0 that a column repeats on every line; note where there is none."""
    column = _column(header, names) or names[0]
    values = sorted({row[column] for _, row in cells})
    value = _number(values[0])
    if len(values) != 1 or not value:
        faults.append(f"{column}: {', '.join(values[:5])}, expected one number above 0 on every line")
        return 1.0
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value >= 0 and math.isfinite(value) else None


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} is not a BORIS export of events", first(faults), hint="export it again, or take it out"
    )
