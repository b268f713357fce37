"""The recording store: official files, checked, as Parquet under `$BENCH_HOME`.

Schema 2, one row per recording
-------------------------------
id, group, annotator   text; annotator may be null
fps                    frames per second
frames, animals, keypoints   T, A, K; A = K = 0 where a recording has no poses
classes                the C label names
labels                 T x C booleans, frame by frame
annotated              T booleans
segments               S x 2 float64, seconds, (start, end); null where the annotators gave none
segment_labels         S int32, indices of classes; null with segments
poses                  T x A x K x 2 float32, pixels, NaN = not detected; null without poses
confidence             T x A x K float32; null where the data set has none

`manifest.json` beside `recordings.parquet` is written last, so a folder with a manifest is a complete store:
dataset, schema        its name, and the version of the schema above
sha256                 of recordings.parquet, checked whenever poses are loaded
origin                 repository, revision and digest of a copy from a hub; else empty
recordings             by id: frames, whether it has poses, counts by class; `truth`, the SHA-256 of what
                       scoring reads, checked by every load; `rest`, that of all else, so that a pull
                       knows whether it read the same recordings

A store whose manifest has no such digests cannot be trusted: it is refused, and pulled again.
"""

from bench.resources import home
from bench.store.loading import load, load_all, parquet
from bench.store.manifests import SCHEMA_VERSION, Manifest, Stored, file_digest, manifest
from bench.store.pulling import pull, pull_simulated
from bench.store.rows import SCHEMA, read_parquet, rest_digest, write_parquet

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Manifest",
    "Stored",
    "file_digest",
    "home",
    "load",
    "load_all",
    "manifest",
    "parquet",
    "pull",
    "pull_simulated",
    "read_parquet",
    "rest_digest",
    "write_parquet",
]
