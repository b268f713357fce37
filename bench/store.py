"""The recording store: official files, checked, as Parquet under `$BENCH_HOME`.

Schema 1, one row per recording
-------------------------------
id, group, annotator   text; annotator may be null
fps                    frames per second
frames, animals, keypoints   T, A, K; A = K = 0 where a recording has no poses
classes                the C label names
labels                 T x C booleans, frame by frame
annotated              T booleans
poses                  T x A x K x 2 float32, pixels, NaN = not detected; null without poses
confidence             T x A x K float32; null where the data set has none

`manifest.json` beside it holds counts and the digest of every recording's truth; it is written last,
so a folder with a manifest is a complete store.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Num
from tqdm import tqdm

from bench.errors import DataError, UsageError, first
from bench.recordings import Recording
from bench.splits import SUBSETS, Totals
from bench.tasks import Dataset, Task

SCHEMA_VERSION = 1
ROW_GROUP_FRAMES = 65_536  # enough rows for Parquet to compress, few enough to read one recording quickly
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("group", pa.string()),
        ("annotator", pa.string()),
        ("fps", pa.float64()),
        ("frames", pa.int64()),
        ("animals", pa.int32()),
        ("keypoints", pa.int32()),
        ("classes", pa.list_(pa.string())),
        ("labels", pa.list_(pa.bool_())),
        ("annotated", pa.list_(pa.bool_())),
        ("poses", pa.list_(pa.float32())),
        ("confidence", pa.list_(pa.float32())),
    ]
)
TRUTH_COLUMNS = [name for name in SCHEMA.names if name not in ("poses", "confidence")]


@dataclass(frozen=True)
class Stored:
    """What the manifest says of one recording."""

    frames: int
    poses: bool
    truth: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Manifest:
    """What a store holds."""

    dataset: str
    schema: int
    recordings: Mapping[str, Stored]
    origin: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where the recordings came from, where that can be pinned: repository, revision, digest."""

    @property
    def frames(self) -> int:
        """The frames of all recordings."""
        return sum(stored.frames for stored in self.recordings.values())


