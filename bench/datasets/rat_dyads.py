"""Rat dyads: 58 videos of two rats, five keypoints each, annotated as social, nonsocial and aggression.

Two forms are read. The compact form is one .npz per video; the raw form is what was published: a
DeepLabCut csv and an annotation text per video, with the video's number in front of the file name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from bench.about import SPLIT_SOURCE, TITLE
from bench.datasets.formats.caltech import read_annotation
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError, FileError, first
from bench.files.npz import open_npz, read_array
from bench.files.opening import open_regular, present
from bench.metrics import DETECTION_METRICS, FRAME_METRICS, NAMED_CLUSTER_METRICS
from bench.recordings import Recording, one_hot
from bench.splits import FrozenSplit
from bench.tasks import NAMED_IN_TRAINING, WHOLE_RECORDINGS, Dataset, Protocol, Task

FPS = 20.0
KEYPOINTS = ("top", "body", "tail", "tail-m", "tail-e")
EDGES = (("top", "body"), ("body", "tail"), ("tail", "tail-m"), ("tail-m", "tail-e"))
ANIMALS = ("individual1", "individual2")
BEHAVIOURS = ("base", "social", "nonsocial", "aggression")
"""Channel S1, in the order of the compact files' numbers."""
SUBTYPES = ("lateralthreat", "keepdown", "clinch", "uprightposture", "freezing", "bite", "chase")
"""Channel S2 after its own "base", in the same order."""
CLASSES = (*BEHAVIOURS, *SUBTYPES)
_MOST = 2**30  # bytes of one compact file; the largest has some 10 MB
_NUMBER = re.compile(r"(\d+)(?:DLC.*\.csv|_annot\.txt)")


def read(folder: Path) -> Iterator[Recording]:
    """Yield the recordings of `folder`, compact where it has .npz files (there or in `videos/`), else raw.

    After the last good recording, `DataError` lists the faults of all the others.
    """
    compact = sorted(folder.glob("rat_*.npz")) or sorted(folder.glob("videos/rat_*.npz"))
    raw = {} if compact else _raw_files(folder) or _raw_files(folder / "raw")
    if not compact and not raw:
        raise DataError(
            f"no rat dyads in {folder}",
            ["expected rat_*.npz, or files like 37DLC….csv and 37_annot.txt"],
            hint="bench pull rat-dyads --from FOLDER",
        )
    faults: list[str] = []
    for name, paths in [(path.stem, [path]) for path in compact] + list(raw.items()):
        try:
            files = [path for path in paths if present(path)]
            yield read_compact(files[0]) if compact else read_raw(name, files)
        except DataError as error:
            faults += [f"{name}: {error.title}: {problem}" for problem in error.problems]
    if faults:
        hint = "get the named files again, or take them out"
        raise DataError("recordings of the rat dyads are not as they should be", first(faults), hint=hint)


def read_compact(path: Path) -> Recording:
    """Read one .npz: keypoints, scores, labels (-1 = not annotated), labels_s2 (-1 = no such channel)."""
    expected = {"class_names": BEHAVIOURS, "class_names_s2": ("base", *SUBTYPES), "keypoint_names": KEYPOINTS}
    arrays = ("keypoints", "scores", "labels", "labels_s2")
    try:
        with open_regular(path, _MOST, follow=True) as file, open_npz(file, unpacked=_MOST) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            content: dict[str, Any] = {
                name: read_array(archive, members[name], _is_plain, "numbers or texts")[1]
                for name in (*arrays, *expected)
                if name in members
            }
    except FileError as error:
        raise DataError(f"{path.name} is no compact recording", [error.title]) from None
    faults = [f"without {name}" for name in (*arrays, *expected) if name not in content]
    for name, names in expected.items():
        if name in content and tuple(content[name].tolist()) != names:
            faults.append(f"{name} {content[name].tolist()}, expected {list(names)}")
    faults = faults or _array_faults(*(content[name] for name in arrays))
    if faults:
        raise DataError(f"{path.name} is no compact recording", faults)
    keypoints = content["keypoints"].astype(np.float32)
    scores = content["scores"].astype(np.float32)
    return _recording(path.stem, content["labels"], content["labels_s2"], keypoints, scores)


def _is_plain(dtype: np.dtype) -> bool:
    return not dtype.hasobject


