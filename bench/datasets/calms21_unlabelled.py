"""CalMS21's unlabelled set: poses of 282 videos, about six million frames, for learning before a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from bench.datasets.calms21 import DATASET as TASK1_DATASET
from bench.datasets.calms21 import URL, find
from bench.datasets.calms21_json import Identity, read_layout
from bench.errors import DataError
from bench.recordings import Recording

ARCHIVE, GROUP = "unlabeled_videos", "unlabeled_videos"
FILES = tuple(f"calms21_unlabeled_videos_part{number}.json" for number in range(1, 5))
OFFICIAL = (*FILES, *(f"{ARCHIVE}/{name}" for name in FILES))


def read(folder: Path, skip: Collection[str] = (), *, simulated: bool = False) -> Iterator[Recording]:
    """Yield the recordings of the four official files, poses alone, without those named in `skip`.

    A recording is named by its place, as the ids in the files were never seen here: `part2-014` is the
    fourteenth sequence of the second file. What the file itself calls it is kept as the recording's group.
    """
    paths = [path for name in FILES if (path := find(folder, name, ARCHIVE)) is not None]
    if len(paths) < len(FILES):
        lacking = sorted(set(FILES) - {path.name for path in paths})
        raise DataError(
            f"CalMS21's unlabelled set is not complete in {folder}",
            [f"{name} is missing" for name in lacking],
            hint=f"bench simulate {folder} --unlabelled"
            if simulated
            else f"download {ARCHIVE}.zip from {URL}, and give it or its folder to bench pull --from",
        )
    count: Counter[str] = Counter()

    def placed(path: Path, group: str, key: str) -> Identity:
        if group != GROUP:
            raise DataError("", [f"group {group!r}, expected {GROUP!r}"])
        part = f"part{FILES.index(path.name) + 1}"
        count[part] += 1
        return Identity(f"{part}-{count[part]:03d}", key.rsplit("/", 1)[-1])

    yield from read_layout(paths, simulated=simulated, name=placed, labelled=False, skip=skip)


DATASET = replace(
    TASK1_DATASET,  # the licence, the mice, the image and the frame rate are the same
    name="calms21-unlabelled",
    title="CalMS21, the unlabelled set",
    classes=(),
    files=f"{FILES[0]} to part4, in the folder or in its {ARCHIVE}/, or {ARCHIVE}.zip",
    read=read,
    resume=read,
    official=OFFICIAL,
    digests={f"{ARCHIVE}.zip": "md5:35ab3acdeb231a3fe1536e38ad223b2e"},
    notes=(
        "No labels and no task: poses for learning before a task.",
        "Read from the published layout; the files themselves were not at hand when this reader was written.",
        "A recording is named by its place in the official files; its group is the file's own name for it.",
    ),
)
