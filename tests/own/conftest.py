"""A small lab: three mice, two animals with three keypoints, videos of 7, 9 and 11 frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

FRAMES = {"m1": 7, "m2": 9, "m3": 11}
ANIMALS, KEYPOINTS = ("black", "white"), ("nose", "neck", "tail")
TOML = """[dataset]
name = "mylab"
fps = 25
image = [640, 480]
poses = { format = "deeplabcut", files = "poses/*.csv" }
labels = { format = "frames", files = "labels/*.csv" }
classes = ["attack", "mount", "other"]
background = "other"
test = ["m3"]
"""


@pytest.fixture
def lab(tmp_path: Path, bench_home: Path) -> Path:
    """Return a folder with `mylab.toml`, `poses/` and `labels/`; nobody added it yet."""
    folder = tmp_path / "lab"
    for name in ("poses", "labels"):
        (folder / name).mkdir(parents=True)
    for number, (id_, frames) in enumerate(FRAMES.items()):
        path = folder / "poses" / f"{id_.upper()}DLC_net_shuffle1_{number}.csv"
        path.write_text(deeplabcut(frames, 1000.0 * number))
        rows = (f"{t},{['attack', 'other', 'mount', 'other'][t % 4]}" for t in range(frames))
        (folder / "labels" / f"{id_}.csv").write_text("\n".join(["frame,label", *rows, ""]))
    (folder / "mylab.toml").write_text(TOML)
    return folder


def deeplabcut(frames: int, first: float = 0.0) -> str:
    """Return a table in which every number says where it belongs."""
    columns = [(a, k, c) for a in ANIMALS for k in KEYPOINTS for c in ("x", "y", "likelihood")]
    heads = [["scorer", *["net"] * len(columns)]]
    heads += [
        [name, *cells]
        for name, cells in zip(
            ("individuals", "bodyparts", "coords"), zip(*columns, strict=True), strict=True
        )
    ]
    numbers = first + np.arange(frames * len(columns), dtype=float).reshape(frames, -1)
    numbers[:, 2::3] = 0.5
    rows = [[str(t), *map(str, row)] for t, row in enumerate(numbers.tolist())]
    return "\n".join(",".join(row) for row in [*heads, *rows]) + "\n"


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts that must be there."""
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
