"""The frozen metrics: numpy only, float64, no options, one definition per name.

One family is one module, and its docstring is the family's specification: `bench metrics` prints them.
`metric` says what all families share, and `arrays` has each metric as a function of arrays.
"""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

from bench.metrics import (
    agreement,
    boundary,
    bouts,
    clusters,
    delay,
    ethogram,
    frames,
    localisation,
    onsets,
    ranking,
)
from bench.metrics.arrays import (
    accuracy_at_transition_concatenated_score,
    accuracy_at_transition_score,
    accuracy_beyond_10_concatenated_score,
    accuracy_beyond_10_score,
    accuracy_score,
    accuracy_within_5_concatenated_score,
    accuracy_within_5_score,
    agreement_at_delay_score,
    agreement_delay_error,
    auroc_score,
    bout_coverage_score,
    bout_f1_10_score,
    bout_f1_25_score,
    bout_f1_50_score,
    bout_rate_error,
    cluster_ami_score,
    cluster_completeness_score,
    cluster_f1_score,
    cluster_homogeneity_score,
    cohen_kappa_score,
    edit_score,
    f1_all_classes_score,
    f1_score,
    f1_weighted_score,
    map_score,
    median_duration_error,
    offset_bias_error,
    offset_f1_area_score,
    offset_f1_within_5_score,
    offset_f1_within_15_score,
    offset_iqr_error,
    offset_median_error,
    onset_bias_error,
    onset_f1_area_score,
    onset_f1_within_5_score,
    onset_f1_within_15_score,
    onset_iqr_error,
    onset_median_error,
    per_class,
    precision_score,
    precision_weighted_score,
    recall_mean_score,
    recall_score,
    time_share_error,
    transition_matrix_error,
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
        "delay": delay,
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

DELAY_METRICS: tuple[Metric, ...] = delay.METRICS
"""What `bench score frames` reports beside `FRAME_METRICS`; no task does."""

CLUSTER_METRICS: tuple[Metric, ...] = clusters.METRICS
NAMED_CLUSTER_METRICS: tuple[Metric, ...] = (
    frames.F1,
    clusters.CLUSTER_AMI,
    clusters.CLUSTER_HOMOGENEITY,
    clusters.CLUSTER_COMPLETENESS,
)
"""What a cluster task reports: F1 of the classes that training names clusters by, and how much clusters and
labels tell of each other. The first ranks."""
DETECTION_METRICS: tuple[Metric, ...] = localisation.METRICS

METRICS: tuple[Metric, ...] = (
    *FRAME_METRICS,
    *CONCATENATED_METRICS,
    *DELAY_METRICS,
    *DETECTION_METRICS,
    *CLUSTER_METRICS,
)
"""Every metric there is."""

__all__ = [
    "CLUSTER_METRICS",
    "CONCATENATED_METRICS",
    "DELAY_METRICS",
    "DETECTION_METRICS",
    "FAMILIES",
    "FRAME_METRICS",
    "METRICS",
    "METRICS_VERSION",
    "NAMED_CLUSTER_METRICS",
    "Metric",
    "accuracy_at_transition_concatenated_score",
    "accuracy_at_transition_score",
    "accuracy_beyond_10_concatenated_score",
    "accuracy_beyond_10_score",
    "accuracy_score",
    "accuracy_within_5_concatenated_score",
    "accuracy_within_5_score",
    "agreement_at_delay_score",
    "agreement_delay_error",
    "auroc_score",
    "bout_coverage_score",
    "bout_f1_10_score",
    "bout_f1_25_score",
    "bout_f1_50_score",
    "bout_rate_error",
    "cluster_ami_score",
    "cluster_completeness_score",
    "cluster_f1_score",
    "cluster_homogeneity_score",
    "cohen_kappa_score",
    "edit_score",
    "f1_all_classes_score",
    "f1_score",
    "f1_weighted_score",
    "map_score",
    "median_duration_error",
    "offset_bias_error",
    "offset_f1_area_score",
    "offset_f1_within_5_score",
    "offset_f1_within_15_score",
    "offset_iqr_error",
    "offset_median_error",
    "onset_bias_error",
    "onset_f1_area_score",
    "onset_f1_within_5_score",
    "onset_f1_within_15_score",
    "onset_iqr_error",
    "onset_median_error",
    "per_class",
    "precision_score",
    "precision_weighted_score",
    "recall_mean_score",
    "recall_score",
    "time_share_error",
    "transition_matrix_error",
]
