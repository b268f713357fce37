"""What a page says of the evidence of an entry, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import RESULTS
from test_evidence import scored

from bench.evidence import bouts_of
from bench.pages.behind import behind
from bench.results import Result
from bench.verification.results import read_results

__all__ = ["scored"]


def of_frames(result: Result, truth: list[int], entry: list[int], **more: Any) -> Result:
    """Return a result with evidence of one recording, ten frames a second."""
    rows = {
        "frames": len(truth),
        "fps": 10.0,
        "counted": [0, len(truth)],
        "truth": [bouts_of(np.array(truth))],
        "entry": [bouts_of(np.array(entry))],
    }
    agreement = [0.5] * 28 + [0.75] + [0.5] * 32  # two frames early
    part = {"recordings": {"m1": rows}, "agreement": agreement, **more}
    return replace(result, beside={"run": "seed0", "left_out": [], "parts": {"all": part}})


def test_the_longest_mistake_is_first_and_its_address_shows_it() -> None:
    (result, *_) = RESULTS
    classes = result.task["classes"]
    shown = behind(of_frames(result, [0] * 40 + [1] * 20, [0] * 30 + [1] * 10 + [1] * 15 + [0] * 5))
    assert shown is not None
    first, second = shown.bouts
    assert (first.start, first.seconds, first.truth, first.entry) == ("0:03.00", 1.0, classes[0], classes[1])
    assert (second.start, second.seconds) == ("0:05.50", 0.5)
    assert first.page.endswith(f".ethogram.html#f=30&z=0-60&who={result.entry['id']}")
    (recording,) = shown.recordings
    assert recording.share == pytest.approx(0.25)
    assert "2 frames early" in shown.lag
    assert "0.750" in shown.lag
    assert [chart.id for chart in shown.charts] == ["lag-plot"]


def test_mistakes_of_segments_are_counted_by_class() -> None:
    (result, *_) = RESULTS
    part = {
        "recordings": {},
        "mistakes": {
            name: {"segments": 9, "counts": {times: [4, 1, 2, 0, 2] for times in ("1", "2", "5", "10")}}
            for name in result.task["classes"]
        },
        "lengths": {
            name: {"segments": [0, 3, 6, 0, 0, 0], "hits": [0, 1, 4, 0, 0, 0]}
            for name in result.task["classes"]
        },
    }
    shown = behind(replace(result, beside={"run": "seed0", "parts": {"one": part, "two": part}}))
    assert shown is not None
    row = shown.segments[0]
    assert (row.segments, row.mistakes, row.missed) == (18, (8, 2, 4, 0, 4), 8)
    assert row.lengths == ("–", "2 of 6", "8 of 12", "–", "–", "–")
    assert not shown.charts


def test_an_entry_without_evidence_shows_none() -> None:
    assert behind(RESULTS[0]) is None


def test_charts_are_those_that_the_evidence_has(scored: tuple[Result, Path]) -> None:
    (result,) = read_results(scored[1].parent)
    shown = behind(result)
    assert shown is not None
    assert shown.charts[-1].id == "lag-plot"
    assert {chart.id for chart in shown.charts} <= {
        "precision-plot",
        "recall-plot",
        "calibration-plot",
        "lag-plot",
    }
