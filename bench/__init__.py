"""The harness: recordings in, trusted numbers out. Never imports torch.

>>> import bench
>>> bench.load_task("demo").classes
('attack', 'investigation', 'mount', 'other')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.access import DatasetData, TaskData, load_dataset, load_task

__all__ = ["DatasetData", "TaskData", "load_dataset", "load_task"]


def __getattr__(name: str) -> Any:
    """Import what the front shows when it is asked for: `bench --help` must not wait for numpy."""
    if name in __all__:
        from bench import access

        return getattr(access, name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
