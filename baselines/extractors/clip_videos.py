"""From a long video to rows of features of its overlapping clips, one file for each.

Clips are those of `bench/datasets/clips.py`: ten seconds, one every five. The animal is searched in the whole
video once; then one clip after the other is cut out and goes through I3D, 72 rows of ten seconds at 30 frames
per second. No more than one clip is in memory. `<video>-000.npy` is the first; `<video>.clips.json` says
which clips there are, and what made them. A killed run goes on after the last file, with the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from tqdm import tqdm

from baselines.engine.settings import float32, reproducible
from baselines.extractors.i3d import I3D, i3d
from baselines.extractors.videos import TOGETHER, Look, Settings, facts_of, look_at, rows_of
from baselines.inputs.video import Video, probe
from bench.datasets.clips import CUT, Cut, clip_id
from bench.errors import DataError, FileError
from bench.files.strict_json import read_json
from bench.files.writing import make_folder, replacing, write_text

WHOLE_SIZE = Settings()
_LARGEST = 2**26  # bytes of what is written of a video; ten thousand clips have 1 MB


def extract_clips(
    path: Path,
    out: Path,
    settings: Settings = WHOLE_SIZE,
    cut: Cut = CUT,
    *,
    weights: Path | None = None,
    mask: Path | None = None,
    device: str = "cpu",
) -> list[Path]:
    """Write the features of every clip of a video into a folder, and return their files; none is made twice.

    Raises `DataError` where the video, the mask or the weights are not as they should be, where the video has
    no whole clip, and where features of another video, or made otherwise, have the name already.
    """
    video = probe(path)
    starts = cut.starts(video.frames, video.fps)
    if not starts:
        raise DataError(
            f"{path} is shorter than a clip",
            [f"{video.frames / video.fps:.2f} s, expected {cut.seconds:g} s or more"],
            hint="leave the video out, or set shorter clips",
        )
    record = out / f"{path.stem}.clips.json"
    facts = _facts(video, settings, cut, starts, weights, mask)
    _refuse_others(record, facts)
    targets = [out / f"{clip_id(path.stem, number)}.npy" for number in range(len(starts))]
    missing = [number for number, target in enumerate(targets) if not target.is_file()]
    if missing:
        look = look_at(video, settings, mask)
        make_folder(out)
        write_text(record, json.dumps(facts, indent=1) + "\n")
        wanted = {number: starts[number] for number in missing}
        pictures = clip_pictures(look, wanted, cut.frames(video.fps), settings.size)
        network = i3d(weights, settings.seed).to(device)
        with reproducible(torch.device(device)), float32():
            for number, clip in tqdm(
                pictures, path.name, len(missing), unit=" clips", leave=False, disable=None
            ):
                with replacing(targets[number]) as file:
                    np.save(file, clip_rows(network, clip, settings), allow_pickle=False)
    return targets


def clip_pictures(
    look: Look, starts: dict[int, int], length: int, size: int
) -> Iterator[tuple[int, UInt8[np.ndarray, "T S S 3"]]]:
    """Yield number and pictures of each clip (number -> first frame, ascending), one at a time."""
    waiting = list(starts.items())
    first = waiting[0][1]
    held: list[UInt8[np.ndarray, "S S 3"]] = []
    for picture in look.crops(size, first):
        held.append(picture)
        while waiting and first + len(held) >= waiting[0][1] + length:
            number, start = waiting.pop(0)
            yield number, np.stack(held[start - first : start - first + length])
        keep = waiting[0][1] if waiting else first + len(held)
        if keep > first:
            held, first = held[keep - first :], min(keep, first + len(held))


def clip_rows(
    network: I3D, pictures: UInt8[np.ndarray, "T S S 3"], settings: Settings
) -> Float32[np.ndarray, "N D"]:
    """Return the rows of a clip, always the same chunks together."""
    starts = range(0, len(pictures) - settings.chunk + 1, settings.stride)
    groups = [starts[at : at + TOGETHER] for at in range(0, len(starts), TOGETHER)]
    return np.concatenate(
        [rows_of(network, [pictures[start : start + settings.chunk] for start in group]) for group in groups]
    )


def _facts(
    video: Video, settings: Settings, cut: Cut, starts: list[int], weights: Path | None, mask: Path | None
) -> dict[str, Any]:
    rows = settings.rows(cut.frames(video.fps))
    clips = {clip_id(video.path.stem, number): start / video.fps for number, start in enumerate(starts)}
    return {**facts_of(video, settings, weights, mask), "rows": rows, "cut": asdict(cut), "clips": clips}


def _refuse_others(record: Path, facts: dict[str, Any]) -> None:
    """Raise `DataError` where clips of the name were made of another video, or in another way."""
    if not record.is_file():
        return
    try:
        earlier = read_json(record, _LARGEST)
    except FileError as fault:
        earlier = {"file": fault.title}
    if earlier != facts:
        held = earlier if isinstance(earlier, dict) else {}
        differing = [name for name in facts if held.get(name) != facts[name]]
        raise DataError(
            f"{record} tells of other clips",
            [f"{name}: {str(held.get(name))[:200]}, expected {str(facts[name])[:200]}" for name in differing],
            hint="name another folder with --out, or take the clips of that name away",
        )
