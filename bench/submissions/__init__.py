"""Submissions: what a model says about the test recordings, read strictly and written exactly.

A submission is a folder, its name the entry's id: `submission.toml` (the card) and, per task, one
file per run: `<task>/<run>.npz`, `.parquet` or `.csv`; where the task asks for segments, `.json`.
Everything else in the folder is ignored; scores that it may claim are never read.
"""

from bench.submissions.card import CARD, Entry, TaskCard, entry_card
from bench.submissions.forms import FORMS, Form, form_of, write_clusters, write_detections, write_run
from bench.submissions.predictions import Expected, Predictions, predictions_digest
from bench.submissions.reading import HOME, read_entry, read_tasks, run_files
from bench.submissions.scaffold import scaffold, unfilled
from bench.submissions.writing import write_card, write_predictions

__all__ = [
    "CARD",
    "FORMS",
    "HOME",
    "Entry",
    "Expected",
    "Form",
    "Predictions",
    "TaskCard",
    "entry_card",
    "form_of",
    "predictions_digest",
    "read_entry",
    "read_tasks",
    "run_files",
    "scaffold",
    "unfilled",
    "write_card",
    "write_clusters",
    "write_detections",
    "write_predictions",
    "write_run",
]
