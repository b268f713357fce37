"""Frames of a video file, one after the other, decoded by PyAV and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float, UInt8

from bench.errors import DataError

Frame = UInt8[np.ndarray, "H W 3"]
"""Red, green, blue; y down, x right."""
UNEVEN = 0.5
"""Of the time between two frames: a frame that comes so much too early or too late makes a rate vary."""


@dataclass(frozen=True)
class Video:
    """A video file whose frames follow each other at one rate."""

    path: Path
    frames: int
    fps: float
    width: int
    height: int


def probe(path: Path) -> Video:
    """Read what a video file holds, without decoding it.

    Raises `DataError` where it is no video, has no frames, or their times are not evenly spaced.
    """
    hint = "encode it anew at a constant rate: ffmpeg -i IN -vsync cfr OUT.mp4"
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path} has no pictures", [f"streams: {len(container.streams)}, no video"])
            stream = container.streams.video[0]
            times = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
            seconds = np.sort(np.array(times, dtype=np.float64)) * float(stream.time_base or 0)
            width, height = stream.width, stream.height
    except FileNotFoundError:
        raise DataError(f"{path}: no such file", hint="name video files, such as cage1.mp4") from None
    except (av.FFmpegError, OSError) as fault:
        raise DataError(f"{path} cannot be read as a video", [str(fault)], hint=hint) from fault
    if len(seconds) < 2:
        raise DataError(f"{path} has {len(seconds)} frames", ["expected 2 or more"], hint=hint)
    step = float(np.median(np.diff(seconds)))
    if places := _uneven(seconds, step):
        raise DataError(f"{path}: the rate of its frames varies", places, hint=hint)
    fps = (len(seconds) - 1) / float(seconds[-1] - seconds[0])
    return Video(path, len(seconds), fps, width, height)


def _uneven(seconds: Float[np.ndarray, " T"], step: float) -> list[str]:
    gaps = np.diff(seconds)
    wrong = np.flatnonzero(np.abs(gaps - step) > UNEVEN * step)
    told = [f"frame {k + 1}: {gaps[k]:.4f} s after the one before, most: {step:.4f} s" for k in wrong[:8]]
    return [*told, *([f"and {len(wrong) - 8:,} more"] if len(wrong) > 8 else [])]


def frames(video: Video, start: int = 0) -> Iterator[Frame]:
    """Yield the frames from `start` on; those before are decoded and left out.

    Raises `DataError` where one cannot be decoded, or there are fewer than the file says.
    """
    place = 0
    try:
        with av.open(str(video.path)) as container:
            for decoded in container.decode(video=0):
                if place >= start:
                    yield decoded.to_ndarray(format="rgb24")
                place += 1
    except av.FFmpegError as fault:
        raise DataError(
            f"{video.path}: frame {place:,} cannot be decoded", [str(fault)], hint="copy the file again"
        ) from fault
    if place != video.frames:
        raise DataError(
            f"{video.path} ends early",
            [f"{place:,} frames can be decoded, {video.frames:,} expected"],
            hint="copy the file again",
        )
