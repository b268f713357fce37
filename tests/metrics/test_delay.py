"""Agreement against delay: made-up labellings, a slow count, and two people who labelled the same videos."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench.metrics.agreement import ACCURACY
from bench.metrics.delay import LAGS, METRICS, REACH, count_by_lag
from bench.recordings import one_hot

DELAY, AGREEMENT = METRICS


def labelling(rng: np.random.Generator, frames: int) -> np.ndarray:
    return one_hot(np.repeat(rng.integers(0, 3, frames // 9 + 1), 9)[:frames], 3)


def both(spans: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    measures = [count_by_lag(*span) for span in spans]
    ones = np.ones((1, len(spans)))
    return float(DELAY.reduce(measures, ones)[0, 0]), float(AGREEMENT.reduce(measures, ones)[0, 0])


@pytest.mark.parametrize("lag", [-30, -7, 0, 1, 30])
def test_a_labelling_that_is_late_all_along_agrees_at_its_lag(lag: int) -> None:
    rng = np.random.default_rng(0)
    spans = [(truth, np.roll(truth, lag, axis=0)) for truth in (labelling(rng, n) for n in (211, 97))]
    delay, agreement = both(spans)
    assert delay == lag
    # The frames that np.roll brings from the other end are none of the partner's.
    assert agreement == pytest.approx(1 - 2 * abs(lag) / (211 + 97), abs=1e-12)


def test_counts_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    truth, labels = (rng.random((83, 9)) < 0.2 for _ in range(2))
    counts = count_by_lag(truth, labels)
    for k, lag in enumerate(LAGS.tolist()):
        pairs = [(t, t + lag) for t in range(83) if 0 <= t + lag < 83]
        assert counts[k] == sum((truth[t] == labels[u]).all() for t, u in pairs)
    assert counts[-1] == 83
    assert sorted(LAGS.tolist()) == list(range(-REACH, REACH + 1))


def test_of_equal_lags_the_nearest_then_the_late_one() -> None:
    assert LAGS[:5].tolist() == [0, 1, -1, 2, -2]
    still = one_hot(np.zeros(100, dtype=int), 2)
    assert both([(still, still)]) == (0.0, 1.0)
    assert both([(still, ~still)]) == (0.0, 0.0)


def test_at_no_delay_it_is_the_accuracy_and_short_spans_have_few_partners() -> None:
    rng = np.random.default_rng(2)
    for frames in (1, 2, 29, 30, 31, 64):
        truth, labels = labelling(rng, frames), labelling(rng, frames)
        counts = count_by_lag(truth, labels)
        value = ACCURACY.reduce([ACCURACY.measure(truth, labels)], np.ones((1, 1)))[0, 0]
        assert counts[0] / counts[-1] == value <= both([(truth, labels)])[1]
        assert (counts[:-1] <= np.maximum(frames - np.abs(LAGS), 0)).all()
    assert np.isnan(DELAY.reduce([counts], np.zeros((1, 1)))).all()


def test_one_person_follows_the_other_in_every_video() -> None:
    """Ten CalMS21 videos, each labelled by two people: one is 5 to 17 frames behind in all ten."""
    file = Path(os.environ.get("ETHOBENCH_DATA", "../shared/data")) / "calms21-two-annotators" / "labels.npz"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    with np.load(file) as arrays:
        names = sorted({name.split("/")[0] for name in arrays.files})
        videos = [
            tuple(one_hot(arrays[f"{name}/annotator{k}"].astype(int), 4) for k in (2, 1)) for name in names
        ]
    found = [both([video]) for video in videos]
    delays = [delay for delay, _ in found]
    assert len(delays) == 10
    assert (min(delays), max(delays)) == (5.0, 17.0)
    for (truth, labels), (_, agreement) in zip(videos, found, strict=True):
        assert agreement > (truth == labels).all(axis=1).mean()
    assert both(videos) == (11.0, pytest.approx(0.9112, abs=5e-5))
