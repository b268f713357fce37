"""The frozen metrics: numpy only, float64, no options, one definition per name.

One family is one module, and its docstring is the family's specification: `bench metrics` prints them.
`metric` says what all families share.
"""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from bench.metrics import (
    agreement,
    boundary,
    bouts,
    clusters,
    ethogram,
    frames,
    localisation,
    onsets,
    ranking,
)
from bench.metrics.metric import Metric

METRICS_VERSION = 2
"""Rises when any number that any metric gives to any input changes."""

FAMILIES: Mapping[str, ModuleType] = MappingProxyType(
    {
        "frames": frames,
        "ranking": ranking,
        "agreement": agreement,
        "boundary": boundary,
        "onsets": onsets,
        "bouts": bouts,
        "ethogram": ethogram,
        "localisation": localisation,
        "clusters": clusters,
    }
)

FRAME_METRICS: tuple[Metric, ...] = (
    frames.F1,
    ranking.MAP,
    agreement.ACCURACY,
    frames.RECALL_MEAN,
    frames.F1_ALL_CLASSES,
    frames.F1_WEIGHTED,
    frames.PRECISION,
    frames.PRECISION_WEIGHTED,
    frames.RECALL,
    agreement.COHEN_KAPPA,
    ranking.AUROC,
    boundary.ACCURACY_AT_TRANSITION,
    boundary.ACCURACY_WITHIN_5,
    boundary.ACCURACY_BEYOND_10,
    *bouts.METRICS,
    *onsets.METRICS,
    *ethogram.METRICS,
)
"""What a frame task reports unless it says otherwise; the first ranks."""

CONCATENATED_METRICS: tuple[Metric, ...] = (
    boundary.ACCURACY_AT_TRANSITION_CONCATENATED,
    boundary.ACCURACY_WITHIN_5_CONCATENATED,
    boundary.ACCURACY_BEYOND_10_CONCATENATED,
)
"""The MSGL paper's reading of boundary accuracy, for the task that keeps its protocol."""

CLUSTER_METRICS: tuple[Metric, ...] = clusters.METRICS
DETECTION_METRICS: tuple[Metric, ...] = localisation.METRICS

METRICS: tuple[Metric, ...] = (*FRAME_METRICS, *CONCATENATED_METRICS, *DETECTION_METRICS, *CLUSTER_METRICS)
"""Every metric there is."""

__all__ = [
    "CLUSTER_METRICS",
    "CONCATENATED_METRICS",
    "DETECTION_METRICS",
    "FAMILIES",
    "FRAME_METRICS",
    "METRICS",
    "METRICS_VERSION",
    "Metric",
]
