"""Simulated recordings drawn as video: bedding, a feeder, animals from their keypoints, a mirror.

A picture shows what keypoints do not: the feeder stands where the recording's scene says. The mirror is a
strip below the floor, which it shows upside down, the nearest part uppermost: what moves in it is no animal.
The pixels of keypoints are scaled, never moved, so that a pose of a recording fits its video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import median_filter

from baselines.inputs.video import Frame
from bench.errors import DataError
from bench.files.writing import replacing, write_bytes
from bench.recordings import Recording, Skeleton
from bench.tasks import Scene

WIDTH = 256
"""Pixels of a picture."""
MIRROR = 1 / 3
"""Height of the mirror, as a share of the floor's."""
STEADY = 5
"""Frames whose median is drawn: a tracker's error does not make the animal jump."""
FUR = ((45, 42, 40), (225, 222, 215), (150, 105, 60), (110, 110, 120))
"""Red, green, blue of the first animal, the second, and so on from the beginning."""
NOISE = 8
"""Fields of sensor noise that follow each other."""


@dataclass(frozen=True)
class View:
    """How pixels of keypoints become pixels of a picture."""

    scale: float
    """Pixels of a picture for each pixel of keypoints."""
    width: int
    floor: int
    """Rows that show the floor; those below show the mirror."""
    height: int

    @property
    def glass(self) -> Bool[np.ndarray, "H W"]:
        """Where the mirror is: what `bench features --mask` should not look at."""
        return np.repeat(np.arange(self.height)[:, None] >= self.floor, self.width, axis=1)


def view(image: tuple[int, int], width: int = WIDTH, mirror: bool = False) -> View:
    """Return the view of a floor of that width and height; sides are even, as encoders need them."""
    scale = width / image[0]
    floor = _even(image[1] * scale)
    return View(scale, width, floor, floor + (_even(floor * MIRROR) if mirror else 0))


def steady(keypoints: Float[np.ndarray, "T A K 2"]) -> Float[np.ndarray, "T A K 2"]:
    """Fill in what was not detected, evenly over time, and take a running median.

    Raises `DataError` where a keypoint is never detected.
    """
    flat = keypoints.reshape(len(keypoints), -1).astype(np.float64)
    known = ~np.isnan(flat)
    if not known.any(axis=0).all():
        raise DataError("animals cannot be drawn", ["a keypoint is not detected in any frame"])
    place = np.arange(len(flat))
    filled = [np.interp(place, place[known[:, i]], flat[known[:, i], i]) for i in range(flat.shape[1])]
    return median_filter(np.stack(filled, axis=1), (STEADY, 1), mode="nearest").reshape(keypoints.shape)


def draw(
    keypoints: Float[np.ndarray, "T A K 2"], skeleton: Skeleton, scene: Scene, seen: View
) -> Iterator[tuple[Frame, Bool[np.ndarray, "A H W"]]]:
    """Yield each picture, and where each animal itself is in it, mirror and overlap left aside.

    Keypoints have no NaN: see `steady`. The same input gives the same pixels.
    """
    rng = np.random.default_rng(scene.seed)
    floor = bedding(rng, seen)
    if scene.feeder is not None:
        _draw_feeder(floor, np.array(scene.feeder) * seen.scale, seen.scale)
    noise = rng.normal(0, 2, (NOISE, seen.height, seen.width, 1)).astype(np.float32)
    edges = [[skeleton.keypoints.index(name) for name in edge] for edge in skeleton.edges]
    for number, animals in enumerate(keypoints * seen.scale):
        picture = floor.copy()
        masks = np.zeros((len(animals), seen.height, seen.width), dtype=bool)
        for animal, points in enumerate(animals):
            masks[animal] = body(points, edges, (seen.height, seen.width))
            picture[masks[animal]] = FUR[animal % len(FUR)]
        if seen.height > seen.floor:
            picture[seen.floor :] = _reflected(picture[: seen.floor], seen.height - seen.floor)
        lit = np.clip(picture + noise[number % NOISE], 0, 255)
        yield lit.astype(np.uint8), masks


