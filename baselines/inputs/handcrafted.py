"""Features of poses by hand: distances, angles, areas and speeds, which mean something to a person.

Those of team IRLAB in the MABe 2022 challenge (github.com/IRLAB-Therapeutics/mabe_2022, MIT, commit d1547a0),
written afresh: for three mice of twelve keypoints 202, of which 83 are of a frame, 83 are their changes over
time and 36 are speeds of keypoints. Their other 12 need the feeder and the corners of the cage, which no
keypoint shows. A skeleton without some of the body parts has fewer: what needs a part is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from bench.errors import DataError
from bench.recordings import Skeleton

PARTS: Mapping[str, tuple[str, ...]] = {
    "nose": ("nose", "top"),
    "left ear": ("left ear", "earl"),
    "right ear": ("right ear", "earr"),
    "neck": ("neck",),
    "left forepaw": ("left forepaw",),
    "right forepaw": ("right forepaw",),
    "left hindpaw": ("left hindpaw",),
    "right hindpaw": ("right hindpaw",),
    "back": ("centre of the back", "bodycentre", "centre", "body"),
    "left hip": ("left hip", "hipl"),
    "right hip": ("right hip", "hipr"),
    "rear": ("tail base", "tailbase", "tail"),
}
"""Part of a body -> what data sets call it."""
SPACING = 5.0
"""Frames that changes are divided by, as that team did."""
Points = Float[np.ndarray, "T A 2"]
Columns = Float[np.ndarray, "T N"]


def parts_of(keypoints: Float[np.ndarray, "T A K 2"], names: tuple[str, ...]) -> dict[str, Points]:
    """Return the parts of the bodies that have a keypoint.

    A back that has none is between the hips, or else between nose and rear. Raises `DataError` where nose or
    rear are missing.
    """
    made = {}
    for part, others in PARTS.items():
        if there := [name for name in others if name in names]:
            made[part] = keypoints[:, :, names.index(there[0])].astype(np.float64)
    if lacking := [part for part in ("nose", "rear") if part not in made]:
        raise DataError(
            "features by hand need nose and rear",
            [f"{part}: none of {', '.join(PARTS[part])} among {', '.join(names)}" for part in lacking],
            hint="choose another model",
        )
    ends = ("left hip", "right hip") if {"left hip", "right hip"} <= made.keys() else ("nose", "rear")
    return {"back": (made[ends[0]] + made[ends[1]]) / 2, **made}


def handcrafted(keypoints: Float[np.ndarray, "T A K 2"], skeleton: Skeleton) -> Columns:
    """Return the features of every frame: those of the frame, their changes, the speeds of keypoints.

    NaN where a keypoint is missing. Distances are in pixels, areas in pixels squared, times in frames.
    """
    parts = parts_of(keypoints, skeleton.keypoints)
    still = np.concatenate([_pairs(parts), _each(parts), _group(parts["back"])], axis=1)
    changes = np.gradient(still, SPACING, axis=0) if len(still) > 1 else np.zeros_like(still)
    return np.concatenate([still, changes, _speed(keypoints.astype(np.float64))], axis=1)


def count(skeleton: Skeleton) -> int:
    """Return the number of features for a skeleton; raises what `handcrafted` raises."""
    shape = (2, len(skeleton.animals), len(skeleton.keypoints), 2)
    return handcrafted(np.zeros(shape), skeleton).shape[1]


def _pairs(parts: Mapping[str, Points]) -> Columns:
    """Return eight numbers of every ordered pair of animals, each sorted over the pairs.

    Four distances between nose and rear of both, where the other looks seen from the one (cosine, sine), and
    where it is (cosine, sine). Sorted, they say the same whatever animal has which number.
    """
    nose, rear, back = parts["nose"], parts["rear"], parts["back"]
    axis = _angle(nose - rear)
    animals = range(nose.shape[1])
    rows = []
    for one in animals:
        for other in animals:
            if one != other:
                ends = [(a[:, one], b[:, other]) for a in (nose, rear) for b in (nose, rear)]
                far = [_length(a - b) for a, b in ends]
                turned = axis[:, other] - axis[:, one]
                bearing = _angle(back[:, other] - back[:, one]) - axis[:, one]
                around = [np.cos(turned), np.sin(turned), np.cos(bearing), np.sin(bearing)]
                rows.append(np.stack([*far, *around], axis=1))
    if not rows:
        return np.zeros((len(nose), 0))
    return np.sort(np.stack(rows, axis=1), axis=1).reshape(len(nose), -1)


def _each(parts: Mapping[str, Points]) -> Columns:
    """Return the shape and the movement of every animal: lengths, areas, angle of the neck, turn, speed."""
    nose, rear = parts["nose"], parts["rear"]
    columns = [_length(nose - rear)]
    paws, ears = {"left forepaw", "right forepaw"} <= parts.keys(), {"left ear", "right ear"} <= parts.keys()
    if paws:
        front = (parts["left forepaw"] + parts["right forepaw"]) / 2
        columns.append(_length(front - nose))
        if ears:
            columns.append(_length(front - (parts["left ear"] + parts["right ear"]) / 2))
        if {"left hindpaw", "right hindpaw"} <= parts.keys():
            around = ("left forepaw", "right forepaw", "right hindpaw", "left hindpaw")
            columns.append(_area([parts[name] for name in around]))
    if ears and "neck" in parts:
        columns.append(_area([parts[name] for name in ("nose", "left ear", "neck", "right ear")]))
    if "neck" in parts:
        bend = _angle(nose - parts["neck"]) - _angle(parts["neck"] - rear)
        columns += [np.cos(bend), np.sin(bend)]
    axis = _angle(nose - rear)
    turn = np.diff(axis, axis=0, prepend=axis[:1])
    columns += [np.cos(turn), np.sin(turn), _speed(parts["back"][:, :, None])]
    return np.concatenate(columns, axis=1)


def _group(back: Points) -> Columns:
    """Return, of three animals, area and smallest and largest angle (cosine, sine) of their triangle."""
    if back.shape[1] != 3:
        return np.zeros((len(back), 0))
    sides = [(back[:, (i + 1) % 3] - back[:, i], back[:, (i + 2) % 3] - back[:, i]) for i in range(3)]
    inner = np.stack([np.abs(_angle(a) - _angle(b)) for a, b in sides], axis=1)
    inner = np.minimum(inner, 2 * np.pi - inner)
    low, high = inner.min(axis=1), inner.max(axis=1)
    area = _area([back[:, i : i + 1] for i in range(3)])
    return np.column_stack([area, np.cos(low), np.sin(low), np.cos(high), np.sin(high)])


def _speed(points: Float[np.ndarray, "T A K 2"]) -> Columns:
    """Return how far each point moves in a frame; 0 in the first one."""
    return _length(np.diff(points, axis=0, prepend=points[:1])).reshape(len(points), -1)


def _length(x: Float[np.ndarray, "*axes 2"]) -> Float[np.ndarray, "*axes"]:
    return np.hypot(x[..., 0], x[..., 1])


def _angle(x: Float[np.ndarray, "*axes 2"]) -> Float[np.ndarray, "*axes"]:
    return np.arctan2(x[..., 1], x[..., 0])


def _area(corners: list[Points]) -> Float[np.ndarray, "T A"]:
    """Return the area within corners that follow each other."""
    twice = sum(
        one[..., 0] * after[..., 1] - after[..., 0] * one[..., 1]
        for one, after in zip(corners, [*corners[1:], corners[0]], strict=True)
    )
    return np.abs(np.asarray(twice)) / 2
