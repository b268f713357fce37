"""What is installed and what is at hand: for a person whose command does not work, or who reports a bug."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Any

from bench.about import NAME, install_hint
from bench.closure import metric_code
from bench.datasets import DATASETS, TASKS, all_datasets
from bench.errors import BenchError
from bench.files.writing import room_left
from bench.metrics import METRICS_VERSION
from bench.plugins import GROUPS, plugins
from bench.results import FORMAT
from bench.store import SCHEMA_VERSION, home, manifest

EXTRAS = {
    "train": ("torch", "scikit-learn", "scipy"),
    "plots": ("matplotlib",),
    "cluster": ("distributed",),
    "data": ("pandas", "datasets"),
    "readers": ("h5py",),
    "video": ("av", "opencv-python-headless"),
    "towers": ("transformers",),
}
"""Extra of the package -> the distributions that it brings."""
CORE = ("numpy", "pyarrow", "huggingface-hub", "safetensors")


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    topic: str
    name: str
    state: str
    hint: str = ""
    """What to type where something is missing; empty where nothing is."""


def examine() -> list[Line]:
    """Look at versions, extras, the store and the disk. Nothing is changed, and no network is asked."""
    return [*_versions(), *_extras(), *_plugins(), *_store()]


def versions() -> dict[str, Any]:
    """Return what decides a number, as JSON values: the program, the metrics, the tasks, the libraries.

    `tasks` is a digest of every official task: its classes, split, protocol and metrics.
    """
    declared = [
        [task.name, task.classes, task.background, getattr(task.split, "digest", ""), task.protocol.name]
        + [metric.name for metric in task.metrics]
        for task in TASKS
    ]
    return {
        NAME: _version(NAME),
        "metrics": {"version": METRICS_VERSION, "code": metric_code()},
        "tasks": {"number": len(TASKS), "sha256": hashlib.sha256(repr(declared).encode()).hexdigest()},
        "schemas": {"store": SCHEMA_VERSION, "result": FORMAT},
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in sorted({*CORE, *chain(*EXTRAS.values())})},
    }


def _versions() -> list[Line]:
    lines = [
        Line("versions", NAME, _version(NAME) or "not installed"),
        Line("versions", "python", platform.python_version()),
        Line("versions", "system", f"{platform.platform()}, {os.cpu_count()} cores"),
        Line("versions", "metrics", str(METRICS_VERSION)),
        Line("versions", "tasks", f"{len(TASKS)}, of {len(DATASETS)} data sets"),
    ]
    return lines + [Line("versions", name, _version(name) or "not installed") for name in CORE]


def _extras() -> list[Line]:
    lines = []
    for extra, names in EXTRAS.items():
        held = {name: _version(name) for name in names}
        missing = [name for name, number in held.items() if number is None]
        state = ", ".join(f"{name} {number or 'not installed'}" for name, number in held.items())
        lines.append(Line("extras", extra, state, install_hint(extra) if missing else ""))
    return lines


def _plugins() -> list[Line]:
    return [
        Line("plugins", plugin.name, f"{plugin.package}: {plugin.place}, {plugin.group}")
        for group in GROUPS
        for plugin in plugins(group)
    ]


def _store() -> list[Line]:
    lines = [Line("store", "BENCH_HOME", str(home())), Line("store", "disk", room_left(home()))]
    for dataset in all_datasets():
        try:
            held = manifest(dataset)
        except BenchError as fault:
            if (home() / dataset.name).exists():
                lines.append(Line("store", dataset.name, fault.title, fault.hint or ""))
            continue
        lines.append(Line("store", dataset.name, f"{len(held.recordings):,} recordings"))
    if len(lines) == 2:
        lines.append(Line("store", "recordings", "none", "bench pull --list"))
    return lines


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def missing(lines: Sequence[Line]) -> list[Line]:
    """Return what could be mended by typing something."""
    return [line for line in lines if line.hint]
