"""Official files by name: there, not there, or something else in their place."""

from __future__ import annotations

from pathlib import Path

from bench.errors import DataError


def regular(path: Path) -> Path | None:
    """Return the path where it is a file, None where nothing is there.

    Raises `DataError` for a folder, for a link that leads nowhere or in a circle, and the like: they are
    neither the file nor its absence.
    """
    if path.is_file():
        return path
    if path.is_dir():
        what = "a folder"
    elif path.is_symlink():
        what = "a link that leads to no file, or in a circle"
    elif path.exists():
        what = "neither a file nor a folder"
    else:
        return None
    raise DataError(f"{path} is no file", [f"{path.name}: {what}, expected a file"], hint="put a file there")
