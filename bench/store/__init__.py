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
features               T x F float32, what the data set gives beside the poses; null where it has none

The rows stand in `recordings-00000.parquet` and so on, in the order of the official files: a file ends with
the recording that makes it 500,000 frames. `manifest.json` beside them is written last, so a folder with a
manifest is a complete store:
dataset, schema        its name, and the version of the schema above
shards                 Parquet file -> SHA-256, checked whenever poses are loaded from it
files                  official file or archive -> SHA-256
key                    SHA-256 of those, of the data set's declaration and of the code that read them (the
                       import closure of the reader): a pull with the same key reads nothing again
changed                what is not as declared or frozen and was accepted: name, expected, found
origin                 repository, revision and digest of a copy from a hub; else empty
recordings             by id: frames, whether it has poses, counts by class, shard; `truth`, the SHA-256 of
                       what scoring reads, checked by every load; `rest`, that of all else, so that a pull
                       knows whether it read the same recordings

A store whose manifest has no such digests cannot be trusted: it is refused, and pulled again.
"""

from bench.resources import home
from bench.store.frozen import require_frozen
from bench.store.loading import damage, load, load_all, require, shards
from bench.store.manifests import (
    SCHEMA_VERSION,
    Changed,
    Manifest,
    how_to_pull,
    manifest,
)
from bench.store.pulling import pull, pull_simulated
from bench.store.rows import SCHEMA, Shard, read_parquet, rest_digest, write_parquet, write_shards
from bench.store.stored import Stored, file_digest

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Changed",
    "Manifest",
    "Shard",
    "Stored",
    "damage",
    "file_digest",
    "home",
    "how_to_pull",
    "load",
    "load_all",
    "manifest",
    "pull",
    "pull_simulated",
    "read_parquet",
    "require",
    "require_frozen",
    "rest_digest",
    "shards",
    "write_parquet",
    "write_shards",
]
