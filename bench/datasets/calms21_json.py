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
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int

from bench.datasets.calms21_features import Features, find, name_beside
from bench.errors import DataError, FileError
from bench.files.json_stream import entries
from bench.files.strict_json import once
from bench.recordings import Recording, one_hot

FPS = 30.0
ANIMALS = ("resident", "intruder")
KEYPOINTS = ("nose", "left ear", "right ear", "neck", "left hip", "right hip", "tail base")
EDGES = (
    *(("nose", "left ear"), ("nose", "right ear"), ("left ear", "neck"), ("right ear", "neck")),
    *(("neck", "left hip"), ("neck", "right hip"), ("left hip", "tail base"), ("right hip", "tail base")),
)
"""As Figure 3 of the paper draws them."""
IMAGE = (1024, 570)
CLASSES = ("attack", "investigation", "mount", "other")
MOST = 1_000
"""A class has no higher number: a table as long as the highest is made of them."""

_GROUP = re.compile(r"annotator[-_]id[-_](\d+)")
_ANNOTATOR = ("annotator_id", "annotator-id")
_FIELDS = ("keypoints", "scores", "annotations", "metadata")
# Python would read NaN and Infinity, which are not JSON: as infinities they are found and refused
_DECODER = json.JSONDecoder(parse_constant=lambda _: float("inf"), object_pairs_hook=once)


@dataclass(frozen=True)
class Identity:
    """What a group's name and a sequence's key say of the sequence."""

    id: str
    group: str
    """The unit of independence."""
    vocab: tuple[str, ...] = CLASSES
    """The names that the vocab must give, in the order of `classes`."""
    classes: tuple[str, ...] = CLASSES
    annotator: str | None = None
    """What the metadata must say; None where any number will do."""


Name = Callable[[Path, str, str], Identity]
"""(file, group's name, sequence's key) -> what they say; raises `DataError` where they say nothing."""


def by_mouse(_: Path, group: str, key: str) -> Identity:
    """Name a sequence by the last part of its key, and group it by the mouse number there."""
    id_ = key.rsplit("/", 1)[-1].lower()
    return Identity(id_, id_.split("_", 1)[0], annotator=annotator_of(group))


def annotator_of(group: str) -> str:
    """Return the number in the name of an annotator's group; raise `DataError` where there is none."""
    matched = _GROUP.fullmatch(group)
    if matched is None:
        raise DataError("", [f"group {group!r}, expected 'annotator-id_' and a number"])
    return matched[1]


def read_layout(
    paths: Sequence[Path],
    *,
    simulated: bool,
    name: Name = by_mouse,
    labelled: bool = True,
    skip: Collection[str] = (),
) -> Iterator[Recording]:
    """Yield the recordings of files in this layout, holding one sequence at a time.

    Good sequences are yielded as they come; after the last one `DataError` lists the faults of all
    the others, so a reader that needs everything or nothing must read to the end.
    `simulated` says which mark the metadata must carry: simulated mice never pass as real ones.
    `skip` names recordings that were read before: they are passed over, which is quick.
    """
    faults: list[str] = []
    origin: dict[str, str] = {}
    for path in paths:
        features = _features(path, faults)
        try:
            for group, key, text in entries(path):
                place = f"{path.name}: {key}"
                try:
                    identity = name(path, group, key)
                    if identity.id in origin:
                        raise DataError("", [f"id {identity.id!r} is taken by {origin[identity.id]}"])
                    origin[identity.id] = place
                    if identity.id not in skip:
                        build = _recording if labelled else _unlabelled
                        read = build(identity, _DECODER.decode(text.decode()), simulated=simulated)
                        more = None if features is None else features.read(group, key, read.frames)
                        yield replace(read, features=more)
                except DataError as error:
                    faults += [f"{place}: {problem}" for problem in error.problems]
                except (FileError, ValueError, RecursionError) as error:
                    faults.append(f"{place}: not JSON: {error}")
        except FileError as error:
            faults.append(f"{path.name}: not JSON of this layout, or cut short: {error}")
    if not origin and not faults:
        faults.append(f"{', '.join(path.name for path in paths)}: no sequence in it")
    if faults:
        raise DataError(
            "files in the CalMS21 layout are not as they should be",
            faults,
            hint="fetch or make the named files again, then repeat the import",
        )


def _features(path: Path, faults: list[str]) -> Features | None:
    """Return the features beside a file; note where they cannot be read."""
    try:
        return find(path)
    except FileError as error:
        faults.append(f"{name_beside(path.name)}: not JSON of this layout, or cut short: {error}")
        return None


@dataclass(frozen=True)
class _Arrays:
    """One sequence as arrays, before it is known to be consistent; None where one was not read."""

    keypoints: Float64[np.ndarray, ...] | None
    scores: Float64[np.ndarray, ...] | None
    annotations: Int[np.ndarray, ...] | None
    metadata: dict[str, Any]


def _recording(identity: Identity, value: Any, *, simulated: bool) -> Recording:
    sequence = _arrays(value, _FIELDS)
    metadata = sequence.metadata
    annotator = next((metadata[key] for key in _ANNOTATOR if key in metadata), None)
    faults = _array_faults(sequence) + _label_faults(sequence, identity.vocab)
    if annotator is None or identity.annotator not in (None, str(annotator)):
        expected = f"{identity.annotator} in the name of its group"
        expected = expected if identity.annotator else "expected a number"
        faults.append(f"annotator_id {annotator!r} in the metadata, {expected}")
    faults += _mark_faults(metadata, simulated)
    keypoints, scores, annotations = sequence.keypoints, sequence.scores, sequence.annotations
    if faults or keypoints is None or scores is None or annotations is None:
        raise DataError("", faults)
    poses, confidence = _poses(keypoints, scores)
    class_of = np.full(max(metadata["vocab"].values()) + 1, -1)
    for number, label in enumerate(identity.vocab):
        class_of[metadata["vocab"][label]] = number
    return Recording(
        id=identity.id,
        group=identity.group,
        fps=FPS,
        classes=identity.classes,
        labels=one_hot(class_of[annotations], len(identity.classes)),
        annotated=np.ones(len(annotations), dtype=bool),
        keypoints=poses,
        confidence=confidence,
        annotator=str(annotator),
    )


