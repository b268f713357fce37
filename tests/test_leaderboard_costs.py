"""The cost axis of the leaderboard: what a frame takes to label, beside what it is worth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from pages import RESULTS, entry, page, result, score, task

from bench.pages.costs import BOTTOM, LEFT, RIGHT, TOP, amount, cost_plot
from bench.pages.ranking import rank
from bench.results import Result

DRAWN = [("slow", 0.8, 10**8), ("quick", 0.6, 10**6), ("worse", 0.5, 10**7), ("unsaid", 0.9, None)]


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (0, "0"),
        (1, "1"),
        (12, "12"),
        (999, "1 k"),
        (1_000, "1 k"),
        (365_056, "370 k"),
        (3_799_552, "3.8 M"),
        (13_629_696, "14 M"),
        (10**12, "1 T"),
        (2**63 - 1, "9e18"),
    ],
)
def test_an_amount_has_two_digits_and_a_unit(cost: int, text: str) -> None:
    assert amount(cost) == text


def test_marks_stand_on_decades_and_the_best_are_those_that_nobody_beats() -> None:
    plot = cost_plot(DRAWN)
    assert plot is not None
    assert [label for _, label in plot.across] == ["1 M", "10 M", "100 M"]
    assert [(p.x, p.best) for p in plot.points] == [(LEFT, True), ((LEFT + RIGHT) / 2, False), (RIGHT, True)]
    quick, worse, slow = plot.points
    assert quick.words == "quick: 0.600 at 1 M"
    assert TOP <= slow.y < quick.y < worse.y <= BOTTOM
    assert plot.path == f"M{quick.x} {quick.y}H{slow.x}V{slow.y}H{RIGHT}"
    assert plot.unstated == 1


def test_better_is_up_also_where_lower_is_better() -> None:
    plot = cost_plot(
        [("slow", 2.0, 10**8), ("quick", 4.0, 10**6), ("poor", 5.0, 10**7)], higher_is_better=False
    )
    assert plot is not None
    assert [p.best for p in plot.points] == [True, False, True]
    assert plot.points[2].y < plot.points[0].y < plot.points[1].y
    assert [label for _, label in plot.down] == ["5", "4", "3", "2"]


def test_of_equal_costs_only_the_better_is_best_and_of_equal_values_the_cheaper() -> None:
    plot = cost_plot([("a", 0.5, 100), ("b", 0.6, 100), ("c", 0.6, 1000)])
    assert plot is not None
    assert [(p.words[0], p.best) for p in plot.points] == [("b", True), ("a", False), ("c", False)]


def test_there_is_no_plot_of_less_than_two_costs() -> None:
    assert cost_plot([]) is None
    assert cost_plot([("a", 0.5, 100), ("b", 0.6, None), ("free", 0.6, 0)]) is None
    assert cost_plot([("a", 0.5, 2**63 - 1), ("b", 0.5, 1)]) is not None


def test_no_name_covers_a_mark_or_another_name() -> None:
    """Sixty entries crowd together: some go without a name, none is hidden."""
    plot = cost_plot([(f"a model called {k}", 0.5 + 0.001 * (k % 7), 10**6 + 40_000 * k) for k in range(60)])
    assert plot is not None
    assert len(plot.points) == 60
    boxes = [p.name.box for p in plot.points if p.name]
    assert 2 < len(boxes) < 60
    for one, other in combinations(boxes, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
    for left, right, top, bottom in boxes:
        assert left >= LEFT
        assert right <= RIGHT
        assert not any(left < p.x < right and top < p.y < bottom for p in plot.points)


def costing(id_: str, value: float, flops: int | None) -> Result:
    return replace(result(id_, value), entry=entry(id_, flops_per_frame=flops))


def test_the_page_draws_what_entries_state_and_lists_it() -> None:
    made = page([costing("a", 0.75, 13_629_696), costing("b", 0.5, 365_056), result("c", 0.25)])
    assert "costs-title-1 costs-text-1" in [svg["aria-labelledby"] for svg in made.all("svg")]
    assert made.column(0, "FLOPs a frame") == ["14 M", "370 k", "–"]
    assert "Model b: 0.500 at 370 k. Model a: 0.750 at 14 M." in made.text
    assert "1 entry states no cost." in made.text


def test_a_page_without_costs_has_no_such_plot() -> None:
    assert rank(RESULTS)[0].costs is None
    assert not [svg for svg in page(RESULTS).all("svg") if svg["aria-labelledby"].startswith("costs-")]


def test_what_is_not_ranked_is_not_drawn_and_simulated_data_say_so() -> None:
    simulated = task(dataset={"simulated": True})
    unranked = replace(costing("n", math.nan, 10), scores={"f1": score(math.nan)})
    results = [
        replace(one, task=simulated) for one in (costing("a", 0.7, 10), costing("b", 0.6, 5), unranked)
    ]
    plot = rank(results)[0].costs
    assert plot is not None
    assert len(plot.points) == 2
    assert plot.unstated == 0
    assert "F1 over FLOPs per frame (simulated data)" in page(results).text
