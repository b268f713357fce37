"""What the path from a long video to features takes, and how well the animal is found on the way.

    python tests/studies/video_path.py               an hour drawn and searched, a clip through I3D
    python tests/studies/video_path.py --minutes 2   a shorter video
    python tests/studies/video_path.py --save NAME   keep a record in records/NAME.json

The video is drawn from a simulated session, with a mirror below the floor, 256 pixels wide. Each step runs in
a process of its own, on one thread: drawing, the background, the boxes, the crops, and I3D of 224 pixels with
random weights. Seconds are processor seconds for each minute of video. Memory is the most that the process
held (VmHWM), with what Python and its libraries take, for the whole video and for one of a minute. Boxes are
compared with those of what was drawn. Motion is the mean change of a pixel from frame to frame, in grey
levels, in the mirror and on the floor, before the mask and after it.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

RECORDS = Path(__file__).parent / "records"
WIDTH, FPS, SEED = 256, 30, 345
ENOUGH = 0.8
"""Overlap (intersection over union) of a box that finds the animal."""
THROUGH_I3D = 0.17
"""Minutes."""


def draw(folder: Path, minutes: float) -> dict[str, Any]:
    """Draw a session of so many minutes, its true boxes and the mask of its mirror."""
    from baselines.inputs.rendering import render, write_glass
    from bench.datasets import demo_segments
    from bench.datasets.overlapping import CLASSES, simulate
    from bench.recordings import Recording

    frames = round(minutes * 60 * FPS)
    made = simulate(SEED, 1, frames, FPS)
    poses, everywhere = made.keypoints.astype(np.float32), np.ones(frames, dtype=bool)
    session = Recording("session", "session", float(FPS), CLASSES, made.labels, everywhere, poses)
    skeleton = demo_segments.DATASET.skeleton
    scene = demo_segments.scene(session.id)
    truth = render(session, skeleton, scene, folder / "session.mp4", width=WIDTH, mirror=True)
    np.save(folder / "truth.npy", truth[:, 0])
    write_glass(folder / "mirror.png", skeleton, WIDTH)
    return {"megabytes": round((folder / "session.mp4").stat().st_size / 1e6, 1)}


def background(folder: Path, _minutes: float) -> dict[str, Any]:
    """Take the median picture."""
    from baselines.inputs import boxes
    from baselines.inputs.video import probe

    np.save(folder / "empty.npy", boxes.background(probe(folder / "session.mp4")))
    return {}


def boxes(folder: Path, _minutes: float) -> dict[str, Any]:
    """Search the animal outside the mirror."""
    return _found(folder, masked=True)


def boxes_unmasked(folder: Path, _minutes: float) -> dict[str, Any]:
    """Search the animal everywhere."""
    return _found(folder, masked=False)


def _found(folder: Path, *, masked: bool) -> dict[str, Any]:
    from baselines.inputs.boxes import boxes as search
    from baselines.inputs.boxes import by_background, read_mask
    from baselines.inputs.video import probe

    video = probe(folder / "session.mp4")
    hidden = read_mask(folder / "mirror.png", video)
    detect = by_background(np.load(folder / "empty.npy"), hidden if masked else None)
    found, truth = search(video, detect), np.load(folder / "truth.npy")
    if masked:
        np.save(folder / "boxes.npy", found)
    over = overlap(found, truth)
    floor = int((~hidden).any(axis=1).sum())
    return {
        f"share of frames with an overlap of {ENOUGH} or more": float(np.mean(over >= ENOUGH)),
        "overlap, median and 1st percentile": np.nanpercentile(over, [50, 1]).round(3).tolist(),
        "share of frames without a box": float(np.isnan(over).mean()),
        "share of boxes that reach into the mirror": float(np.mean(found[:, 3] > floor)),
    }


def crops(folder: Path, _minutes: float) -> dict[str, Any]:
    """Cut the animal out of each frame, 224 pixels wide."""
    from baselines.inputs.boxes import crops as cut
    from baselines.inputs.boxes import read_mask, squares
    from baselines.inputs.video import probe

    video = probe(folder / "session.mp4")
    square = squares(np.load(folder / "boxes.npy"), video.fps, 12.0)
    for _ in cut(video, square, 224, mask=read_mask(folder / "mirror.png", video)):
        pass
    return {}


def motion(folder: Path, _minutes: float) -> dict[str, Any]:
    """Measure how much pixels change, before the mask and after it."""
    from baselines.inputs.boxes import read_mask
    from baselines.inputs.video import frames, probe

    video = probe(folder / "session.mp4")
    glass = read_mask(folder / "mirror.png", video)
    totals, last = np.zeros(3), None
    for frame in frames(video):
        grey = frame.mean(axis=2)
        looked_at = np.where(glass, 0, grey)
        if last is not None:
            change, after = np.abs(grey - last[0]), np.abs(looked_at - last[1])
            totals += change[~glass].mean(), change[glass].mean(), after[glass].mean()
        last = grey, looked_at
    floor, before, behind = (totals / (video.frames - 1)).round(3).tolist()
    return {"floor": floor, "mirror before the mask": before, "mirror after the mask": behind}


def i3d(folder: Path, _minutes: float) -> dict[str, Any]:
    """Take the clips of a short video through the whole path."""
    import torch

    from baselines.extractors.clip_videos import extract_clips
    from baselines.extractors.videos import Settings

    torch.set_num_threads(1)
    settings = replace(Settings(), margin=12.0)
    made = extract_clips(folder / "session.mp4", folder / "out", settings, mask=folder / "mirror.png")
    shapes = {np.load(path, allow_pickle=False).shape for path in made}
    return {"clips": len(made), "rows of each": sorted(shapes)[0][0]}


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes, NaN where one is."""
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (one, other)]
    return np.asarray(both / (areas[0] + areas[1] - both))


STEPS: dict[str, Callable[[Path, float], dict[str, Any]]] = {
    "draw": draw,
    "background": background,
    "boxes": boxes,
    "boxes without the mask": boxes_unmasked,
    "crops": crops,
    "motion": motion,
}


def run(name: str, folder: Path, minutes: float) -> dict[str, Any]:
    """Run a step in a process of its own; add what it took."""
    command = [sys.executable, __file__, "--step", name, "--folder", str(folder), "--minutes", str(minutes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def step(name: str, folder: Path, minutes: float) -> dict[str, Any]:
    """Run a step in this process."""
    began = time.process_time()
    told = {**STEPS, "i3d": i3d}[name](folder, minutes)
    spent = time.process_time() - began
    lines = Path("/proc/self/status").read_text().splitlines()
    most = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return {"seconds a minute": round(spent / minutes, 2), "mebibytes": round(most), **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--step")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--save")
    asked = parser.parse_args()
    if asked.step:
        print(json.dumps(step(asked.step, asked.folder, asked.minutes)))
        return
    record: dict[str, Any] = {"minutes": asked.minutes, "width": WIDTH, "machine": platform.machine()}
    with tempfile.TemporaryDirectory() as folder:
        for minutes, words in ((1.0, "one minute"), (asked.minutes, "the whole video")):
            record[words] = {name: run(name, Path(folder), minutes) for name in STEPS}
        short = Path(folder) / "short"
        short.mkdir()
        run("draw", short, THROUGH_I3D)
        record[f"{THROUGH_I3D:g} minutes"] = {"search, crops and I3D": run("i3d", short, THROUGH_I3D)}
    print(json.dumps(record, indent=2))
    if asked.save:
        (RECORDS / f"{asked.save}.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
