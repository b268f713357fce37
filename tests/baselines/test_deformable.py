"""Parts of localisers with queries: places between rows, regions, positions, pairs of query and segment."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.engine.matching import (  # noqa: E402
    bounds,
    class_cost,
    class_targets,
    distance_iou,
    iou,
    pair,
    weigh,
)
from baselines.engine.segment_losses import focal  # noqa: E402
from baselines.parts.deformable import DeformableAttention, interpolate, logit, sines  # noqa: E402
from baselines.parts.regions import align  # noqa: E402


def test_places_between_rows_read_what_grid_sample_reads() -> None:
    torch.manual_seed(1)
    batch, rows, heads, width, queries, points = 2, 9, 3, 4, 5, 6
    values = torch.randn(batch, rows, heads, width)
    places = torch.rand(batch, queries, heads, points) * 13 - 2  # some outside
    ours = interpolate(values, places)
    image = values.permute(0, 2, 3, 1).reshape(batch * heads, width, 1, rows)
    at = (2 * places / rows - 1).transpose(1, 2).reshape(batch * heads, queries, points, 1)
    at = torch.cat([at, torch.zeros_like(at)], dim=-1)
    theirs = torch.nn.functional.grid_sample(image, at, align_corners=False)
    theirs = theirs.view(batch, heads, width, queries, points).permute(0, 3, 1, 4, 2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_rows_outside_are_read_by_no_query() -> None:
    torch.manual_seed(2)
    attention = DeformableAttention(6, 3, 2)
    queries, memory = torch.randn(1, 4, 6), torch.randn(1, 7, 6)
    inside = torch.arange(7)[None] < 5
    spoilt = memory.clone()
    spoilt[:, 5:] = 1e6
    place = lambda offsets: 4 + offsets  # noqa: E731
    torch.testing.assert_close(
        attention(queries, place, memory, inside), attention(queries, place, spoilt, inside)
    )


def test_a_new_query_looks_to_both_sides() -> None:
    attention = DeformableAttention(8, 4, 3)
    assert attention.offsets.bias.view(4, 3).tolist() == [[1, 2, 3], [-1, -2, -3]] * 2


def region_by_hand(values: np.ndarray, start: float, end: float, bins: int) -> np.ndarray:
    """Return the means of one region, place by place."""
    rows = len(values)
    start, end = np.clip([start, end], 0, rows)
    length = max(end - start, 1.0)
    count = math.ceil(length / bins)
    result = np.zeros((bins, values.shape[1]))
    for part in range(bins):
        for number in range(count):
            place = start + length / bins * (part + (number + 0.5) / count)
            if place > rows:
                continue
            lower = min(int(place), rows - 1)
            upper = min(lower + 1, rows - 1)
            share = place - lower if upper > lower else 0.0
            result[part] += (values[lower] * (1 - share) + values[upper] * share) / count
    return result


def test_regions_are_the_means_of_their_parts() -> None:
    torch.manual_seed(3)
    values = torch.randn(2, 11, 3)
    regions = torch.tensor(
        [
            [[0.0, 11.0], [2.5, 9.0], [-4.0, 3.0], [10.5, 14.0], [4.0, 4.2]],
            [[1.0, 2.0], [0.0, 0.0], [7.7, 10.9], [-3.0, -1.0], [5.0, 5.5]],
        ]
    )
    got = align(values, regions, 4)
    assert got.shape == (2, 5, 4, 3)
    for number in range(2):
        for query in range(5):
            start, end = regions[number, query].tolist()
            by_hand = region_by_hand(values[number].numpy(), start, end, 4)
            np.testing.assert_allclose(got[number, query].numpy(), by_hand, atol=1e-5)


def test_the_logit_undoes_the_sigmoid_within_its_limits() -> None:
    x = torch.tensor([-3.0, 0.0, 2.5])
    torch.testing.assert_close(logit(x.sigmoid()), x, rtol=0, atol=1e-5)
    assert logit(torch.tensor([-1.0, 0.0, 1.0, 2.0])).isfinite().all()


def test_sines_and_cosines_take_turns() -> None:
    waves = sines(torch.tensor([0.5, 2.0]), 4, 100.0)
    expected = [[math.sin(t), math.cos(t), math.sin(t / 10), math.cos(t / 10)] for t in (0.5, 2.0)]
    np.testing.assert_allclose(waves.numpy(), expected, atol=1e-6)


def test_every_segment_gets_the_query_that_costs_least_in_all() -> None:
    # segments 0 and 1 are of the first recording, 2 of the second, none of the third
    costs = torch.full((3, 4, 3), 9.0)
    costs[0, 1] = torch.tensor([1.0, 2.0, -50.0])
    costs[0, 3] = torch.tensor([2.0, 7.0, -50.0])
    costs[1, 2, 2] = 0.0
    pairs = pair(costs, [2, 1, 0])
    assert pairs.recording.tolist() == [0, 0, 1]
    assert pairs.query.tolist() == [1, 3, 2]
    assert pairs.target.tolist() == [1, 0, 2]


def test_segments_that_outnumber_the_queries_go_without() -> None:
    pairs = pair(torch.tensor([[[3.0, 1.0, 2.0]]]), [3])
    assert (pairs.query.tolist(), pairs.target.tolist()) == ([0], [1])


def test_queries_should_score_the_class_of_their_segment() -> None:
    logits = torch.zeros(2, 3, 4)
    pairs = pair(torch.zeros(2, 3, 2), [1, 1])
    targets = class_targets(logits, pairs, torch.tensor([3, 1]))
    assert targets.nonzero().tolist() == [[0, 0, 3], [1, 0, 1]]


def test_the_cost_of_a_class_is_the_change_of_the_focal_loss() -> None:
    logits = torch.tensor([[[0.3, -1.2]]])
    got = class_cost(logits, torch.tensor([1, 0]))
    for place, label in enumerate((1, 0)):
        target = torch.zeros(1, 1, 2)
        without = focal(logits, target).sum()
        target[..., label] = 1
        assert got[0, 0, place].item() == pytest.approx(
            (focal(logits, target).sum() - without).item(), abs=1e-6
        )


def test_losses_are_weighed_by_name_whatever_their_layer() -> None:
    parts = {"class_0": torch.tensor(1.0), "class_12": torch.tensor(2.0), "fit": torch.tensor(10.0)}
    assert weigh(parts, {"class": 3.0, "fit": 0.5}).item() == 14.0


def test_overlap_and_distance_by_hand() -> None:
    one, other = torch.tensor([[1.0, 4.0], [0.0, 1.0]]), torch.tensor([[2.0, 6.0], [3.0, 5.0]])
    np.testing.assert_allclose(iou(one, other).numpy(), [2 / 5, 0.0], atol=1e-6)
    np.testing.assert_allclose(
        distance_iou(one, other).numpy(), [2 / 5 - (1.5 / 5) ** 2, -((3.5 / 5) ** 2)], atol=1e-6
    )
    np.testing.assert_allclose(bounds(torch.tensor([[3.0, 2.0]])).numpy(), [[2.0, 4.0]])
