"""Where the files that ship with the code are: beside it in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(name: str, checkout: str) -> Path:
    """Return the folder `bench/_<name>` of an installed wheel, else `<checkout>` of the repository."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / checkout
