"""Rows of the store: recordings as Parquet and back, in the schema of `bench.store`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Num

from bench.errors import DataError
from bench.files.writing import replacing
from bench.recordings import Recording, Segments
from bench.store.stored import Stored, file_digest

SHARD_FRAMES = 500_000  # a file that is written and checked stays when an import or a download breaks
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
        ("segments", pa.list_(pa.float64())),
        ("segment_labels", pa.list_(pa.int32())),
        ("poses", pa.list_(pa.float32())),
        ("confidence", pa.list_(pa.float32())),
        ("features", pa.list_(pa.float32())),
    ]
)
TRUTH_COLUMNS = [name for name in SCHEMA.names if name not in ("poses", "confidence", "features")]


@dataclass(frozen=True)
class Shard:
    """One Parquet file of a store, complete."""

    name: str
    sha256: str
    recordings: dict[str, Stored]


def write_shards(recordings: Iterable[Recording], folder: Path, first: int = 0) -> Iterator[Shard]:
    """Write `recordings-00000.parquet` and so on, from number `first` on; yield each when it is complete.

    A file ends with the recording that makes it `SHARD_FRAMES` frames: where, depends on the order alone.
    """
    rest = iter(recordings)
    for number, head in zip(itertools.count(first), rest, strict=False):
        name = f"recordings-{number:05d}.parquet"
        stored = write_parquet(_one_shard(head, rest), folder / name)
        held = {id_: replace(one, shard=name) for id_, one in stored.items()}
        yield Shard(name, file_digest(folder / name), held)


def _one_shard(head: Recording, rest: Iterator[Recording]) -> Iterator[Recording]:
    frames = head.frames
    yield head
    while frames < SHARD_FRAMES and (recording := next(rest, None)) is not None:
        frames += recording.frames
        yield recording


def write_parquet(recordings: Iterable[Recording], path: Path) -> dict[str, Stored]:
    """Write recordings in the schema above, in one file; return what the manifest says of each."""
    stored: dict[str, Stored] = {}
    rows: list[dict[str, Any]] = []
    with replacing(path) as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for recording in recordings:
            counts = recording.labels.sum(axis=0).tolist()
            stored[recording.id] = Stored(
                recording.frames,
                recording.keypoints is not None,
                recording.truth_digest(),
                rest_digest(recording),
                dict(zip(recording.classes, counts, strict=True)),
            )
            rows.append(_row(recording))
            if sum(row["frames"] for row in rows) >= ROW_GROUP_FRAMES:
                writer.write_table(_table(rows))
                rows = []
        if rows:
            writer.write_table(_table(rows))
    return stored


def rest_digest(recording: Recording) -> str:
    """Return the SHA-256 of all that `Recording.truth_digest` leaves out; arrays as they are stored."""
    digest = hashlib.sha256(f"{recording.group}\n{recording.annotator}\n{recording.fps!r}\n".encode())
    for values in (recording.keypoints, recording.confidence, recording.features):
        digest.update(f"{None if values is None else values.shape}\n".encode())
        if values is not None:
            digest.update(np.ascontiguousarray(values, dtype=np.float32).ravel().data)
    return digest.hexdigest()


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
        "segments": None if r.segments is None else r.segments.bounds.ravel(),
        "segment_labels": None if r.segments is None else r.segments.labels,
        "poses": None if r.keypoints is None else r.keypoints.ravel(),
        "confidence": None if r.confidence is None else r.confidence.ravel(),
        "features": None if r.features is None else r.features.ravel(),
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
        if not file.schema_arrow.equals(SCHEMA):
            raise ValueError(f"{path.name} has other columns: {', '.join(map(str, file.schema_arrow))[:500]}")
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
    bounds, segment_labels = array("segments", -1, 2), array("segment_labels", -1)
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
        features=array("features", frames, -1),
        segments=None if bounds is None else Segments(bounds, segment_labels, len(classes)),
    )


def _values(array: pa.Array) -> Num[np.ndarray, " N"] | Bool[np.ndarray, " N"]:
    """View the buffer of a column without nulls; `Array.to_numpy` would import pandas where that is there."""
    if array.null_count:
        raise ValueError(f"{array.null_count} values of {len(array)} are null")
    if not len(array):  # which may come without a buffer
        return np.empty(0, array.type.to_pandas_dtype())
    buffer = array.buffers()[1]
    if pa.types.is_boolean(array.type):
        packed = np.frombuffer(buffer, dtype=np.uint8)
        bits = np.unpackbits(packed, count=array.offset + len(array), bitorder="little")
        return bits[array.offset :].view(bool)
    values = np.frombuffer(buffer, array.type.to_pandas_dtype())
    return values[array.offset : array.offset + len(array)]
