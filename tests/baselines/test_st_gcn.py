"""ST-GCN: the official weights give the official logits, and the graph is the official one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

import official  # noqa: E402

from baselines.inputs.graphs import adjacency, centre, hops, spatial_subsets  # noqa: E402
from baselines.models.st_gcn import CHANNELS, STGCN  # noqa: E402

FILES = official.files("stgcn_*.npz")
CALMS21 = [*[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 6), (5, 6)], (3, 10)]
CALMS21 += [(a + 7, b + 7) for a, b in CALMS21[:8]]

NAMES = official.rename(
    {
        r"^A$": "graph",
        r"^edge_importance\.(\d)": r"blocks.\1.importance",
        r"^data_bn": "norm",
        r"^st_gcn_networks": "blocks",
        r"gcn\.conv": "weigh",
        r"tcn": "time",
        r"residual": "skip",
        r"^fcn": "head",
    }
)
needs_golden = pytest.mark.skipif(
    not FILES, reason=f"no {official.GOLDEN}/networks/stgcn_*.npz: set ETHOBENCH_GOLDEN"
)


@needs_golden
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_the_official_network(path: Path) -> None:
    golden, config = official.read(path)
    graph = torch.from_numpy(golden["weight/A"])
    model = STGCN(graph, config["in_channels"], config["classes"], config.get("channels", CHANNELS))
    official.load(model, golden, NAMES)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    official.check(model, golden, config, NAMES, forward=1e-5, relative=1e-4)


@needs_golden
def test_the_spatial_subsets_are_the_official_ones() -> None:
    compared = 0
    for golden, config in map(official.read, FILES):
        if (config["strategy"], config["max_hop"]) == ("spatial", 1):
            joined = adjacency(config["joints"], [tuple(edge) for edge in config["edges"]])
            subsets = spatial_subsets(joined, config["centre"])
            np.testing.assert_allclose(subsets, golden["weight/A"], rtol=0, atol=1e-7)
            compared += 1
    assert compared, "the recipe has the spatial strategy: no file shows it"


def test_two_mice_joined_at_the_neck_have_their_centre_there() -> None:
    joined = adjacency(14, CALMS21)
    assert centre(joined) == 3
    assert [int((subset > 0).sum()) for subset in spatial_subsets(joined, 3)] == [14, 21, 13]


def test_weights_into_a_joint_sum_to_one() -> None:
    joined = adjacency(5, [(0, 1), (1, 2), (2, 3)])
    np.testing.assert_allclose(spatial_subsets(joined, 1).sum(axis=(0, 1)), 1)


def test_hops_count_edges_and_a_joint_without_a_way_is_further_than_any() -> None:
    distance = hops(adjacency(5, [(0, 1), (1, 2), (2, 3)]))
    assert distance[0].tolist() == [0, 1, 2, 3, 5]


def test_the_size_is_the_published_one() -> None:
    graph = torch.from_numpy(spatial_subsets(adjacency(14, CALMS21), 3))
    assert sum(p.numel() for p in STGCN(graph, 2, 4).parameters()) == 3_071_284