def read_raw(name: str, paths: Sequence[Path]) -> Recording:
    """Read one video's published files.

    Without its csv a recording holds the truth alone. In seven videos the annotation runs 3 to 59
    frames past the poses: a recording has the frames of its poses.
    """
    tables = [path for path in paths if path.suffix == ".csv"]
    texts = [path for path in paths if path.suffix == ".txt"]
    if len(texts) != 1 or len(tables) > 1:
        listed = ", ".join(path.name for path in paths)
        raise DataError("files do not pair", [f"{listed}; expected one annotation and at most one csv"])
    annotation = read_annotation(texts[0])
    poses = read_poses(tables[0]) if tables else None
    frames = len(poses.xy) if poses else annotation.frames
    faults = []
    if poses and (poses.individuals, poses.keypoints) != (ANIMALS, KEYPOINTS):
        faults.append(
            f"{tables[0].name}: {poses.individuals} x {poses.keypoints}, expected {ANIMALS} x {KEYPOINTS}"
        )
    channels = {"S1": BEHAVIOURS, "S2": ("base", *SUBTYPES)}
    for channel, names in channels.items():
        written = {interval.label for interval in annotation.channels.get(channel, ())}
        unknown = sorted(written - set(names))
        faults += [f"channel {channel}: unknown label {label!r}" for label in unknown]
    if "S1" not in annotation.channels:
        faults.append(f"{texts[0].name}: no channel S1")
    if annotation.frames < frames:
        faults.append(f"{annotation.frames} annotated frames, {frames} frames of poses")
    if faults:
        raise DataError("files do not fit", faults)
    labels = {
        channel: annotation.per_frame(channel, names, annotation.frames)[:frames]
        if channel in annotation.channels
        else np.full(frames, -1)
        for channel, names in channels.items()
    }
    xy, likelihood = (poses.xy, poses.likelihood) if poses else (None, None)
    return _recording(name, labels["S1"], labels["S2"], xy, likelihood)


def _raw_files(folder: Path) -> dict[str, list[Path]]:
    """Return id -> its files, in the order of the numbers."""
    by_name: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*")):
        if matched := _NUMBER.fullmatch(path.name):
            by_name.setdefault(f"rat_{int(matched[1]):02d}", []).append(path)
    return dict(sorted(by_name.items()))


def _recording(
    id_: str,
    behaviour: Int[np.ndarray, " T"],
    subtype: Int[np.ndarray, " T"],
    keypoints: Float32[np.ndarray, "T A K 2"] | None,
    scores: Float32[np.ndarray, "T A K"] | None,
) -> Recording:
    annotated: Bool[np.ndarray, " T"] = behaviour >= 0
    labels = np.concatenate(
        [one_hot(behaviour, len(BEHAVIOURS)), one_hot(subtype.astype(np.int64) - 1, len(SUBTYPES))], axis=1
    )
    if keypoints is not None and scores is not None:
        scores = np.where(np.isnan(keypoints).any(axis=-1), np.float32(np.nan), scores)
    return Recording(id_, id_, FPS, CLASSES, labels & annotated[:, None], annotated, keypoints, scores)


def _array_faults(
    keypoints: np.ndarray, scores: np.ndarray, labels: np.ndarray, subtypes: np.ndarray
) -> list[str]:
    faults = []
    frames = len(labels) if labels.ndim else 0
    shape = (frames, len(ANIMALS), len(KEYPOINTS), 2)
    for name, array, expected in (
        ("keypoints", keypoints, shape),
        ("scores", scores, shape[:3]),
        ("labels", labels, shape[:1]),
        ("labels_s2", subtypes, shape[:1]),
    ):
        if array.shape != expected:
            faults.append(f"{name} of shape {array.shape}, expected {expected}")
        elif len(expected) > 1 and array.dtype.kind != "f":
            faults.append(f"{name} of type {array.dtype}, expected numbers with a point")
    for name, numbers, classes in (
        ("labels", labels, BEHAVIOURS),
        ("labels_s2", subtypes, ("base", *SUBTYPES)),
    ):
        if numbers.dtype.kind not in "iu":
            faults.append(f"{name} of type {numbers.dtype}, expected whole numbers")
        elif outside := int(((numbers < -1) | (numbers >= len(classes))).sum()):
            faults.append(f"{name}: {outside} numbers outside -1 to {len(classes) - 1}")
    return faults


BLOCK = 6


