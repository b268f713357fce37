"""Files that desktops and file systems leave beside those of people: no user wrote them."""

from __future__ import annotations

from pathlib import PurePath

_STARTS = ("._", "~$", ".~lock.", ".nfs", ".fuse_hidden", ".smbdelete")
"""macOS' AppleDouble, locks of office programs, files that a server deletes once they are closed."""
_NAMES = {".ds_store", ".localized", ".directory", "thumbs.db", "ehthumbs.db", "desktop.ini"}
_FOLDERS = {"__macosx", ".git", ".trash", ".trashes", "$recycle.bin", "@eadir"}


def is_litter(path: PurePath | str) -> bool:
    """Whether a file, given by its name or its path below a folder, is none that a person put there."""
    *folders, name = PurePath(path).parts or ("",)
    return (
        name.startswith(_STARTS)
        or name.lower() in _NAMES
        or any(folder.lower() in _FOLDERS for folder in folders)
    )
