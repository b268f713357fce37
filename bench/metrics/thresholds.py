"""Localisation at other thresholds of overlap than the frozen ones.

The frozen names (`detection_map`, ...) belong to the frozen thresholds. At others every name carries them,
`map_over_tiou_0.5_0.75`, because another number is another metric. A threshold that is written like a frozen
one is the frozen one, alone or among others, so one heading never has two values.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import UsageError
from bench.metrics import localisation
from bench.metrics.localisation import AP_IN_WORDS, RECALL_AT, TIOU, UNDEFINED, declare
from bench.metrics.metric import Metric

NEAR = 1e-12
"""A threshold this near to a frozen one is that one: 0.4 stands for 0.39999999999999997."""


def check_thresholds(tiou: Sequence[float]) -> tuple[float, ...]:
    """Return thresholds in rising order, the frozen ones as they are stored.

    Raises `UsageError` for numbers outside (0, 1], for two that are equal, and where there is none.
    """
    thresholds = tuple(sorted(_frozen(float(value)) for value in tiou))
    wrong = [f"tIoU {value}: expected more than 0 and at most 1" for value in tiou if not 0 < value <= 1]
    if len(set(thresholds)) < len(thresholds) or not thresholds:
        wrong.append(f"tIoU {', '.join(map(str, tiou)) or 'of no threshold'}: expected different numbers")
    if wrong:
        raise UsageError("tIoU thresholds that mean nothing", wrong)
    return thresholds


def _frozen(value: float) -> float:
    """Return the frozen threshold that is this near, or the value itself."""
    return next((frozen for frozen in TIOU if abs(value - frozen) <= NEAR), value)


def metrics_at(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    """Return the frozen metrics at the frozen thresholds, and metrics of other names at others.

    >>> [metric.name for metric in metrics_at((0.5, 0.75))][:3]
    ['map_over_tiou_0.5_0.75', 'map_at_tiou_0.5', 'map_at_tiou_0.75']
    """
    if thresholds == TIOU:
        return localisation.METRICS
    written = [f"{round(value, 12)!r}" for value in thresholds]
    several, listed = len(written) > 1, ", ".join(written)
    exact = dict(zip(written, map(repr, thresholds), strict=True))
    bounds = ", ".join(exact.values())
    over = ("over_tiou_" if several else "at_tiou_") + "_".join(written)
    mean = f", mean over tIoU >= {bounds}" if several else f" with tIoU >= {bounds}"
    described = [(f"map_{over}", f"mAP at tIoU {listed}", f"{AP_IN_WORDS}{mean}. {UNDEFINED}")]
    for value in written if several else ():
        words = f"{AP_IN_WORDS} with tIoU >= {exact[value]}. {UNDEFINED}"
        described.append((f"map_at_tiou_{value}", f"mAP at tIoU {value}", words))
    for k in RECALL_AT:
        words = f"As detection_recall_{k}, at the thresholds named. {UNDEFINED}"
        described.append((f"recall_{k}_{over}", f"Recall at {k}x, tIoU {listed}", words))
    return declare(described, thresholds)
