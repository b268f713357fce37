"""RatSI: nine videos of two rats, three keypoints each, ten behaviours, one per frame.

The files were never seen here. Their layout is taken from how the MSGL-Transformer's code describes it:
one table per observation, one row per frame, a column per coordinate and the column `action`. The tables
are spreadsheets; this reader takes them saved as csv.

Source: Lorbach et al. 2018, doi 10.1016/j.jneumeth.2017.05.006; counts and folds: Tables 1 and 8 of the
MSGL-Transformer paper.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError, first
from bench.files.csv_rows import read_table
from bench.files.opening import present
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording, one_hot
from bench.splits import FrozenSplit, Totals
from bench.tasks import Dataset, Part, Protocol, Task

FPS = 25.0
ANIMALS = ("marked", "white")
KEYPOINTS = ("nose", "centre", "tail base")
EDGES = (("nose", "centre"), ("centre", "tail base"))
COLUMNS = tuple(
    f"{point}_{rat}_{axis}" for rat in "mw" for point in ("nose", "center", "tail") for axis in "xy"
)
"""In the order of (animals, keypoints, xy); `_m` is the marked rat."""
BEHAVIOURS = (
    *("solitary", "approaching", "following", "moving-away", "social-nose-contact"),
    *("allogrooming", "nape-attacking", "pinning", "other", "uncertain"),
)
USED, LEFT_OUT = BEHAVIOURS[:5], BEHAVIOURS[5:]
REST = "rest"
CLASSES = (*BEHAVIOURS, REST)
"""`rest` holds where any of the five labels does that the MSGL-Transformer paper leaves out."""
IDS = tuple(f"observation{number:02d}" for number in range(1, 10))
TABLE1 = (
    (12_281, 1_405, 2_150, 985, 1_799, 1_778, 221, 16, 792, 88),
    (14_709, 1_066, 593, 592, 1_754, 2_240, 95, 0, 231, 55),
    (15_428, 1_083, 2_522, 482, 1_106, 587, 104, 1_036, 472, 21),
    (14_776, 1_528, 444, 931, 2_621, 2_003, 141, 0, 300, 0),
    (14_297, 1_310, 2_955, 880, 1_067, 111, 434, 127, 1_678, 0),
    (13_152, 2_443, 2_141, 1_503, 1_980, 486, 192, 0, 856, 0),
    (11_405, 2_058, 3_359, 1_202, 1_865, 826, 581, 30, 1_598, 0),
    (12_323, 2_066, 2_696, 1_391, 3_422, 579, 108, 0, 188, 0),
    (11_295, 2_259, 2_017, 936, 4_141, 799, 103, 15, 1_241, 0),
)
"""Frames per video and behaviour."""
TABLE8 = ((2, 8), (3, 9), (4, 1), (5, 6), (6, 4), (7, 3), (7, 5), (8, 2), (9, 7))
"""(validation, test) of the nine folds; the other seven videos train. 7 validates twice, 1 never."""
_FILE = re.compile(r"observation0?([1-9])\.csv", re.IGNORECASE)


def read(folder: Path) -> Iterator[Recording]:
    """Yield the recordings of the tables in `folder`, one at a time, in the order of their numbers.

    After the last good one, `DataError` lists the faults of all the others.
    """
    paths: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.csv")):
        if (matched := _FILE.fullmatch(path.name)) and present(path):
            paths.setdefault(IDS[int(matched[1]) - 1], []).append(path)
    if not paths:
        raise DataError(
            f"no RatSI observation in {folder}",
            ["expected Observation01.csv to Observation09.csv"],
            hint=f"get the tables from {URL} and save each as csv",
        )
    faults: list[str] = []
    for id_, files in sorted(paths.items()):
        if len(files) > 1:
            faults.append(f"{id_}: {len(files)} files: {', '.join(path.name for path in files)}")
            continue
        try:
            yield read_observation(files[0], id_)
        except DataError as error:
            faults += [f"{files[0].name}: {problem}" for problem in error.problems]
    if faults:
        raise DataError(
            "RatSI observations are not as they should be", faults, hint=f"get them again from {URL}"
        )


def read_observation(path: Path, id_: str) -> Recording:
    """Read one table; an empty coordinate is a keypoint that was not found. Other columns are not read."""
    header, rows = read_table(path)
    faults = [f"no column {name!r}" for name in (*COLUMNS, "action") if name not in header]
    faults += [f"{count} columns {name!r}" for name, count in Counter(header).items() if name and count > 1]
    if faults:
        raise DataError("", faults)
    faults += [] if rows else ["no frames"]
    coordinates = np.full((len(rows), len(COLUMNS)), np.nan, dtype=np.float32)
    behaviour = np.full(len(rows), -1)
    before = None
    for t, (line, row) in enumerate(rows):
        cells = dict(zip(header, row, strict=False))
        fault = _row_fault(row, header, before)
        if fault:
            faults.append(f"line {line}: {fault}")
        else:
            coordinates[t] = [_number(cells[name]) for name in COLUMNS]
            behaviour[t] = BEHAVIOURS.index(_behaviour(cells["action"]))
        before = cells.get("frame")
    if faults:
        raise DataError("", first(faults))
    keypoints = coordinates.reshape(len(rows), len(ANIMALS), len(KEYPOINTS), 2)
    keypoints[np.isnan(keypoints).any(axis=-1)] = np.nan
    labels = one_hot(behaviour, len(BEHAVIOURS))
    rest = labels[:, len(USED) :].any(axis=1, keepdims=True)
    annotated = np.ones(len(rows), dtype=bool)
    return Recording(id_, id_, FPS, CLASSES, np.concatenate([labels, rest], axis=1), annotated, keypoints)


def _row_fault(row: Sequence[str], header: Sequence[str], before: str | None) -> str:
    """Say what is wrong with one frame; `before` is the number of the frame above it, where there is one."""
    if len(row) != len(header):
        return f"{len(row)} columns, expected {len(header)}"
    cells = dict(zip(header, row, strict=True))
    if before is not None and cells["frame"] == before:
        return f"frame {before} a second time"
    for name in COLUMNS:
        if _number(cells[name]) is None:
            return f"{name} {cells[name]!r}, expected a number"
    if _behaviour(cells["action"]) not in BEHAVIOURS:
        return f"action {cells['action']!r}, expected one of {', '.join(BEHAVIOURS)}"
    return ""


def _behaviour(action: str) -> str:
    """Return "social-nose-contact" for "Social Nose Contact"."""
    return re.sub(r"[\s_]+", "-", action.strip().lower())


def _number(text: str) -> float | None:
    """Return a coordinate, NaN for an empty cell, None for what is no finite number."""
    if not text.strip() or text.strip().lower() == "nan":
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _fold(val: int, test: int) -> dict[str, tuple[str, ...]]:
    rest = tuple(id_ for number, id_ in enumerate(IDS, start=1) if number not in (val, test))
    return {"train": rest, "val": (IDS[val - 1],), "test": (IDS[test - 1],)}


FOLDS = {f"val{val}-test{test}": _fold(val, test) for val, test in TABLE8}


def _choose(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return FOLDS


def _published(ids: Sequence[str]) -> Totals:
    counts = np.sum([TABLE1[IDS.index(id_)] for id_ in ids], axis=0).tolist()
    counts.append(sum(counts[len(USED) :]))
    return Totals(len(ids), sum(counts[:-1]), dict(zip(CLASSES, counts, strict=True)))


RULE = SplitRule(
    name="ratsi",
    source="MSGL-Transformer paper",
    words=(
        "The nine folds of Table 8 of the MSGL-Transformer paper, each with one video to validate, one to "
        "test and the other seven to train; video 7 validates twice and video 1 never. Frames per video and "
        "behaviour: its Table 1."
    ),
    choose=_choose,
    published={part: {s: _published(ids) for s, ids in subsets.items()} for part, subsets in FOLDS.items()},
)

URL = "https://mlorbach.gitlab.io/datasets/"
DATASET = Dataset(
    name="ratsi",
    title="RatSI: social interaction of two rats",
    url=URL,
    licence="not stated; ask the authors",
    citation=(
        "Lorbach M, Kyriakou EI, Poppe R, van Dam EA, Noldus LPJJ, Veltkamp RC (2018). Learning to recognize "
        "rat social behavior: Novel dataset and cross-dataset application. Journal of Neuroscience Methods "
        "300:166-172."
    ),
    fps=FPS,
    animals=ANIMALS,
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=(704, 576),
    classes=CLASSES,
    files="Observation01.csv to Observation09.csv: the published tables, saved as csv",
    read=read,
    official=("*.csv",),
    redistributable=False,
    notes=(
        "Read from the layout that the MSGL-Transformer's code describes; the files were never seen.",
        "The frame rate was not seen; 25 per second is assumed: about 22,500 frames in about 15 minutes.",
        "The size of the image was not seen; 704 x 576 is assumed, and that coordinates are pixels.",
        "The licence was not seen, so the recordings are not redistributed.",
        "Frames per video and behaviour are checked against Table 1 of the MSGL-Transformer paper.",
        "Nothing says which rats are in which video; a group is one video.",
    ),
)

USED_FRAMES = Protocol(
    name="five-behaviours",
    description=(
        "every test frame of one of the five behaviours; the frames of the other five labels do not count, "
        "and bouts do not reach across them"
    ),
    within=USED,
)
_REFERENCE = "Lorbach et al. 2018; folds: Table 8 of the MSGL-Transformer paper"
_PARTS = tuple(Part(f"val{val}-test{test}", f"test on {IDS[test - 1]}") for val, test in TABLE8)
_SPLIT = FrozenSplit("ratsi", "73855e12bb3e640fe0df694a2ff5207b5cf42c94da4c5cf854f8c149aacaa77a")

TASKS = (
    Task(
        name="ratsi",
        title="RatSI: five social behaviours",
        question="Which of five behaviours do the rats show, in the frames that show one of the five?",
        dataset=DATASET,
        classes=USED,
        background=None,
        split=_SPLIT,
        metrics=FRAME_METRICS,
        parts=_PARTS,
        protocol=USED_FRAMES,
        reference=_REFERENCE,
    ),
    Task(
        name="ratsi-all-frames",
        title="RatSI: five social behaviours, all frames",
        question="Which of five behaviours do the rats show in each frame, or something else (rest)?",
        dataset=DATASET,
        classes=(*USED, REST),
        background=REST,
        split=_SPLIT,
        metrics=FRAME_METRICS,
        parts=_PARTS,
        reference=_REFERENCE,
    ),
)
