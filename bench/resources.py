"""Where files are: those that ship with the code, and those that `bench` keeps for the user."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from bench.about import NAME

_PACKAGE = Path(__file__).parent


def resource(name: str, checkout: str) -> Path:
    """Return the folder `bench/_<name>` of an installed wheel, else `<checkout>` of the repository."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / checkout


def home() -> Path:
    """Return the folder of all stores and own tasks: `$BENCH_HOME`, else the platform's data folder."""
    chosen = os.environ.get("BENCH_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir(NAME, False))
