"""Where files are: those that ship with the code, and those that `bench` keeps for the user."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from bench.about import NAME
from bench.errors import UsageError

_PACKAGE = Path(__file__).parent


def resource(name: str, checkout: str) -> Path:
    """Return the folder `bench/_<name>` of an installed wheel, else `<checkout>` of the repository."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / checkout


def home() -> Path:
    """Return the folder of all stores and own tasks: `$BENCH_HOME`, else the platform's data folder.

    Raises `UsageError` where its name is no text: the library that reads stores cannot open such a path.
    """
    chosen = os.environ.get("BENCH_HOME")
    folder = expanded(chosen) if chosen else Path(platformdirs.user_data_dir(NAME, False))
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as fault:
        raise UsageError(
            f"{folder.absolute()}: its name is not text in UTF-8",
            hint="set BENCH_HOME to another folder",
        ) from fault
    return folder


def expanded(path: str) -> Path:
    """Return a path with `~` and `~user` replaced; raise `UsageError` where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as fault:
        name = Path(path).parts[0]
        raise UsageError(
            f"{path}: {name!r} stands for a folder of a user, and there is no such user",
            hint="write the path in full, or begin it with './'",
        ) from fault
