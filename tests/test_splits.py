"""Totals: what recordings add up to, and beside what was frozen."""

from __future__ import annotations

from bench.splits import Totals, add_up, side_by_side

ONE = Totals(1, 40, {"rest": 30, "walk": 10}, 3)
OTHER = Totals(2, 7, {"rest": 2, "groom": 5}, 4)


def test_totals_add_up() -> None:
    assert add_up([ONE, OTHER]) == Totals(3, 47, {"rest": 32, "walk": 10, "groom": 5}, 7)
    assert add_up([ONE]) == ONE


def test_segments_add_up_only_where_all_have_them() -> None:
    assert add_up([ONE, Totals(1, 5, {})]).segments is None


def test_every_expected_number_stands_beside_what_is_found() -> None:
    assert list(side_by_side(ONE, OTHER)) == [
        ("recordings", 2, 1),
        ("frames", 7, 40),
        ("frames of rest", 2, 30),
        ("frames of groom", 5, None),
        ("segments", 4, 3),
    ]
    assert "segments" not in [name for name, _, _ in side_by_side(Totals(1, 5, {}), OTHER)]
