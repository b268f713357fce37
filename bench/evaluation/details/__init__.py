"""Details: the reasons behind numbers where frames get labels, kept in the result as plain JSON values.

`details` makes them from measures, `views` reads them back; nothing else knows how they are laid out:

    runs                      how many runs were summed or averaged
    parts.<part>
      confusion               [true class][predicted class]: frames, summed over runs
      boundary.all            frames: true frames at distance 0..30 from the nearest true transition, then
        ….per_class.<class>   further; right: of these the right ones, summed over runs
      edges.<onset|offset>.<class>
                              f1: at tolerance 0..30 frames, mean over runs; true: how many there are;
                              predicted: how many were, summed over runs
      recordings              one list per column: id, frames, values.<metric>, and per_class.<class> of the
                              metric that ranks; each recording alone, mean over runs
                              From format 2 of results on, also group, the number of the recording's group
                              among all test groups of the task, and counts: true category, predicted
                              category, their frames in each run in the order of the runs' names, and so on
                              for all pairs of categories that occur
      categories              the sets of classes that `counts` numbers, each as places in the task's order

Counts are whole numbers and summed, so nothing is rounded; what divides differently in every run is a mean.
Each is of one part: the whole of a task is the mean over parts, as for its scores. Undefined is null.

Where classes overlap there is no confusion matrix: a frame holds any number of true and of predicted classes,
and nothing says which predicted one stands in for which true one. Precision, recall and the boundary curve of
each class serve there. A task that asks for segments has no frames to look at, and no details here.
"""

from bench.evaluation.details.counts import PartCounts, class_counts, set_counts
from bench.evaluation.details.made import MEASURES, details
from bench.evaluation.details.views import (
    BANDS,
    Boundary,
    Edges,
    RecordingRow,
    boundary,
    confusion_matrix,
    edges,
    part_counts,
    part_names,
    recording_rows,
)

__all__ = [
    "BANDS",
    "MEASURES",
    "Boundary",
    "Edges",
    "PartCounts",
    "RecordingRow",
    "boundary",
    "class_counts",
    "confusion_matrix",
    "details",
    "edges",
    "part_counts",
    "part_names",
    "recording_rows",
    "set_counts",
]
