"""How the predictions of each kind of task are declared on the card, written and read."""

from __future__ import annotations

from collections.abc import Mapping

from bench.submissions.forms.clusters import CLUSTER_FORM, write_clusters
from bench.submissions.forms.form import Form
from bench.submissions.forms.frames import FRAME_FORM, write_run
from bench.submissions.forms.segments import SEGMENT_FORM, write_detections
from bench.tasks import Task

FORMS: Mapping[str, Form] = {"frames": FRAME_FORM, "segments": SEGMENT_FORM, "clusters": CLUSTER_FORM}
"""By the kind of the task."""


def form_of(task: Task) -> Form:
    """Return the form of the predictions of a task."""
    return FORMS[task.kind]


__all__ = ["FORMS", "Form", "form_of", "write_clusters", "write_detections", "write_run"]