def body(
    points: Float[np.ndarray, "K 2"], edges: list[list[int]], shape: tuple[int, int]
) -> Bool[np.ndarray, "H W"]:
    """Return the pixels of an animal: the hull of its keypoints and thick lines along its edges."""
    mask = np.zeros(shape, dtype=np.uint8)
    place: Int[np.ndarray, "K 2"] = np.rint(points).astype(np.int32)
    length = float(np.linalg.norm(np.ptp(points, axis=0)))
    thick = max(2, round(length / 7))
    cv2.fillConvexPoly(mask, cv2.convexHull(place), 1)
    for first, second in edges:
        cv2.line(mask, place[first].tolist(), place[second].tolist(), 1, thick)
    return mask.astype(bool)


def bedding(rng: np.random.Generator, seen: View) -> UInt8[np.ndarray, "H W 3"]:
    """Return a floor of chips in tones of wood, darker in some patches."""
    shape = (seen.height, seen.width)
    patches = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), seen.width / 16)
    chips = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), 0.8)
    tone = 14 * patches / patches.std() + 9 * chips / chips.std()
    return np.clip(np.array([186, 160, 122]) + tone[..., None], 90, 235).astype(np.uint8)


def render(
    recording: Recording,
    skeleton: Skeleton,
    scene: Scene,
    path: Path,
    *,
    width: int = WIDTH,
    mirror: bool = False,
) -> Float[np.ndarray, "T A 4"]:
    """Write a recording as an H.264 video, and return the true box of each animal in its pixels.

    Boxes are left, top, right, bottom; right and bottom are outside. Raises `DataError` where there are no
    poses.
    """
    if recording.keypoints is None:
        raise DataError(f"recording {recording.id!r} has no keypoints to draw", [])
    seen = view(skeleton.image, width, mirror)
    truth = np.empty((recording.frames, len(skeleton.animals), 4))
    with replacing(path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(recording.fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = seen.width, seen.height, "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast", "threads": "1"}
        pictures = draw(steady(recording.keypoints), skeleton, scene, seen)
        for number, (picture, masks) in enumerate(pictures):
            truth[number] = [_box(mask) for mask in masks]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return truth


def write_glass(path: Path, skeleton: Skeleton, width: int = WIDTH) -> Path:
    """Write the picture that hides the mirror from `bench features --mask`: white where it is."""
    glass = view(skeleton.image, width, mirror=True).glass
    _, png = cv2.imencode(".png", glass.astype(np.uint8) * 255)
    write_bytes(path, png.tobytes())
    return path


def _box(mask: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, 4]:
    """Return the box around what is true; NaN where nothing is."""
    left, top, width, height = map(float, cv2.boundingRect(mask.astype(np.uint8)))
    return np.array([left, top, left + width, top + height] if width else [np.nan] * 4)


def _draw_feeder(picture: UInt8[np.ndarray, "H W 3"], middle: Float[np.ndarray, 2], scale: float) -> None:
    """Draw a grey bowl with orange pellets."""
    place = np.rint(middle).astype(int).tolist()
    cv2.circle(picture, place, max(3, round(27 * scale)), (95, 95, 105), -1)
    cv2.circle(picture, place, max(2, round(20 * scale)), (225, 120, 30), -1)


def _reflected(floor: UInt8[np.ndarray, "H W 3"], height: int) -> UInt8[np.ndarray, "M W 3"]:
    """Return the floor as a mirror below it shows it: upside down, flatter and darker."""
    flat = cv2.resize(floor[::-1], (floor.shape[1], height), interpolation=cv2.INTER_AREA)
    return np.asarray((flat * 0.8).astype(np.uint8))


def _even(size: float) -> int:
    return 2 * int(np.ceil(size / 2))
