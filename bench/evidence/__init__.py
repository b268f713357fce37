"""Evidence: what lies behind a score, in a file of its own beside the result. No score is made from it.

It is of one run of the entry, the first by name:

    run                       its name
    left_out                  recordings whose bouts are not in the file, by `<part>/<recording>`: beyond
                              `BOUTS`, and all where the licence does not let anyone publish labels
    parts.<part>
      recordings.<id>         frames, fps, and `truth` and `entry`
                              Labels of frames: rows of bouts, each with "states" and "lengths". Where classes
                              exclude each other there is one row, and a state is the place of a class in the
                              order of the task; else there is a row for each class. -1: none holds, or the
                              frame does not count. "counted": start and stop of each stretch that counts.
                              Segments: "labels", "starts" and "stops" in seconds; of an entry its surest
                              `DETECTIONS`, with "scores".
      curves.<class>          precision at even steps of recall, true positive rate at even steps of false
                              positive rate; the last value of each step, null where there is none
      calibration.<class>     frames by score, in ten bins from 0 to 1: how many, the sum of their scores, and
                              how many are of the class; of entries whose output is probabilities
      agreement               share of frames that agree at lags -30..30
      mistakes.<class>        of the surest detections, 1, 2, 5 and 10 times as many as true segments:
                              those right, double, badly placed, of another class, in the background
      lengths.<class>         true segments by length, and how many of them are found at tIoU 0.5

The result holds the SHA-256 of the file. `bench.verification.results` rebuilds the truth and the counts of
the run from the bouts, and compares them with the result.
"""

from bench.evidence.bouts import (
    BOUTS,
    NOBODY,
    Bouts,
    bouts_of,
    labels_of_rows,
    rows_of,
    states_of,
)
from bench.evidence.localised import DETECTIONS, LENGTHS, MISTAKES, TIMES
from bench.evidence.made import evidence

__all__ = [
    "BOUTS",
    "DETECTIONS",
    "LENGTHS",
    "MISTAKES",
    "NOBODY",
    "TIMES",
    "Bouts",
    "bouts_of",
    "evidence",
    "labels_of_rows",
    "rows_of",
    "states_of",
]
