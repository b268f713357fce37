"""Score anything: the frozen metrics on anyone's arrays and files, with no task, no split and no submission.

>>> import numpy as np
>>> truth = {"Cage 3.avi": np.array([0, 0, 1, 1, 2, -1])}
>>> scores = {"Cage 3.avi": np.eye(3)[[0, 1, 1, 1, 2, 2]]}
>>> result = score_frames(truth, scores, ("attack", "mount", "other"), background="other", fps=30.0)
>>> round(result.scores["f1"].value, 3), result.scores["f1"].per_class["other"]
(0.733, 1.0)

Truth and groups that cannot be read or scored are a `DataError`, predictions a `SubmissionError`; each lists
all that is wrong, by its place.
"""

from bench.scoring.clusters import score_clusters
from bench.scoring.frames import score_frames
from bench.scoring.segments import score_segments

__all__ = ["score_clusters", "score_frames", "score_segments"]
