"""Recordings of pose files alone: the animals and keypoints that a model was trained on, in their order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.datasets.formats.animals import with_animals
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.keypoints import Poses, odd_values
from bench.datasets.formats.names import recording_id, video_name
from bench.datasets.formats.poses import ENDINGS, reader_of
from bench.errors import DataError, UsageError, first
from bench.files.faults import quoted
from bench.files.litter import is_litter
from bench.recordings import RECORDING_ID, Recording, Skeleton
from bench.store import load, manifest
from bench.tasks import Dataset

_FPS_TOLERANCE = 0.005  # files write 29.97 as 29.97003 too
_HINT = "--rename THEIRS=OURS maps names; a skeleton of your own needs a model of its own: bench add --help"
_VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".wmv")


Note = Callable[[str], None]
"""Tells the user something."""


@dataclass(frozen=True)
class Reading:
    """How recordings without labels are read for a model."""

    skeleton: Skeleton
    """That the model was trained on."""
    classes: tuple[str, ...]
    """That it was asked for: nobody has labelled any of them."""
    fps: float
    """Frames per second, where a file does not say it."""
    image: tuple[int, int] | None = None
    """Width and height of the videos in pixels; None: those of the skeleton."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Name of an animal or keypoint in the files -> in the skeleton."""


@dataclass(frozen=True)
class PoseFiles:
    """The files of a folder that hold poses, by recording."""

    paths: Mapping[str, Path]
    left_out: tuple[str, ...]
    """Names of files that hold none."""


def find_poses(place: Path) -> PoseFiles:
    """Return the pose files of a folder, or the one that `place` is.

    Raises `UsageError` where there is none, `DataError` where two are of one recording, or a name is no id.
    """
    every = [place] if place.is_file() else sorted(place.glob("*"))
    paths = [path for path in every if path.suffix.lower() in ENDINGS and not is_litter(path.name)]
    found: dict[str, Path] = {}
    left_out, faults = [], []
    for path in paths:
        id_ = _id_of(path)
        if not _may_hold_poses(path):
            left_out.append(path.name)
        elif not RECORDING_ID.fullmatch(id_):
            faults.append(f"{quoted(path.name)}: {quoted(id_)} is no name of a recording")
        elif id_ in found:
            faults.append(f"{quoted(path.name)}: recording {id_!r} is already in {quoted(found[id_].name)}")
        else:
            found[id_] = path
    if faults:
        raise DataError(f"the files in {place} cannot be told apart", first(faults), hint="rename the files")
    if not found:
        raise UsageError(
            f"{place} holds no poses",
            [
                *_instead(every),
                *(f"{quoted(name)}: a csv without a row 'scorer'" for name in left_out[:8]),
            ],
            hint="name the folder with the files of your tracker, or a data set of bench pull --list",
        )
    return PoseFiles(dict(sorted(found.items())), tuple(left_out))


def _may_hold_poses(path: Path) -> bool:
    """Whether a file is of a tracker, or is damaged: `read_files` says of that one what is wrong with it."""
    try:
        return reader_of(path) is not None
    except DataError:
        return True


def _instead(paths: Sequence[Path]) -> Iterator[str]:
    """Say what was expected in the place of these files, and what the user may have meant."""
    yield f"expected csv or h5 files of DeepLabCut, h5 of SLEAP, nc of movement ({', '.join(ENDINGS)})"
    if any(path.suffix.lower() in _VIDEOS for path in paths):
        yield "videos are not read: track the animals first, with DeepLabCut or SLEAP"
    folders = [path for path in paths if path.is_dir()]
    inner = [path.name for path in folders if any(file.suffix.lower() in ENDINGS for file in path.glob("*"))]
    if inner:
        yield f"folders in it are not searched: {', '.join(map(quoted, inner[:8]))}"


def read_files(files: PoseFiles, reading: Reading, note: Note) -> Iterator[Recording]:
    """Yield the recordings; after the last good one `DataError` lists the faults of all the others.

    `note` is told of keypoints that the model does not know, which are left out, and of what readers decided.
    """
    faults: list[str] = []
    pairs: dict[str, str] = {}
    hint = "export these files again, or take them out, then type the same command"
    for id_, path in files.paths.items():
        try:
            poses = _read(path, reading)
        except DataError as error:
            faults += [f"{quoted(path.name)}: {problem}" for problem in error.problems]
            continue
        if poses is not None:
            own = Skeleton(poses.individuals, poses.keypoints, (), reading.image or reading.skeleton.image)
            if wrong := skeleton_faults(own, reading):
                faults += [f"{quoted(path.name)}: {fault}" for fault in wrong]
                pairs |= _likely_names(own, reading)
                hint = _HINT
            else:
                _note_others(id_, own, reading, note)
                for text in (*poses.notes, *odd_values(poses, own.image)):
                    note(f"{id_}: {text}")
                yield _recording(id_, poses, own, reading)
    if faults:
        options = shlex.join(word for pair in pairs.items() for word in ("--rename", "=".join(pair)))
        hint = f"{options}; {hint}" if pairs else hint
        raise DataError("files that the model cannot label", first(faults), hint=hint)


