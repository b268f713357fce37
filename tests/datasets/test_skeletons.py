"""The skeletons that data sets declare: edges between keypoints of theirs, in one piece."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.datasets import DATASETS
from bench.errors import DataError

POSED = [dataset for dataset in DATASETS if dataset.keypoints]


@pytest.mark.parametrize("dataset", POSED, ids=lambda dataset: dataset.name)
def test_every_keypoint_can_be_reached_from_every_other_one(dataset) -> None:
    skeleton = dataset.skeleton
    assert (skeleton.animals, skeleton.keypoints, skeleton.image) == (
        dataset.animals,
        dataset.keypoints,
        dataset.image,
    )
    reached = {skeleton.keypoints[0]}
    for _ in skeleton.keypoints:
        reached |= {name for edge in skeleton.edges if reached & set(edge) for name in edge}
    assert reached == set(skeleton.keypoints)
    assert len({frozenset(edge) for edge in skeleton.edges}) == len(skeleton.edges)
    assert all(a != b for a, b in skeleton.edges)


def test_an_edge_to_no_keypoint_is_named() -> None:
    dataset = replace(POSED[0], edges=(("nose", "horn"), ("horn", "wing")))
    with pytest.raises(DataError) as caught:
        _ = dataset.skeleton
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["'horn'", "'wing'"]
