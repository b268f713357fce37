"""The frozen metrics: numpy only, no options, one definition per name."""

from bench.metrics.metric import Metric

METRICS_VERSION = 1

__all__ = ["METRICS_VERSION", "Metric"]
