"""ST-GCN: the official weights give the official logits, and the graph is the official one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.inputs.graphs import adjacency, centre, hops, spatial_subsets  # noqa: E402
from baselines.models.st_gcn import CHANNELS, STGCN  # noqa: E402

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
FILES = sorted((GOLDEN / "networks").glob("stgcn_*.npz"))
CALMS21 = [*[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 6), (5, 6)], (3, 10)]
CALMS21 += [(a + 7, b + 7) for a, b in CALMS21[:8]]

# parts of an official name: what they are called here
NAMES = {
    "data_bn.": "norm.",
    "st_gcn_networks.": "blocks.",
    ".gcn.conv.": ".weigh.",
    ".tcn.": ".time.",
    ".residual.": ".skip.",
    "fcn.": "head.",
}


needs_golden = pytest.mark.skipif(not FILES, reason=f"no {GOLDEN}/networks/stgcn_*.npz: set ETHOBENCH_GOLDEN")


def ours(official: str) -> str:
    if official == "A":
        return "graph"
    if official.startswith("edge_importance."):
        return f"blocks.{official.removeprefix('edge_importance.')}.importance"
    for theirs, name in NAMES.items():
        official = official.replace(theirs, name)
    return official


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Return the arrays of a golden file, and its settings."""
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    return golden, json.loads(str(golden["config"]))


def official_weights(golden: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the stored weights, or those that the stored recipe draws, by official name."""
    weights = {}
    if "recipe/name" in golden:
        columns = [golden[f"recipe/{name}"] for name in ("name", "shape", "offset", "scale", "kind")]
        draw = np.random.RandomState(int(golden["recipe/seed"]))  # what the files name
        for name, shape, offset, scale, kind in zip(*columns, strict=True):
            z = draw.standard_normal([int(axis) for axis in str(shape).split(",") if axis])
            value = 1 + 0.3 * np.tanh(z) if kind == 1 else offset + scale * z
            weights[str(name)] = np.asarray(value, dtype=np.float32)
    stored = [key for key in golden if key.startswith("weight/")]
    return weights | {key.removeprefix("weight/"): golden[key] for key in stored}


def build(config: dict, weights: dict[str, np.ndarray]) -> STGCN:
    graph = torch.from_numpy(weights["A"])
    model = STGCN(graph, config["in_channels"], config["classes"], config.get("channels", CHANNELS))
    values = {ours(name): torch.from_numpy(value) for name, value in weights.items()}
    values["head.weight"] = values["head.weight"][:, :, 0, 0]  # theirs is a convolution of one sample
    absent = {name for name in model.state_dict() if name.endswith("num_batches_tracked")} - set(values)
    model.load_state_dict(values | {name: torch.tensor(0) for name in absent})
    return model


@needs_golden
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_official_weights_give_the_official_logits(path: Path) -> None:
    golden, config = read(path)
    model = build(config, official_weights(golden))
    count = sum(p.numel() for p in model.parameters())
    assert count == config["parameters"]
    x = torch.from_numpy(golden["input/x"]).permute(0, 2, 4, 3, 1).flatten(2)  # (N, T, M V C)
    with torch.no_grad():
        logits = model.eval()(x).numpy()
    np.testing.assert_allclose(logits, golden["output/logits_eval"], rtol=0, atol=1e-5)


@needs_golden
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_one_step_in_training_gives_the_official_loss_and_gradients(path: Path) -> None:
    golden, config = read(path)
    model = build(config, official_weights(golden)).train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    x = torch.from_numpy(golden["input/x"]).permute(0, 2, 4, 3, 1).flatten(2)
    loss = torch.nn.functional.cross_entropy(model(x), torch.from_numpy(golden["input/labels"]))
    loss.backward()
    assert loss.item() == pytest.approx(float(golden["output/loss_train_mode"]), rel=1e-4)
    named = dict(model.named_parameters())
    for name, norm in zip(config["named_parameters"], golden["output/grad_norm"], strict=True):
        ours_norm = float(named[ours(name)].grad.norm())
        assert ours_norm == pytest.approx(norm, rel=1e-3, abs=1e-6), name


@needs_golden
def test_the_spatial_subsets_are_the_official_ones() -> None:
    compared = 0
    for golden, config in map(read, FILES):
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
