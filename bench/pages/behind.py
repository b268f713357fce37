"""What the page of an entry shows of its evidence: curves, the longest mistakes, sorts of wrong segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from bench.evidence import LENGTHS, MISTAKES, labels_of_rows
from bench.pages.charts import Chart, curve_chart
from bench.pages.ethogram_page import ethogram_name
from bench.results import Result

MOST = 8
"""Recordings and mistakes that are listed."""
SORTS = ("right", "found twice", "badly placed", "another class", "background")
"""What a page calls `MISTAKES`."""
QUARTERS = tuple((8 * k, f"{k / 4:g}") for k in range(5))
REACH = 30


@dataclass(frozen=True)
class Cost:
    """A stretch of frames, or a recording, in which truth and entry differ."""

    recording: str
    page: str
    """Its ethogram, at this moment."""
    start: str
    """Minutes and seconds; empty for a whole recording."""
    seconds: float
    share: float
    """Of the frames of the recording."""
    truth: str
    entry: str


@dataclass(frozen=True)
class SegmentRow:
    """One class of a task that asks for segments."""

    name: str
    segments: int
    mistakes: tuple[int, ...]
    """Of as many of the surest detections as there are true segments, in the order of `SORTS`."""
    missed: int
    """True segments that no detection found, whatever its score."""
    lengths: tuple[str, ...]
    """Of each bin of lengths: found of true."""


@dataclass(frozen=True)
class Behind:
    """What lies behind the score of an entry, of one run."""

    run: str
    withheld: bool
    """Whether no recording has its bouts in the evidence."""
    charts: tuple[Chart, ...]
    lag: str
    """At which delay it agrees most, as a sentence; empty where nothing gets a label."""
    recordings: tuple[Cost, ...]
    bouts: tuple[Cost, ...]
    sorts: tuple[str, ...]
    bins: tuple[str, ...]
    segments: tuple[SegmentRow, ...]


def behind(result: Result) -> Behind | None:
    """Return what the evidence of a result shows; None where it is not at hand."""
    if result.beside is None:
        return None
    parts = list(result.beside["parts"].values())
    framed = "agreement" in parts[0]
    mistaken = list(_mistakes(result)) if framed else []
    return Behind(
        run=result.beside["run"],
        withheld=not any(part["recordings"] for part in parts),
        charts=tuple(filter(None, _charts(result, parts))) if framed else (),
        lag=_lag(parts, result.task["dataset"]["fps"]) if framed else "",
        recordings=tuple(_recordings(result)) if framed else (),
        bouts=tuple(sorted(mistaken, key=lambda one: (-one.seconds, one.recording, one.start))[:MOST]),
        sorts=() if framed else SORTS,
        bins=() if framed else tuple(_bins()),
        segments=() if framed else tuple(_segment_row(parts, name) for name in result.task["classes"]),
    )


def _charts(result: Result, parts: Sequence[Mapping[str, Any]]) -> Iterator[Chart | None]:
    names = [name for name in result.task["classes"] if name != result.task["background"]]
    if "curves" in parts[0]:
        for key, title, across in (
            ("precision", "Precision by recall", "recall"),
            ("recall", "True positive rate by false positive rate", "false positive rate"),
        ):
            lines = [(name, _mean([part["curves"][name][key] for part in parts])) for name in names]
            yield curve_chart(f"{key}-plot", title, across, lines, whole=False, marks=QUARTERS)
    if "calibration" in parts[0]:
        lines = [(name, _reliability([part["calibration"][name] for part in parts])) for name in names]
        marks = tuple((k, f"{k / 10 + 0.05:.2f}") for k in range(0, 10, 3))
        title = "Share of frames that are of the class, by its score"
        yield curve_chart("calibration-plot", title, "score", lines, whole=False, marks=marks)
    marks = tuple((lag + REACH, f"{lag:+d}" if lag else "0") for lag in range(-REACH, REACH + 1, 15))
    agreement = _mean([part["agreement"] for part in parts])
    title = "Agreement when the prediction is shifted"
    across = "frames; right: prediction late"
    yield curve_chart("lag-plot", title, across, [("all frames", agreement)], whole=False, marks=marks)


def _mean(columns: Sequence[Sequence[float | None]]) -> Float[np.ndarray, " K"]:
    """Return the mean over parts; NaN where any part has no value."""
    return np.asarray(np.mean(np.array(columns, dtype=np.float64), axis=0))


def _reliability(bins: Sequence[Mapping[str, Any]]) -> Float[np.ndarray, " 10"]:
    frames, true = (np.sum([one[key] for one in bins], axis=0) for key in ("frames", "true"))
    return np.divide(true, frames, out=np.full(len(frames), np.nan), where=frames > 0)


def _lag(parts: Sequence[Mapping[str, Any]], fps: float) -> str:
    agreement = _mean([part["agreement"] for part in parts])
    order = sorted(range(len(agreement)), key=lambda k: (-agreement[k], abs(k - REACH), REACH - k))
    lag, best = order[0] - REACH, agreement[order[0]]
    if lag == 0:
        return f"Its labels agree most without a shift: {best:.3f} of the frames."
    side = "late" if lag > 0 else "early"
    delay = f"Its labels come {abs(lag)} frames {side} ({abs(lag) / fps:.2f} s)"
    return f"{delay}: shifted by that, {best:.3f} of the frames agree, as they stand {agreement[REACH]:.3f}."


def _wrong(
    result: Result, rows: Mapping[str, Any]
) -> tuple[Bool[np.ndarray, " T"], Bool[np.ndarray, "T C"], Bool[np.ndarray, "T C"]]:
    """Return in which frames truth and entry differ, and both."""
    truth, entry = (labels_of_rows(rows[side], len(result.task["classes"])) for side in ("truth", "entry"))
    return (truth != entry).any(axis=1), truth, entry


def _each(result: Result) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in (result.beside or {})["parts"].values():
        yield from part["recordings"].items()


def _recordings(result: Result) -> list[Cost]:
    costs = []
    for id_, rows in _each(result):
        wrong, *_ = _wrong(result, rows)
        counted = sum(b - a for a, b in zip(rows["counted"][::2], rows["counted"][1::2], strict=True))
        page = f"{ethogram_name(result.task['name'], id_)}#who={result.entry['id']}"
        seconds, share = float(wrong.sum() / rows["fps"]), float(wrong.sum() / counted)
        costs.append(Cost(id_, page, "", seconds, share, "", ""))
    return sorted(costs, key=lambda one: (-one.share, one.recording))[:MOST]


def _mistakes(result: Result) -> Iterator[Cost]:
    """Yield the stretches in which truth and entry keep their labels and differ."""
    for id_, rows in _each(result):
        wrong, truth, entry = _wrong(result, rows)
        both = np.concatenate([truth, entry, wrong[:, None]], axis=1)
        edges = [0, *(np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1).tolist(), len(both)]
        for start, stop in pairwise(edges):
            if wrong[start]:
                room = max(stop - start, round(5 * rows["fps"]))
                low, high = max(0, start - room), min(rows["frames"], stop + room)
                page = ethogram_name(result.task["name"], id_)
                address = f"{page}#f={start}&z={low}-{high}&who={result.entry['id']}"
                minutes, rest = divmod(start / rows["fps"], 60)
                seconds, share = (stop - start) / rows["fps"], (stop - start) / rows["frames"]
                names = (_names(result, side[start]) for side in (truth, entry))
                yield Cost(id_, address, f"{minutes:.0f}:{rest:05.2f}", seconds, share, *names)


def _names(result: Result, held: Bool[np.ndarray, " C"]) -> str:
    return ", ".join(result.task["classes"][k] for k in np.flatnonzero(held)) or "–"


def _segment_row(parts: Sequence[Mapping[str, Any]], name: str) -> SegmentRow:
    def added(values: Callable[[Mapping[str, Any]], Any]) -> Any:
        return np.sum([values(part) for part in parts], axis=0).tolist()

    found = added(lambda part: part["lengths"][name]["hits"])
    true = added(lambda part: part["lengths"][name]["segments"])
    return SegmentRow(
        name=name,
        segments=added(lambda part: part["mistakes"][name]["segments"]),
        mistakes=tuple(added(lambda part: part["mistakes"][name]["counts"]["1"]))[: len(MISTAKES)],
        missed=sum(true) - sum(found),
        lengths=tuple(f"{hits} of {of}" if of else "–" for hits, of in zip(found, true, strict=True)),
    )


def _bins() -> Iterator[str]:
    for low, high in pairwise(LENGTHS):
        yield f"{low:g} to {high:g} s"
    yield f"from {LENGTHS[-1]:g} s"
