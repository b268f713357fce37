"""The cost axis of the leaderboard: what a frame takes to label, beside what it is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from made_up import RESULTS, entry, page, result, score, task

from bench.pages.charts import COSTS, Chart, Shape, cost_chart, text_box
from bench.pages.ranking import rank
from bench.pages.task_page import task_page
from bench.pages.words import amount
from bench.results import Result

LEFT, RIGHT, TOP, BOTTOM = COSTS.left, COSTS.right, COSTS.top, COSTS.bottom
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


def drawn(entries: Sequence[tuple[str, float, int | None]], *, higher_is_better: bool = True) -> Chart | None:
    return cost_chart("costs", "F1", "", entries, higher_is_better=higher_is_better)


def marks(chart: Chart | None) -> list[tuple[float, float, bool]]:
    """Return where the marks are, and whether no entry is better at the same cost or less."""
    assert chart is not None
    dots = [shape for shape in chart.shapes if shape.tag == "circle"]
    return [(float(dot["cx"]), float(dot["cy"]), dot["class"] == "dot") for dot in dots]


def labels(chart: Chart | None, *, across: bool) -> list[str]:
    assert chart is not None
    ticks = [shape for shape in chart.shapes if shape["class"] == "tick" and shape.tag == "text"]
    return [tick.text for tick in ticks if (float(tick["x"]) >= LEFT) == across and "FLOPs" not in tick.text]


def names(chart: Chart) -> list[Shape]:
    return [shape for shape in chart.shapes if str(shape["class"]).startswith("name")]


def test_marks_stand_on_decades_and_the_best_are_those_that_nobody_beats() -> None:
    chart = drawn(DRAWN)
    assert chart is not None
    assert labels(chart, across=True) == ["1 M", "10 M", "100 M"]
    quick, worse, slow = marks(chart)
    middle = (LEFT + RIGHT) / 2
    assert [(x, best) for x, _, best in (quick, worse, slow)] == [
        (LEFT, True),
        (middle, False),
        (RIGHT, True),
    ]
    assert chart.words[0] == "quick: 0.600 at 1 M"
    assert TOP <= slow[1] < quick[1] < worse[1] <= BOTTOM
    (steps,) = (shape["d"] for shape in chart.shapes if shape.tag == "path")
    assert steps == f"M{quick[0]} {quick[1]}H{slow[0]}V{slow[1]}H{RIGHT}"
    assert chart.caption.endswith("1 entry states no cost.")


def test_better_is_up_also_where_lower_is_better() -> None:
    chart = drawn([("slow", 2.0, 10**8), ("quick", 4.0, 10**6), ("poor", 5.0, 10**7)], higher_is_better=False)
    assert [best for *_, best in marks(chart)] == [True, False, True]
    (_, first, _), (_, second, _), (_, third, _) = marks(chart)
    assert third < first < second
    assert labels(chart, across=False) == ["5", "4", "3", "2"]
    none = drawn([("a", 0.0, 100), ("b", 0.2, 10)], higher_is_better=False)
    assert labels(none, across=False)[-1] == "0.00"


def test_of_equal_costs_only_the_better_is_best_and_of_equal_values_the_cheaper() -> None:
    chart = drawn([("a", 0.5, 100), ("b", 0.6, 100), ("c", 0.6, 1000)])
    assert chart is not None
    best = [best for *_, best in marks(chart)]
    assert list(zip([words[0] for words in chart.words], best, strict=True)) == [
        ("b", True),
        ("a", False),
        ("c", False),
    ]


def test_there_is_no_plot_of_less_than_two_costs() -> None:
    assert drawn([]) is None
    assert drawn([("a", 0.5, 100), ("b", 0.6, None), ("free", 0.6, 0)]) is None
    assert drawn([("a", 0.5, 2**63 - 1), ("b", 0.5, 1)]) is not None


def test_no_name_covers_a_mark_or_another_name() -> None:
    """Sixty entries crowd together: some go without a name, none is hidden."""
    chart = drawn([(f"a model called {k}", 0.5 + 0.001 * (k % 7), 10**6 + 40_000 * k) for k in range(60)])
    assert chart is not None
    points = marks(chart)
    assert len(points) == 60
    boxes = [
        text_box(float(name["x"]), float(name["y"]), name.text, str(name["text-anchor"]))
        for name in names(chart)
    ]
    assert 2 < len(boxes) < 60
    for one, other in combinations(boxes, 2):
        assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
    for left, right, top, bottom in boxes:
        assert left >= LEFT
        assert right <= RIGHT
        assert not any(left < x < right and top < y < bottom for x, y, _ in points)


def costing(id_: str, value: float, flops: int | None) -> Result:
    return replace(result(id_, value), entry=entry(id_, flops_per_frame=flops))


def test_the_page_draws_what_entries_state_and_lists_it() -> None:
    made = page([costing("a", 0.75, 13_629_696), costing("b", 0.5, 365_056), result("c", 0.25)])
    assert "costs-1-title costs-1-text" in [svg.get("aria-labelledby") for svg in made.all("svg")]
    assert made.column(0, "FLOPs a frame") == ["14 M", "370 k", "–"]
    assert "Model b: 0.500 at 370 k. Model a: 0.750 at 14 M." in made.text
    assert "1 entry states no cost." in made.text


def test_a_page_without_costs_has_no_such_plot() -> None:
    assert task_page(rank(RESULTS)).rankings[0].cost_chart is None
    assert not [
        svg for svg in page(RESULTS).all("svg") if svg.get("aria-labelledby", "").startswith("costs-")
    ]


def test_what_is_not_ranked_is_not_drawn_and_simulated_data_say_so() -> None:
    simulated = task(dataset={"simulated": True})
    unranked = replace(costing("n", math.nan, 10), scores={"f1": score(math.nan)})
    results = [
        replace(one, task=simulated) for one in (costing("a", 0.7, 10), costing("b", 0.6, 5), unranked)
    ]
    chart = task_page(rank(results)).rankings[0].cost_chart
    assert len(marks(chart)) == 2
    assert chart is not None
    assert "no cost" not in chart.caption
    assert "F1 over FLOPs per frame (simulated data)" in page(results).text
