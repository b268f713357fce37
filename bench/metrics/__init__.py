"""The frozen metrics: numpy only, float64, no options, one definition per name."""

from bench.metrics import agreement, frames
from bench.metrics.metric import Metric

METRICS_VERSION = 1
"""Rises when any number that any metric gives to any input changes."""

FRAME_METRICS: tuple[Metric, ...] = (
    *frames.METRICS,
    *agreement.METRICS,
)
"""What a frame task reports unless it says otherwise; the first ranks."""

__all__ = ["FRAME_METRICS", "METRICS_VERSION", "Metric"]
