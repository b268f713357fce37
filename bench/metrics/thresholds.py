"""Localisation at other thresholds of overlap than the frozen ones.

The frozen names (`detection_map`, ...) belong to the frozen thresholds. At others every name carries them,
`map_over_tiou_0.5_0.75`, because another number is another metric.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.errors import UsageError
from bench.metrics import localisation
from bench.metrics.localisation import AP_IN_WORDS, RECALL_AT, TIOU, UNDEFINED, declare
from bench.metrics.metric import Metric

NEAR = 1e-12
"""Thresholds this near to the frozen ones are them: 0.4 stands for 0.39999999999999997."""


def check_thresholds(tiou: Sequence[float]) -> tuple[float, ...]:
    """Return thresholds in rising order, the frozen ones as they are stored.

    Raises `UsageError` for numbers outside (0, 1], for two that are equal, and where there is none.
    """
    thresholds = tuple(sorted(map(float, tiou)))
    wrong = [f"tIoU {value}: expected more than 0 and at most 1" for value in tiou if not 0 < value <= 1]
    if len(set(thresholds)) < len(thresholds) or not thresholds:
        wrong.append(f"tIoU {', '.join(map(str, tiou)) or 'of no threshold'}: expected different numbers")
    if wrong:
        raise UsageError("tIoU thresholds that mean nothing", wrong)
    frozen = len(thresholds) == len(TIOU) and np.allclose(thresholds, TIOU, rtol=0, atol=NEAR)
    return TIOU if frozen else thresholds


def metrics_at(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    """Return the frozen metrics at the frozen thresholds, and metrics of other names at others.

    >>> [metric.name for metric in metrics_at((0.5, 0.75))][:3]
    ['map_over_tiou_0.5_0.75', 'map_at_tiou_0.5', 'map_at_tiou_0.75']
    """
    if thresholds == TIOU:
        return localisation.METRICS
    written = [f"{value!r}" for value in thresholds]
    several, listed = len(written) > 1, ", ".join(written)
    over = ("over_tiou_" if several else "at_tiou_") + "_".join(written)
    mean = f", mean over tIoU >= {listed}" if several else f" with tIoU >= {listed}"
    described = [(f"map_{over}", f"mAP at tIoU {listed}", f"{AP_IN_WORDS}{mean}. {UNDEFINED}")]
    for value in written if several else ():
        words = f"{AP_IN_WORDS} with tIoU >= {value}. {UNDEFINED}"
        described.append((f"map_at_tiou_{value}", f"mAP at tIoU {value}", words))
    for k in RECALL_AT:
        words = f"As detection_recall_{k}, at the thresholds named. {UNDEFINED}"
        described.append((f"recall_{k}_{over}", f"Recall at {k}x, tIoU {listed}", words))
    return declare(described, thresholds)