def _read(path: Path, reading: Reading) -> Poses | None:
    """Read a file; None where it holds no poses. Its animals are told as in the training where they can be.

    The model's animals may be individuals that a reader leaves out unless they are named, or parts of the
    names of the keypoints in a file of one animal.
    """
    if (reader := reader_of(path)) is None:
        return None
    poses = reader(path)
    theirs = {ours: name for name, ours in reading.names.items()}
    wanted = [theirs.get(name, name) for name in reading.skeleton.animals]
    if set(wanted) <= set(poses.individuals):
        return poses
    if reader is read_poses and len(wanted) > 1:
        named = read_poses(path, wanted)
        if set(wanted) <= set(named.individuals):
            return named
    if len(poses.individuals) == 1 < len(wanted):
        try:
            return with_animals(poses, [name.removeprefix("animal ") for name in wanted])
        except DataError:
            return poses  # what is missing is said of the file as it is
    return poses


def read_store(dataset: Dataset, reading: Reading, note: Note) -> Iterator[Recording]:
    """Yield all recordings of a pulled data set without their labels.

    Raises `DataError` where its skeleton is not the one that the model was trained on.
    """
    own = replace(dataset.skeleton, edges=())
    if faults := skeleton_faults(own, reading):
        raise DataError(f"{dataset.name!r} has poses that the model was not trained for", faults, hint=_HINT)
    _note_others(dataset.name, own, reading, note)
    for recording in load(dataset, list(manifest(dataset).recordings), poses=True):
        if recording.keypoints is None:
            continue
        poses = Poses(
            own.animals,
            own.keypoints,
            recording.keypoints,
            np.full(recording.keypoints.shape[:3], np.nan, np.float32)
            if recording.confidence is None
            else recording.confidence,
            fps=recording.fps,
        )
        yield _recording(recording.id, poses, own, reading)


def skeleton_faults(own: Skeleton, reading: Reading) -> list[str]:
    """Say which animals and keypoints of the training are missing, and which animals nobody knows.

    They may be in any order, and there may be other keypoints. One animal is the one animal, whatever it is
    called.
    """
    faults = []
    wanted = reading.skeleton
    if not (len(own.animals) == len(wanted.animals) == 1):
        faults += _differing("animals", own.animals, wanted.animals, reading.names)
    mapped = [reading.names.get(name, name) for name in own.keypoints]
    if any(mapped.count(name) != 1 for name in wanted.keypoints):
        faults += _differing("keypoints", own.keypoints, wanted.keypoints, reading.names)
    return faults


def _note_others(place: str, own: Skeleton, reading: Reading, note: Note) -> None:
    """Say which keypoints are left out."""
    known = reading.skeleton.keypoints
    others = [name for name in own.keypoints if reading.names.get(name, name) not in known]
    if others:
        note(f"{place}: keypoints that the model does not know are left out: {', '.join(others)}")


def _differing(what: str, own: Sequence[str], wanted: Sequence[str], names: Mapping[str, str]) -> list[str]:
    mapped = [names.get(name, name) for name in own]
    if sorted(mapped) == sorted(wanted):
        return []
    odd = [name for name, meant in zip(own, mapped, strict=True) if meant not in wanted]
    absent = [name for name in wanted if name not in mapped]
    told = [f"{', '.join(odd)} unknown"] if odd else []
    told += [f"{', '.join(absent)} missing"] if absent else []
    told = told or [f"{', '.join(own)}: a name twice"]
    other = what == "animals" and len(own) != len(wanted)
    count = f"{len(own)} in the file, expected {len(wanted)}; " if other else ""
    return [f"{what}: {count}{'; '.join(told)}; expected {', '.join(wanted)}"]


def _likely_names(own: Skeleton, reading: Reading) -> dict[str, str]:
    """Return which unknown names of a file differ from a missing one in case, spaces and signs alone.

    Two names of a file that read alike are both left out.
    """
    pairs: dict[str, str] = {}
    for names, wanted in (
        (own.animals, reading.skeleton.animals),
        (own.keypoints, reading.skeleton.keypoints),
    ):
        odd = [name for name in names if reading.names.get(name, name) not in wanted]
        for ours in set(wanted).difference(reading.names.get(name, name) for name in names):
            alike = [name for name in odd if _letters(name) == _letters(ours)]
            pairs |= {alike[0]: ours} if len(alike) == 1 else {}
    return dict(sorted(pairs.items()))


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _recording(id_: str, poses: Poses, own: Skeleton, reading: Reading) -> Recording:
    """Return the poses in the order of the training, in the pixels of its videos, without labels."""
    wanted = reading.skeleton
    animals = [reading.names.get(name, name) for name in own.animals]
    keypoints = [reading.names.get(name, name) for name in own.keypoints]
    i = [0] if len(animals) == 1 else [animals.index(name) for name in wanted.animals]
    k = [keypoints.index(name) for name in wanted.keypoints]
    chosen = np.ix_(range(len(poses.xy)), i, k)
    xy = poses.xy[chosen]
    if own.image != wanted.image:
        xy = xy * (np.array(wanted.image) / np.array(own.image)).astype(np.float32)
    frames = len(xy)
    return Recording(
        id=id_,
        group=id_,
        fps=poses.fps or poses.row_rate or reading.fps,
        classes=reading.classes,
        labels=np.zeros((frames, len(reading.classes)), dtype=bool),
        annotated=np.zeros(frames, dtype=bool),
        keypoints=np.ascontiguousarray(xy),
        confidence=np.ascontiguousarray(poses.likelihood[chosen]),
    )


def same_rate(one: float, other: float) -> bool:
    """Whether two frame rates are the same, as files write them."""
    return abs(one - other) <= _FPS_TOLERANCE


def _id_of(path: Path) -> str:
    """Return the id of the video's name; whatever else no id may have is replaced by '_' too."""
    return re.sub(r"[^a-z0-9_-]+", "_", recording_id(video_name(path.stem))).strip("_")
