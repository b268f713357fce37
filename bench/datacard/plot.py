"""Drawings of how long bouts last: a histogram for each class, over lengths that double from bin to bin."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Int

LEFT, WIDTH, ROW, TOP = 130.0, 560.0, 56.0, 44.0
BARS = "·▁▂▃▄▅▆▇█"


def doubling(lengths: Sequence[Int[np.ndarray, " _"]]) -> Int[np.ndarray, "C L"]:
    """Count bouts of 1, 2 to 3, 4 to 7, 8 to 15, … frames for each class, up to the longest of any.

    >>> doubling([np.array([1, 1, 3]), np.array([9])])
    array([[2, 1, 0, 0],
           [0, 0, 0, 1]])
    """
    exponents = [np.frexp(frames)[1] - 1 for frames in lengths]  # floor(log2), exactly
    bins = 1 + max((int(powers.max()) for powers in exponents if powers.size), default=0)
    return np.array([np.bincount(powers, minlength=bins) for powers in exponents]).reshape(len(lengths), bins)


def bar(counts: Int[np.ndarray, " L"]) -> str:
    """Draw counts as block characters. The largest count is a full block; a dot is a count of zero.

    >>> bar(np.array([0, 1, 50, 100]))
    '·▁▄█'
    """
    tallest = max(int(counts.max(initial=0)), 1)
    return "".join(BARS[0 if count == 0 else max(1, round(8 * int(count) / tallest))] for count in counts)


def bout_plot(
    title: str, classes: Sequence[str], lengths: Sequence[Int[np.ndarray, " _"]], fps: float
) -> str:
    """Return an SVG with a histogram and the median of each class, each scaled to its own largest count."""
    counts = doubling(lengths)
    bins = counts.shape[1]
    step = WIDTH / bins
    width, height = LEFT + WIDTH + 20, TOP + ROW * len(classes) + 46
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">',
        "<style>text { font: 12px sans-serif } .title { font-size: 14px }</style>",
        f"<title>{escape(title)}: lengths of bouts</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="22" class="title" fill="#1a1a1a">{escape(title)}: lengths of bouts</text>',
    ]
    for row, (name, frames) in enumerate(zip(classes, lengths, strict=True)):
        base = TOP + ROW * (row + 1)
        lines += _row(name, frames, counts[row], base, step)
    for edge in range(bins + 1):
        x, length = LEFT + edge * step, 2**edge
        y = TOP + ROW * len(classes)
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}" stroke="#888888"/>')
        if edge % (1 + bins // 14) == 0:
            lines.append(_label(x, y + 18, f"{length:,}", "middle"))
            lines.append(_label(x, y + 34, f"{length / fps:.3g} s", "middle"))
    lines.append(_label(LEFT - 10, TOP + ROW * len(classes) + 18, "frames", "end"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _row(
    name: str, lengths: Int[np.ndarray, " _"], counts: Int[np.ndarray, " L"], base: float, step: float
) -> list[str]:
    tallest = max(int(counts.max(initial=0)), 1)
    shapes = [
        _label(LEFT - 10, base - 22, name, "end"),
        _label(LEFT - 10, base - 8, f"{len(lengths):,} bouts", "end", "#666666"),
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{base}" y2="{base}" stroke="#888888"/>',
    ]
    for bin_, count in enumerate(counts.tolist()):
        height = (ROW - 12) * count / tallest
        shapes.append(
            f'<rect x="{LEFT + bin_ * step + 1:.1f}" y="{base - height:.1f}" width="{step - 2:.1f}" '
            f'height="{height:.1f}" fill="#3b6ea5"><title>{escape(name)}: {count:,} bouts of {2**bin_:,} to '
            f"{2 ** (bin_ + 1) - 1:,} frames</title></rect>"
        )
    if lengths.size:
        middle = LEFT + float(np.log2(np.median(lengths))) * step
        shapes.append(
            f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{base - ROW + 12}" y2="{base}" '
            'stroke="#c0392b" stroke-width="2"><title>median</title></line>'
        )
    return shapes


def _label(x: float, y: float, text: str, anchor: str, colour: str = "#1a1a1a") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