def _choose(recordings: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the most representative blocks of consecutive videos, as `RULE` says in words."""
    blocks = [tuple(recordings[i : i + BLOCK]) for i in range(0, len(recordings) - BLOCK + 1, BLOCK)]
    whole = _shares(recordings)

    def distance(subsets: Sequence[Summary]) -> float:
        return round(float(np.abs(_shares(subsets) - whole).sum()), 9)

    first, second = min(combinations(blocks, 2), key=lambda pair: distance([*pair[0], *pair[1]]))
    test = [*first, *second]
    val = min((block for block in blocks if block not in (first, second)), key=distance)
    train = [summary for summary in recordings if summary not in test and summary not in val]
    subsets = {"train": train, "val": val, "test": test}
    return {"all": {name: [summary.id for summary in summaries] for name, summaries in subsets.items()}}


def _shares(recordings: Sequence[Summary]) -> Float[np.ndarray, " C"]:
    counts = np.array([[summary.counts[name] for name in BEHAVIOURS] for summary in recordings])
    return counts.sum(axis=0) / counts.sum()


RULE = SplitRule(
    name="rat-dyads",
    source=SPLIT_SOURCE,
    words=(
        "Ours; no official split exists. The videos in the order of their numbers are cut into nine "
        "blocks of six (rat_01 to rat_06, …, rat_49 to rat_54), the last four left over. The two blocks "
        "whose frames together have shares of base, social, nonsocial and aggression nearest to those of "
        "all 58 videos (sum of absolute differences; the first where equal) test; of the other seven, the "
        "one nearest by itself validates; all else trains. Blocks, because nothing says which animals "
        "neighbouring videos share."
    ),
    choose=_choose,
)

DATASET = Dataset(
    name="rat-dyads",
    title="Rat dyads: aggression between two rats",
    url="https://doi.org/10.6084/m9.figshare.30393298",
    licence="MIT, as the code repository that carries the data says",
    citation="Rat dyads with annotated aggression, figshare, doi 10.6084/m9.figshare.30393298.",
    fps=FPS,
    animals=ANIMALS,
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=(1600, 1200),
    classes=CLASSES,
    files="rat_NN.npz, in the folder or in its videos/; or NNDLC….csv and NN_annot.txt, there or in its raw/",
    read=read,
    official=tuple(
        f"{place}{name}"
        for place in ("", "videos/", "raw/")
        for name in ("rat_*.npz", "*DLC*.csv", "*_annot.txt")
    ),
    redistributable=False,
    notes=(
        "The frame rate is not stated. 20 per second is assumed: 57 videos have 12,000 frames but base.",
        "The size of the image is not stated. 1600 x 1200 is assumed: keypoints reach 1588 and 1053 pixels.",
        "About 36 % of the keypoints were not found (NaN).",
        "In seven videos the annotation runs 3 to 59 frames past the poses; those frames are left out.",
        "Ten videos have no channel of subtypes, and no aggression either.",
        "In 7 of 67,043 frames aggression has no subtype; in 3 a subtype stands outside aggression.",
        "Freezing is in one of the 12 test videos, 65 of 1,173 frames; every other subtype is in 4 at least.",
        "Which animals are in which video is not stated; a group is one video.",
        "The licence of the figshare record itself was not seen, so the recordings are not redistributed.",
    ),
)

_SPLIT = FrozenSplit("rat-dyads", "310b26b2eb8556f035b8c94b43abe5e0f8612b385909a7cd4b97ad5c62182c3f")

TASK = Task(
    name="rat-dyads",
    title="Rat dyads: social, nonsocial, aggression",
    question="What do the two rats do in each frame, or are they not together (base)?",
    dataset=DATASET,
    classes=("social", "nonsocial", "aggression", "base"),
    background="base",
    split=_SPLIT,
    metrics=FRAME_METRICS,
    reference=f"doi 10.6084/m9.figshare.30393298; split by {TITLE}",
)

SUBTYPE_FRAMES = Protocol(
    name="seven-subtypes",
    description=(
        "every annotated test frame in which one of the seven subtypes of aggression holds; the others do "
        "not count, and bouts do not reach across them"
    ),
    within=SUBTYPES,
)

TASK_AGGRESSION = Task(
    name="rat-dyads-aggression",
    title="Rat dyads: seven subtypes of aggression",
    question="Which of seven kinds of aggression do the rats show, in the frames that show one of the seven?",
    dataset=DATASET,
    classes=SUBTYPES,
    background=None,
    split=_SPLIT,
    metrics=FRAME_METRICS,
    protocol=SUBTYPE_FRAMES,
    reference=f"doi 10.6084/m9.figshare.30393298; split by {TITLE}, that of rat-dyads",
)
"""The split is that of `rat-dyads`, so that no video trains one task and tests the other; every subtype is in
train, val and test."""

TASK_BOUTS = Task(
    name="rat-dyads-bouts",
    title="Rat dyads: bouts of social, nonsocial and aggressive behaviour",
    question="From when to when do the two rats behave socially, nonsocially or aggressively?",
    dataset=DATASET,
    classes=("social", "nonsocial", "aggression"),
    background=None,
    split=_SPLIT,
    metrics=DETECTION_METRICS,
    kind="segments",
    protocol=WHOLE_RECORDINGS,
    reference=f"doi 10.6084/m9.figshare.30393298; bouts and split by {TITLE}",
)
"""The bouts are the runs of frames of one label; `base`, the time before the rats are together, has none.
Every frame of every video is annotated."""

TASK_CLUSTERS = replace(
    TASK,
    name="rat-dyads-clusters",
    title="Rat dyads: clusters that tell social, nonsocial and aggressive behaviour apart",
    question="Which frames show the same behaviour, without a look at any label?",
    metrics=NAMED_CLUSTER_METRICS,
    kind="clusters",
    protocol=NAMED_IN_TRAINING,
    reference=f"doi 10.6084/m9.figshare.30393298; split by {TITLE}, that of rat-dyads",
)
