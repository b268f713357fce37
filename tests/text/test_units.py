"""Numbers in other units: rates per minute."""

from __future__ import annotations

import math

from made_up import metric, result, score, task

from bench.results import PartScore
from bench.text import per_minute


def test_rates_per_minute_change_every_number_of_a_score() -> None:
    rate = score(
        2.0,
        low=1.0,
        high=math.inf,
        std_runs=0.5,
        std_parts=math.nan,
        per_class={"attack": 3.0},
        per_class_interval={"attack": (2.0, 4.0)},
        per_part={"p": PartScore(2.0, 1.0, 3.0, {"attack": 3.0})},
        per_run={"r": 2.0},
        other_intervals={"bca": (0.5, 6.0)},
    )
    cards = [metric("rate", "Bouts", unit="per frame"), metric("f1", "F1")]
    same = score(0.25)
    slow = task(metrics=cards, dataset={"fps": 0.25})  # 15 frames a minute
    made = per_minute(result("a", 0.5, task=slow, scores={"rate": rate, "f1": same}))
    assert [card["unit"] for card in made.task["metrics"]] == ["per minute", ""]
    assert made.scores["f1"] == same
    found = made.scores["rate"]
    assert (found.value, found.low, found.high, found.std_runs) == (30.0, 15.0, math.inf, 7.5)
    assert math.isnan(found.std_parts)
    assert (found.per_class, found.per_class_interval) == ({"attack": 45.0}, {"attack": (30.0, 60.0)})
    assert found.per_part == {"p": PartScore(30.0, 15.0, 45.0, {"attack": 45.0})}
    assert (found.per_run, found.other_intervals) == ({"r": 30.0}, {"bca": (7.5, 90.0)})
    again = per_minute(made)
    assert again.task["metrics"] == made.task["metrics"]
    assert again.scores["rate"].value == 30.0
