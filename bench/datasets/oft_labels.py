"""The labels of the open-field videos: three raters, their intervals in seconds, one table for all videos.

Source: Sturman et al. 2020, github ETHZ-INS/DLCAnalyzer, `AllLabDataOFT_final.csv`. Seconds become frames,
round(25 * seconds), half-open: with it the published consensus comes out for all 20 videos. The trial runs
from the end of the last rater's start mark to the beginning of the first rater's end mark. "Jumping" and
"_DEFAULT" are no behaviour of the data set: where any rater says so nobody's label counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from bench.datasets.formats.intervals import LONGEST
from bench.errors import DataError, first
from bench.files.csv_rows import Rows, read_rows

FPS = 25.0
FILE = "AllLabDataOFT_final.csv"
RATERS = ("Furkan", "Jin", "Oliver")
BEHAVIOURS = ("Supported", "Unsupported", "Grooming")
EXCLUDED = ("Jumping", "_DEFAULT")
MARKS = ("StartEnd", "Start/End")
_HEADER = ["file", "Experimenter", "from", "to", "type", "ID", "DLCFile"]


@dataclass(frozen=True)
class _Row:
    rater: str
    start: int
    stop: int
    type: str
    video: str
    poses: str


@dataclass(frozen=True, eq=False)
class Video:
    """One video from its first frame to the end of its trial."""

    labels: Mapping[str, Bool[np.ndarray, "T 3"]]
    """Rater -> which of `BEHAVIOURS` hold; two may at once. All False where nothing counts."""
    counted: Bool[np.ndarray, " T"]
    """The frames of the trial that no rater calls jumping or default."""
    window: tuple[int, int]
    """The frames of the trial, [start, stop); stop is T."""
    poses: str
    """The name of its DeepLabCut file."""

    def consensus(self) -> Int[np.ndarray, " T"]:
        """Return what two of three raters say: an index of `BEHAVIOURS`, 3 = none of them, -1 = no two agree.

        A rater who says two behaviours at once says neither. -1 also where nothing counts.
        """
        labels = np.stack([self.labels[rater] for rater in RATERS])
        none = ~labels.any(axis=2, keepdims=True)
        votes = np.concatenate([labels & (labels.sum(axis=2, keepdims=True) == 1), none], axis=2).sum(axis=0)
        return np.where(self.counted & (votes.max(axis=1) >= 2), votes.argmax(axis=1), -1)


def read_labels(path: Path) -> dict[str, Video]:
    """Return the videos by name; raise `DataError` listing every row and every video that is not in order."""
    faults: list[str] = []
    rows: dict[str, list[_Row]] = {}
    for row in _rows(read_rows(path, ";"), faults):
        rows.setdefault(row.video, []).append(row)
    if not rows and not faults:
        faults.append("no rows")
    videos = {}
    for name, of_video in sorted(rows.items()):
        wrong = _video_faults(of_video)
        faults += [f"{name}: {fault}" for fault in wrong]
        if not wrong:
            videos[name] = _video(of_video)
    if faults:
        raise DataError(
            f"{path} is not the official table of labels",
            first(faults),
            hint="take the file again, unchanged",
        )
    return videos


def frame(seconds: float) -> int:
    """Return the frame that is nearest in time."""
    return round(seconds * FPS)


def _rows(table: Rows, faults: list[str]) -> Iterator[_Row]:
    header = table[0][1] if table else []
    if header != _HEADER:
        faults.append(f"header {';'.join(header)!r}, expected {';'.join(_HEADER)!r}")
        return
    types = (*BEHAVIOURS, *EXCLUDED, *MARKS)
    bouts: set[tuple[str, ...]] = set()
    for line, cells in table[1:]:
        if len(cells) != len(_HEADER):
            faults.append(f"line {line}: {len(cells)} columns, expected {len(_HEADER)}")
            continue
        _, rater, start, stop, type_, video, poses = cells
        if stop in ("", "NA"):  # one bout was never ended
            continue
        wrong = []
        if rater not in RATERS:
            wrong.append(f"rater {rater!r}, expected one of {', '.join(RATERS)}")
        if type_ not in types:
            wrong.append(f"type {type_!r}, expected one of {', '.join(types)}")
        span = _seconds(start, stop)
        if span is None:
            wrong.append(f"from {start} to {stop}: expected two of 0 to {LONGEST:,} seconds, in that order")
        if (video, rater, type_, start, stop) in bouts:
            wrong.append(f"{type_} from {start} to {stop} of {video} by {rater} a second time")
        bouts.add((video, rater, type_, start, stop))
        faults += [f"line {line}: {fault}" for fault in wrong]
        if span and not wrong:
            yield _Row(rater, frame(span[0]), frame(span[1]), type_, video, poses)


def _seconds(start: str, stop: str) -> tuple[float, float] | None:
    try:
        span = float(start), float(stop)
    except ValueError:
        return None
    return span if 0 <= span[0] <= span[1] <= LONGEST else None


def _marks(rows: Sequence[_Row]) -> dict[str, list[tuple[int, int]]]:
    marks: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        if row.type in MARKS:
            marks.setdefault(row.rater, []).append((row.start, row.stop))
    return {rater: sorted(spans) for rater, spans in marks.items()}


def _window(marks: Mapping[str, Sequence[tuple[int, int]]]) -> tuple[int, int]:
    ends = [spans[-1][0] for spans in marks.values() if len(spans) > 1]  # in two videos one rater marked none
    return max(spans[0][1] for spans in marks.values()), min(ends)


def _video_faults(rows: Sequence[_Row]) -> list[str]:
    marks = _marks(rows)
    faults = [f"{rater} marked no start" for rater in RATERS if rater not in marks]
    if all(len(spans) < 2 for spans in marks.values()):
        faults.append("nobody marked its end")
    elif _window(marks)[1] <= _window(marks)[0]:
        faults.append("its trial ends before it starts")
    files = {row.poses for row in rows}
    if len(files) > 1:
        faults.append(f"{len(files)} pose files: {', '.join(sorted(files))}")
    return faults


def _video(rows: Sequence[_Row]) -> Video:
    first, last = _window(_marks(rows))
    counted = np.zeros(last, dtype=bool)
    counted[first:] = True
    labels = {rater: np.zeros((last, len(BEHAVIOURS)), dtype=bool) for rater in RATERS}
    for row in rows:
        if row.type in BEHAVIOURS:
            labels[row.rater][row.start : row.stop, BEHAVIOURS.index(row.type)] = True
        elif row.type in EXCLUDED:
            counted[row.start : row.stop] = False
    inside = counted[:, None]
    return Video({r: array & inside for r, array in labels.items()}, counted, (first, last), rows[0].poses)
