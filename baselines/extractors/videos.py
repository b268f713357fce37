"""From a video to rows of features: the animal is found, cut out and looked at in short chunks.

Rows are written as they are made, so that a killed run goes on after the last one, with the same bytes. They
end as `<video>.npy`, float32 (N, 1024), and `<video>.json` says at which seconds they are and what made them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from tqdm import tqdm

from baselines.engine.settings import float32, reproducible
from baselines.extractors.i3d import I3D, WIDTH, i3d
from baselines.inputs.boxes import background, boxes, by_background, crops, read_mask, squares
from baselines.inputs.video import Video, probe
from bench.errors import DataError, FileError
from bench.files.strict_json import read_json
from bench.files.writing import make_folder, replacing, resuming, write_text

_LARGEST = 2**20  # bytes of what is written of a video
TOGETHER = 8
"""Chunks that go through the network at once; always the same ones, so that stopping changes no bit."""


@dataclass(frozen=True)
class Settings:
    """How a video becomes rows. RatSeizure's: chunks of 16 frames, one every 4, pictures of 224 pixels."""

    chunk: int = 16
    stride: int = 4
    size: int = 224
    margin: float = 50.0
    """Pixels that the box around the animal is enlarged by."""
    whole: bool = False
    """Whether the whole picture is looked at, and no animal is searched for."""
    seed: int = 0
    """Of the weights, where no file of weights is given."""

    def rows(self, frames: int) -> int:
        """Return how many rows a video of so many frames has."""
        return max(0, (frames - self.chunk) // self.stride + 1)


def extract(
    path: Path,
    out: Path,
    settings: Settings = Settings(),
    *,
    weights: Path | None = None,
    mask: Path | None = None,
    device: str = "cpu",
) -> Path:
    """Write the features of a video into a folder, and return their file; none is made twice.

    Raises `DataError` where the video, the mask or the weights are not as they should be, and where the
    features of another video have the name already.
    """
    video = probe(path)
    facts = facts_of(video, settings, weights, mask)
    target = out / f"{path.stem}.npy"
    record = target.with_suffix(".json")
    earlier = _earlier(record)
    if target.is_file() and earlier == facts:
        return target
    if target.is_file() and earlier.get("video") != facts["video"]:
        raise DataError(
            f"{target} holds the features of another video",
            [f"{record}: {earlier.get('video')}, expected {facts['video']}"],
            hint=f"name another folder with --out, or take {target.name} away",
        )
    rows = out / f".{path.stem}.{_digest(facts)[:16]}.rows"
    look = look_at(video, settings, mask)
    make_folder(out)
    network = i3d(weights, settings.seed).to(device)
    with reproducible(torch.device(device)), float32():
        _write_rows(rows, look, settings, network)
    values = np.fromfile(rows, dtype="<f4").reshape(-1, WIDTH)
    with replacing(target) as file:
        np.save(file, values, allow_pickle=False)
    write_text(record, json.dumps(facts, indent=1) + "\n")
    rows.unlink()
    return target


def _earlier(record: Path) -> dict[str, Any]:
    """Return what an earlier run wrote of its rows; nothing where that cannot be read."""
    try:
        facts = read_json(record, _LARGEST)
    except FileError:
        return {}
    return facts if isinstance(facts, dict) else {}


@dataclass(frozen=True)
class Look:
    """What is looked at in a video."""

    video: Video
    square: Float[np.ndarray, "T 4"]
    """What is cut out of every frame."""
    hidden: Bool[np.ndarray, "H W"] | None
    """What is black in it; None: nothing."""

    def crops(self, size: int, start: int = 0) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
        """Yield the pictures from a frame on."""
        return crops(self.video, self.square, size, start, self.hidden)


def look_at(video: Video, settings: Settings, mask: Path | None) -> Look:
    """Return where the animal is, which takes two looks at all frames.

    Raises `DataError` where the video is shorter than a chunk, the mask does not fit, or no animal is seen.
    """
    if video.frames < settings.chunk:
        raise DataError(
            f"{video.path} is too short",
            [f"{video.frames} frames, expected {settings.chunk} or more: a row of features has so many"],
            hint="leave the video out",
        )
    hidden = None if mask is None else read_mask(mask, video)
    return Look(video, _squares(video, settings, hidden), hidden)


def _squares(
    video: Video, settings: Settings, hidden: Bool[np.ndarray, "H W"] | None
) -> Float[np.ndarray, "T 4"]:
    """Return what is cut out of every frame."""
    if settings.whole:
        side = max(video.width, video.height)
        left, top = (video.width - side) / 2, (video.height - side) / 2
        return np.tile(np.array([left, top, left + side, top + side], dtype=np.float64), (video.frames, 1))
    found = boxes(video, by_background(background(video), hidden))
    return squares(found, video.fps, settings.margin)


def _write_rows(path: Path, look: Look, settings: Settings, network: I3D) -> None:
    """Append the rows that are missing in a file, whole batches at a time."""
    row = WIDTH * 4
    done = path.stat().st_size // (TOGETHER * row) * TOGETHER if path.is_file() else 0
    count = settings.rows(look.video.frames)
    chunks = _chunks(look, settings, done)
    with resuming(path, done * row) as file:
        bar = tqdm(
            total=count, initial=done, desc=look.video.path.name, unit=" rows", leave=False, disable=None
        )
        while group := list(islice(chunks, TOGETHER)):
            file.write(rows_of(network, group).astype("<f4").tobytes())
            file.flush()
            bar.update(len(group))
        bar.close()


def _chunks(look: Look, settings: Settings, first: int) -> Iterator[UInt8[np.ndarray, "T S S 3"]]:
    """Yield chunk after chunk from a row on, with no more frames in memory than one chunk has."""
    start = first * settings.stride
    held: list[UInt8[np.ndarray, "S S 3"]] = []
    for crop in look.crops(settings.size, start):
        held.append(crop)
        if len(held) == settings.chunk:
            yield np.stack(held)
            held = held[settings.stride :]


@torch.inference_mode()
def rows_of(network: I3D, group: Sequence[UInt8[np.ndarray, "T S S 3"]]) -> Float32[np.ndarray, "B D"]:
    """Return the row of each chunk."""
    device = next(network.parameters()).device
    x = torch.from_numpy(np.stack(group)).to(device).float() / 127.5 - 1
    rows = network(x.permute(0, 4, 1, 2, 3))
    return rows.cpu().numpy()


def facts_of(video: Video, settings: Settings, weights: Path | None, mask: Path | None) -> dict[str, Any]:
    """Return all that the rows depend on, and when they are, as JSON values."""
    return {
        "video": {"name": video.path.name, "sha256": file_digest(video.path)},
        "frames": video.frames,
        "fps": video.fps,
        "start": settings.chunk / 2 / video.fps,
        "step": settings.stride / video.fps,
        "rows": settings.rows(video.frames),
        "network": "i3d",
        "weights": file_digest(weights) if weights else f"random, seed {settings.seed}: trained on nothing",
        "mask": file_digest(mask) if mask else None,
        "settings": asdict(settings),
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
