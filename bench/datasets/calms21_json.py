"""The CalMS21 layout: `{group: {sequence id: {keypoints, scores, annotations, metadata}}}`.

keypoints are (frames, animals, xy, keypoints) in pixels, scores (frames, animals, keypoints),
annotations one integer per frame whose meaning `metadata.vocab` gives. The published files have a
number in every place; `null` is read as a keypoint that was not found.

Source: Sun et al. 2021, arXiv:2104.02710, and the released files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int

from bench.errors import DataError
from bench.recordings import Recording, one_hot

FPS = 30.0
ANIMALS = ("resident", "intruder")
KEYPOINTS = ("nose", "left ear", "right ear", "neck", "left hip", "right hip", "tail base")
IMAGE = (1024, 570)
CLASSES = ("attack", "investigation", "mount", "other")

_GROUP = re.compile(r"annotator[-_]id[-_](\d+)")  # the files write annotator-id_0, the paper annotator_id-0
_FIELDS = ("keypoints", "scores", "annotations", "metadata")
_SPACE = re.compile(r"[ \t\r\n]*")
# Python would read NaN and Infinity, which are not JSON: as infinities they are found and refused
_DECODER = json.JSONDecoder(parse_constant=lambda _: float("inf"))


def read_layout(paths: Sequence[Path], *, simulated: bool) -> Iterator[Recording]:
    """Yield the recordings of files in this layout, holding one sequence at a time.

    Good sequences are yielded as they come; after the last one `DataError` lists the faults of all
    the others, so a reader that needs everything or nothing must read to the end.
    `simulated` says which mark the metadata must carry: simulated mice never pass as real ones.
    """
    faults: list[str] = []
    origin: dict[str, str] = {}
    for path in paths:
        try:
            for group, key, value in _entries(path.read_text(encoding="utf-8")):
                place = f"{path.name}: {key}"
                id_ = key.rsplit("/", 1)[-1].lower()
                try:
                    if id_ in origin:
                        raise DataError("", [f"id {id_!r} is taken by {origin[id_]}"])
                    origin[id_] = place
                    yield _recording(id_, group, value, simulated=simulated)
                except DataError as error:
                    faults += [f"{place}: {problem}" for problem in error.problems]
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            faults.append(f"{path.name}: not JSON of this layout, or cut short: {error}")
    if not origin and not faults:
        faults.append(f"{', '.join(path.name for path in paths)}: no sequence in it")
    if faults:
        raise DataError(
            "files in the CalMS21 layout are not as they should be",
            faults,
            hint="fetch or make the named files again, then repeat the import",
        )


def _entries(text: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (group, key, value), one value at a time: a whole file of Python floats fills the memory."""
    at = _after(text, 0, "{")
    while not _next_is(text, at, "}"):
        group, at = _key(text, at)
        at = _after(text, at, "{")
        while not _next_is(text, at, "}"):
            key, at = _key(text, at)
            value, at = _DECODER.raw_decode(text, at)
            yield group, key, value
            at = _separator(text, at)
        at = _separator(text, _after(text, at, "}"))
    at = _blank(text, _after(text, at, "}"))
    if at != len(text):
        raise json.JSONDecodeError("more text after the end", text, at)


