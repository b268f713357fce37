"""The checks of single values in a declaration, and the keys that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import strict
from bench.errors import nearest
from bench.recordings import RECORDING_ID
from bench.strict import ADDRESS, type_name

POSE_FORMATS = ("deeplabcut", "sleap", "movement", "simba")
LABEL_FORMATS = ("boris", "caltech", "bento", "simba", "frames")
NAME_RULE = "lower-case letters, digits, '_' and '-', 100 at most"
Check = Callable[[Any], str | None]
"""Says what is wrong with a value; None where nothing is."""


def checked(
    table: Mapping[str, Any], known: Mapping[str, Check], required: Mapping[str, Check]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the values that are right, and (key, fault) of the others."""
    right, faults = {}, []
    for key, value in table.items():
        if key not in known:
            faults.append((key, f"unknown key {quoted(key)}{nearest(key, known)}"))
        elif fault := known[key](value):
            faults.append((key, f"{key}: {fault}"))
        else:
            right[key] = value
    return right, faults + [(key, f"no key {key!r}") for key in required if key not in table]


def text_fault(value: Any, limit: int = 100) -> str | None:
    """Say why a value is no line of text without space around it that any page may show; None where it is."""
    if isinstance(value, str) and value != value.strip():
        return f"{quoted(value)}, expected text without space around it"
    return strict.text_fault(value, limit)


def quoted(value: object) -> str:
    """Return a value as a message shows it: in ASCII, and short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}…'"


def _name(value: Any) -> str | None:
    if isinstance(value, str) and RECORDING_ID.fullmatch(value):
        return None
    return f"{quoted(value)}, expected {NAME_RULE}"


def _rate(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 10_000:
        return None
    return f"{quoted(value)}, expected frames per second, from above 0 to 10,000"


def _image(value: Any) -> str | None:
    if isinstance(value, list) and [type(side) for side in value] == [int, int] and min(value) > 0:
        return None
    return f"{quoted(value)}, expected [width, height] in whole pixels"


def _count(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
        return None
    return f"{quoted(value)}, expected a number of frames from 0 to 10,000"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else f"{type_name(value)}, expected true or false"


def _texts(value: Any) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= 1000:
        return f"{quoted(value)}, expected a list of 1 to 1,000 texts"
    wrong = ((i, text_fault(item)) for i, item in enumerate(value, start=1))
    if fault := next((f"number {i}: {fault}" for i, fault in wrong if fault), None):
        return fault
    doubled = [item for item in dict.fromkeys(value) if value.count(item) > 1]
    return f"{quoted(doubled[0])} stands there {value.count(doubled[0])} times" if doubled else None


def _long_text(value: Any) -> str | None:
    return text_fault(value, 500)


def _url(value: Any) -> str | None:
    fault = text_fault(value, 300)
    return fault or (None if ADDRESS.fullmatch(value) else f"{quoted(value)}, expected https://…")


def _pattern(value: Any) -> str | None:
    if fault := text_fault(value, 300):
        return fault
    if Path(value).is_absolute() or ".." in Path(value).parts:
        return f"{quoted(value)}, expected a pattern below the folder, which `folder` may name"
    if value.count("{recording}") > 1 or set(value.replace("{recording}", "")) & set("[]{}\\"):
        return f"{quoted(value)}, expected *, ?, ** and at most one {{recording}}"
    return None


def _format(formats: tuple[str, ...]) -> Check:
    def check(value: Any) -> str | None:
        if value in formats:
            return None
        near = nearest(value, formats) if isinstance(value, str) else ""
        return f"{quoted(value)}, expected one of {', '.join(formats)}{near}"

    return check


def _poses(value: Any) -> str | None:
    if value == {"format": "none"}:
        return None
    return _table(value, {"format": _format((*POSE_FORMATS, "none")), "files": _pattern}, {})


def _labels(value: Any) -> str | None:
    required = {"format": _format(LABEL_FORMATS), "files": _pattern}
    if fault := _table(value, required, {"channel": text_fault, "subject": text_fault, "ignore": _texts}):
        return fault
    for key, formats in (("channel", ("caltech", "bento")), ("subject", ("boris",))):
        if key in value and value["format"] not in formats:
            return f"{key} belongs to {' and '.join(formats)}, not to {value['format']}"
    return None


def _table(value: Any, required: Mapping[str, Check], optional: Mapping[str, Check]) -> str | None:
    if not isinstance(value, dict):
        return f'{type_name(value)}, expected {{ format = "…", files = "…" }}'
    faults = [fault for _, fault in checked(value, {**required, **optional}, required)[1]]
    return "; ".join(faults) or None


REQUIRED: Mapping[str, Check] = {"name": _name, "fps": _rate, "labels": _labels, "classes": _texts}
OPTIONAL: Mapping[str, Check] = {
    "image": _image,
    "poses": _poses,
    "background": text_fault,
    "overlap": _boolean,
    "tolerance": _count,
    "groups": _pattern,
    "split": _pattern,
    "test": _texts,
    "val": _texts,
    "folder": _long_text,
    "title": text_fault,
    "question": _long_text,
    "licence": text_fault,
    "citation": _long_text,
    "url": _url,
}
