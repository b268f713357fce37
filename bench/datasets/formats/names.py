"""The recording that a file is of, by the file's name: one rule for every command."""

from __future__ import annotations

import re

_TRACKER = re.compile(r"(.+?)(?:DLC|DeepCut)_.*")
"""The name that DeepLabCut gives its files: that of the video, the scorer, and how it was made."""
ID_RULE = "lower case, each run of spaces and dots one '_'"


def video_name(stem: str) -> str:
    """Return the name of the video in that of a file of poses, which is given without its ending.

    >>> video_name("m07DLC_resnet50_labJan24shuffle1_5000_filtered"), video_name("m07.analysis")
    ('m07', 'm07')
    """
    cut = _TRACKER.fullmatch(stem)
    return (cut[1] if cut else stem).removesuffix(".analysis")


def recording_id(name: str) -> str:
    """Return the id of a recording of this name; it may hold signs that no id has.

    >>> recording_id("Mouse 7 day.2")
    'mouse_7_day_2'
    """
    return re.sub(r"[\s.]+", "_", name.strip(" .").lower())
