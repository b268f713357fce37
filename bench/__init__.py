"""The harness: recordings in, trusted numbers out. Never imports torch.

>>> import bench
>>> task = bench.load_task("demo")
>>> task.classes
('attack', 'investigation', 'mount', 'other')

load_task     a task: its recordings by split, its classes        load_dataset   recordings without a task
write_run     predictions into the folder of an entry, checked    evaluate       the results of a folder
compare       two folders on one task                             metrics        the frozen metrics, on arrays
score_frames, score_segments, score_clusters                      anyone's arrays or files, with no task
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench import metrics
    from bench.access import DatasetData, TaskData, load_dataset, load_task
    from bench.scoring import score_clusters, score_frames, score_segments
    from bench.submitting import compare, evaluate, write_run

__all__ = [
    "DatasetData",
    "TaskData",
    "compare",
    "evaluate",
    "load_dataset",
    "load_task",
    "metrics",
    "score_clusters",
    "score_frames",
    "score_segments",
    "write_run",
]

_HOME = {
    "DatasetData": "access",
    "TaskData": "access",
    "compare": "submitting",
    "evaluate": "submitting",
    "load_dataset": "access",
    "load_task": "access",
    "score_clusters": "scoring",
    "score_frames": "scoring",
    "score_segments": "scoring",
    "write_run": "submitting",
}
"""Where each name is defined: it is imported when it is first used, for `bench --help` must not wait."""


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return import_module("bench.metrics")
    if name in _HOME:
        return getattr(import_module(f"bench.{_HOME[name]}"), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
