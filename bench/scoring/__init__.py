"""Score anything: the frozen metrics on anyone's arrays, with no task, no split and no submission.

>>> import numpy as np
>>> truth = {"Cage 3.avi": np.array([0, 0, 1, 1, 2, -1])}
>>> scores = {"Cage 3.avi": np.eye(3)[[0, 1, 1, 1, 2, 2]]}
>>> found = score_frames(truth, scores, ("attack", "mount", "other"), background="other", fps=30.0)
>>> round(found.scores["f1"].value, 3), found.scores["f1"].per_class["other"]
(0.733, 1.0)

What a name means here it means everywhere: `bench metrics NAME` prints its definition. Intervals resample
groups (animals, cages; each recording is its own where none are given), and fewer than five have none.
"""

from bench.scoring.clusters import score_clusters
from bench.scoring.frames import score_frames
from bench.scoring.scores import Scores, to_json
from bench.scoring.segments import score_segments
from bench.scoring.text import text

__all__ = ["Scores", "score_clusters", "score_frames", "score_segments", "text", "to_json"]
