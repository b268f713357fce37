"""The open field: 20 videos of one mouse each, labelled by three raters; their consensus and each of them.

A recording is one video as one rater, or as two of the three at least, labelled it. It ends with the
trial; the frames before the trial are there for their poses and do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from bench.about import SPLIT_SOURCE
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.oft_labels import FILE, FPS, RATERS, Video, read_labels
from bench.datasets.splitting.rules import SplitRule, Summary, shuffled
from bench.errors import DataError
from bench.files.opening import present
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit
from bench.tasks import Dataset, Part, Task

CLASSES = ("supported", "unsupported", "grooming", "rearing", "none")
"""Rearing is supported or unsupported; none is neither of those nor grooming."""
KEYPOINTS = (
    *("nose", "headcentre", "neck", "earl", "earr", "bodycentre", "bcl", "bcr"),
    *("hipl", "hipr", "tailbase", "tailcentre", "tailtip"),
)
EDGES = (
    *(("nose", "headcentre"), ("headcentre", "earl"), ("headcentre", "earr"), ("headcentre", "neck")),
    *(("neck", "bodycentre"), ("bodycentre", "bcl"), ("bodycentre", "bcr"), ("bodycentre", "tailbase")),
    *(("tailbase", "hipl"), ("tailbase", "hipr"), ("tailbase", "tailcentre"), ("tailcentre", "tailtip")),
)
CONSENSUS = "consensus"
PARTS = (CONSENSUS, *(rater.lower() for rater in RATERS))
VIDEOS = (5, 6, 11, 12, 14, 15, 16, 23, 24, 38, 39, 41, 43, 44, 49, 50, 51, 52, 54, 58)


def read(folder: Path) -> Iterator[Recording]:
    """Yield four recordings to a video: the consensus, then each rater's.

    The table of labels is needed; a video whose DeepLabCut file is absent gives recordings without
    poses. After the last good recording, `DataError` lists the faults of all the others.
    """
    table = present(folder / FILE)
    if table is None:
        raise DataError(
            f"no open-field labels in {folder}",
            [f"expected {FILE}, and the DeepLabCut csv files that it names where poses are wanted"],
            hint=f"download them from {URL}",
        )
    faults: list[str] = []
    for name, video in read_labels(table).items():
        path = folder / video.poses
        try:
            poses = _poses(path, len(video.counted)) if present(path) else None
        except DataError as error:
            faults += [f"{name}: {path.name}: {problem}" for problem in error.problems]
            continue
        for part in PARTS:
            yield _recording(name.lower(), part, video, poses)
    if faults:
        raise DataError("open-field poses are not as they should be", faults, hint="download them again")


def _recording(
    group: str,
    part: str,
    video: Video,
    poses: tuple[Float32[np.ndarray, "T 1 K 2"], Float32[np.ndarray, "T 1 K"]] | None,
) -> Recording:
    if part == CONSENSUS:
        consensus = video.consensus()
        annotated, labels = consensus >= 0, consensus[:, None] == np.arange(3)
    else:
        rater = RATERS[PARTS.index(part) - 1]
        annotated, labels = video.counted, video.labels[rater]
    xy, likelihood = poses or (None, None)
    return Recording(
        id=f"{group}_{part}",
        group=group,
        fps=FPS,
        classes=CLASSES,
        labels=_classes(labels) & annotated[:, None],
        annotated=annotated,
        keypoints=xy,
        confidence=likelihood,
        annotator=part,
    )


def _classes(labels: Bool[np.ndarray, "T 3"]) -> Bool[np.ndarray, "T 5"]:
    rearing = labels[:, :2].any(axis=1)
    return np.column_stack([labels, rearing, ~labels.any(axis=1)])


def _poses(path: Path, frames: int) -> tuple[Float32[np.ndarray, "T 1 K 2"], Float32[np.ndarray, "T 1 K"]]:
    """Return the mouse's points in the first `frames` frames; a table has six rows more than its video."""
    tracked = read_poses(path)
    lacking = [name for name in KEYPOINTS if name not in tracked.keypoints]
    faults = [f"no keypoint {name}" for name in lacking]
    if len(tracked.individuals) > 1:
        faults.append(f"{len(tracked.individuals)} animals, expected one")
    if len(tracked.xy) < frames and not tracked.through_pandas:
        faults.append(f"{len(tracked.xy):,} frames of poses, the trial ends with frame {frames:,}")
    if faults:
        raise DataError("", faults)
    columns = [tracked.keypoints.index(name) for name in KEYPOINTS]
    xy = np.full((frames, 1, len(KEYPOINTS), 2), np.nan, dtype=np.float32)
    likelihood = np.full(xy.shape[:3], np.nan, dtype=np.float32)
    rows = min(frames, len(tracked.xy))
    xy[:rows], likelihood[:rows] = tracked.xy[:rows, :, columns], tracked.likelihood[:rows, :, columns]
    return xy, likelihood


