"""Features of video that the user has made: one `.npy` file for each recording, in a folder beside the store.

As RatSeizure's code reads them: rows of 1024 numbers from the last layer of an I3D network before its
classes, one for every 16 frames, 4 frames apart, so that 300 frames have 72 rows (71 where the last one was
left out). A file goes by the id of its recording, or by the name that this has in the official files.

Reference: Carreira and Zisserman 2017, arXiv:1705.07750; the RatSeizure paper and its code at a068209.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.recipes.features import Chunks
from bench.errors import DataError, FileError, first
from bench.files.opening import open_regular
from bench.recordings import Recording
from bench.resources import home

FOLDER = "features"
"""In `$BENCH_HOME`."""
MOST_BYTES = 2**30
"""Of a file: seventy hours."""


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001
    """Check the file of every recording that trains; keep their digests, so that a change is told.

    Raises `DataError` that lists every file that is missing or has another shape.
    """
    recipe: Chunks = run.recipe
    digests, faults = {}, []
    for recordings in data.train.values():
        for recording in recordings:
            try:
                content, _ = read(recipe, recording)
                digests[recording.id] = hashlib.sha256(content).hexdigest()
            except FileError as fault:
                faults.append(f"{recording.id}: {fault.title}")
    if faults:
        raise _error(faults)
    return State({}, {"files": digests})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what reads the features."""
    return Extractor(run.recipe, dict(state.facts["files"]), workspace.digest)


def width(recipe: Chunks, sizes: Sizes) -> int:  # noqa: ARG001
    """Return the number of features."""
    return recipe.width


@dataclass(frozen=True)
class Extractor:
    """The files of the user."""

    recipe: Chunks
    digests: Mapping[str, str]
    """Recording -> SHA-256 of its file when it was first read."""
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the rows of each recording; raise `DataError` where its file is missing, or another now."""
        for recording in recordings:
            try:
                content, values = read(self.recipe, recording)
            except FileError as fault:
                raise _error([f"{recording.id}: {fault.title}"]) from fault
            digest = hashlib.sha256(content).hexdigest()
            if digest != self.digests.get(recording.id, digest):
                raise _error([f"{recording.id}: another file than the one that was read first"])
            start, step = (frames / recording.fps for frames in (self.recipe.chunk / 2, self.recipe.stride))
            yield Derived(values, start, step, self.made_by)


def read(recipe: Chunks, recording: Recording) -> tuple[bytes, Float32[np.ndarray, "N F"]]:
    """Return the bytes of a file and its rows; raise `FileError` saying what is wrong with it."""
    folder = home() / FOLDER
    names = [f"{name}.npy" for name in (recording.id, recording.group) if Path(name).name == name]
    paths = [folder / name for name in names if (folder / name).exists()]
    if not paths:
        raise FileError(f"no {' or '.join(dict.fromkeys(names))} in {folder}")
    with open_regular(paths[0], MOST_BYTES, follow=True) as file:
        content = file.read()
    try:
        shape, _, kind = _header(content)
    except ValueError as fault:
        raise FileError(f"{paths[0].name} is no .npy file ({fault})") from fault
    rows = (recording.frames - recipe.chunk) // recipe.stride + 1
    if shape not in ((rows, recipe.width), (rows - 1, recipe.width)) or kind.kind != "f":
        found = f"{' x '.join(map(str, shape))} of {kind}"
        raise FileError(f"{paths[0].name}: {found}, expected {rows} x {recipe.width} of float32")
    try:
        values = np.lib.format.read_array(BytesIO(content), allow_pickle=False).astype(np.float32)
    except ValueError as fault:
        raise FileError(f"{paths[0].name} ends too early") from fault
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise FileError(f"{paths[0].name}: row {row}, column {column} is not finite")
    return content, values


def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    file = BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"version {version}")


def _error(faults: list[str]) -> DataError:
    return DataError(
        f"{len(faults)} recordings without sound features of video",
        first(faults),
        hint=f"lay one .npy file for each recording into {home() / FOLDER}, and run the same command again; "
        "or train a model that reads poses, such as raseformer_small",
    )


I3D_FILES = Baseline(
    model=f"{__name__}:i3d_files",
    name="i3d_files",
    title="I3D features from files",
    description="features of video that the user has made, 1024 for every 16 frames, 4 frames apart",
    reference="Carreira and Zisserman 2017, arXiv:1705.07750",
    recipe=Chunks(),
    reads=frozenset(),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    width=width,
    extra_data="features of video from the user's files, and what the network that made them was trained on",
)
