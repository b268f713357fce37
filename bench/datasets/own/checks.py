"""What a declaration may say: its keys, and what each may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.datasets.formats.bento import UNITS
from bench.datasets.formats.plugged import LabelReader, PoseReader, formats, names_of
from bench.files.faults import Fault, shown
from bench.files.schema import ADDRESS, FLAG, Schema, choice, leaf, listed, matching, table, text, whole
from bench.tasks import TASK_NAME, TASK_NAME_RULE

POSE_FORMATS = ("deeplabcut", "sleap", "movement", "simba")
LABEL_FORMATS = ("boris", "caltech", "bento", "simba", "frames")
NAME_RULE = "lower-case letters, digits, '_' and '-', 100 at most"
"""Of a recording."""
NAME = text(100, trimmed=True)
"""A class, an animal, a group: one line that any page may show, without space around it."""
_ONLY_WITH = {"channel": ("caltech", "bento"), "subject": ("boris",), "times": ("bento",)}


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 10_000


def _is_image(value: Any) -> bool:
    return isinstance(value, list) and [type(side) for side in value] == [int, int] and min(value) > 0


def _is_pattern(value: Any) -> bool:
    if text(300, trimmed=True).faults(value) or Path(value).is_absolute() or ".." in Path(value).parts:
        return False
    if any("**" in part and part != "**" for part in Path(value).parts):
        return False
    return value.count("{recording}") <= 1 and not set(value.replace("{recording}", "")) & set("[]{}\\")


def _format(shipped: tuple[str, ...], kind: type[PoseReader] | type[LabelReader]) -> Schema:
    """Return the schema of a format that ships, or that a plugin brings."""

    def check(value: Any) -> list[Fault]:
        return [] if value in shipped else choice(*shipped, *names_of(kind)).faults(value)

    return Schema("the name of a format", check)


_PATTERN = leaf(
    "a pattern below the folder, which `folder` may name, of *, ?, ** and at most one {recording}",
    _is_pattern,
)
_TABLE = '{ format = "…", files = "…" }'
_POSES = table(
    {"format": _format(POSE_FORMATS, PoseReader), "files": _PATTERN},
    {"animals": listed(NAME, 1, 100, distinct=True)},
    words=_TABLE,
)
_LABELS = table(
    {"format": _format(LABEL_FORMATS, LabelReader), "files": _PATTERN},
    {
        "channel": NAME,
        "subject": NAME,
        "times": choice(*UNITS),
        "ignore": listed(NAME, 1, 1000, distinct=True),
    },
    words=_TABLE,
)


def plugin_formats(*names: str) -> tuple[str, ...]:
    """Return those of some formats that plugins bring, whether they are installed or not."""
    return tuple(sorted(set(names) - {*POSE_FORMATS, *LABEL_FORMATS}))


def plugin_modules(*names: str) -> tuple[str, ...]:
    """Return the modules of the plugins that read these formats; none for those that ship."""
    return tuple(formats()[name].module for name in plugin_formats(*names) if name in formats())


def _check_poses(value: Any) -> list[Fault]:
    return [] if value == {"format": "none"} else _POSES.faults(value)


def _check_labels(value: Any) -> Iterator[Fault]:
    yield from _LABELS.faults(value)
    for key, known in _ONLY_WITH.items():
        if isinstance(value, dict) and key in value and value.get("format") not in known:
            words = f"belongs to {' and '.join(known)}"
            yield Fault((key,), words, f"no {key} for format {shown(value.get('format'))}")


REQUIRED: Mapping[str, Schema] = {
    "name": matching(TASK_NAME, TASK_NAME_RULE),
    "fps": leaf("frames per second, from above 0 to 10,000", _is_rate),
    "labels": Schema(_TABLE, _check_labels),
    "classes": listed(NAME, 1, 1000, distinct=True),
}
OPTIONAL: Mapping[str, Schema] = {
    "image": leaf("[width, height] in whole pixels", _is_image),
    "poses": Schema(_TABLE, _check_poses),
    "background": NAME,
    "overlap": FLAG,
    "tolerance": whole(0, 10_000),
    "groups": _PATTERN,
    "split": _PATTERN,
    "test": listed(NAME, 1, 1000, distinct=True),
    "val": listed(NAME, 1, 1000, distinct=True),
    "folder": text(500, trimmed=True),
    "title": NAME,
    "question": text(500, trimmed=True),
    "licence": NAME,
    "citation": text(500, trimmed=True),
    "url": ADDRESS,
}
DATASET = table(REQUIRED, OPTIONAL)
"""The one table of a declaration."""
