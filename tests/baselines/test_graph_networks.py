"""MS-G3D, CTR-GCN and the networks beside them: the official numbers, their sizes, what they may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

import official  # noqa: E402

from baselines.inputs.graphs import adjacency, directed_graphs, scale_graphs  # noqa: E402
from baselines.models.ctr_gcn import CTRGCN, graphs_of  # noqa: E402
from baselines.models.hstwformer_described import HSTWFormer, Layer  # noqa: E402
from baselines.models.ms_g3d import MSG3D  # noqa: E402
from baselines.models.stgat import STGAT, parts  # noqa: E402

MSG3D_FILES, CTRGCN_FILES = official.files("msg3d_*.npz"), official.files("ctrgcn_*.npz")
MISSING = f"no golden files of this family in {official.GOLDEN}/networks: set ETHOBENCH_GOLDEN"
TIME = {r"branches\.(\d)\.3\.conv": r"branches.\1.3", r"branches\.(\d)\.3\.bn": r"branches.\1.4"}
MSG3D_NAMES = official.rename(
    {
        r"^data_bn": "norm",
        r"^fc": "head",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.gcn3d\.1": r"block\1.paths.\2.scales",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.out_conv": r"block\1.paths.\2.collapse",
        r"^gcn3d(\d)\.gcn3d\.(\d)\.out_bn": r"block\1.paths.\2.norm",
        r"^sgcn(\d)\.0": r"block\1.spatial",
        r"^sgcn(\d)\.1": r"block\1.times.0",
        r"^sgcn(\d)\.2": r"block\1.times.1",
        r"^tcn(\d)": r"block\1.last",
        r"mlp\.layers\.0": "mix",
        r"mlp\.layers\.1": "norm",
        "A_res": "offsets",
        r"branches": "time.branches",
        r"residual\.conv": "skip.0",
        r"residual\.bn": "skip.1",
        **TIME,
        "block1": "blocks.0",
        "block2": "blocks.1",
        "block3": "blocks.2",
    }
)
CTRGCN_NAMES = official.rename(
    {
        r"^data_bn": "norm",
        r"^fc": "head",
        r"^l(\d+)\.": lambda match: f"blocks.{int(match[1]) - 1}.",
        r"gcn1\.PA": "graphs",
        r"gcn1\.alpha": "alpha",
        r"gcn1\.convs\.(\d)\.conv1": r"refinements.\1.target",
        r"gcn1\.convs\.(\d)\.conv2": r"refinements.\1.source",
        r"gcn1\.convs\.(\d)\.conv3": r"values.\1",
        r"gcn1\.convs\.(\d)\.conv4": r"refinements.\1.refine",
        r"gcn1\.down": "skip",
        r"gcn1\.bn": "norm",
        r"tcn1": "time",
        r"residual\.conv": "around.0",
        r"residual\.bn": "around.1",
        **TIME,
    }
)


def joined(config: dict, edges: str) -> np.ndarray:
    return adjacency(config["joints"], [tuple(edge) for edge in config[edges]])


@pytest.mark.skipif(not MSG3D_FILES, reason=MISSING)
@pytest.mark.parametrize("path", MSG3D_FILES, ids=lambda path: path.stem)
def test_ms_g3d_is_the_official_network(path: Path) -> None:
    golden, config = official.read(path)
    scales = (config["gcn_scales"], config["g3d_scales"])
    sizes = (config["in_channels"], config["classes"], scales, config["c1"], config["persons"])
    model = official.load(MSG3D(joined(config, "edges"), *sizes), golden, MSG3D_NAMES)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    official.check(model, golden, config, MSG3D_NAMES, forward=1e-5, relative=1e-4)


@pytest.mark.skipif(not CTRGCN_FILES, reason=MISSING)
@pytest.mark.parametrize("path", CTRGCN_FILES, ids=lambda path: path.stem)
def test_ctr_gcn_is_the_official_network(path: Path) -> None:
    golden, config = official.read(path)
    base = config["base_channel"]
    channels = [base] * 4 + [2 * base] * 3 + [4 * base] * 3
    graphs = graphs_of(joined(config, "inward"))
    model = CTRGCN(graphs, config["in_channels"], config["classes"], channels, config["persons"])
    if "initial_PA" in golden:
        np.testing.assert_allclose(graphs.numpy(), golden["initial_PA"], rtol=0, atol=1e-7)
    official.load(model, golden, CTRGCN_NAMES)
    assert sum(p.numel() for p in model.parameters()) == config["parameters"]
    official.check(model, golden, config, CTRGCN_NAMES, forward=1e-4, relative=1e-3)


MICE = [*[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (3, 5), (4, 6), (5, 6)], (3, 10)]
MICE += [(a + 7, b + 7) for a, b in MICE[:8]]


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_sizes_are_the_published_ones() -> None:
    """Classes, channels, scales of the two mice of CalMS21."""
    with torch.device("meta"):
        joined = adjacency(14, MICE)
        found = {
            (scales, channels, classes): count(MSG3D(joined, channels, classes, scales))
            for scales in ((13, 6), (8, 8))
            for channels, classes in ((3, 2), (2, 4), (3, 4))
        }
        refined = [count(CTRGCN(graphs_of(joined), *sizes)) for sizes in ((3, 4), (2, 4), (3, 2))]
    assert list(found.values()) == [2_892_770, 2_891_112, 2_893_540, 2_883_446, 2_881_884, 2_884_216]
    assert refined == [1_419_194, 1_418_862, 1_418_680]


def test_a_scale_joins_what_lies_at_its_hops_and_is_normalised() -> None:
    line = adjacency(5, [(0, 1), (1, 2), (2, 3)])  # joint 4 stands alone
    graphs = scale_graphs(line, 6)
    assert np.array_equal(graphs[0], np.eye(5))
    assert [(graph[0] > 0).tolist() for graph in graphs[1:4]] == [
        [True, True, False, False, False],
        [True, False, True, False, False],
        [True, False, False, True, False],
    ]
    np.testing.assert_allclose(graphs[1][0, :2], [1 / 2, 1 / 6**0.5], rtol=1e-6)
    assert all(np.array_equal(graph, np.eye(5)) for graph in graphs[4:]), "nothing is that far"


def test_directed_graphs_part_neighbours_by_their_distance_to_the_root() -> None:
    itself, inward, outward = directed_graphs(adjacency(4, [(0, 1), (1, 2), (1, 3)]), root=1)
    assert np.array_equal(itself, np.eye(4))
    assert np.argwhere(inward).tolist() == [[1, 0], [1, 2], [1, 3]]
    np.testing.assert_allclose(outward[:, 1], [1 / 3, 0, 1 / 3, 1 / 3], rtol=1e-6)
    assert not outward[:, 0].any()


def small(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """Return a narrow network of 7 joints and 3 classes, and windows of 16 frames."""
    torch.manual_seed(4)
    joined = adjacency(7, MICE[:8])
    networks = {
        "ms_g3d": lambda: MSG3D(joined, 2, 3, (4, 3), channels=12),
        "ctr_gcn": lambda: CTRGCN(graphs_of(joined), 2, 3, [16] * 8 + [24] * 2),
        "stgat": lambda: STGAT(parts(joined, 4), 2, 3, [16] * 6 + [24] * 2),
        "hstwformer": lambda: HSTWFormer(1, 7, 16, 3, (8, 12, 16), (2, 2, 2)),
    }
    return networks[name](), torch.randn(5, 16, 14)


@pytest.mark.parametrize("name", ["ms_g3d", "ctr_gcn", "stgat", "hstwformer"])
def test_windows_do_not_see_each_other_and_the_gradient_reaches_every_weight(name: str) -> None:
    model, x = small(name)
    with torch.no_grad():  # what starts at 0 passes no gradient on
        for weights in model.parameters():
            weights.add_(0.05 * torch.randn_like(weights))
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                layer.momentum = 1.0
        model(x)  # running statistics that fit the weights
    model.eval()
    logits = model(x)
    assert logits.shape == (5, 3)
    torch.testing.assert_close(model(x[1:3]), logits[1:3], rtol=1e-4, atol=1e-5)
    torch.nn.functional.cross_entropy(model(x), torch.arange(5) % 3).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_head_sees_its_hops_in_three_frames_alone() -> None:
    """The joints that change are those of the frames about the one that moves; its gate reads all joints."""
    torch.manual_seed(5)
    sees = parts(adjacency(7, MICE[:8]), heads=1)
    attention = STGAT(sees, 2, 3, [8]).eval().blocks[0].attention
    x = torch.randn(1, 8, 12, 7)
    moved = x.clone()
    moved[:, :, 6, 0] += 1
    changed = (attention(moved) - attention(x)).abs().amax(dim=1)[0] > 1e-6  # (T, V)
    assert changed.any(dim=1).nonzero().flatten().tolist() == [5, 6, 7]
    assert changed[:, [0, 1, 2]].any(dim=0).all()


def test_a_shifted_window_joins_no_last_frame_with_the_first() -> None:
    torch.manual_seed(6)
    x = torch.randn(1, 12, 6, 8)
    moved = x.clone()
    moved[:, 0, 0, 0] += 1  # all channels at once would be normalised away
    seen = []
    for shift in (False, True):
        layer = Layer(8, 2, span=4, joints=3, shift=shift).eval()
        changed = (layer(moved) - layer(x)).abs().amax(dim=3)[0] > 1e-6  # (T, V)
        seen.append(
            (changed.any(dim=1).nonzero().flatten().tolist(), changed.any(dim=0).nonzero().flatten().tolist())
        )
    assert seen[0] == ([0, 1, 2, 3], [0, 1, 2])
    assert seen[1] == ([0, 1], [0, 4, 5]), "joints have no ends"


def test_frames_that_make_no_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="36 frames"):
        HSTWFormer(2, 7, 36, 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ms_g3d", "ctr_gcn", "stgat", "hstwformer"])
def test_it_learns_what_a_window_says(name: str) -> None:
    model, _ = small(name)
    torch.manual_seed(13)
    x, targets = torch.randn(36, 16, 14), torch.arange(36) % 3
    x[torch.arange(36), :, targets] += 2  # one coordinate is larger, another one in each class
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60 if name == "hstwformer" else 30):  # attention takes longer to tell joints apart
        loss = torch.nn.functional.cross_entropy(model(x), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.5 * np.log(3)