def _unlabelled(identity: Identity, value: Any, *, simulated: bool) -> Recording:
    """Return the poses of a sequence that nobody annotated: no class, no frame that counts."""
    sequence = _arrays(value, _FIELDS[:2])
    faults = _array_faults(sequence) + _mark_faults(sequence.metadata, simulated)
    keypoints, scores = sequence.keypoints, sequence.scores
    if faults or keypoints is None or scores is None:
        raise DataError("", faults)
    poses, confidence = _poses(keypoints, scores)
    nothing, nobody = np.zeros((len(poses), 0), dtype=bool), np.zeros(len(poses), dtype=bool)
    return Recording(identity.id, identity.group, FPS, (), nothing, nobody, poses, confidence)


def _arrays(value: Any, fields: Sequence[str]) -> _Arrays:
    """Read what `fields` asks for; the metadata too, where there are any."""
    if not isinstance(value, dict):
        raise DataError("", [f"a {type(value).__name__}, expected an object with {', '.join(fields)}"])
    missing = [name for name in fields if name not in value]
    if missing:
        raise DataError("", [f"without {', '.join(missing)}"])
    metadata = value.get("metadata")
    return _Arrays(
        _floats(value["keypoints"]),
        _floats(value["scores"]),
        _integers(value["annotations"]) if "annotations" in fields else None,
        metadata if isinstance(metadata, dict) else {},
    )


def _poses(
    keypoints: Float64[np.ndarray, "T A 2 K"], scores: Float64[np.ndarray, "T A K"]
) -> tuple[Float32[np.ndarray, "T A K 2"], Float32[np.ndarray, "T A K"]]:
    """Return poses and confidence in our axes; a keypoint that was not found has no confidence."""
    poses = np.ascontiguousarray(keypoints.transpose(0, 1, 3, 2), dtype=np.float32)
    confidence = np.where(np.isnan(poses).any(axis=-1), np.nan, scores).astype(np.float32)
    return poses, confidence


def _floats(values: Any) -> Float64[np.ndarray, ...] | None:
    try:
        array = np.array(values)
        if array.dtype.kind == "O" and {type(value) for value in array.ravel()} <= {float, int, type(None)}:
            return array.astype(np.float64)  # None becomes NaN
    except (OverflowError, ValueError):  # an integer beyond every float; rows of different lengths
        return None
    return array.astype(np.float64, copy=False) if array.dtype.kind in "iuf" else None


def _integers(values: Any) -> Int[np.ndarray, ...] | None:
    try:
        array = np.array(values)
    except ValueError:
        return None
    return array if array.dtype.kind == "i" else None


def _array_faults(s: _Arrays) -> list[str]:
    faults = []
    frames = "frames" if s.annotations is None else len(s.annotations) if s.annotations.ndim else 0
    sizes = (len(ANIMALS), 2, len(KEYPOINTS))
    for name, array, tail in (
        ("keypoints", s.keypoints, sizes),
        ("scores", s.scores, (sizes[0], sizes[2])),
    ):
        expected = f"({frames}, {', '.join(map(str, tail))})"
        if array is None:
            faults.append(f"{name} are ragged or not numbers, expected shape {expected}")
        elif array.shape[1:] != tail or len(array) == 0:
            faults.append(f"{name} of shape {array.shape}, expected {expected}")
        elif s.annotations is not None and len(array) != frames:
            faults.append(f"{len(array)} frames of {name}, {frames} annotations")
        if array is not None and np.isinf(array).any():
            count = int(np.isinf(array).sum())
            faults.append(f"{name}: {count} NaN or infinite numbers; a lost keypoint is written null")
    if not faults and s.keypoints is not None and s.scores is not None and len(s.keypoints) != len(s.scores):
        faults.append(f"{len(s.keypoints)} frames of keypoints, {len(s.scores)} of scores")
    return faults


def _label_faults(s: _Arrays, names: tuple[str, ...]) -> list[str]:
    faults = []
    if s.annotations is None or s.annotations.ndim != 1:
        faults.append("annotations are not one whole number per frame")
    vocab = s.metadata.get("vocab")
    whole = isinstance(vocab, dict) and all(type(v) is int and 0 <= v <= MOST for v in vocab.values())
    if not isinstance(vocab, dict) or not whole or set(vocab) != set(names):
        faults.append(f"vocab {vocab!r}, expected the classes {', '.join(names)}, each with its number")
    elif len(set(vocab.values())) != len(vocab):
        faults.append(f"vocab {vocab!r} gives two classes one number")
    elif s.annotations is not None:
        outside = s.annotations[~np.isin(s.annotations, list(vocab.values()))]
        if outside.size:
            numbers = ", ".join(map(str, np.unique(outside)[:5]))
            faults.append(f"{outside.size} annotations outside the vocab: {numbers}")
    return faults


def _mark_faults(metadata: dict[str, Any], simulated: bool) -> list[str]:
    if bool(metadata.get("simulated", False)) == simulated:
        return []
    wrong = "not marked as simulated: no demo recording", "simulated: not a recording of CalMS21"
    return [wrong[0] if simulated else wrong[1]]
