"""Text for the terminal: the specification, and numbers in other units."""

from __future__ import annotations

import math

import pytest

from bench.errors import UsageError
from bench.metrics import FAMILIES, METRICS
from bench.text import PROCEDURES, metric_pages


@pytest.mark.parametrize("name", [*FAMILIES, *PROCEDURES, *(metric.name for metric in METRICS)])
def test_every_family_procedure_and_metric_has_a_page(name: str) -> None:
    page = metric_pages(name)
    assert page.startswith(name)
    assert len(page.splitlines()) > 1


def test_a_wrong_name_names_the_nearest_and_what_there_is() -> None:
    with pytest.raises(UsageError, match="did you mean 'intervals'") as raised:
        metric_pages("interval")
    assert raised.value.hint is not None
    assert "softnms" in raised.value.hint


def test_milliseconds_change_every_number_of_a_score() -> None:
    from bench.results import PartScore, Score
    from bench.text.numbers import _times

    score = Score(
        value=2.0,
        low=1.0,
        high=math.inf,
        std_runs=0.5,
        std_parts=math.nan,
        per_class={"a": 3.0},
        per_class_interval={"a": (2.0, 4.0)},
        per_part={"p": PartScore(2.0, 1.0, 3.0, {"a": 3.0})},
        per_run={"r": 2.0},
        other_intervals={"bca": (0.5, 6.0)},
    )
    found = _times(score, 10.0)
    assert (found.value, found.low, found.high, found.std_runs) == (20.0, 10.0, math.inf, 5.0)
    assert math.isnan(found.std_parts)
    assert (found.per_class, found.per_class_interval) == ({"a": 30.0}, {"a": (20.0, 40.0)})
    assert found.per_part == {"p": PartScore(20.0, 10.0, 30.0, {"a": 30.0})}
    assert (found.per_run, found.other_intervals) == ({"r": 20.0}, {"bca": (5.0, 60.0)})
