"""Points and what they answer for, on segments that can be checked by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.inputs.points import Level, answers, points, segments  # noqa: E402

CPU = torch.device("cpu")
LEVELS = (Level(1, 0.0, 4.0), Level(4, 4.0, math.inf))


def told(bounds: list[list[float]], labels: list[int], rows: int = 24, classes: int = 3) -> dict:
    """Return row -> (classes, distances) of each level, of the points that answer for something."""
    at = points(LEVELS, rows, CPU)
    found = answers(at, torch.tensor(bounds).reshape(-1, 2), torch.tensor(labels, dtype=torch.long), classes)
    return {
        (int(stride), int(row)): (truth.nonzero().flatten().tolist(), distances.tolist())
        for stride, row, truth, distances in zip(
            at.strides, at.rows, found.classes, found.distances, strict=True
        )
        if truth.any()
    }


def test_points_stand_at_every_stride_of_each_level() -> None:
    at = points(LEVELS, 10, CPU)
    assert at.rows.tolist() == [*range(10), 0, 4, 8]
    assert at.strides.tolist() == [1] * 10 + [4] * 3
    assert at.furthest.tolist() == [4] * 10 + [math.inf] * 3


def test_a_short_segment_is_told_by_the_fine_points_around_its_centre() -> None:
    assert told([[5.0, 11.0]], [2]) == {
        (1, 7): ([2], [2.0, 4.0]),
        (1, 8): ([2], [3.0, 3.0]),
        (1, 9): ([2], [4.0, 2.0]),
    }


def test_a_long_segment_is_told_by_the_coarse_points_alone() -> None:
    assert told([[2.0, 22.0]], [0]) == {
        (4, 8): ([0], [6.0, 14.0]),
        (4, 12): ([0], [10.0, 10.0]),
        (4, 16): ([0], [14.0, 6.0]),
    }


def test_the_shortest_segment_is_told_where_several_fit() -> None:
    found = told([[5.0, 11.0], [7.0, 9.5]], [2, 1])
    assert found[1, 8] == ([1], [1.0, 1.5])
    assert found[1, 9] == ([1], [2.0, 0.5])
    assert found[1, 7] == ([2], [2.0, 4.0])  # it lies at the start of the shorter one, not inside


def test_segments_of_one_length_show_the_classes_of_both() -> None:
    assert told([[5.0, 9.0], [5.0, 9.0]], [0, 2])[1, 7] == ([0, 2], [2.0, 2.0])


def test_a_point_at_an_end_is_not_inside() -> None:
    assert set(told([[6.0, 7.0]], [0])) == set()
    assert set(told([[6.0, 8.0]], [0])) == {(1, 7)}


def test_without_segments_no_point_answers() -> None:
    assert told([], []) == {}


def test_distances_lead_back_to_the_bounds() -> None:
    at = points(LEVELS, 24, CPU)
    bounds = torch.tensor([[5.0, 11.0], [2.0, 22.0]])
    found = answers(at, bounds, torch.tensor([1, 0]), 3)
    back = segments(at.rows, found.distances)
    for label, expected in ((1, bounds[0]), (0, bounds[1])):
        for row in back[found.classes[:, label]]:
            assert row.tolist() == expected.tolist()


def test_a_point_a_stride_and_a_half_from_the_centre_does_not_answer() -> None:
    assert {row for stride, row in told([[4.0, 7.0]], [0]) if stride == 1} == {5, 6}  # 4 and 7 are not inside
    assert {row for stride, row in told([[3.5, 7.5]], [0]) if stride == 1} == {5, 6}  # 4 and 7 are at the rim
