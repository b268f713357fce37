"""What can be scored and is probably not what was meant: labels for scores, frames for seconds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.recordings import Detections

Lasting = tuple[float, Detections]
"""How long a recording lasts, or until when something is true in it, in seconds; and what was detected."""
_SHORT = 2.0
"""Seconds: where no recording lasts longer, detections within the first second are no surprise."""


def detection_doubts(detections: Iterable[Lasting]) -> list[str]:
    """Say where detections look like frames, or like shares of the length, and not like seconds."""
    found = [(seconds, one.bounds) for seconds, one in detections if len(one.bounds)]
    if not found:
        return []
    number, longest = sum(len(bounds) for _, bounds in found), max(seconds for seconds, _ in found)
    if all((bounds[:, 0] >= seconds).all() for seconds, bounds in found):
        end = f"no detection of {number:,} begins before its recording ends, at {longest:.1f} s at most"
        return [f"{end}: are they in frames? expected seconds"]
    if longest > _SHORT and all(bounds.max() <= 1 for _, bounds in found):
        first = (
            f"all {number:,} detections lie within the first second of recordings of up to {longest:.1f} s"
        )
        return [f"{first}: are they shares of the length, or in minutes? expected seconds"]
    return []


def score_doubts(scores: Iterable[np.ndarray]) -> list[str]:
    """Say where scores (frames, classes) are labels: 0 and 1 alone, a single 1 to a frame."""
    arrays = list(scores)
    if not arrays or not all(np.isin(one, (0, 1)).all() and (one.sum(axis=1) == 1).all() for one in arrays):
        return []
    return ["every score is 0 or 1, as labels are: average precision ranks frames by their scores"]
