"""Annotations of continuous recordings, carried over to their overlapping clips.

In the layout of RatSeizure and ActivityNet, in seconds: `{"database": {recording: {duration, annotations:
[{segment: [start, end], label}]}}}`. Clips get the keys that recordings have; each annotation also says how
long its episode lasts in the recording, and `short_episode` whether that is less than `Cut.shortest`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.clips import Cut, carry, clip_id, episodes
from bench.errors import DataError, FileError, first
from bench.files.faults import Fault
from bench.files.schema import is_number, leaf, listed, mapping, number, table, text
from bench.files.strict_json import read_json
from bench.recordings import RECORDING_ID

_MOST = 2**28  # bytes
_LONGEST = 10_000_000.0  # seconds, four months
_SEGMENT = leaf(
    "[start, end] in seconds, 0 <= start < end",
    lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(map(is_number, value))
        and 0 <= value[0] < value[1]
    ),
)
_ROW = table({"segment": _SEGMENT, "label": text()}, {"label_id": number()}, words="segment and label")
_RECORDING = table(
    {"duration": number(0, _LONGEST), "annotations": listed(_ROW)},
    {"subset": text(), "fps": number(0)},
    words="duration and annotations",
)
_FILE = table(
    {"database": mapping(_RECORDING, least=1)}, {"version": text(), "taxonomy": leaf("any", lambda _: True)}
)


def read_annotations(path: Path) -> dict[str, Any]:
    """Return recording -> duration and annotations; raise `DataError` with the place of every fault."""
    try:
        content = read_json(path, _MOST, follow=True)
    except FileError as fault:
        raise _error(path, [fault.title]) from None
    faults = [str(fault) for fault in _FILE.faults(content)]
    if not faults:
        faults = [str(fault) for name, one in content["database"].items() for fault in _outside(name, one)]
    if faults:
        raise _error(path, faults)
    database: dict[str, Any] = content["database"]
    return database


def cut_annotations(database: dict[str, Any], cut: Cut) -> dict[str, Any]:
    """Return clip -> duration and annotations, of all recordings; one that has no whole clip has none."""
    clips: dict[str, Any] = {}
    for name, recording in database.items():
        rows = recording["annotations"]
        bounds = np.array([row["segment"] for row in rows], dtype=np.float64).reshape(-1, 2)
        lasting, kept_keys = episodes(bounds), {k: v for k, v in recording.items() if k in ("subset", "fps")}
        for place in range(cut.count(recording["duration"])):
            own, kept = carry(bounds, place * cut.every, cut.seconds)
            carried = [
                {
                    **rows[row],
                    "segment": segment.round(6).tolist(),
                    "episode": round(float(lasting[row]), 6),
                    "short_episode": bool(lasting[row] < cut.shortest),
                }
                for row, segment in zip(np.flatnonzero(kept), own, strict=True)
            ]
            clips[clip_id(name, place)] = {**kept_keys, "duration": cut.seconds, "annotations": carried}
    return clips


def _outside(name: str, recording: dict[str, Any]) -> list[Fault]:
    """Say which segments end after their recording, and which name no file may have."""
    faults = []
    if not RECORDING_ID.fullmatch(name):
        faults.append(Fault(("database", name), "a name", "lower-case letters, digits, '_' and '-'"))
    for row, one in enumerate(recording["annotations"]):
        if one["segment"][1] > recording["duration"]:
            place = ("database", name, "annotations", row, "segment")
            faults.append(Fault(place, f"end {one['segment'][1]:g}", f"at most {recording['duration']:g} s"))
    return faults


def _error(path: Path, faults: list[str]) -> DataError:
    return DataError(
        f"{path} cannot be cut into clips", first(faults), hint="mend the file, and run the command again"
    )
