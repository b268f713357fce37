"""Values without each group: as many as groups, and of about the spread that the interval has.

Those of metrics of labels follow from counts (`counted`). Those of other metrics, such as MAP, follow from
predictions alone, which a result does not hold. But their spread is an estimate of the same error as the
interval's: on the scale of log odds, the jackknife's error beside that of the resamples, from which `logit_t`
makes the interval. Honest results have 0.6 to 2.1 times the interval's error (550 simulated entries on 5 to
19 skewed recordings, and all committed results); more than `FACTOR` times more or less is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from bench.files.faults import Fault, Place
from bench.metrics import Metric
from bench.metrics.sampling.intervals import EDGE
from bench.metrics.sampling.resampling import jackknife_error
from bench.metrics.sampling.student import t_quantile
from bench.results import Score
from bench.verification.results.numbers import written

FACTOR = 4.0


def left_out_faults(place: Place, metric: Metric, score: Score, groups: int, level: float) -> Iterator[Fault]:
    """Yield a wrong number of values without a group, values of nothing, and a spread that cannot be."""
    values = np.array(score.left_out, dtype=np.float64)
    if not len(values):
        return
    if len(values) != groups:
        yield Fault(place, f"a list of {len(values):,}", f"{groups:,} values, one without each group")
        return
    if math.isnan(score.value):
        for k in np.flatnonzero(~np.isnan(values)).tolist():
            yield Fault((*place, k), written(values[k]), "null, as the value of all groups is")
        return
    share = _shares(metric, np.concatenate([[score.low, score.value, score.high], values]))
    if share is None or score.low == score.high:
        return
    odds = np.log(share / (1 - share))
    error = float(jackknife_error(odds[3:, None])[0])
    expected = float(odds[2] - odds[0]) / 2 / t_quantile(level, groups - 1)
    if not expected / FACTOR <= error <= expected * FACTOR:
        spread = f"values with a jackknife error of {error:.3g} in log odds"
        yield Fault(place, spread, f"about {expected:.3g}, by the interval of {metric.name}")


def _shares(metric: Metric, values: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"] | None:
    """Return where values lie in the range of a metric, in (0, 1); None where any has no log odds.

    Near an end of the range odds are cut off, and other rules make the interval.
    """
    low, high = metric.bounds
    if not (math.isfinite(low) and math.isfinite(high) and np.isfinite(values).all()):
        return None
    share = (values - low) / (high - low)
    return share if share.min() > EDGE and share.max() < 1 - EDGE else None
