"""Pose files as trackers write them, small enough to be made in a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

ANIMALS = ("ratA", "ratB")
KEYPOINTS = ("nose", "neck", "tail")
SCORER = "DLC_dlcrnetms5_labJan24shuffle1_5000"


def positions(frames: int, animals: int = 2, keypoints: int = 3, seed: int = 0) -> np.ndarray:
    """Return x, y (frames, animals, keypoints, 2); one keypoint in ten is lost."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(20, 300, (frames, animals, keypoints, 2)).round(3)
    xy[rng.random(xy.shape[:3]) < 0.1] = np.nan
    return xy


def deeplabcut_csv(
    path: Path, xy: np.ndarray, animals: Sequence[str] = ANIMALS, keypoints: Sequence[str] = KEYPOINTS
) -> Path:
    """Write a csv; of one animal without a row of individuals, as DeepLabCut does."""
    columns = [(a, k, c) for a in animals for k in keypoints for c in ("x", "y", "likelihood")]
    rows = [["scorer", *([SCORER] * len(columns))]]
    if len(animals) > 1:
        rows.append(["individuals", *(a for a, _, _ in columns)])
    rows += [["bodyparts", *(k for _, k, _ in columns)], ["coords", *(c for _, _, c in columns)]]
    for frame, points in enumerate(xy.reshape(len(xy), -1, 2)):
        cells = []
        for x, y in points.tolist():
            cells += ["", "", ""] if np.isnan(x) else [str(x), str(y), "0.9"]
        rows.append([str(frame), *cells])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(row) + "\n" for row in rows))
    return path


def sleap_h5(
    path: Path, xy: np.ndarray, animals: Sequence[str] = ANIMALS, keypoints: Sequence[str] = KEYPOINTS
) -> Path:
    """Write an analysis file."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["tracks"] = xy.transpose(1, 3, 2, 0)
        file["point_scores"] = np.full((xy.shape[1], xy.shape[2], len(xy)), 0.8)
        file["node_names"] = [name.encode() for name in keypoints]
        file["track_names"] = [name.encode() for name in animals]
    return path
