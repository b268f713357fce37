"""Labelling: what a trained model says of recordings that nobody has labelled.

`poses` reads a folder of pose files as recordings that a model can read; `answers` writes what it says of
them: frames as csv, bouts as BORIS writes them, arrays as npz.
"""

from bench.labelling.answers import FORMATS, Answered, Writer, bouts_of, writer
from bench.labelling.poses import PoseFiles, Reading, find_poses, read_files, read_store, same_rate

__all__ = [
    "FORMATS",
    "Answered",
    "PoseFiles",
    "Reading",
    "Writer",
    "bouts_of",
    "find_poses",
    "read_files",
    "read_store",
    "same_rate",
    "writer",
]