def _choose(_: Sequence[Summary], *, parts: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the split that the rule says in words; it needs the names of the videos alone."""
    order = shuffled([f"oft_{number}" for number in VIDEOS], 0)
    subsets = {"train": order[:10], "val": order[10:12], "test": order[12:]}
    return {
        part: {subset: [f"{video}_{part}" for video in videos] for subset, videos in subsets.items()}
        for part in parts
    }


_WORDS = (
    "Ours, with the shares of LookAgain (arXiv:2603.07279), whose own split is not published: of the 20 "
    'videos in the order of the SHA-256 of "0:" and their name, the first 10 train, the next 2 validate, '
    "the last 8 test. For training on a fraction of the labels, the train videos get theirs, ten per cent "
    'after ten per cent, in the order of the SHA-256 of "S:" and their name, for the seeds S of 0 to 4.'
)
RULES = tuple(
    SplitRule(name, SPLIT_SOURCE, _WORDS, partial(_choose, parts=parts), label_seeds=5)
    for name, parts in (("oft", PARTS[:1]), ("oft-raters", PARTS[1:]))
)

URL = "https://github.com/ETHZ-INS/DLCAnalyzer"
_SHA256 = {
    "3_01_A_190507121945": "7dc6a268fe075b679dae16020e1edbf3dac2f27fa67483ebf23154bdd10ce875",
    "8_01_A_190507134142": "df83e7429fac621de0ab968007278917b43390620c908c90ff0c9b4367d90865",
    "12_01_A_190507144429": "b00c35727dc900de2c41842f27ebe2ab3263361eeac63266592a9a80331b1b9c",
    "13_01_A_190507145949": "9bd77505ff1da4bed32dffc631f79a3980556f501f28fdc1b18a94894d8c4b4d",
    "15_01_A_190507153142": "539540b5b610cc2f9d5556b1c5fc37660e3b1777712858677f50249b5ffe211a",
    "17_02_A_190507120259": "75fa107cc65a6ee5d417fde455e10b2da761b04403b2af3ed5e6abc7a37fde57",
    "18_02_A_190507122004": "fe66ed8e75aa25db95b1dac750c29fa4ae1830f29e92ea21fd4156c7bc733243",
    "21_02_A_190507131119": "21fba48abdba934daa31840a7c85c66baa69d2aecff4f29942bf3229f5d7d6e9",
    "23_02_A_190507135734": "049a4e461c6b3e13de3bd7dfa4d191dd4729d8f87b5aa757694890d4003ab9c4",
    "25_02_A_190507142904": "6fe4e5e42919832c7c94dcb14e4667aed8b4bfcbd8dfaa6382ec94b989d4880e",
    "26_02_A_190507144444": "4ad22894c5a2c9756acc7b49b4d091af4f3f05285e392cdf83a2642ca230fd39",
    "37_03_A_190507134213": "f2d64886f7235bc439f5b7888f65336f432b8a7edf9e37d376909ccfff8ef5a9",
    "40_03_A_190507142917": "bdce2b15e88fda067d65db6ab6c8497c9da44a70306fe12c3ccb92fedd545bda",
    "43_03_A_190507151557": "4f0b6dc788d733e71af5a5da5ab2a7dbe39573328649010a0660d4d95dbaa685",
    "45_04_A_190507114741": "ebe6a9ba1d7462330e142bddcb1450a7690b99047f8edee0cb7bf149c4a2a3c1",
    "48_04_A_190507123817": "d0dea445d0b06d4dd1a72914003efdd81064fc33a1f713b12c6bde0d219e5dd7",
    "49_04_A_190507125609": "2b368236f5f3ea3c6ee90255284d8851d8c79a857a0f205a17db86172a13d3e2",
    "53_04_A_190507135800": "bb816e86da7f1ca6f2f88eacb79efc62fbf3f559b9aef0baf7471c53cb50a23f",
    "57_04_A_190507150030": "038f57140f692f55f259283ddb335e4adf32b9b3cade9f211892c90834aacf78",
    "58_04_A_190507151611": "1ae68bdd016ea625b2122467ec83303045b1f050e7e17cfc93aed885bd595c86",
}
"""Start of a pose table's name -> its SHA-256, as published beside a reanalysis of these videos."""
_TABLE = "DeepCut_resnet50_Blockcourse1May9shuffle1_1030000.csv"
DATASET = Dataset(
    name="oft",
    title="Open field: one mouse, three raters",
    url=URL,
    licence="GPL-3.0 (labels and poses); the videos (doi 10.5281/zenodo.3608658) CC BY 4.0",
    citation=(
        "Sturman O, von Ziegler L, Schläppi C, Akyol F, Privitera M, Slominski D, Grimm C, Thieren L, "
        "Zerbi V, Grewe B, Bohacek J (2020). Deep learning-based behavioral analysis reaches human accuracy "
        "and is capable of outperforming commercial solutions. Neuropsychopharmacology 45:1942-1952."
    ),
    fps=FPS,
    animals=("mouse",),
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=(928, 576),
    classes=CLASSES,
    files=f"{FILE}; beside it the DeepLabCut csv files that it names, where poses are wanted",
    read=read,
    official=(FILE, f"*{_TABLE}"),
    digests={
        FILE: "sha256:2a690c586f00af4574be5555e63ff66698a3149ef8c70e050876f138e7fd5fd3",
        **{f"{start}{_TABLE}": f"sha256:{digest}" for start, digest in _SHA256.items()},
    },
    notes=(
        "A rater may see two behaviours at once; the consensus, as published, never holds two.",
        "Consensus: what two of three raters say; one who says two behaviours at once says neither.",
        "A frame in which no two raters agree is not annotated in the consensus.",
        "Where any rater says Jumping or _DEFAULT nobody's label counts.",
        "The one bout that was never ended is left out.",
        "The size of the image is not stated; 928 x 576 is assumed.",
        "A pose table that was saved again may be an excerpt: frames after its end have no keypoints.",
    ),
)

_LOOKAGAIN = ("grooming", "rearing")
_FINE = ("supported", "unsupported", "grooming")
_REFERENCE = "Sturman et al. 2020, doi 10.1038/s41386-020-0776-y"


def _task(name: str, title: str, classes: tuple[str, ...], parts: Sequence[str], split: FrozenSplit) -> Task:
    titles = {part: "two of three raters" if part == CONSENSUS else part.capitalize() for part in PARTS}
    return Task(
        name=name,
        title=title,
        question="Which of these does the mouse do in each frame? Two may hold at once, or none.",
        dataset=DATASET,
        classes=classes,
        background=None,
        split=split,
        metrics=FRAME_METRICS,
        parts=tuple(Part(part, titles[part]) for part in parts),
        exclusive=False,
        reference=_REFERENCE,
    )


_SPLIT = FrozenSplit("oft", "94d7b2d954b8472d078e2309dc914a1a011f5fb21662fec483c06047949a4903")
_SPLIT_RATERS = FrozenSplit("oft-raters", "001e02f619bf03d6a281ddd72933c55d82354b9b34b64f5cc08efa0664cf22f6")
TASKS = (
    _task("oft", "Open field: grooming and rearing", _LOOKAGAIN, PARTS[:1], _SPLIT),
    _task("oft-raters", "Open field: grooming and rearing, by rater", _LOOKAGAIN, PARTS[1:], _SPLIT_RATERS),
    _task("oft-fine", "Open field: supported and unsupported rearing, grooming", _FINE, PARTS[:1], _SPLIT),
    _task(
        "oft-fine-raters",
        "Open field: supported and unsupported rearing, grooming, by rater",
        _FINE,
        PARTS[1:],
        _SPLIT_RATERS,
    ),
)
