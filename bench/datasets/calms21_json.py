"""The CalMS21 layout: `{group: {sequence id: {keypoints, scores, annotations, metadata}}}`.

keypoints are (frames, animals, xy, keypoints) in pixels, scores (frames, animals, keypoints),
annotations one integer per frame whose meaning `metadata.vocab` gives. The published files have a
number in every place; `null` is read as a keypoint that was not found. The files write `annotator-id`
where the paper's listing writes `annotator_id`, in the names of groups and in the metadata: both are read.

Source: Sun et al. 2021, arXiv:2104.02710, and the released files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
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

_GROUP = re.compile(r"annotator[-_]id[-_](\d+)")
_ANNOTATOR = ("annotator_id", "annotator-id")
_FIELDS = ("keypoints", "scores", "annotations", "metadata")
_SPACE = re.compile(r"[ \t\r\n]*")
# Python would read NaN and Infinity, which are not JSON: as infinities they are found and refused
_DECODER = json.JSONDecoder(parse_constant=lambda _: float("inf"))


@dataclass(frozen=True)
class Named:
    """What a group's name and a sequence's key say of the sequence."""

    id: str
    group: str
    """The unit of independence."""
    vocab: tuple[str, ...] = CLASSES
    """The names that the vocab must give, in the order of `classes`."""
    classes: tuple[str, ...] = CLASSES
    annotator: str | None = None
    """What the metadata must say; None where any number will do."""


Name = Callable[[Path, str, str], Named]
"""(file, group's name, sequence's key) -> what they say; raises `DataError` where they say nothing."""


def by_mouse(_: Path, group: str, key: str) -> Named:
    """Name a sequence by the last part of its key, and group it by the mouse number there."""
    id_ = key.rsplit("/", 1)[-1].lower()
    return Named(id_, id_.split("_", 1)[0], annotator=annotator_of(group))


def annotator_of(group: str) -> str:
    """Return the number in the name of an annotator's group; raise `DataError` where there is none."""
    matched = _GROUP.fullmatch(group)
    if matched is None:
        raise DataError("", [f"group {group!r}, expected 'annotator-id_' and a number"])
    return matched[1]


def read_layout(paths: Sequence[Path], *, simulated: bool, name: Name = by_mouse) -> Iterator[Recording]:
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
                try:
                    named = name(path, group, key)
                    if named.id in origin:
                        raise DataError("", [f"id {named.id!r} is taken by {origin[named.id]}"])
                    origin[named.id] = place
                    yield _recording(named, value, simulated=simulated)
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
class _Arrays:
    """One sequence as arrays, before it is known to be consistent; None where it could not be read."""

    keypoints: Float64[np.ndarray, ...] | None
    scores: Float64[np.ndarray, ...] | None
    annotations: Int[np.ndarray, ...] | None
    metadata: dict[str, Any]


def _recording(named: Named, value: Any, *, simulated: bool) -> Recording:
    if not isinstance(value, dict):
        raise DataError("", [f"a {type(value).__name__}, expected an object with {', '.join(_FIELDS)}"])
    missing = [name for name in _FIELDS if name not in value]
    if missing:
        raise DataError("", [f"without {', '.join(missing)}"])
    metadata = value["metadata"] if isinstance(value["metadata"], dict) else {}
    sequence = _Arrays(
        _floats(value["keypoints"]), _floats(value["scores"]), _integers(value["annotations"]), metadata
    )
    annotator = next((metadata[key] for key in _ANNOTATOR if key in metadata), None)
    faults = _array_faults(sequence) + _label_faults(sequence, named.vocab)
    faults += _mark_faults(named.annotator, annotator, metadata, simulated)
    keypoints, scores, annotations = sequence.keypoints, sequence.scores, sequence.annotations
    if faults or keypoints is None or scores is None or annotations is None:
        raise DataError("", faults)
    poses: Float32[np.ndarray, "T A K 2"] = keypoints.transpose(0, 1, 3, 2).astype(np.float32)
    confidence = np.where(np.isnan(poses).any(axis=-1), np.nan, scores).astype(np.float32)
    class_of = np.full(max(metadata["vocab"].values()) + 1, -1)
    for number, label in enumerate(named.vocab):
        class_of[metadata["vocab"][label]] = number
    return Recording(
        id=named.id,
        group=named.group,
        fps=FPS,
        classes=named.classes,
        labels=one_hot(class_of[annotations], len(named.classes)),
        annotated=np.ones(len(annotations), dtype=bool),
        keypoints=poses,
        confidence=confidence,
        annotator=str(annotator),
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


def _array_faults(s: _Arrays) -> list[str]:
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


def _label_faults(s: _Arrays, names: tuple[str, ...]) -> list[str]:
    faults = []
    if s.annotations is None or s.annotations.ndim != 1:
        faults.append("annotations are not one whole number per frame")
    vocab = s.metadata.get("vocab")
    whole = isinstance(vocab, dict) and all(type(v) is int and v >= 0 for v in vocab.values())
    if not isinstance(vocab, dict) or not whole or set(vocab) != set(names):
        faults.append(f"vocab {vocab!r}, expected the classes {', '.join(names)}, each with its number")
    elif len(set(vocab.values())) != len(vocab):
        faults.append(f"vocab {vocab!r} gives two classes one number")
    elif s.annotations is not None:
        outside = s.annotations[~np.isin(s.annotations, list(vocab.values()))]
        if outside.size:
            found = ", ".join(map(str, np.unique(outside)[:5]))
            faults.append(f"{outside.size} annotations outside the vocab: {found}")
    return faults


def _mark_faults(
    expected: str | None, annotator: Any, metadata: dict[str, Any], simulated: bool
) -> list[str]:
    faults = []
    if annotator is None or expected not in (None, str(annotator)):
        faults.append(
            f"annotator_id {annotator!r} in the metadata, "
            f"{'expected a number' if expected is None else f'{expected} in the name of its group'}"
        )
    if bool(metadata.get("simulated", False)) != simulated:
        faults.append(
            "not marked as simulated: no demo recording"
            if simulated
            else "simulated: not a recording of CalMS21"
        )
    return faults