def home() -> Path:
    """Return the folder of all stores: `$BENCH_HOME`, else the platform's data folder."""
    chosen = os.environ.get("BENCH_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("rodent-bench", False))


def manifest(dataset: Dataset) -> Manifest:
    """Return what the store holds; raise `DataError` saying how to fill it where it holds nothing."""
    path = home() / dataset.name / "manifest.json"
    if not path.is_file():
        raise DataError(f"no recordings of {dataset.name!r} in {home()}", hint=_how_to_pull(dataset))
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA_VERSION:
            raise ValueError(f"schema {data['schema']}, expected {SCHEMA_VERSION}")
        recordings = {id_: Stored(**stored) for id_, stored in data["recordings"].items()}
        return Manifest(data["dataset"], data["schema"], recordings, data.get("origin", {}))
    except (KeyError, TypeError, ValueError) as fault:
        raise DataError(
            f"{path} is not a store of this version",
            [f"{type(fault).__name__}: {fault}"],
            hint=f"{_how_to_pull(dataset)} --replace",
        ) from fault


def pull(
    dataset: Dataset,
    source: Path,
    tasks: Iterable[Task] = (),
    *,
    replace: bool = False,
    origin: Mapping[str, str] | None = None,
) -> tuple[Manifest, bool]:
    """Read official files into the store; return its manifest and whether anything was written.

    The recordings are checked against the frozen totals and digests of `tasks` before the new store
    takes its place in one rename; an interrupted pull leaves the old store, or none. A store that
    holds something else already is kept unless `replace` is set.
    """
    target = home() / dataset.name
    building = home() / f".{dataset.name}.part"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        stored = write_parquet(dataset.read(source), building / "recordings.parquet")
        built = Manifest(dataset.name, SCHEMA_VERSION, stored, origin or {})
        _check_frozen(built, tasks)
        (building / "manifest.json").write_text(json.dumps(asdict(built), indent=1, sort_keys=True) + "\n")
        if (target / "manifest.json").is_file() and not replace:
            if manifest(dataset) == built:
                return built, False
            raise DataError(
                f"{target} already holds other recordings of {dataset.name!r}",
                [f"held: {_summary(manifest(dataset))}", f"read: {_summary(built)}"],
                hint=f"{_how_to_pull(dataset)} --replace",
            )
        _swap(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return built, True


def parquet(dataset: Dataset) -> Path:
    """Return the store's file; raise `DataError` saying how to fill it where there is none."""
    manifest(dataset)
    return home() / dataset.name / "recordings.parquet"


def pull_simulated(dataset: Dataset, *, replace: bool = False) -> tuple[Manifest, bool]:
    """Simulate a data set's official files in a temporary folder and read them into the store."""
    if dataset.simulate is None:
        raise UsageError(f"{dataset.name!r} is recorded, not simulated", hint=_how_to_pull(dataset))
    with tempfile.TemporaryDirectory() as folder:
        dataset.simulate(Path(folder))
        return pull(dataset, Path(folder), replace=replace)


def load(dataset: Dataset, ids: Sequence[str], *, poses: bool) -> Iterator[Recording]:
    """Yield recordings in the order of `ids`, with keypoints where `poses` is set.

    Raises `DataError` where the store is absent, lacks recordings, has no poses for one that needs
    them, or where a recording's truth is not the one that was imported.
    """
    held = manifest(dataset).recordings
    missing = [f"{id_}: not in the store" for id_ in ids if id_ not in held]
    if poses:
        missing += [f"{id_}: labels only, no poses" for id_ in ids if id_ in held and not held[id_].poses]
    if missing:
        raise DataError(
            f"the store of {dataset.name!r} lacks {len(missing)} of {len(ids)} recordings",
            first(missing),
            hint=f"{_how_to_pull(dataset)} --replace",
        )
    for recording in _readable(dataset, ids, poses):
        if recording.truth_digest() != held[recording.id].truth:
            raise DataError(
                f"the stored labels of {recording.id!r} are not the ones imported",
                hint=f"{_how_to_pull(dataset)} --replace",
            )
        yield recording


def load_all(dataset: Dataset, ids: Iterable[str] | None = None) -> Iterator[Recording]:
    """Yield recordings, all of them for None, with keypoints where the store holds them."""
    held = manifest(dataset).recordings
    for poses, some in groupby(held if ids is None else ids, key=lambda id_: id_ in held and held[id_].poses):
        yield from load(dataset, list(some), poses=poses)


def _swap(building: Path, target: Path) -> None:
    """Put the new store in the place of the old one; at no moment is there half of either."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    building.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def _readable(dataset: Dataset, ids: Sequence[str], poses: bool) -> Iterator[Recording]:
    try:
        yield from read_parquet(parquet(dataset), ids, poses)
    except (OSError, KeyError, pa.ArrowException) as fault:
        raise DataError(
            f"the store of {dataset.name!r} cannot be read",
            [f"{type(fault).__name__}: {fault}"],
            hint=f"{_how_to_pull(dataset)} --replace",
        ) from fault


def write_parquet(recordings: Iterable[Recording], path: Path) -> dict[str, Stored]:
    """Write recordings in the schema above and return what the manifest says of each; none is a fault."""
    stored: dict[str, Stored] = {}
    rows: list[dict[str, Any]] = []
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for recording in tqdm(recordings, desc="import", unit=" recordings", delay=2, disable=None):
            if recording.id in stored:
                raise DataError(f"two recordings carry the id {recording.id!r}")
            counts = recording.labels.sum(axis=0).tolist()
            stored[recording.id] = Stored(
                recording.frames,
                recording.keypoints is not None,
                recording.truth_digest(),
                dict(zip(recording.classes, counts, strict=True)),
            )
            rows.append(_row(recording))
            if sum(row["frames"] for row in rows) >= ROW_GROUP_FRAMES:
                writer.write_table(_table(rows))
                rows = []
        if rows:
            writer.write_table(_table(rows))
    if not stored:
        raise DataError("the official files hold no recording")
    return stored


def _row(r: Recording) -> dict[str, Any]:
    animals, keypoints = (0, 0) if r.keypoints is None else r.keypoints.shape[1:3]
    return {
        "id": r.id,
        "group": r.group,
        "annotator": r.annotator,
        "fps": r.fps,
        "frames": r.frames,
        "animals": animals,
        "keypoints": keypoints,
        "classes": list(r.classes),
        "labels": r.labels.ravel(),
        "annotated": r.annotated,
        "poses": None if r.keypoints is None else r.keypoints.ravel(),
        "confidence": None if r.confidence is None else r.confidence.ravel(),
    }


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in SCHEMA.names}
    # NaN is a keypoint that was not detected, not a missing value: keep it apart from null
    return pa.table(
        [pa.array(columns[field.name], type=field.type, from_pandas=False) for field in SCHEMA], schema=SCHEMA
    )


def read_parquet(path: Path, ids: Sequence[str] | None, poses: bool) -> Iterator[Recording]:
    """Yield the recordings of a file in the schema above, in the order of `ids`; all of them for None."""
    with pq.ParquetFile(path, memory_map=True) as file:
        where = {}
        for group in range(file.num_row_groups):
            for row, id_ in enumerate(file.read_row_group(group, columns=["id"])["id"].to_pylist()):
                if id_ in where:
                    raise DataError(f"{path.name}: two recordings carry the id {id_}")
                where[id_] = (group, row)
        at, table = -1, None
        for id_ in where if ids is None else ids:
            group, row = where[id_]
            if table is None or group != at:
                table = file.read_row_group(group, columns=SCHEMA.names if poses else TRUTH_COLUMNS)
                at = group
            yield _recording(table, row)


def _recording(table: pa.Table, row: int) -> Recording:
    def scalar(name: str) -> Any:
        return table[name][row].as_py()

    def array(name: str, *shape: int) -> Any:
        if name not in table.column_names or not table[name][row].is_valid:
            return None
        return _values(table[name][row].values).reshape(shape)

    frames, animals, keypoints = scalar("frames"), scalar("animals"), scalar("keypoints")
    classes = tuple(scalar("classes"))
    return Recording(
        id=scalar("id"),
        group=scalar("group"),
        annotator=scalar("annotator"),
        fps=scalar("fps"),
        classes=classes,
        labels=array("labels", frames, len(classes)),
        annotated=array("annotated", frames),
        keypoints=array("poses", frames, animals, keypoints, 2),
        confidence=array("confidence", frames, animals, keypoints),
    )


def _values(array: pa.Array) -> Num[np.ndarray, " N"] | Bool[np.ndarray, " N"]:
    """View the buffer of a column without nulls; `Array.to_numpy` would import pandas where that is there."""
    buffer = array.buffers()[1]
    if pa.types.is_boolean(array.type):
        packed = np.frombuffer(buffer, dtype=np.uint8)
        bits = np.unpackbits(packed, count=array.offset + len(array), bitorder="little")
        return bits[array.offset :].view(bool)
    return np.frombuffer(buffer, dtype=np.float32)[array.offset : array.offset + len(array)]


def _check_frozen(built: Manifest, tasks: Iterable[Task]) -> None:
    """Compare the recordings at hand with every frozen split; a subset may be absent, never incomplete."""
    problems: list[str] = []
    for task in tasks:
        split = task.load_split()
        for part in split.parts:
            for subset in SUBSETS:
                place = f"{task.name}: {part}/{subset}"
                ids = split.ids(part, subset)
                present = [id_ for id_ in ids if id_ in built.recordings]
                absent = [id_ for id_ in ids if id_ not in built.recordings]
                if not present:
                    continue
                problems += [f"{place}: {id_} is missing" for id_ in absent]
                if part in split.totals and subset in split.totals[part] and not absent:
                    problems += _totals_faults(place, built, present, split.totals[part][subset])
        problems += [
            f"{task.name}: {id_}: labels differ from the frozen ones"
            for id_, digest in split.truth.items()
            if id_ in built.recordings and built.recordings[id_].truth != digest
        ]
    if problems:
        raise DataError(
            f"these files are not the official {built.dataset!r}",
            first(dict.fromkeys(problems)),
            hint="get the official files again; nothing was written",
        )


def _totals_faults(place: str, built: Manifest, ids: Sequence[str], totals: Totals) -> list[str]:
    stored = [built.recordings[id_] for id_ in ids]
    found = {"recordings": len(stored), "frames": sum(s.frames for s in stored)}
    expected = {"recordings": totals.recordings, "frames": totals.frames}
    for name, count in totals.counts.items():
        found[f"frames of {name}"] = sum(s.counts.get(name, 0) for s in stored)
        expected[f"frames of {name}"] = count
    return [
        f"{place}: {found[name]:,} {name}, frozen {expected[name]:,}"
        for name in expected
        if found[name] != expected[name]
    ]


def _summary(m: Manifest) -> str:
    posed = sum(stored.poses for stored in m.recordings.values())
    return f"{len(m.recordings)} recordings, {m.frames:,} frames, {posed} with poses"


def _how_to_pull(dataset: Dataset) -> str:
    return f"bench pull {dataset.name}" + ("" if dataset.simulated else " --from FOLDER")
