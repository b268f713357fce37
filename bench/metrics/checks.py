"""What classes and arrays must be before a metric can look at them.

Every fault of an array is its kind and its text.

A caller puts the place before a text, and groups texts by their kind.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Shaped

from bench.errors import UsageError, nearest
from bench.files.faults import quoted

Wrong = tuple[str, str]
"""The kind and the text of a fault."""
Array = Shaped[np.ndarray, "*_"]
_HALF = re.compile(r"[\ud800-\udfff]")
MAX_UNNAMED = 1_000
"""Classes that have no name: a larger index is a slip, and would cost memory for all those below it."""


def is_name(text: str) -> bool:
    """Whether this text can name a class: not empty, and no half of a character, which nothing can write."""
    return bool(text) and not _HALF.search(text)


def check_question(
    classes: Sequence[str], background: str | None = None, fps: float | None = None
) -> tuple[str, ...]:
    """Return the class names; raise `UsageError` for a question that means nothing."""
    if isinstance(classes, str):
        raise UsageError(
            f"classes are one text, {quoted(classes)}", hint=f"give a list: {classes.split(',')}"
        )
    names = tuple(classes)
    wrong = [
        f"class {quoted(name)} is named {count} times" for name, count in Counter(names).items() if count > 1
    ]
    if not names or not all(map(is_name, names)):
        wrong.append(f"classes {list(names)}: expected names, none of them empty")
    if background is not None and background not in names:
        near = nearest(background, names)
        wrong.append(f"background {quoted(background)} is not one of {', '.join(names)}{near}")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        wrong.append(f"fps {fps}: expected frames per second, more than 0")
    if wrong:
        raise UsageError("classes, background or fps mean nothing", wrong, hint="mend what is listed")
    return names


def index_faults(array: Array, what: str) -> Iterator[Wrong]:
    """Say why this is not one whole number per frame; `what` is what a number means."""
    if array.ndim != 1:
        cause = "; of one-hot labels save labels.argmax(axis=1)" if array.ndim == 2 else ""
        if array.ndim == 2 and not np.isin(array, (0, 1)).all():
            cause = "; these look like scores: the truth comes first, then the predictions"
        yield "shapes", f"shape {array.shape}, expected (frames,): one {what} per frame{cause}"
    elif array.dtype.kind not in "iu":
        yield "types", f"{array.dtype}, expected whole numbers: save labels.astype(int)"
    elif not len(array):
        yield "empty recordings", "no frames"


def label_faults(labels: Array, classes: Sequence[str] | None) -> Iterator[Wrong]:
    """Say why this is not one class index per frame, -1 where not annotated.

    Without `classes` every index below `MAX_UNNAMED` is one.
    """
    if wrong := list(index_faults(labels, "class index")):
        yield from wrong
        return
    last = (len(classes) if classes is not None else MAX_UNNAMED) - 1
    odd = (labels < -1) | (labels > last)
    if odd.any():
        frame = int(odd.argmax())
        indices = f"0 to {last} for {', '.join(classes)}" if classes is not None else f"0 to {last}"
        one_based = classes is not None and labels.min() >= 1 and labels.max() == len(classes)
        yield (
            "labels outside the classes",
            f"labels outside the classes: {odd.sum():,}, the first {labels[frame]} at frame {frame:,}; "
            f"expected {indices}, -1 where not annotated"
            + ("; do the labels count from 1? they count from 0" if one_based else ""),
        )


def shape_faults(
    shape: tuple[int, ...], expected: tuple[int, int], classes: Sequence[str], cause: str = ""
) -> Iterator[Wrong]:
    """Say why scores of this shape are not (frames, classes); `cause` is why there may be other frames."""
    if len(shape) != 2:
        hard = f"; of hard labels save numpy.eye({expected[1]})[labels]" if shape == expected[:1] else ""
        yield "shapes", f"shape {shape}, expected {expected} (frames, classes){hard}"
    elif shape == expected[::-1] != expected:
        yield "shapes", f"shape {shape}, expected {expected} (frames, classes): transposed, save scores.T"
    else:
        if shape[1] != expected[1]:
            yield "class counts", f"{shape[1]:,} columns, expected {expected[1]}: {', '.join(classes)}"
        if shape[0] != expected[0]:
            yield "frame counts", f"{shape[0]:,} frames, expected {expected[0]:,}{cause}"


def finite_faults(scores: Shaped[np.ndarray, "T C"], columns: Sequence[str]) -> Iterator[Wrong]:
    """Say how many scores are NaN or infinite, and where the first is; `columns` are the columns in words."""
    for name, odd in (("NaN", np.isnan(scores)), ("infinite", np.isinf(scores))):
        if odd.any():
            frame, column = np.unravel_index(int(odd.argmax()), odd.shape)
            place = f"frame {frame:,}, {columns[int(column)]}"
            yield f"{name} values", f"{name} values: {odd.sum():,}, the first at {place}"
