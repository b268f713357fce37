"""Files that anyone has, read for `bench.scoring`: .npz archives, long tables, ActivityNet's JSON.

Truth and groups that cannot be read are a `DataError`, predictions a `SubmissionError`; each lists all that
is wrong, by its place.
"""

from bench.scorefiles.activitynet import score_segment_files
from bench.scorefiles.arrays import score_cluster_files, score_frame_files

__all__ = ["score_cluster_files", "score_frame_files", "score_segment_files"]