def _blank(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _next_is(text: str, at: int, mark: str) -> bool:
    return text.startswith(mark, _blank(text, at))


def _after(text: str, at: int, mark: str) -> int:
    if not _next_is(text, at, mark):
        raise json.JSONDecodeError(f"expected {mark!r}", text, _blank(text, at))
    return _blank(text, _blank(text, at) + 1)


def _separator(text: str, at: int) -> int:
    return _blank(text, at) if _next_is(text, at, "}") else _after(text, at, ",")


def _key(text: str, at: int) -> tuple[str, int]:
    at = _blank(text, at)
    if not _next_is(text, at, '"'):
        raise json.JSONDecodeError("expected a name in quotes", text, at)
    key, at = _DECODER.raw_decode(text, at)
    return key, _after(text, at, ":")


@dataclass(frozen=True)
class _Sequence:
    """One sequence as arrays, before it is known to be consistent; None where it could not be read."""

    keypoints: Float64[np.ndarray, ...] | None
    scores: Float64[np.ndarray, ...] | None
    annotations: Int[np.ndarray, ...] | None
    metadata: dict[str, Any]


def _recording(id_: str, group: str, value: Any, *, simulated: bool) -> Recording:
    if not isinstance(value, dict):
        raise DataError("", [f"a {type(value).__name__}, expected an object with {', '.join(_FIELDS)}"])
    missing = [name for name in _FIELDS if name not in value]
    if missing:
        raise DataError("", [f"without {', '.join(missing)}"])
    metadata = value["metadata"] if isinstance(value["metadata"], dict) else {}
    sequence = _Sequence(
        _floats(value["keypoints"]), _floats(value["scores"]), _integers(value["annotations"]), metadata
    )
    faults = _array_faults(sequence) + _label_faults(sequence) + _mark_faults(group, metadata, simulated)
    keypoints, scores, annotations = sequence.keypoints, sequence.scores, sequence.annotations
    if faults or keypoints is None or scores is None or annotations is None:
        raise DataError("", faults)
    poses: Float32[np.ndarray, "T A K 2"] = keypoints.transpose(0, 1, 3, 2).astype(np.float32)
    confidence = np.where(np.isnan(poses).any(axis=-1), np.nan, scores).astype(np.float32)
    class_of = np.full(max(metadata["vocab"].values()) + 1, -1)
    for number, name in enumerate(CLASSES):
        class_of[metadata["vocab"][name]] = number
    return Recording(
        id=id_,
        group=id_.split("_", 1)[0],
        fps=FPS,
        classes=CLASSES,
        labels=one_hot(class_of[annotations], len(CLASSES)),
        annotated=np.ones(len(annotations), dtype=bool),
        keypoints=poses,
        confidence=confidence,
        annotator=str(metadata["annotator_id"]),
    )


def _floats(values: Any) -> Float64[np.ndarray, ...] | None:
    try:
        return np.array(values, dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        return None


def _integers(values: Any) -> Int[np.ndarray, ...] | None:
    try:
        found = np.array(values)
    except ValueError:
        return None
    return found if found.dtype.kind == "i" else None


def _array_faults(s: _Sequence) -> list[str]:
    faults = []
    frames = "frames" if s.annotations is None else len(s.annotations) if s.annotations.ndim else 0
    sizes = (len(ANIMALS), 2, len(KEYPOINTS))
    for name, found, tail in (
        ("keypoints", s.keypoints, sizes),
        ("scores", s.scores, (sizes[0], sizes[2])),
    ):
        expected = f"({frames}, {', '.join(map(str, tail))})"
        if found is None:
            faults.append(f"{name} are ragged or not numbers, expected shape {expected}")
        elif found.shape[1:] != tail or len(found) == 0:
            faults.append(f"{name} of shape {found.shape}, expected {expected}")
        elif s.annotations is not None and len(found) != frames:
            faults.append(f"{len(found)} frames of {name}, {frames} annotations")
        if found is not None and np.isinf(found).any():
            count = int(np.isinf(found).sum())
            faults.append(f"{name}: {count} NaN or infinite numbers; a lost keypoint is written null")
    return faults


def _label_faults(s: _Sequence) -> list[str]:
    faults = []
    if s.annotations is None or s.annotations.ndim != 1:
        faults.append("annotations are not one whole number per frame")
    vocab = s.metadata.get("vocab")
    whole = isinstance(vocab, dict) and all(type(v) is int and v >= 0 for v in vocab.values())
    if not isinstance(vocab, dict) or not whole or set(vocab) != set(CLASSES):
        faults.append(f"vocab {vocab!r}, expected the classes {', '.join(CLASSES)}, each with its number")
    elif len(set(vocab.values())) != len(vocab):
        faults.append(f"vocab {vocab!r} gives two classes one number")
    elif s.annotations is not None:
        outside = s.annotations[~np.isin(s.annotations, list(vocab.values()))]
        if outside.size:
            found = ", ".join(map(str, np.unique(outside)[:5]))
            faults.append(f"{outside.size} annotations outside the vocab: {found}")
    return faults


def _mark_faults(group: str, metadata: dict[str, Any], simulated: bool) -> list[str]:
    faults = []
    matched = _GROUP.fullmatch(group)
    annotator = metadata.get("annotator_id")
    if matched is None:
        faults.append(f"group {group!r}, expected 'annotator-id_' and a number")
    elif annotator is None or str(annotator) != matched[1]:
        faults.append(f"annotator_id {annotator!r} in the metadata, {matched[1]} in the group's name")
    if bool(metadata.get("simulated", False)) != simulated:
        faults.append(
            "not marked as simulated: no demo recording"
            if simulated
            else "simulated: not a recording of CalMS21"
        )
    return faults
